//! The namespace Merkle tree over the leaves of a blob, in the tagged form of the original.
//!
//! ```text
//! encoded leaf  ns u32be ‖ LEB128(len) ‖ data
//! leaf hash     SHA3-256(00 ‖ ns ‖ SHA3-256(LEB128(len) ‖ data))
//! node hash     SHA3-256(01 ‖ left ‖ right ‖ min of left ‖ max of right)
//! ```
//! The last node of an odd level is doubled. Leaves are in order of their namespaces.
//!
//! # Security
//! - A root does not bind the number of its leaves (doubling), so whoever verifies a proof must know
//!   it from elsewhere. A blob says its size in its first leaf (see [`super::BlobCommitment`]).
//! - A node's hash binds the outer ends of its range, not the inner ends of its children. A proof
//!   shows that a leaf is under the root; it does not show that another namespace is absent.

mod leaf;
mod proof;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::{crypto::hash::sha3_256_parts, ids::Hash32};

pub use leaf::{decode_leaf, encode_leaf, leaf_hash};
pub use proof::{ProofError, Sample, Sibling, verify};

/// Most leaves of a tree. Larger would let a claimed count choose the length of proofs; a blob has
/// far fewer.
pub const MAX_LEAVES: u32 = 1 << 24;

/// Whose data it is: four bytes, big-endian where they are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(pub u32);

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The hash of a node and the range of namespaces below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its hash.
    pub hash: Hash32,
    /// Lowest namespace below it.
    pub min: Namespace,
    /// Highest namespace below it.
    pub max: Namespace,
}

impl Node {
    /// The leaf of `namespace` with this hash.
    #[must_use]
    pub fn leaf(namespace: Namespace, hash: Hash32) -> Self {
        Self {
            hash,
            min: namespace,
            max: namespace,
        }
    }

    fn parent(left: &Self, right: &Self) -> Self {
        let hash = sha3_256_parts(&[
            &[1],
            &left.hash.0,
            &right.hash.0,
            &left.min.0.to_be_bytes(),
            &right.max.0.to_be_bytes(),
        ]);
        Self {
            hash,
            min: left.min,
            max: right.max,
        }
    }
}

/// Why leaves make no tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NmtError {
    /// There are none.
    #[error("a tree has at least one leaf")]
    Empty,
    /// More than [`MAX_LEAVES`].
    #[error("{0} leaves are over the limit")]
    TooMany(usize),
    /// A leaf has a lower namespace than the one before it.
    #[error("leaf {index} is not in order of namespaces")]
    Order {
        /// Its place.
        index: usize,
    },
}

/// A whole tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Leaves first, the root last; never empty.
    levels: Vec<Vec<Node>>,
    root: Node,
}

impl Tree {
    /// The tree over these leaves, namespace and data.
    ///
    /// # Errors
    /// None, too many, or not in order of namespaces.
    pub fn new<'a>(
        leaves: impl IntoIterator<Item = (Namespace, &'a [u8])>,
    ) -> Result<Self, NmtError> {
        let hashed = leaves.into_iter();
        Self::of_hashes(hashed.map(|(ns, data)| Node::leaf(ns, leaf_hash(ns, data))))
    }

    /// The tree over leaves of which only the hashes are at hand.
    ///
    /// # Errors
    /// As [`Tree::new`].
    pub fn of_hashes(leaves: impl IntoIterator<Item = Node>) -> Result<Self, NmtError> {
        let leaves: Vec<Node> = leaves.into_iter().take(MAX_LEAVES as usize + 1).collect();
        if leaves.len() > MAX_LEAVES as usize {
            return Err(NmtError::TooMany(leaves.len()));
        }
        if let Some(at) = leaves.windows(2).position(|pair| pair[1].min < pair[0].max) {
            return Err(NmtError::Order { index: at + 1 });
        }
        let mut root = *leaves.first().ok_or(NmtError::Empty)?;
        let mut levels = vec![leaves];
        while let Some(last) = levels.last().filter(|level| level.len() > 1) {
            let parents: Vec<Node> = last
                .chunks(2)
                .map(|pair| Node::parent(&pair[0], pair.last().unwrap_or(&pair[0])))
                .collect();
            root = parents[0];
            levels.push(parents);
        }
        Ok(Self { levels, root })
    }

    /// The root: the hash that is the commitment, and the range of namespaces.
    #[must_use]
    pub fn root(&self) -> Node {
        self.root
    }

    /// Number of leaves.
    #[must_use]
    pub fn leaves(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// The siblings from leaf `index` up, `None` if there is no such leaf. Where the node is doubled
    /// it has no sibling.
    #[must_use]
    pub fn path(&self, index: u32) -> Option<Vec<Sibling>> {
        let mut at = index as usize;
        if at >= self.leaves() {
            return None;
        }
        let mut path = Vec::with_capacity(self.levels.len());
        for level in &self.levels {
            if let Some(node) = level.get(at ^ 1) {
                path.push(Sibling {
                    hash: node.hash,
                    edge: if at % 2 == 1 { node.min } else { node.max },
                });
            }
            at /= 2;
        }
        Some(path)
    }
}
