//! Reading and writing a file that nobody else may read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{KeyFileError, MAX_FILE_BYTES};

/// Reads the file, after checking who else could.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing {
            path: path.to_owned(),
        },
        _ => KeyFileError::Read {
            path: path.to_owned(),
            source,
        },
    };
    let corrupt = |what: &str| KeyFileError::Corrupt {
        path: path.to_owned(),
        what: what.to_owned(),
    };
    // Looked at before it is opened: opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(corrupt("it is not a regular file"));
    }
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    check_mode(path, &metadata)?;
    if metadata.len() > MAX_FILE_BYTES {
        return Err(corrupt("it is too long to be a key"));
    }
    // The capacity is that of the file, so that no grown-out-of buffer keeps a copy.
    let capacity = usize::try_from(metadata.len()).unwrap_or_default() + 1;
    let mut text = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(MAX_FILE_BYTES)
        .read_to_end(&mut text)
        .map_err(failed)?;
    if text.is_empty() {
        return Err(corrupt("it is empty"));
    }
    Ok(text)
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Open {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &fs::Metadata) -> Result<(), KeyFileError> {
    Ok(())
}

/// Writes a new file: complete and synced under another name first, then linked to its own, which
/// fails if that exists.
pub(super) fn create(path: &Path, text: &[u8]) -> Result<(), KeyFileError> {
    if path.symlink_metadata().is_ok() {
        return Err(KeyFileError::Exists {
            path: path.to_owned(),
        });
    }
    write(path, text).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists {
            path: path.to_owned(),
        },
        _ => KeyFileError::Write {
            path: path.to_owned(),
            source,
        },
    })
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    fs::create_dir_all(directory)?;
    let draft = Draft::write(directory, path, text)?;
    match fs::hard_link(&draft.0, path) {
        Err(e) if cannot_link(&e) => fill(&new_file(path)?, text)?,
        done => done?,
    }
    drop(draft);
    // The name is durable only with its directory.
    File::open(directory)?.sync_all()
}

/// File systems without hard links (FAT, some network mounts) say so in one of these ways.
fn cannot_link(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
    )
}

/// The file under its temporary name, removed on drop.
struct Draft(PathBuf);

impl Draft {
    fn write(directory: &Path, path: &Path, text: &[u8]) -> io::Result<Self> {
        let mut random = [0; 8];
        crate::crypto::random(&mut random).map_err(io::Error::other)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let draft = directory.join(format!(".{name}.{}.new", hex::encode(random)));
        let file = new_file(&draft)?;
        let draft = Self(draft);
        fill(&file, text)?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn fill(mut file: &File, text: &[u8]) -> io::Result<()> {
    file.write_all(text)?;
    file.sync_all()
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
