//! Where headers and blocks live: the seam between what is agreed and what is on disk.
//!
//! A store is a tree of headers rooted in genesis. Two paths through it are special: the **best
//! headers** (verified, bodies perhaps still missing) and the **blocks** (every body present, what
//! this node calls its chain). A store obeys: it neither verifies nor compares work, and keeps only
//! the tree and both paths consistent. [`MemoryStore`](super::MemoryStore) is the reference.

use bytes::Bytes;

use crate::ids::{Hash32, Height, Work};

use super::{Header, HeaderError};

/// A place for headers and blocks. It always holds genesis, with its body.
pub trait ChainStore: Send + Sync + 'static {
    /// Where both paths end. Cached: never touches the disk.
    fn tips(&self) -> Tips;

    /// One header, `None` if there is none at this place.
    ///
    /// # Errors
    /// The store cannot be read.
    fn header(&self, at: At) -> Result<Option<StoredHeader>, StoreError>;

    /// At most `max` consecutive headers of a path, from height `from` upward.
    ///
    /// # Errors
    /// The store cannot be read.
    fn headers(
        &self,
        chain: Which,
        from: Height,
        max: usize,
    ) -> Result<Vec<StoredHeader>, StoreError>;

    /// The encoded block with this header, `None` if the store does not have it.
    ///
    /// # Errors
    /// The store cannot be read.
    fn body(&self, hash: &Hash32) -> Result<Option<Bytes>, StoreError>;

    /// Applies a batch: all of it, durably, or none of it.
    ///
    /// # Errors
    /// Nothing has changed. After [`StoreError::Full`] the same batch may be tried again.
    fn commit(&self, batch: Batch) -> Result<Tips, StoreError>;
}

/// The end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tip {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: Hash32,
    /// Work of its branch, genesis included.
    pub work: Work,
    /// Its timestamp, UNIX seconds.
    pub timestamp: u64,
}

impl Tip {
    /// Fork choice: whether this branch is preferred to `other`: more work, then the smaller hash.
    #[must_use]
    pub fn beats(&self, other: &Self) -> bool {
        (self.work, std::cmp::Reverse(self.hash)) > (other.work, std::cmp::Reverse(other.hash))
    }
}

/// Where both paths of a store end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tips {
    /// End of the best headers.
    pub headers: Tip,
    /// End of the blocks.
    pub blocks: Tip,
}

/// Which header is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// The one with this hash, on any branch.
    Hash(Hash32),
    /// The one at this height of the best headers.
    BestHeader(Height),
    /// The one at this height of the blocks.
    Block(Height),
}

/// A path through the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// From genesis to the tip of the headers.
    BestHeaders,
    /// From genesis to the tip of the blocks.
    Blocks,
}

impl Which {
    /// The place at `height` of this path.
    #[must_use]
    pub fn at(self, height: Height) -> At {
        match self {
            Self::BestHeaders => At::BestHeader(height),
            Self::Blocks => At::Block(height),
        }
    }
}

/// A header as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHeader {
    /// Its hash.
    pub hash: Hash32,
    /// Its height.
    pub height: Height,
    /// Work of its branch, genesis included.
    pub work: Work,
    /// Whether its body is stored too.
    pub has_body: bool,
    /// Its encoding.
    pub bytes: Bytes,
}

impl StoredHeader {
    /// The header itself.
    ///
    /// # Errors
    /// What is stored is no header.
    pub fn decode(&self) -> Result<Header, StoreError> {
        Header::decode(&self.bytes).map_err(|e: HeaderError| StoreError::Corrupt {
            what: format!("header {}: {e}", self.hash),
        })
    }

    /// It as the end of a path.
    ///
    /// # Errors
    /// What is stored is no header.
    pub fn tip(&self) -> Result<Tip, StoreError> {
        Ok(Tip {
            height: self.height,
            hash: self.hash,
            work: self.work,
            timestamp: self.decode()?.timestamp,
        })
    }
}

/// A verified header on its way into a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHeader {
    /// Its hash.
    pub hash: Hash32,
    /// Its height.
    pub height: Height,
    /// The hash of its parent.
    pub parent: Hash32,
    /// Work of its branch, genesis included.
    pub work: Work,
    /// Its timestamp, UNIX seconds.
    pub timestamp: u64,
    /// Its encoding.
    pub bytes: Bytes,
}

impl NewHeader {
    /// It as the end of a path.
    #[must_use]
    pub fn tip(&self) -> Tip {
        Tip {
            height: self.height,
            hash: self.hash,
            work: self.work,
            timestamp: self.timestamp,
        }
    }
}

/// What one commit changes, applied in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Headers to add, parents first. One that is stored already is passed over.
    pub headers: Vec<NewHeader>,
    /// Encoded blocks of headers that are stored or in this batch. One that is stored already is
    /// passed over.
    pub bodies: Vec<(Hash32, Bytes)>,
    /// The header that ends the best headers from now on.
    pub best_header: Option<Hash32>,
    /// The block that ends the blocks from now on. It and all its ancestors have bodies.
    pub head: Option<Hash32>,
}

/// What a store cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk is full. The store goes on reading and heals when there is room again.
    #[error("the disk is full")]
    Full,
    /// What is on disk is damaged.
    #[error("the store is damaged: {what}")]
    Corrupt {
        /// What was found.
        what: String,
    },
    /// Written by a later version of this program.
    #[error("the store has format {found}, this build reads up to {supported}")]
    NewerVersion {
        /// Its format.
        found: u64,
        /// The latest format of this build.
        supported: u64,
    },
    /// The store belongs to another genesis.
    #[error("the store belongs to genesis {found}, not {expected}")]
    OtherGenesis {
        /// The genesis asked for.
        expected: Hash32,
        /// The genesis of the store.
        found: Hash32,
    },
    /// Another process uses the store.
    #[error("another process uses the store")]
    Locked,
    /// A batch that contradicts the store: a header without its parent, a body without its header,
    /// a head without its bodies. A fault of this program.
    #[error("the batch does not fit the store: {what}")]
    BadBatch {
        /// The contradiction.
        what: String,
    },
    /// The operating system refused something else.
    #[error("the store cannot be read or written: {what}")]
    Io {
        /// In its words.
        what: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_work_wins_then_the_smaller_hash() {
        let tip = |work, hash| Tip {
            height: Height(1),
            hash: Hash32([hash; 32]),
            work: Work(work),
            timestamp: 0,
        };
        assert!(tip(2, 9).beats(&tip(1, 1)));
        assert!(tip(2, 1).beats(&tip(2, 9)));
        assert!(!tip(2, 9).beats(&tip(2, 1)));
        assert!(!tip(2, 1).beats(&tip(2, 1)));
    }
}
