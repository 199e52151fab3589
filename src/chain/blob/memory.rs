//! A [`BlobStore`] in memory: the reference for the one on disk, and the store of tests and
//! simulations.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    chain::{StoreError, nmt::Sample},
    ids::Hash32,
};

use super::{Blob, BlobCommitment, BlobStore, BlobUsage, Put};

/// Blobs in memory, at most so many bytes of data.
#[derive(Debug)]
pub struct MemoryBlobs(Mutex<Shelf>);

#[derive(Debug)]
struct Shelf {
    /// Oldest first.
    blobs: VecDeque<Blob>,
    usage: BlobUsage,
}

impl MemoryBlobs {
    /// An empty store for at most `max_bytes` of data.
    #[must_use]
    pub fn new(max_bytes: u64) -> Self {
        Self(Mutex::new(Shelf {
            blobs: VecDeque::new(),
            usage: BlobUsage {
                max_bytes,
                ..BlobUsage::default()
            },
        }))
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlobStore for MemoryBlobs {
    fn put(&self, blob: &Blob) -> Result<Put, StoreError> {
        let shelf = &mut *self.shelf();
        let size = blob.commitment().size;
        if size > shelf.usage.max_bytes {
            return Ok(Put::TooLarge);
        }
        if find(&shelf.blobs, &blob.commitment().root).is_some() {
            return Ok(Put::Known);
        }
        while shelf.usage.bytes + size > shelf.usage.max_bytes
            && let Some(oldest) = shelf.blobs.pop_front()
        {
            shelf.usage.bytes -= oldest.commitment().size;
            shelf.usage.blobs -= 1;
            shelf.usage.evicted += 1;
        }
        shelf.usage.bytes += size;
        shelf.usage.blobs += 1;
        shelf.blobs.push_back(blob.clone());
        Ok(Put::Stored)
    }

    fn get(&self, root: &Hash32) -> Result<Option<Blob>, StoreError> {
        Ok(find(&self.shelf().blobs, root).cloned())
    }

    fn commitment(&self, root: &Hash32) -> Result<Option<BlobCommitment>, StoreError> {
        Ok(find(&self.shelf().blobs, root).map(|blob| *blob.commitment()))
    }

    fn samples(
        &self,
        blob: &BlobCommitment,
        indexes: &[u32],
    ) -> Result<Option<Vec<Sample>>, StoreError> {
        let held = self.get(&blob.root)?;
        let held = held.filter(|held| held.commitment() == blob);
        Ok(held.map(|held| held.samples(indexes)))
    }

    fn usage(&self) -> BlobUsage {
        self.shelf().usage
    }
}

fn find<'a>(blobs: &'a VecDeque<Blob>, root: &Hash32) -> Option<&'a Blob> {
    blobs.iter().find(|blob| blob.commitment().root == *root)
}
