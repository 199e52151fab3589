//! Files as the store sees them: named, positioned, and durable only once synced.
//!
//! Everything the store keeps goes through these two traits, so that a test can put a disk under
//! it that fills up, fails, or loses and tears whatever was not synced when the power went.

use std::{
    fmt::Debug,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt},
    path::PathBuf,
    sync::Arc,
};

/// A directory tree, addressed by relative names such as `bodies/00000.seg`.
pub(super) trait Disk: Debug + Send + Sync + 'static {
    /// Opens a file for reading and writing; `create` makes it when it is missing.
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn DiskFile>>;
    /// Names of the files in a directory; none when the directory is missing.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;
    /// Removes a file. Durable after [`Disk::sync_dir`].
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Gives a file of the root another name, in place of one that has it. Durable after
    /// [`Disk::sync_dir`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Makes the creation, removal and renaming of files in `dir` durable; creates `dir` when it is missing.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;
}

/// An open file. Positioned reads and writes, so that readers share it without a lock.
pub(super) trait DiskFile: Debug + Send + Sync + 'static {
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Bytes it takes on the disk; less than its length where it has holes.
    fn used(&self) -> io::Result<u64>;
    /// Fills `out` from `offset`; an error when the file ends before.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// Writes all of `data` at `offset`.
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;
    /// Cuts or extends with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes every earlier write durable (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
}

/// The file system of the operating system, below one directory.
#[derive(Debug)]
pub(super) struct OsDisk {
    root: PathBuf,
}

impl OsDisk {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

impl Disk for OsDisk {
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .mode(0o600)
            .open(self.root.join(name))?;
        Ok(Arc::new(OsFile(file)))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.root.join(dir)) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        entries
            .map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let path = self.root.join(dir);
        if !path.is_dir() {
            private_dir(&path)?;
            if let Some(parent) = path.parent() {
                File::open(parent)?.sync_all()?;
            }
        }
        File::open(path)?.sync_all()
    }
}

/// Creates a directory, and those above it, that only this user can enter.
pub(super) fn private_dir(path: &std::path::Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

#[derive(Debug)]
struct OsFile(File);

impl DiskFile for OsFile {
    fn len(&self) -> io::Result<u64> {
        self.0.metadata().map(|m| m.len())
    }

    fn used(&self) -> io::Result<u64> {
        self.0.metadata().map(|m| m.blocks().saturating_mul(512))
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
