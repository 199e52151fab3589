//! The announce: header, salt, counts, short ids, and what its receiver is expected to miss.

mod decode;
mod error;

use bytes::Bytes;

use super::{SHORT_ID_LEN, ShortId, ShortIds};
use crate::{
    cbor::{Writer, head_len},
    chain::{Block, Header, Params, object_id},
    ids::Hash32,
    registry::{MAX_HEADER_BYTES, MAX_PREFILLED, MAX_PREFILLED_BYTES},
};

pub use error::AnnounceError;

/// A block without the items that its receiver has already.
///
/// Its encoding is the CBOR map `{0: header, 1: salt, 2: [txs, proofs, bytes], 3: short ids, 4:
/// [[number, item]]}`, no other keys. The items of a block are numbered through, transactions first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announce {
    pub(super) header: Header,
    /// The encoded header.
    pub(super) header_bytes: Bytes,
    pub(super) salt: u64,
    pub(super) txs: usize,
    pub(super) proofs: usize,
    /// Length of the encoded block.
    pub(super) block_bytes: usize,
    /// Short ids of the items that are not prefilled, in their order.
    pub(super) short_ids: Bytes,
    /// Items in full, by increasing number.
    pub(super) prefilled: Vec<(u32, Bytes)>,
}

impl Announce {
    /// Longest announce of a chain with these parameters.
    #[must_use]
    pub fn max_bytes(params: &Params) -> usize {
        // Heads: a number of at most 5 bytes, a length of at most 5, the pair around them.
        SHORT_ID_LEN * (params.max_txs + params.max_proofs)
            + MAX_PREFILLED_BYTES
            + 11 * MAX_PREFILLED
            + MAX_HEADER_BYTES
            + 64
    }

    /// The canonical CBOR.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let full: usize = self.prefilled.iter().map(|(_, item)| item.len() + 11).sum();
        let mut w = Writer::with_capacity(self.short_ids.len() + full + MAX_HEADER_BYTES + 64);
        w.map(5).uint(0).bytes(&self.header_bytes);
        w.uint(1).uint(self.salt);
        w.uint(2).array(3);
        w.uint(self.txs as u64).uint(self.proofs as u64);
        w.uint(self.block_bytes as u64);
        w.uint(3).bytes(&self.short_ids);
        w.uint(4).array(self.prefilled.len());
        for (number, item) in &self.prefilled {
            w.array(2).uint((*number).into()).bytes(item);
        }
        w.finish().into()
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The encoded header.
    #[must_use]
    pub fn header_bytes(&self) -> &Bytes {
        &self.header_bytes
    }

    /// Transactions and proofs of the block together.
    #[must_use]
    pub fn items(&self) -> usize {
        self.txs + self.proofs
    }

    /// Length of the encoded block, as it says.
    #[must_use]
    pub fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    /// Numbers of the items it carries in full.
    pub fn prefilled(&self) -> impl Iterator<Item = u32> {
        self.prefilled.iter().map(|(number, _)| *number)
    }

    /// Gives the items of this announce their short ids.
    #[must_use]
    pub fn keys(&self) -> ShortIds {
        ShortIds::new(&self.header_bytes, self.salt)
    }

    /// Whether an honest announcer of `block` could have made it: same header, counts and length,
    /// and every item is the one it names.
    ///
    /// Whoever passes an announce on has rebuilt the block from it, so where this is false somebody
    /// lied; a collision of short ids never makes it false.
    #[must_use]
    pub fn describes(&self, block: &Block) -> bool {
        self.describes_items(block, &item_ids(block))
    }

    /// [`Announce::describes`], with the ids of the block's items.
    pub(super) fn describes_items(&self, block: &Block, ids: &[Hash32]) -> bool {
        self.header == block.header
            && (self.txs, self.proofs) == (block.txs.len(), block.proofs.len())
            && self.block_bytes == block.encoded_len()
            && self.names(block, ids)
    }

    fn names(&self, block: &Block, ids: &[Hash32]) -> bool {
        let (keys, mut short_ids) = (self.keys(), self.short_ids());
        let mut prefilled = self.prefilled.iter().peekable();
        (0u32..)
            .zip(items(block).zip(ids))
            .all(
                |(number, (item, id))| match prefilled.next_if(|(at, _)| *at == number) {
                    Some((_, full)) => full == item,
                    None => short_ids.next() == Some(keys.of(id)),
                },
            )
    }

    /// The short ids, in the order of the items they stand for.
    pub(super) fn short_ids(&self) -> impl Iterator<Item = ShortId> {
        self.short_ids
            .as_chunks::<SHORT_ID_LEN>()
            .0
            .iter()
            .map(|bytes| ShortId::from_bytes(*bytes))
    }

    /// Bytes of the encoded block that are no item: what stands around them.
    pub(super) fn frame_bytes(&self) -> usize {
        // The map head and the keys: 1 + 4 + 7 + 7.
        19 + head_len(self.txs as u64) + self.header_bytes.len() + head_len(self.proofs as u64)
    }
}

/// The ids of the items of a block by number.
pub(super) fn item_ids(block: &Block) -> Vec<Hash32> {
    items(block).map(|item| object_id(item)).collect()
}

/// The items of a block by number.
pub(super) fn items(block: &Block) -> impl Iterator<Item = &Bytes> {
    block.txs.iter().chain(&block.proofs)
}

/// Bytes that an item of `len` bytes takes in a block.
pub(super) fn item_len(len: usize) -> usize {
    head_len(len as u64) + len
}
