//! A leaf with the way to the root.

use bytes::Bytes;

use crate::ids::Hash32;

use super::{MAX_LEAVES, Namespace, Node, decode_leaf, leaf_hash};

/// The node beside the way to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sibling {
    /// Its hash.
    pub hash: Hash32,
    /// The outer end of its range: the highest namespace of a right sibling, the lowest of a left
    /// one. The parent's hash binds it.
    pub edge: Namespace,
}

/// A leaf and what shows that it is under a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its place among the leaves.
    pub index: u32,
    /// The encoded leaf.
    pub leaf: Bytes,
    /// Siblings from the leaf up; none where the node is doubled.
    pub path: Vec<Sibling>,
}

/// Why a sample proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// There is no leaf at this place of a tree of so many leaves.
    #[error("no leaf {index} in a tree of {leaves}")]
    Index {
        /// The place.
        index: u32,
        /// Leaves of the tree.
        leaves: u32,
    },
    /// The path has another length than the place demands.
    #[error("a path of {got} siblings where {expected} belong")]
    Depth {
        /// Its length.
        got: usize,
        /// The length it must have.
        expected: usize,
    },
    /// The leaf is not an encoded leaf.
    #[error("the leaf is malformed")]
    Leaf,
    /// A sibling's namespace is on the wrong side.
    #[error("the namespaces along the path are out of order")]
    Order,
    /// The path ends in another root.
    #[error("the path does not end in the root")]
    Root,
}

impl Sample {
    /// Verifies it against the root of a tree of `leaves` leaves; gives the range of namespaces
    /// under the root.
    ///
    /// # Errors
    /// It proves nothing.
    pub fn verify(&self, root: &Hash32, leaves: u32) -> Result<(Namespace, Namespace), ProofError> {
        // Before the leaf is hashed.
        check_depth(self.index, leaves, &self.path)?;
        let (namespace, data) = decode_leaf(&self.leaf)?;
        let leaf = Node::leaf(namespace, leaf_hash(namespace, data));
        let top = verify(root, leaves, self.index, leaf, &self.path)?;
        Ok((top.min, top.max))
    }
}

/// Walks from `leaf` at place `index` of `leaves` along `path`; gives the node it ends in, which
/// has the hash `root`. Costs one hash a level, at most 24.
///
/// # Errors
/// The walk ends elsewhere, or cannot be made.
pub fn verify(
    root: &Hash32,
    leaves: u32,
    index: u32,
    leaf: Node,
    path: &[Sibling],
) -> Result<Node, ProofError> {
    check_depth(index, leaves, path)?;
    let (mut node, mut at, mut width) = (leaf, index, leaves);
    let mut siblings = path.iter();
    while width > 1 {
        node = if at.is_multiple_of(2) && at + 1 == width {
            Node::parent(&node, &node)
        } else {
            let next = siblings.next().ok_or(ProofError::Root)?;
            let sibling = Node::leaf(next.edge, next.hash);
            let (left, right) = if at.is_multiple_of(2) {
                (&node, &sibling)
            } else {
                (&sibling, &node)
            };
            // Of a sibling only its outer end is known: it may not lie inside of ours.
            let outside = if at.is_multiple_of(2) {
                node.max <= next.edge
            } else {
                next.edge <= node.min
            };
            if !outside {
                return Err(ProofError::Order);
            }
            Node::parent(left, right)
        };
        at /= 2;
        width = width.div_ceil(2);
    }
    if node.hash == *root {
        Ok(node)
    } else {
        Err(ProofError::Root)
    }
}

/// Checks that `path` has a sibling for each node with a neighbour on the way up from place `index`
/// of `leaves`.
fn check_depth(index: u32, leaves: u32, path: &[Sibling]) -> Result<(), ProofError> {
    if index >= leaves || leaves > MAX_LEAVES {
        return Err(ProofError::Index { index, leaves });
    }
    let (mut at, mut width, mut expected) = (index, leaves, 0);
    while width > 1 {
        expected += usize::from(!(at.is_multiple_of(2) && at + 1 == width));
        at /= 2;
        width = width.div_ceil(2);
    }
    let got = path.len();
    if got != expected {
        return Err(ProofError::Depth { got, expected });
    }
    Ok(())
}
