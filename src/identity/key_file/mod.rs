//! The file that holds a node's keys.
//!
//! JSON, version 1, readable by its owner alone. `public` parts stand beside the secret so that
//! a file can be shown without its passphrase; on load the secret must produce them again.
//! `specs/identity.md` describes the format.
//!
//! A file is written completely or not at all and never replaces another.

mod disk;
mod error;
mod format;
#[cfg(feature = "cli")]
mod seal;

use std::{fmt, path::Path};

pub use error::KeyFileError;
pub use format::Summary;
use zeroize::Zeroizing;

use super::NodeIdentity;
use crate::crypto::sign::SigAlg;

/// Newest version of the format that is read, and the one that is written.
pub const VERSION: u64 = 1;

/// Longest file that is read. A sealed Dilithium3 key with an SLH-DSA delegation has 45 KB.
pub(super) const MAX_FILE_BYTES: u64 = 128 * 1024;

/// A passphrase, erased on drop. It comes from a prompt, a file or a descriptor, never from the
/// command line, where every user of the machine could read it.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes over the text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Whether nothing was entered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text, for the library that stretches it.
    #[cfg(feature = "cli")]
    fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Loads an identity. A sealed file takes about a second, by design of its passphrase.
///
/// # Errors
/// The file is missing, unreadable, open to others, newer, corrupt, of an algorithm this build
/// lacks, or sealed and `passphrase` missing or wrong. Each names the file and what to do.
pub fn load(path: &Path, passphrase: Option<&Passphrase>) -> Result<NodeIdentity, KeyFileError> {
    let text = disk::read(path)?;
    format::decode(path, &text, passphrase)
}

/// What a file says without its secret: no passphrase is needed.
///
/// # Errors
/// As [`load`], but for the passphrase.
pub fn inspect(path: &Path) -> Result<Summary, KeyFileError> {
    let text = disk::read(path)?;
    format::summary(path, &text)
}

/// Writes `identity` to a new file with mode 0600, sealed if there is a passphrase.
///
/// # Errors
/// The file exists ([`KeyFileError::Exists`]) or cannot be written.
pub fn create(
    path: &Path,
    identity: &NodeIdentity,
    passphrase: Option<&Passphrase>,
) -> Result<(), KeyFileError> {
    let text = format::encode(path, identity, passphrase)?;
    disk::create(path, &text)
}

/// Reads the text of a file that holds some other secret, under the same rules: a regular file that
/// its owner alone can read.
///
/// # Errors
/// As [`load`], but for what the text says.
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    disk::read(path)
}

/// Writes another secret to a new file with mode 0600, completely or not at all.
///
/// # Errors
/// As [`create`].
pub fn create_secret(path: &Path, text: &[u8]) -> Result<(), KeyFileError> {
    disk::create(path, text)
}

/// Loads the identity at `path`, or creates one of `alg` if there is no file. Says which.
///
/// Of two processes that start at the same time one creates the key and both load it.
///
/// # Errors
/// As [`load`] and [`create`].
pub fn load_or_create(
    path: &Path,
    alg: SigAlg,
    passphrase: Option<&Passphrase>,
) -> Result<(NodeIdentity, Origin), KeyFileError> {
    match load(path, passphrase) {
        Err(KeyFileError::Missing { .. }) => {}
        other => return other.map(|identity| (identity, Origin::Loaded)),
    }
    let identity = NodeIdentity::generate(alg).map_err(|source| KeyFileError::Generate {
        path: path.to_owned(),
        source,
    })?;
    match create(path, &identity, passphrase) {
        Ok(()) => Ok((identity, Origin::Created)),
        Err(KeyFileError::Exists { .. }) => {
            load(path, passphrase).map(|identity| (identity, Origin::Loaded))
        }
        Err(e) => Err(e),
    }
}

/// Where an identity came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was in the file.
    Loaded,
    /// It is new.
    Created,
}

#[cfg(test)]
mod tests;
