//! One redb file that outlives its own failures.
//!
//! After a failed write redb refuses further writes until it is opened anew. This wrapper notices,
//! keeps serving reads from the handle it has, and opens the file again at the next write, so that
//! a disk that was full heals without a restart. Every commit is durable before it returns.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use redb::{Durability, ReadTransaction, ReadableDatabase, StorageBackend, WriteTransaction};
use tracing::{debug, warn};

use crate::chain::StoreError;

use super::{
    directory::DataDir,
    disk::{Disk, DiskFile},
    fault::{self, Db},
};

/// Bytes of redb's magic number.
const MAGIC_LEN: usize = 9;

/// A redb database on one file of a [`Disk`].
#[derive(Debug)]
pub(super) struct Database {
    disk: Arc<dyn Disk>,
    /// Name of the file.
    name: &'static str,
    cache_bytes: usize,
    /// Held for reading by every transaction, so that a handle is replaced between them.
    handle: RwLock<Handle>,
    /// Whether the handle refuses writes because an earlier one failed.
    broken: AtomicBool,
    /// How often the file was opened. When it changes, what was read before may be out of date.
    generation: AtomicU64,
    /// Last, so that the directory is free only once the file is closed.
    _lock: Option<DataDir>,
}

impl Database {
    /// Opens the database in the file `name`, or creates an empty one. `lock` is held while it is open.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        name: &'static str,
        cache_bytes: usize,
        lock: Option<DataDir>,
    ) -> Result<Self, StoreError> {
        let handle = Handle::open(&*disk, name, cache_bytes)?;
        Ok(Self {
            disk,
            name,
            cache_bytes,
            handle: RwLock::new(handle),
            broken: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            _lock: lock,
        })
    }

    /// Whether the file is missing, or is one whose creation was cut short: redb writes its magic
    /// number only once everything else of an empty database is on disk.
    pub(super) fn is_unbegun(disk: &dyn Disk, name: &str) -> Result<bool, StoreError> {
        let mut magic = [0; MAGIC_LEN];
        let mut read = || {
            let file = match disk.open(name, false) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
                other => other?,
            };
            if file.len()? >= MAGIC_LEN as u64 {
                file.read_at(0, &mut magic)?;
            }
            Ok(())
        };
        read().map_err(|e| fault::io(name, e))?;
        Ok(magic == [0; MAGIC_LEN])
    }

    /// Empties a file that [`Database::is_unbegun`].
    pub(super) fn discard(disk: &dyn Disk, name: &str) -> Result<(), StoreError> {
        match disk.open(name, false) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.and_then(|file| file.set_len(0)),
        }
        .map_err(|e| fault::io(name, e))
    }

    /// Changes each time the file was opened again after a failure.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether the last write failed and no later one succeeded.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Runs `f` on a snapshot of the last commit.
    pub(super) fn read<R>(
        &self,
        f: impl FnOnce(&ReadTransaction) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        self.with_handle(|db| {
            let txn = db.begin_read().db_in(self.name)?;
            f(&txn)
        })
    }

    /// Runs `f` in a transaction and commits it durably; nothing of it remains if `f` fails.
    ///
    /// If the commit itself fails, whether it took effect is known only after [`Self::heal`].
    pub(super) fn write<R>(
        &self,
        f: impl FnOnce(&WriteTransaction) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        self.heal()?;
        let result = self.with_handle(|db| {
            let mut txn = db.begin_write().db_in(self.name)?;
            txn.set_durability(Durability::Immediate).db_in(self.name)?;
            // Saves the allocator with each commit: opening after a crash takes milliseconds, and
            // commits are two-phase, so a torn write cannot make up a commit.
            txn.set_quick_repair(true);
            let value = match f(&txn) {
                Ok(value) => value,
                Err(error) => {
                    if let Err(abort) = txn.abort() {
                        warn!(file = self.name, %abort, "could not undo a transaction");
                        self.broken.store(true, Ordering::Release);
                    }
                    return Err(error);
                }
            };
            txn.commit().db_in(self.name)?;
            Ok(value)
        });
        if let Err(error) = &result
            && fault::breaks_database(error)
        {
            self.broken.store(true, Ordering::Release);
        }
        result
    }

    /// Opens the file again if an earlier write broke the handle. If that fails, the old handle
    /// goes on reading.
    pub(super) fn heal(&self) -> Result<(), StoreError> {
        if !self.is_broken() {
            return Ok(());
        }
        let mut handle = self.handle.write().unwrap_or_else(PoisonError::into_inner);
        if !self.is_broken() {
            return Ok(()); // another thread was faster
        }
        // # Correctness
        // For a moment two handles share the file. The old one may not write any more, not even
        // when it is closed, and nobody reads through it while this lock is held.
        handle.fence.store(true, Ordering::Release);
        *handle = Handle::open(&*self.disk, self.name, self.cache_bytes)?;
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.broken.store(false, Ordering::Release);
        debug!(
            file = self.name,
            "opened the database again after a failed write"
        );
        Ok(())
    }

    /// Bytes the file takes on the disk. It grows in large steps, in part as holes.
    pub(super) fn used(&self) -> io::Result<u64> {
        self.handle
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .file
            .used()
    }

    fn with_handle<R>(
        &self,
        f: impl FnOnce(&redb::Database) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let handle = self.handle.read().unwrap_or_else(PoisonError::into_inner);
        // redb checks pages by assertion in places, so a damaged file may panic inside it.
        catch_unwind(AssertUnwindSafe(|| f(&handle.redb))).unwrap_or_else(|_| {
            self.broken.store(true, Ordering::Release);
            Err(fault::file(self.name, INCONSISTENT))
        })
    }
}

/// An open file and redb on it.
#[derive(Debug)]
struct Handle {
    redb: redb::Database,
    file: Arc<dyn DiskFile>,
    /// Set when this handle may not write any more.
    fence: Arc<AtomicBool>,
}

impl Handle {
    fn open(disk: &dyn Disk, name: &str, cache_bytes: usize) -> Result<Self, StoreError> {
        let file = disk.open(name, true).map_err(|e| fault::io(name, e))?;
        let fence = Arc::new(AtomicBool::new(false));
        let backend = Backend {
            file: Arc::clone(&file),
            fence: Arc::clone(&fence),
        };
        let opened = catch_unwind(AssertUnwindSafe(|| {
            redb::Builder::new()
                .set_cache_size(cache_bytes)
                .create_with_backend(backend)
        }));
        let redb = opened
            .unwrap_or_else(|_| Err(redb::StorageError::Corrupted(INCONSISTENT.into()).into()));
        Ok(Self {
            redb: redb.db_in(name)?,
            file,
            fence,
        })
    }
}

const INCONSISTENT: &str = "its pages contradict each other";

#[derive(Debug)]
struct Backend {
    file: Arc<dyn DiskFile>,
    fence: Arc<AtomicBool>,
}

impl Backend {
    fn may_write(&self) -> io::Result<()> {
        if self.fence.load(Ordering::Acquire) {
            return Err(io::Error::other("the file was opened again"));
        }
        Ok(())
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.may_write()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.may_write()?;
        self.file.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.may_write()?;
        self.file.write_at(offset, data)
    }
}
