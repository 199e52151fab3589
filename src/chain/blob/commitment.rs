//! What identifies a blob, and what is announced of it.

use crate::{
    cbor::{Reader, Writer},
    chain::nmt::{Namespace, Sample, decode_leaf},
    ids::Hash32,
    registry::{BLOB_LEAF_BYTES, MAX_BLOB_ANNOUNCE_BYTES, MAX_BLOB_BYTES},
};

use super::BlobError;

/// What identifies a blob: the root of its tree, its namespace and its size. The root binds the
/// other two, so two commitments with one root are the same, or one of them is false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobCommitment {
    /// Root of its namespace Merkle tree.
    pub root: Hash32,
    /// Its namespace.
    pub namespace: Namespace,
    /// Length of its data in bytes, 1 to [`MAX_BLOB_BYTES`].
    pub size: u64,
}

impl BlobCommitment {
    /// A commitment to a blob of a possible size.
    ///
    /// # Errors
    /// No blob has this size.
    pub fn new(root: Hash32, namespace: Namespace, size: u64) -> Result<Self, BlobError> {
        if size == 0 || size > MAX_BLOB_BYTES as u64 {
            return Err(BlobError::Size(size));
        }
        Ok(Self {
            root,
            namespace,
            size,
        })
    }

    /// Number of leaves: the head and the pieces of the data.
    #[must_use]
    pub fn leaves(&self) -> u32 {
        // A size that no blob has is capped, so that a literal cannot ask for more.
        let size = self.size.min(MAX_BLOB_BYTES as u64);
        1 + size.div_ceil(BLOB_LEAF_BYTES as u64) as u32
    }

    /// Bytes of data in leaf `index`, `None` if there is no such leaf.
    #[must_use]
    pub fn leaf_len(&self, index: u32) -> Option<usize> {
        let last = self.leaves() - 1;
        match index {
            0 => Some(8),
            index if index < last => Some(BLOB_LEAF_BYTES),
            index if index == last => {
                let before = u64::from(last - 1) * BLOB_LEAF_BYTES as u64;
                usize::try_from(self.size - before).ok()
            }
            _ => None,
        }
    }

    /// Checks that `sample` is a leaf of this blob, in its place.
    ///
    /// # Errors
    /// It is not.
    pub fn check(&self, sample: &Sample) -> Result<(), BlobError> {
        let foreign = BlobError::Foreign {
            index: sample.index,
        };
        let range = sample.verify(&self.root, self.leaves())?;
        let (namespace, data) = decode_leaf(&sample.leaf)?;
        if range != (self.namespace, self.namespace) || namespace != self.namespace {
            return Err(foreign);
        }
        if Some(data.len()) != self.leaf_len(sample.index)
            || (sample.index == 0 && data != self.size.to_be_bytes())
        {
            return Err(foreign);
        }
        Ok(())
    }

    /// The announcement: the canonical CBOR map {0: root, 1: namespace, 2: size, 3: leaves}.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(64);
        w.map(4).uint(0).bytes(self.root.as_bytes());
        w.uint(1).uint(self.namespace.0.into());
        w.uint(2).uint(self.size);
        w.uint(3).uint(self.leaves().into());
        w.finish()
    }

    /// Reads exactly one announcement. It has no other keys: what is passed on under the id of its
    /// bytes must not have room for anybody's additions.
    ///
    /// # Errors
    /// Too long, not canonical, or contradicting itself.
    pub fn decode(bytes: &[u8]) -> Result<Self, BlobError> {
        use crate::cbor::CborError::OutOfRange;
        if bytes.len() > MAX_BLOB_ANNOUNCE_BYTES {
            return Err(BlobError::Announcement(bytes.len()));
        }
        let mut r = Reader::new(bytes);
        r.map_of(4)?;
        r.key(0)?;
        let root = Hash32(r.fixed()?);
        r.key(1)?;
        let namespace = Namespace(u32::try_from(r.uint()?).map_err(|_| OutOfRange)?);
        r.key(2)?;
        let size = r.uint()?;
        r.key(3)?;
        let got = r.uint()?;
        r.finish()?;
        let commitment = Self::new(root, namespace, size)?;
        let expected = commitment.leaves();
        if got != u64::from(expected) {
            return Err(BlobError::Leaves { got, expected });
        }
        Ok(commitment)
    }
}
