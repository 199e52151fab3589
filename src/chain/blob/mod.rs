//! Blobs: data that a chain commits to and does not carry.
//!
//! A blob of `size` bytes in one namespace is cut into leaves of a namespace Merkle tree: first the
//! *head*, its size as u64be, then the data in pieces of
//! [`BLOB_LEAF_BYTES`], the last one shorter where it must be. The
//! head binds the number of leaves to the root, which the tree alone would not.

mod commitment;
mod memory;
mod store;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::{ids::Hash32, registry::BLOB_LEAF_BYTES};

use super::nmt::{Namespace, NmtError, Node, ProofError, Sample, Tree, encode_leaf, leaf_hash};

pub use commitment::BlobCommitment;
pub use memory::MemoryBlobs;
pub use store::{BlobStore, BlobUsage, Put};

/// Why a blob, its announcement or a sample of it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// Empty, or longer than [`MAX_BLOB_BYTES`](crate::registry::MAX_BLOB_BYTES).
    #[error("a blob of {0} bytes is outside the limits")]
    Size(u64),
    /// An announcement above its limit.
    #[error("an announcement of {0} bytes is over the limit")]
    Announcement(usize),
    /// An announcement that is not canonical CBOR of its kind.
    #[error("not an announcement in canonical CBOR: {0}")]
    Cbor(#[from] crate::cbor::CborError),
    /// The announced number of leaves is not that of the announced size.
    #[error("{got} leaves, a blob of this size has {expected}")]
    Leaves {
        /// What is announced.
        got: u64,
        /// What follows from the size.
        expected: u32,
    },
    /// The data is not the one that was committed to.
    #[error("the data is not that of the commitment")]
    Mismatch,
    /// A sample does not verify.
    #[error("the sample does not verify: {0}")]
    Proof(#[from] ProofError),
    /// A sample verifies but is not of this blob: namespace or length of the leaf, or the head, is
    /// another.
    #[error("leaf {index} is not one of this blob")]
    Foreign {
        /// The place of the leaf.
        index: u32,
    },
}

/// A blob whose data is, leaf by leaf, what its commitment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    commitment: BlobCommitment,
    data: Bytes,
    /// Hash of every leaf, the head's first. Their root is the commitment's.
    hashes: Vec<Hash32>,
}

impl Blob {
    /// The blob with this data, and its commitment. Hashes all of it.
    ///
    /// # Errors
    /// Empty or too long.
    pub fn new(namespace: Namespace, data: Bytes) -> Result<Self, BlobError> {
        let size = data.len() as u64;
        let unrooted = BlobCommitment::new(Hash32::ZERO, namespace, size)?;
        let hashes: Vec<Hash32> = (0..unrooted.leaves())
            .map(|index| leaf_hash(namespace, &leaf_data(&data, index)))
            .collect();
        let root = tree(namespace, &hashes)?.root().hash;
        Ok(Self {
            commitment: BlobCommitment { root, ..unrooted },
            data,
            hashes,
        })
    }

    /// The blob of `commitment`, if `data` is its data. Hashes all of it.
    ///
    /// # Errors
    /// It is not.
    pub fn check(commitment: &BlobCommitment, data: Bytes) -> Result<Self, BlobError> {
        if data.len() as u64 != commitment.size {
            return Err(BlobError::Mismatch);
        }
        let blob = Self::new(commitment.namespace, data)?;
        if blob.commitment != *commitment {
            return Err(BlobError::Mismatch);
        }
        Ok(blob)
    }

    /// What identifies it.
    #[must_use]
    pub fn commitment(&self) -> &BlobCommitment {
        &self.commitment
    }

    /// Its data.
    #[must_use]
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// Hashes of its leaves, the head's first: with them a store serves samples without hashing
    /// all of the data again.
    #[must_use]
    pub fn hashes(&self) -> &[Hash32] {
        &self.hashes
    }

    /// The leaves at `indexes` with their proofs; places that it does not have are passed over.
    #[must_use]
    pub fn samples(&self, indexes: &[u32]) -> Vec<Sample> {
        sample(&self.commitment, &self.data, &self.hashes, indexes).unwrap_or_default()
    }
}

/// Samples of a blob of which data and leaf hashes come from a place that may be damaged. Costs a
/// hash for each node above the leaves, and one for each sampled leaf.
///
/// # Errors
/// The hashes do not have the root, or a sampled leaf does not have its hash: nothing of it may be
/// given away.
pub fn sample(
    commitment: &BlobCommitment,
    data: &Bytes,
    hashes: &[Hash32],
    indexes: &[u32],
) -> Result<Vec<Sample>, BlobError> {
    let namespace = commitment.namespace;
    if hashes.len() as u64 != u64::from(commitment.leaves()) || data.len() as u64 != commitment.size
    {
        return Err(BlobError::Mismatch);
    }
    let tree = tree(namespace, hashes)?;
    if tree.root().hash != commitment.root {
        return Err(BlobError::Mismatch);
    }
    let mut out = Vec::with_capacity(indexes.len().min(hashes.len()));
    for &index in indexes {
        let (Some(path), Some(hash)) = (tree.path(index), hashes.get(index as usize)) else {
            continue;
        };
        let data = leaf_data(data, index);
        if leaf_hash(namespace, &data) != *hash {
            return Err(BlobError::Mismatch);
        }
        out.push(Sample {
            index,
            leaf: Bytes::from(encode_leaf(namespace, &data)),
            path,
        });
    }
    Ok(out)
}

/// The data of leaf `index`, which is empty beyond the last.
fn leaf_data(data: &[u8], index: u32) -> Vec<u8> {
    match index.checked_sub(1) {
        None => (data.len() as u64).to_be_bytes().to_vec(),
        Some(piece) => data
            .chunks(BLOB_LEAF_BYTES)
            .nth(piece as usize)
            .unwrap_or_default()
            .to_vec(),
    }
}

fn tree(namespace: Namespace, hashes: &[Hash32]) -> Result<Tree, BlobError> {
    let leaves = hashes.iter().map(|hash| Node::leaf(namespace, *hash));
    // A blob is one namespace and never empty, so only a wrong number of hashes can fail here.
    Tree::of_hashes(leaves).map_err(|_: NmtError| BlobError::Mismatch)
}
