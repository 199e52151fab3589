//! The data directory of one node: its files, and the lock that keeps a second node out.
//!
//! ```text
//! lock            held by the running node; its process id as text
//! node.redb       every record
//! peers.redb      what is known about peers
//! bodies/         segments 00000.seg, 00001.seg, …
//! backup/         copies of node.redb made before a migration
//! ```
//! Other rooms keep their files beside these (`identity.key`, the control socket).

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{disk, fault::OpenError};

/// Name of the lock file.
const LOCK: &str = "lock";

/// A data directory that this process alone uses. Cheap to clone; the last clone dropped releases
/// the lock, and so does the end of the process, however it ends.
#[derive(Clone, Debug)]
pub struct DataDir(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Held for its lock.
    _lock: File,
}

impl DataDir {
    /// Creates the directory (mode 0700) if it is missing and locks it.
    ///
    /// # Errors
    /// It cannot be created or written, or another process uses it ([`OpenError::Locked`]).
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let fail = |at: &Path, e: std::io::Error| OpenError::Path {
            path: at.to_owned(),
            what: e.to_string(),
        };
        disk::private_dir(path).map_err(|e| fail(path, e))?;
        let at = path.join(LOCK);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&at)
            .map_err(|e| fail(&at, e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Locked {
                    path: path.to_owned(),
                    pid: pid_in(&mut lock),
                });
            }
            Err(TryLockError::Error(e)) => return Err(fail(&at, e)),
        }
        // Only for the message of a second instance, so a full disk does not keep us from starting.
        let _ = lock.set_len(0).and_then(|()| {
            lock.rewind()?;
            writeln!(lock, "{}", std::process::id())
        });
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            _lock: lock,
        })))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The process that uses the directory at `path`, if one does and says so. Asking does not lock.
    #[must_use]
    pub fn used_by(path: &Path) -> Option<u32> {
        let mut lock = File::open(path.join(LOCK)).ok()?;
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => pid_in(&mut lock),
            _ => None,
        }
    }
}

fn pid_in(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_user_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node");
        let first = DataDir::open(&path).unwrap();
        assert_eq!(DataDir::used_by(&path), Some(std::process::id()));
        let second = DataDir::open(&path).unwrap_err();
        assert_eq!(
            second,
            OpenError::Locked {
                path: path.clone(),
                pid: Some(std::process::id())
            }
        );
        let text = second.to_string();
        assert!(text.contains(&std::process::id().to_string()), "{text}");
        drop(first);
        assert_eq!(DataDir::used_by(&path), None);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn only_its_user_can_enter_a_new_directory() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let _held = DataDir::open(&path).unwrap();
        let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join(LOCK)), 0o600);
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"x").unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }
}
