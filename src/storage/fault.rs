//! What can go wrong with the disk, said so that its owner knows which file and what to do.

use std::{
    fmt::Display,
    io::{self, ErrorKind},
    path::PathBuf,
};

use crate::{chain::StoreError, ids::Hash32};

/// File name of the database of the chain in a data directory.
pub(super) const DATABASE: &str = "node.redb";
/// File name of the database of what is known about peers.
pub(super) const PEERS: &str = "peers.redb";

/// A data directory that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process uses it.
    #[error(
        "{} is used by another node{}; stop it, or give this one its own --data-dir",
        path.display(),
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Locked {
        /// The data directory.
        path: PathBuf,
        /// The other process, if it said so.
        pid: Option<u32>,
    },
    /// A file was written by a later version of this program.
    #[error(
        "{file} has format {found}, this version reads up to {supported}; use the version that wrote it, or another --data-dir"
    )]
    NewerVersion {
        /// Which file.
        file: String,
        /// Its format.
        found: u32,
        /// The latest format of this build.
        supported: u32,
    },
    /// The directory, or a file in it, belongs to another chain.
    #[error(
        "{file} belongs to the chain of genesis {found}, not {expected}; use another --data-dir or the other --chain-id"
    )]
    OtherGenesis {
        /// Which file.
        file: String,
        /// The genesis asked for.
        expected: Hash32,
        /// The genesis of the file.
        found: Hash32,
    },
    /// A path cannot be created, read or written.
    #[error("{}: {what}", path.display())]
    Path {
        /// Which path.
        path: PathBuf,
        /// What the operating system says.
        what: String,
    },
    /// The store in it cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Locked { .. } => Self::Locked,
            OpenError::NewerVersion {
                found, supported, ..
            } => Self::NewerVersion {
                found: found.into(),
                supported: supported.into(),
            },
            OpenError::OtherGenesis {
                expected, found, ..
            } => Self::OtherGenesis { expected, found },
            OpenError::Path { .. } => Self::Io {
                what: error.to_string(),
            },
            OpenError::Store(error) => error,
        }
    }
}

/// Results of redb.
pub(super) trait Db<T>: Sized {
    /// As a result of the store, about the file `name`.
    fn db_in(self, name: &str) -> Result<T, StoreError>;

    /// As a result of the store, about [`DATABASE`].
    fn db(self) -> Result<T, StoreError> {
        self.db_in(DATABASE)
    }
}

impl<T, E: Into<redb::Error>> Db<T> for Result<T, E> {
    fn db_in(self, name: &str) -> Result<T, StoreError> {
        self.map_err(|e| redb_error(name, e.into()))
    }
}

fn redb_error(name: &str, error: redb::Error) -> StoreError {
    match error {
        redb::Error::Io(e) if e.kind() == ErrorKind::InvalidData => file(name, e),
        redb::Error::Io(e) => io(name, e),
        redb::Error::PreviousIo => StoreError::Io {
            what: format!("{name}: an earlier write failed"),
        },
        other @ (redb::Error::DatabaseAlreadyOpen | redb::Error::ValueTooLarge(_)) => {
            StoreError::Io {
                what: format!("{name}: {other}"),
            }
        }
        other => file(name, other),
    }
}

/// A call to the operating system about file `name` failed.
pub(super) fn io(name: &str, error: io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StoreError::Full
        }
        // Reads stay inside the file's length, so a file that ends early was cut by someone else.
        ErrorKind::UnexpectedEof => file(name, "it ends too early"),
        _ => StoreError::Io {
            what: format!("{name}: {error}"),
        },
    }
}

/// File `name` does not hold what it should.
pub(super) fn file(name: &str, what: impl Display) -> StoreError {
    let way_out = if name == PEERS {
        "start the node again, which sets the file aside if it cannot be read"
    } else {
        "restore the data directory from a backup or remove it and sync again"
    };
    StoreError::Corrupt {
        what: format!("{name}: {what}; check the disk, then {way_out}"),
    }
}

/// The body of a block does not read back.
pub(super) fn body(hash: &Hash32, name: &str, offset: u64, what: impl Display) -> StoreError {
    StoreError::Corrupt {
        what: format!(
            "body of block {hash} at byte {offset} of {name}: {what}; check the disk, then import the block again, which replaces the body"
        ),
    }
}

/// A row of a table is not one, or misses another it refers to.
pub(super) fn row(table: &str, number: u64) -> StoreError {
    file(
        DATABASE,
        format_args!("row {number} of table {table} is damaged or missing"),
    )
}

/// The program asked for something that contradicts the store.
pub(super) fn bad_batch(hash: &Hash32, what: &str) -> StoreError {
    StoreError::BadBatch {
        what: format!("{hash} {what}"),
    }
}

/// Whether redb may refuse to go on after `error`.
pub(super) fn breaks_database(error: &StoreError) -> bool {
    !matches!(error, StoreError::BadBatch { .. })
}
