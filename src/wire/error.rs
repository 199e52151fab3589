//! What can be wrong with a frame, and whose fault it is.

use crate::{cbor::CborError, offence::Offence, registry::MessageId};

/// Why a frame or message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The input ended inside a frame: a cut connection, nobody's offence.
    #[error("the stream ended inside a frame")]
    Truncated,
    /// An id that no version of the protocol has.
    #[error("message id {0:#06x} is not in the table")]
    UnknownId(u16),
    /// An id of the table that this protocol does not speak, or not here: a request where an answer
    /// belongs, or an answer to another question.
    #[error("{} does not belong here", .0.name())]
    OutOfPlace(MessageId),
    /// Flags that are not defined.
    #[error("flags {0:#04x} are not defined")]
    UnknownFlags(u8),
    /// A payload above the cap of its message id.
    #[error("{} of {len} bytes is above its cap of {cap}", id.name())]
    Oversized {
        /// Which message.
        id: MessageId,
        /// The length it declares or has.
        len: u64,
        /// The most it may have.
        cap: u64,
    },
    /// An answer that goes on after it has said everything it may say.
    #[error("the answer is longer than its request allows")]
    TooMuch,
    /// The answer ended before its first frame.
    #[error("the answer is empty")]
    Empty,
    /// A payload that is not canonical CBOR, or not this message.
    #[error("{} is malformed: {error}", id.name())]
    Payload {
        /// Which message.
        id: MessageId,
        /// What is wrong.
        error: CborError,
    },
}

impl WireError {
    /// What the sender did wrong, `None` where an honest peer's broken link looks the same.
    #[must_use]
    pub fn offence(&self) -> Option<Offence> {
        Some(match self {
            Self::Truncated | Self::Empty => return None,
            Self::UnknownId(_) | Self::OutOfPlace(_) => Offence::UnknownMessage,
            Self::UnknownFlags(_) => Offence::UnknownFlags,
            Self::Oversized { .. } => Offence::OversizedMessage,
            Self::TooMuch => Offence::CreditExceeded,
            Self::Payload { error, .. } if error.is_non_canonical() => Offence::NonCanonicalCbor,
            Self::Payload { .. } => Offence::MalformedMessage,
        })
    }

    /// The stable metric label.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::UnknownId(_) => "unknown_id",
            Self::OutOfPlace(_) => "out_of_place",
            Self::UnknownFlags(_) => "unknown_flags",
            Self::Oversized { .. } => "oversized",
            Self::TooMuch => "too_much",
            Self::Empty => "empty",
            Self::Payload { .. } => "malformed",
        }
    }
}
