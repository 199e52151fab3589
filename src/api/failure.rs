//! Errors of the node and its parts as failures with a stable code.

mod gossip;
mod node;
mod peers;

use std::io;

use super::code::{ErrorCode, Failure};
use crate::{
    chain::{StoreError, archive::ArchiveError, audit::AuditError, miner::MineError},
    identity::key_file::KeyFileError,
    storage::OpenError,
};

/// What to do where the disk is full.
const MAKE_ROOM: &str =
    "free some space there; a node that runs goes on by itself, and nothing it stored is lost";

impl Failure {
    fn with_room_hint(self) -> Self {
        match self.code {
            ErrorCode::DiskFull => self.hint(MAKE_ROOM),
            _ => self,
        }
    }
}

impl From<KeyFileError> for Failure {
    fn from(e: KeyFileError) -> Self {
        use KeyFileError as E;
        let (code, hint) = match &e {
            E::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                (ErrorCode::DiskFull, Some(MAKE_ROOM))
            }
            E::Open { .. } => (ErrorCode::KeyPermissions, None),
            E::Corrupt { .. } | E::Newer { .. } => (ErrorCode::KeyMalformed, None),
            E::NotInBuild { .. } => (
                ErrorCode::KeyNotInPolicy,
                Some("build with the cargo feature `round3`, or use another key"),
            ),
            E::PassphraseNeeded { .. } => (
                ErrorCode::KeyPassphrase,
                Some("name it with ANIMICA_P2P_PASSPHRASE_FILE, or run on a terminal"),
            ),
            E::WrongPassphrase { .. } | E::NoPassphraseSupport { .. } => {
                (ErrorCode::KeyPassphrase, None)
            }
            E::Exists { .. } => (ErrorCode::KeyExists, None),
            E::Missing { .. } => (
                ErrorCode::KeyUnreadable,
                Some("make one with `animica-p2p key generate`"),
            ),
            _ => (ErrorCode::KeyUnreadable, None),
        };
        let failure = Self::new(code, e.to_string());
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(e: StoreError) -> Self {
        let code = match &e {
            StoreError::Full => ErrorCode::DiskFull,
            StoreError::Corrupt { .. } => ErrorCode::StoreCorrupt,
            StoreError::NewerVersion { .. } => ErrorCode::StoreNewer,
            StoreError::OtherGenesis { .. } => ErrorCode::WrongGenesis,
            StoreError::Locked => ErrorCode::DataDirLocked,
            _ => ErrorCode::StoreFailed,
        };
        Self::new(code, e.to_string()).with_room_hint()
    }
}

impl From<OpenError> for Failure {
    fn from(e: OpenError) -> Self {
        let code = match &e {
            OpenError::Locked { .. } => ErrorCode::DataDirLocked,
            OpenError::NewerVersion { .. } => ErrorCode::StoreNewer,
            OpenError::OtherGenesis { .. } => ErrorCode::WrongGenesis,
            OpenError::Path { what, .. } if what.contains("denied") => ErrorCode::PermissionDenied,
            OpenError::Path { what, .. } if what.contains("No space") => ErrorCode::DiskFull,
            OpenError::Path { .. } => ErrorCode::FileFailed,
            OpenError::Store(store) => Self::from(store.clone()).code,
        };
        Self::new(code, e.to_string()).with_room_hint()
    }
}

impl From<ArchiveError> for Failure {
    fn from(e: ArchiveError) -> Self {
        use ArchiveError as E;
        let code = match &e {
            E::Io(e) if e.kind() == io::ErrorKind::PermissionDenied => ErrorCode::PermissionDenied,
            E::Io(e) if e.kind() == io::ErrorKind::StorageFull => ErrorCode::DiskFull,
            E::Io(_) | E::Magic | E::NewerVersion { .. } | E::Damaged { .. } => {
                ErrorCode::FileFailed
            }
            E::OtherGenesis { .. } => ErrorCode::WrongGenesis,
            E::Gap { .. } | E::Header { .. } | E::Body { .. } => ErrorCode::ChainInvalid,
            E::Store(store) => Self::from(store.clone()).code,
            _ => ErrorCode::Failed,
        };
        Self::new(code, e.to_string()).with_room_hint()
    }
}

impl From<AuditError> for Failure {
    fn from(e: AuditError) -> Self {
        match e {
            AuditError::Store(store) => store.into(),
            other => Self::new(ErrorCode::ChainInvalid, other.to_string()),
        }
    }
}

impl From<MineError> for Failure {
    fn from(e: MineError) -> Self {
        let failure = Self::new(ErrorCode::Failed, e.to_string());
        match e {
            MineError::Infeasible { .. } => failure.hint(
                "the schedule is ahead of the chain; wait, use `chain mine`, or a chain with a lower difficulty (devnet)",
            ),
            MineError::AheadOfClock { .. } => {
                failure.hint("the chain has caught up with the clock; wait a little")
            }
            _ => failure,
        }
    }
}
