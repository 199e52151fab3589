//! Why a key file cannot be used. Every message names the file and what to do.

use std::{io, path::PathBuf};

use crate::crypto::sign::SignError;

/// Why a key file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The fields are the file and what the message says of it.
pub enum KeyFileError {
    /// There is none.
    #[error("there is no key file {}", path.display())]
    Missing { path: PathBuf },
    /// The operating system refuses to read it.
    #[error("cannot read the key file {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The operating system refuses to write it.
    #[error("cannot write the key file {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// It exists, and keys are never overwritten.
    #[error("{} exists and is never overwritten; move it away first", path.display())]
    Exists { path: PathBuf },
    /// Others than its owner can use it.
    #[error(
        "the key file {} can be used by others than its owner (mode {mode:03o}); run: chmod 600 {}",
        path.display(),
        shell_word(path)
    )]
    Open { path: PathBuf, mode: u32 },
    /// A newer program wrote it.
    #[error(
        "the key file {} has version {found} and this program knows up to {known}; use the newer \
         program that wrote it",
        path.display()
    )]
    Newer {
        path: PathBuf,
        found: u64,
        known: u64,
    },
    /// It is not a key file, or damaged.
    #[error(
        "the key file {} is damaged: {what}; restore it from a backup, a key cannot be repaired",
        path.display()
    )]
    Corrupt { path: PathBuf, what: String },
    /// Its algorithm is not in this build.
    #[error("the key file {} is of {alg}, which is not in this build", path.display())]
    NotInBuild { path: PathBuf, alg: String },
    /// It is sealed, and no passphrase was given.
    #[error("the key file {} is sealed with a passphrase", path.display())]
    PassphraseNeeded { path: PathBuf },
    /// It is sealed with another passphrase.
    #[error("the passphrase does not open the key file {}", path.display())]
    WrongPassphrase { path: PathBuf },
    /// It is sealed, and this build cannot open it.
    #[error(
        "the key file {} is sealed with a passphrase, which needs the cargo feature `cli`",
        path.display()
    )]
    NoPassphraseSupport { path: PathBuf },
    /// No key could be made for it.
    #[error("cannot make a key for {}: {source}", path.display())]
    Generate { path: PathBuf, source: SignError },
}

/// A path as a shell takes it.
fn shell_word(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
