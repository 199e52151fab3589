//! Where blobs live.

use crate::{
    chain::{StoreError, nmt::Sample},
    ids::Hash32,
};

use super::{Blob, BlobCommitment};

/// A bounded place for blobs. It holds what it was given until newer blobs need the room, oldest
/// first, and never gives away what does not have the root it was stored under.
///
/// Every method may block on a disk; an async caller uses the blocking pool.
/// [`MemoryBlobs`](super::MemoryBlobs) is the reference.
pub trait BlobStore: Send + Sync + 'static {
    /// Stores a blob; what is stored when this returns stays over a restart.
    ///
    /// # Errors
    /// The store cannot be written; it holds what it held before.
    fn put(&self, blob: &Blob) -> Result<Put, StoreError>;

    /// The blob with this root, `None` if it is not here.
    ///
    /// # Errors
    /// The store cannot be read, or holds it damaged.
    fn get(&self, root: &Hash32) -> Result<Option<Blob>, StoreError>;

    /// What is held under this root. Does not read the blob.
    ///
    /// # Errors
    /// The store cannot be read.
    fn commitment(&self, root: &Hash32) -> Result<Option<BlobCommitment>, StoreError>;

    /// Leaves of a blob with their proofs, `None` if exactly this blob is not here. Places that it
    /// does not have are passed over.
    ///
    /// # Errors
    /// The store cannot be read, or holds it damaged.
    fn samples(
        &self,
        blob: &BlobCommitment,
        indexes: &[u32],
    ) -> Result<Option<Vec<Sample>>, StoreError>;

    /// How full it is. Cached: never touches a disk.
    fn usage(&self) -> BlobUsage;
}

/// What became of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Put {
    /// It is stored now.
    Stored,
    /// It was stored already.
    Known,
    /// It is larger than the whole store may be.
    TooLarge,
}

/// How full a store of blobs is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlobUsage {
    /// Blobs held.
    pub blobs: u64,
    /// Bytes they take.
    pub bytes: u64,
    /// Most bytes they may take.
    pub max_bytes: u64,
    /// Blobs dropped for newer ones since the store was opened.
    pub evicted: u64,
}
