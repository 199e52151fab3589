//! What the exchange says to the event loop.

use libp2p::{
    PeerId,
    request_response::{OutboundFailure, ResponseChannel},
    swarm::ConnectionId,
};

use super::{RequestId, codec::Reply};
use crate::{
    offence::Offence,
    wire::{Message, WireError},
};

/// What the exchange tells the event loop.
#[derive(Debug)]
pub enum Event {
    /// A peer asks for something. Dropping the token leaves it without an answer.
    Request {
        /// Who asks.
        peer: PeerId,
        /// What.
        message: Message,
        /// Before its other requests, please.
        priority: bool,
        /// The right to answer.
        token: Token,
    },
    /// A request of ours was answered.
    Response {
        /// By whom.
        peer: PeerId,
        /// Which.
        id: RequestId,
        /// With what: all frames as one message.
        message: Message,
    },
    /// A request of ours was not answered.
    Failed {
        /// By whom.
        peer: PeerId,
        /// Which.
        id: RequestId,
        /// Why.
        reason: Failure,
    },
    /// A peer sent what no honest peer sends.
    Offence {
        /// Who.
        peer: PeerId,
        /// On which connection.
        connection: ConnectionId,
        /// What.
        offence: Offence,
        /// What exactly.
        error: WireError,
    },
}

/// The right to answer one request, once.
#[derive(Debug)]
pub struct Token(pub(super) ResponseChannel<Reply>);

impl Token {
    /// Whether somebody still waits for the answer.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.is_open()
    }
}

/// Why a request got no answer. None of these is an offence by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection to the peer, when asked or before the answer was complete.
    #[error("not connected")]
    Disconnected,
    /// Nothing, or not everything, within the timeout.
    #[error("timed out")]
    Timeout,
    /// The peer does not speak the protocol.
    #[error("the peer does not speak the protocol")]
    Unsupported,
    /// The substream failed, or its end came too early.
    #[error("the substream failed: {0}")]
    Broken(String),
    /// The answer was refused; the offence, if it is one, comes as an event of its own.
    #[error("the answer was refused: {0}")]
    Refused(WireError),
}

impl Failure {
    /// The metric label.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Timeout => "timeout",
            Self::Unsupported => "unsupported",
            Self::Broken(_) => "broken",
            Self::Refused(error) => error.label(),
        }
    }
}

impl From<OutboundFailure> for Failure {
    fn from(failure: OutboundFailure) -> Self {
        match failure {
            OutboundFailure::DialFailure | OutboundFailure::ConnectionClosed => Self::Disconnected,
            OutboundFailure::Timeout => Self::Timeout,
            OutboundFailure::UnsupportedProtocols => Self::Unsupported,
            OutboundFailure::Io(e) => Self::Broken(e.to_string()),
        }
    }
}
