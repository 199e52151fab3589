//! How a rebuild ends.

use bytes::Bytes;

use super::super::Stats;
use crate::{ids::Hash32, offence::Offence};

/// A rebuilt block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Hash of its header.
    pub hash: Hash32,
    /// Its encoding, byte for byte the announcer's.
    pub bytes: Bytes,
    /// What it took.
    pub stats: Stats,
}

/// Why an announce does not lead to its block. Nobody's fault as far as can be seen from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FullReason {
    /// More is missing than one request may ask for.
    #[error("{missing} items are missing")]
    TooMuchMissing {
        /// How many.
        missing: usize,
    },
    /// What is known is longer or shorter than the block that was announced: something here has
    /// the short id of another item, or the length is a lie.
    #[error("the items do not have the length that was announced")]
    Length,
    /// The items do not have the roots of the header: as [`FullReason::Length`].
    #[error("the items do not have the roots in the header")]
    Roots,
    /// Too much is being rebuilt already.
    #[error("too much is being rebuilt already")]
    NoRoom,
    /// The announcer did not answer, or could not.
    #[error("no announcer answered")]
    NoAnswer,
}

/// What is wrong with the answer to a request for items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// More or fewer items than were asked for.
    #[error("{asked} items were asked for, {got} came")]
    Count {
        /// How many were asked for.
        asked: usize,
        /// How many came.
        got: usize,
    },
    /// More bytes than the request allows.
    #[error("the items have {bytes} bytes, at most {max} were asked for")]
    TooLarge {
        /// How many came.
        bytes: usize,
        /// What was allowed.
        max: u32,
    },
    /// An item without the short id that the same peer announced for it.
    #[error("item {number} is not the one that was announced")]
    OtherItem {
        /// Its number.
        number: u32,
    },
}

impl AnswerError {
    /// What the peer did.
    #[must_use]
    pub fn offence(&self) -> Offence {
        match self {
            Self::Count { asked, got } if got < asked => Offence::MalformedMessage,
            Self::Count { .. } | Self::TooLarge { .. } => Offence::CreditExceeded,
            Self::OtherItem { .. } => Offence::BodyMismatch,
        }
    }
}
