//! Why a session cannot go on.

use std::io;

use crate::secure::{CloseCode, record::RecordError};

/// Why a session cannot go on. Found inside the [`io::Error`] of a read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The stream ended without a close record.
    #[error("the stream was cut off")]
    Truncated,
    /// A record was refused.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The peer closed, and not because it had nothing left to say.
    #[error("closed by the peer: {0}")]
    PeerClosed(CloseCode),
    /// The delegation that the peer stands on has ended.
    #[error("the peer's delegation has expired")]
    DelegationExpired,
    /// This side has closed its direction.
    #[error("this side has closed")]
    Closed,
}

impl From<SessionError> for io::Error {
    fn from(error: SessionError) -> Self {
        let kind = match error {
            SessionError::Truncated => io::ErrorKind::UnexpectedEof,
            SessionError::Record(_) => io::ErrorKind::InvalidData,
            SessionError::PeerClosed(_) => io::ErrorKind::ConnectionAborted,
            SessionError::DelegationExpired => io::ErrorKind::TimedOut,
            SessionError::Closed => io::ErrorKind::BrokenPipe,
        };
        Self::new(kind, error)
    }
}
