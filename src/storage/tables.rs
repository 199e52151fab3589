//! The tables of `node.redb` and the layout of their rows.
//!
//! Integers are big-endian, in keys so that they sort, in values so that there is one rule. Every
//! header gets a number when it is stored; tables refer to it by that number, which keeps all of
//! them append-mostly except the index by hash, and that one at 16 bytes a header.

use redb::TableDefinition;

use crate::{
    chain::{BlobCommitment, StoreError, Tip, nmt::Namespace},
    ids::{Hash32, Height, Work},
};

use super::{fault, segment::Location};

/// A `u64` in a key or value.
pub(super) type Number = &'static [u8; 8];

/// What the file is: `schema` u32, `genesis` 32 bytes, `version` text of the build that wrote last.
pub(super) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
/// Header number → [`HeaderRow`].
pub(super) const HEADERS: TableDefinition<'static, Number, &[u8]> = TableDefinition::new("headers");
/// First 8 bytes of a header's hash, then its number → nothing.
pub(super) const HEADERS_BY_HASH: TableDefinition<'static, &[u8; 16], ()> =
    TableDefinition::new("headers_by_hash");
/// Height → number of the header of the best header chain.
pub(super) const BEST_HEADERS: TableDefinition<'static, Number, Number> =
    TableDefinition::new("best_headers");
/// Height → number of the header of the imported chain, where that is another one.
pub(super) const BLOCK_BRANCH: TableDefinition<'static, Number, Number> =
    TableDefinition::new("block_branch");
/// Header number → where its body lies: segment u32, offset u64, length u32.
pub(super) const BODY_LOCATIONS: TableDefinition<'static, Number, &[u8; 16]> =
    TableDefinition::new("body_locations");
/// Segment u32 → committed bytes u64, bodies u64.
pub(super) const SEGMENTS: TableDefinition<'static, &[u8; 4], &[u8; 16]> =
    TableDefinition::new("segments");
/// `headers` and `blocks` → number of the head of that chain; `indexed` → number of the first header
/// that [`HEADERS_BY_HASH`] does not have yet.
pub(super) const HEADS: TableDefinition<'static, &str, Number> = TableDefinition::new("heads");
/// Small documents of other rooms: see [`State`](super::State).
pub(super) const STATE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("state");

/// Name of [`BLOBS`].
pub(super) const BLOBS_NAME: &str = "blobs";
/// Blob number → [`BlobRow`]. The table comes with the first blob.
pub(super) const BLOBS: TableDefinition<'static, Number, &[u8; 44]> =
    TableDefinition::new(BLOBS_NAME);

/// Key of the best header in [`HEADS`].
pub(super) const HEAD_OF_HEADERS: &str = "headers";
/// Key of the imported head in [`HEADS`].
pub(super) const HEAD_OF_BLOCKS: &str = "blocks";

/// Key of the end of [`HEADERS_BY_HASH`] in [`HEADS`].
pub(super) const INDEXED_HEADERS: &str = "indexed";

/// Bytes of a header row before the encoded header.
const ROW_HEAD: usize = 72;

/// One stored header.
///
/// ```text
/// hash 32 | height u64 | number of the parent u64 | cumulative work u128 | timestamp u64 | header
/// ```
/// Genesis is number 0 and names itself as its parent.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderRow<'a> {
    pub(super) hash: Hash32,
    pub(super) height: Height,
    pub(super) parent: u64,
    pub(super) work: Work,
    pub(super) timestamp: u64,
    pub(super) header: &'a [u8],
}

impl<'a> HeaderRow<'a> {
    /// Appends the row to `out`.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.hash.0);
        out.extend_from_slice(&self.height.0.to_be_bytes());
        out.extend_from_slice(&self.parent.to_be_bytes());
        out.extend_from_slice(&self.work.0.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(self.header);
    }

    /// Reads the row of header `number`.
    pub(super) fn decode(number: u64, row: &'a [u8]) -> Result<Self, StoreError> {
        let Some((head, header)) = row.split_first_chunk::<ROW_HEAD>() else {
            return Err(fault::row("headers", number));
        };
        let (parent, height) = (u64_at(head, 40), u64_at(head, 32));
        // A parent is stored before its child, so a walk along parents always ends.
        if parent >= number && number != 0 {
            return Err(fault::row("headers", number));
        }
        Ok(Self {
            hash: Hash32(array(&head[..32])),
            height: Height(height),
            parent,
            work: Work(u128::from_be_bytes(array(&head[48..64]))),
            timestamp: u64_at(head, 64),
            header,
        })
    }

    /// The header as the head of a chain.
    pub(super) fn tip(&self) -> Tip {
        Tip {
            height: self.height,
            hash: self.hash,
            work: self.work,
            timestamp: self.timestamp,
        }
    }
}

/// One stored blob: root 32 | namespace u32 | size u64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlobRow {
    pub(super) commitment: BlobCommitment,
}

impl BlobRow {
    pub(super) fn encode(&self) -> [u8; 44] {
        let BlobCommitment {
            root,
            namespace,
            size,
        } = self.commitment;
        let mut out = [0; 44];
        out[..32].copy_from_slice(&root.0);
        out[32..36].copy_from_slice(&namespace.0.to_be_bytes());
        out[36..].copy_from_slice(&size.to_be_bytes());
        out
    }

    /// `None` if no blob has this size.
    pub(super) fn decode(row: &[u8; 44]) -> Option<Self> {
        let namespace = Namespace(u32::from_be_bytes(array(&row[32..36])));
        let root = Hash32(array(&row[..32]));
        let commitment = BlobCommitment::new(root, namespace, u64_at(row, 36)).ok()?;
        Some(Self { commitment })
    }
}

/// Key of header `number` in [`HEADERS_BY_HASH`].
pub(super) fn hash_key(hash: &Hash32, number: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&hash.0[..8]);
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The header number in a key of [`HEADERS_BY_HASH`].
pub(super) fn number_in(key: &[u8; 16]) -> u64 {
    u64_at(key, 8)
}

/// A body's place as a row.
pub(super) fn encode_place(place: Location) -> [u8; 16] {
    let mut out = [0; 16];
    out[..4].copy_from_slice(&place.segment.to_be_bytes());
    out[4..12].copy_from_slice(&place.offset.to_be_bytes());
    out[12..].copy_from_slice(&place.len.to_be_bytes());
    out
}

/// A body's place from its row.
pub(super) fn decode_place(row: &[u8; 16]) -> Location {
    Location {
        segment: u32::from_be_bytes(array(&row[..4])),
        offset: u64_at(row, 4),
        len: u32::from_be_bytes(array(&row[12..])),
    }
}

/// Committed bytes and bodies of a segment as a row.
pub(super) fn encode_segment(bytes: u64, bodies: u64) -> [u8; 16] {
    let mut out = [0; 16];
    out[..8].copy_from_slice(&bytes.to_be_bytes());
    out[8..].copy_from_slice(&bodies.to_be_bytes());
    out
}

/// Committed bytes and bodies of a segment.
pub(super) fn decode_segment(row: &[u8; 16]) -> (u64, u64) {
    (u64_at(row, 0), u64_at(row, 8))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(array(&bytes[at..at + 8]))
}

/// The first `N` bytes, which the caller has made sure of.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
}
