//! Why there is no connection.

use std::{error::Error as StdError, io};

use libp2p::{
    Multiaddr, TransportError,
    core::transport::timeout::TransportTimeoutError,
    dns,
    swarm::{DialError, ListenError},
};

use crate::secure::HandshakeError;

/// Why an attempt, ours or of somebody else, did not become a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The socket could not be opened or failed.
    #[error("{0}")]
    Socket(Box<dyn StdError + Send + Sync>),
    /// The name has no address, or nobody could say.
    #[error("the name could not be resolved: {0}")]
    Resolve(String),
    /// No transport takes this address.
    #[error("no transport for {0}")]
    Unsupported(Multiaddr),
    /// The channel was not established.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The other side speaks the channel but not yamux, or broke off there.
    #[error("no muxer agreed on: {0}")]
    Muxer(String),
    /// Not connected and authenticated in time.
    #[error("not connected and authenticated in time")]
    Deadline,
}

impl Error {
    /// The metric label.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Socket(_) => "socket",
            Self::Resolve(_) => "resolve",
            Self::Unsupported(_) => "unsupported",
            Self::Handshake(e) => e.label(),
            Self::Muxer(_) => "muxer",
            Self::Deadline => "deadline",
        }
    }

    /// The error of this room inside what the swarm reports of a failed dial: of the address that
    /// came furthest, if there were several.
    #[must_use]
    pub fn of_dial(error: &DialError) -> Option<&Self> {
        let DialError::Transport(tried) = error else {
            return None;
        };
        let ours = tried.iter().filter_map(|(_, e)| match e {
            TransportError::Other(e) => Self::inside(e),
            TransportError::MultiaddrNotSupported(_) => None,
        });
        ours.max_by_key(|e| e.progress())
    }

    /// The error of this room inside what the swarm reports of a failed inbound connection.
    #[must_use]
    pub fn of_listen(error: &ListenError) -> Option<&Self> {
        match error {
            ListenError::Transport(TransportError::Other(e)) => Self::inside(e),
            _ => None,
        }
    }

    /// libp2p boxes every error of a transport into an [`io::Error`].
    fn inside(error: &io::Error) -> Option<&Self> {
        let mut error: &(dyn StdError + 'static) = error.get_ref()?;
        loop {
            if let Some(ours) = error.downcast_ref() {
                return Some(ours);
            }
            error = error.source()?;
        }
    }

    /// How far the attempt came: what a peer said is worth more than that another was away.
    fn progress(&self) -> u8 {
        match self {
            Self::Unsupported(_) => 0,
            Self::Resolve(_) => 1,
            Self::Socket(_) => 2,
            Self::Deadline => 3,
            Self::Handshake(_) => 4,
            Self::Muxer(_) => 5,
        }
    }
}

impl From<TransportTimeoutError<Error>> for Error {
    fn from(error: TransportTimeoutError<Error>) -> Self {
        match error {
            TransportTimeoutError::Other(e) => e,
            TransportTimeoutError::Timeout => Self::Deadline,
            TransportTimeoutError::TimerError(e) => Self::Socket(e.into()),
        }
    }
}

impl From<dns::Error<Error>> for Error {
    fn from(error: dns::Error<Error>) -> Self {
        match error {
            dns::Error::Transport(e) => e,
            dns::Error::MultiaddrNotSupported(address) => Self::Unsupported(address),
            dns::Error::Dial(tried) => {
                let tried = tried.into_iter().map(Self::from);
                let furthest = tried.max_by_key(Self::progress);
                furthest.unwrap_or_else(|| Self::Resolve("no address".to_owned()))
            }
            e @ (dns::Error::ResolveError(_) | dns::Error::TooManyLookups) => {
                Self::Resolve(e.to_string())
            }
        }
    }
}
