//! The durable [`BlobStore`]: a row in redb and a file for each blob.
//!
//! ```text
//! blobs/NNNNNNNNNNNNNNNN.blob:  "ANIMBLOB" | version u32 | record
//! record:                       as in a body segment, of the root and: leaf hashes, data
//! ```
//! The rules are those of bodies: a file is written and synced, then the row that points to it is
//! committed. A file without a row is removed when the store is opened; a blob whose file does not
//! read back is a named error, is never given away, and is replaced when it is put again. Unlike a
//! body, a blob may go: the oldest make room for new ones, a row first and then its file.

mod index;

use std::{
    io::{self, ErrorKind},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use bytes::Bytes;
use tracing::warn;

use crate::{
    chain::{
        Blob, BlobCommitment, BlobStore, StoreError,
        blob::{self, BlobUsage, Put},
        nmt::Sample,
    },
    ids::Hash32,
};

use super::{
    database::Database,
    disk::Disk,
    fault::{self, Db},
    segment::{self, RECORD_HEAD},
    tables::{self, BLOBS, BlobRow},
};

use index::Index;

/// Directory of the files.
pub(super) const DIR: &str = "blobs";
/// Version this build writes and the highest it reads.
pub(super) const VERSION: u32 = 1;
/// Bytes of a file before its record.
pub(super) const FILE_HEAD: usize = 12;
/// Most blobs held: a file each, and some 150 bytes of memory.
pub(super) const MAX_BLOBS: usize = 16_384;

const MAGIC: &[u8; 8] = b"ANIMBLOB";
const HASH_LEN: usize = 32;

/// Blobs on disk, at most so many bytes of files.
///
/// Readers do not wait for a writer. Writers wait for each other.
#[derive(Debug)]
pub struct DiskBlobs {
    disk: Arc<dyn Disk>,
    database: Arc<Database>,
    max_bytes: u64,
    writer: Mutex<Writer>,
    index: RwLock<Index>,
}

/// What only the writing thread needs.
#[derive(Debug)]
struct Writer {
    /// Number of the next blob.
    next: u64,
    /// Whether a commit failed, so that the index may not be what is on disk.
    uncertain: bool,
}

impl DiskBlobs {
    /// Opens the blobs in `database` and their files on `disk`. Drops what does not fit `max_bytes`,
    /// rows whose file is missing or has another length, and files without a row.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        database: Arc<Database>,
        max_bytes: u64,
    ) -> Result<Self, StoreError> {
        disk.sync_dir(DIR).map_err(|e| fault::io(DIR, e))?;
        let blobs = Self {
            disk,
            database,
            max_bytes,
            writer: Mutex::new(Writer {
                next: 0,
                uncertain: true,
            }),
            index: RwLock::new(Index::default()),
        };
        blobs.recover(&mut blobs.writer())?;
        Ok(blobs)
    }

    /// Reads the rows again and makes the files agree with them.
    fn recover(&self, writer: &mut Writer) -> Result<(), StoreError> {
        self.database.heal()?;
        let mut index = self.database.read(Index::load)?;
        let mut lost = index.retain(|number, row| self.has_file(number, row))?;
        if !lost.is_empty() {
            warn!(blobs = lost.len(), "dropping blobs whose files are gone");
        }
        lost.extend(index.make_room(0, self.max_bytes, MAX_BLOBS));
        if !lost.is_empty() {
            self.database.write(|txn| {
                let mut rows = txn.open_table(BLOBS).db()?;
                for number in &lost {
                    rows.remove(&number.to_be_bytes()).db()?;
                }
                Ok(())
            })?;
        }
        for name in self.disk.list(DIR).map_err(|e| fault::io(DIR, e))? {
            if number_of(&name).is_none_or(|number| !index.has(number)) {
                let name = format!("{DIR}/{name}");
                self.disk.remove(&name).map_err(|e| fault::io(&name, e))?;
            }
        }
        index.evicted += self.index().evicted;
        *writer = Writer {
            next: writer.next.max(index.end()),
            uncertain: false,
        };
        *self.index_mut() = index;
        Ok(())
    }

    /// Writes and syncs the file of blob `number`.
    fn write(&self, number: u64, blob: &Blob) -> Result<(), StoreError> {
        let mut body = Vec::with_capacity(body_len(blob.commitment()) as usize);
        for hash in blob.hashes() {
            body.extend_from_slice(&hash.0);
        }
        body.extend_from_slice(blob.data());
        let mut bytes = Vec::with_capacity(FILE_HEAD + RECORD_HEAD + body.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&segment::record_head(&blob.commitment().root, &body));
        bytes.extend_from_slice(&body);
        let name = file_name(number);
        let work = || {
            let file = self.disk.open(&name, true)?;
            file.set_len(0)?;
            file.write_at(0, &bytes)?;
            file.sync()?;
            self.disk.sync_dir(DIR)
        };
        work().map_err(|e| {
            // Its space is wanted back; if that fails too, opening the store removes it.
            let _ = self.disk.remove(&name);
            fault::io(&name, e)
        })
    }

    /// Leaf hashes and data of a blob, `None` if it went meanwhile.
    fn read(&self, number: u64, row: &BlobRow) -> Result<Option<(Vec<Hash32>, Bytes)>, StoreError> {
        let name = file_name(number);
        let corrupt = |what: String| StoreError::Corrupt {
            what: format!(
                "blob {} in {name}: {what}; check the disk; storing the blob again replaces it",
                row.commitment.root
            ),
        };
        let mut bytes = vec![0; FILE_HEAD];
        let filled = self.disk.open(&name, false).and_then(|file| {
            if file.len()? != row.file_len() {
                return Err(io::Error::from(ErrorKind::UnexpectedEof));
            }
            // The length is the file's own, so a damaged row cannot ask for more than there is.
            bytes = vec![0; row.file_len() as usize];
            file.read_at(0, &mut bytes)
        });
        match filled {
            Ok(()) => {}
            Err(_) if !self.index().has(number) => return Ok(None),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => {
                return Err(corrupt("its file is missing or has another length".into()));
            }
            Err(e) => return Err(fault::io(&name, e)),
        }
        let (head, record) = bytes.split_at(FILE_HEAD);
        if head[..8] != *MAGIC || head[8..] != VERSION.to_be_bytes() {
            return Err(corrupt("its file is not one of this version".into()));
        }
        segment::check_record(record, &row.commitment.root).map_err(|e| corrupt(e.to_string()))?;
        let body = FILE_HEAD + RECORD_HEAD;
        let data = body + row.commitment.leaves() as usize * HASH_LEN;
        let hashes = bytes[body..data].chunks_exact(HASH_LEN);
        let hashes = hashes.filter_map(Hash32::from_slice).collect();
        Ok(Some((hashes, Bytes::from(bytes).slice(data..))))
    }

    fn has_file(&self, number: u64, row: &BlobRow) -> Result<bool, StoreError> {
        let name = file_name(number);
        match self.disk.open(&name, false).and_then(|file| file.len()) {
            Ok(len) => Ok(len == row.file_len()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
            Err(e) => Err(fault::io(&name, e)),
        }
    }

    fn find(&self, root: &Hash32) -> Option<(u64, BlobRow)> {
        self.index().find(root)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlobStore for DiskBlobs {
    fn put(&self, blob: &Blob) -> Result<Put, StoreError> {
        let row = BlobRow {
            commitment: *blob.commitment(),
        };
        if row.file_len() > self.max_bytes {
            return Ok(Put::TooLarge);
        }
        let writer = &mut *self.writer();
        if writer.uncertain {
            self.recover(writer)?;
        }
        let mut index = self.index().clone();
        let mut gone = Vec::new();
        if let Some((number, _)) = index.find(&row.commitment.root) {
            if self
                .get(&row.commitment.root)
                .is_ok_and(|held| held.is_some())
            {
                return Ok(Put::Known);
            }
            index.remove(number);
            gone.push(number);
        }
        gone.extend(index.make_room(row.file_len(), self.max_bytes, MAX_BLOBS - 1));
        let number = writer.next;
        self.write(number, blob)?;
        writer.next += 1;
        let committed = self.database.write(|txn| {
            let mut rows = txn.open_table(BLOBS).db()?;
            for number in &gone {
                rows.remove(&number.to_be_bytes()).db()?;
            }
            rows.insert(&number.to_be_bytes(), &row.encode()).db()?;
            Ok(())
        });
        if let Err(error) = committed {
            // Whether it took effect is known only when the rows are read again.
            writer.uncertain = true;
            return Err(error);
        }
        index.insert(number, row);
        *self.index_mut() = index;
        for number in gone {
            let name = file_name(number);
            if let Err(error) = self.disk.remove(&name) {
                warn!(file = name, %error, "could not remove a blob; the next start will");
            }
        }
        Ok(Put::Stored)
    }

    fn get(&self, root: &Hash32) -> Result<Option<Blob>, StoreError> {
        let Some((number, row)) = self.find(root) else {
            return Ok(None);
        };
        let Some((_, data)) = self.read(number, &row)? else {
            return Ok(None);
        };
        let checked = Blob::check(&row.commitment, data);
        checked.map(Some).map_err(|e| damaged(number, &row, e))
    }

    fn commitment(&self, root: &Hash32) -> Result<Option<BlobCommitment>, StoreError> {
        Ok(self.find(root).map(|(_, row)| row.commitment))
    }

    fn samples(
        &self,
        blob: &BlobCommitment,
        indexes: &[u32],
    ) -> Result<Option<Vec<Sample>>, StoreError> {
        let found = self.find(&blob.root);
        let Some((number, row)) = found.filter(|(_, row)| row.commitment == *blob) else {
            return Ok(None);
        };
        let Some((hashes, data)) = self.read(number, &row)? else {
            return Ok(None);
        };
        let samples = blob::sample(blob, &data, &hashes, indexes);
        samples.map(Some).map_err(|e| damaged(number, &row, e))
    }

    fn usage(&self) -> BlobUsage {
        let index = self.index();
        BlobUsage {
            blobs: index.len() as u64,
            bytes: index.bytes(),
            max_bytes: self.max_bytes,
            evicted: index.evicted,
        }
    }
}

impl BlobRow {
    /// Length of the file.
    pub(super) fn file_len(&self) -> u64 {
        (FILE_HEAD + RECORD_HEAD) as u64 + body_len(&self.commitment)
    }
}

fn body_len(blob: &BlobCommitment) -> u64 {
    u64::from(blob.leaves()) * HASH_LEN as u64 + blob.size
}

fn damaged(number: u64, row: &BlobRow, error: blob::BlobError) -> StoreError {
    StoreError::Corrupt {
        what: format!(
            "blob {} in {}: {error}; storing the blob again replaces it",
            row.commitment.root,
            file_name(number)
        ),
    }
}

/// File name of blob `number`.
pub(super) fn file_name(number: u64) -> String {
    format!("{DIR}/{number:016x}.blob")
}

/// Number of the file called `name` (without its directory).
fn number_of(name: &str) -> Option<u64> {
    let number = u64::from_str_radix(name.strip_suffix(".blob")?, 16).ok()?;
    (file_name(number) == format!("{DIR}/{name}")).then_some(number)
}
