//! What can be wrong with an announce, and whose fault it is.

use crate::{cbor::CborError, chain::HeaderError, offence::Offence};

/// Why bytes are no announce of a block of this chain. Judged before the header's work is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnnounceError {
    /// Longer than an announce of this chain can be.
    #[error("an announce of {bytes} bytes is over the limit of {max}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Not the canonical CBOR of an announce.
    #[error("not an announce in canonical CBOR: {0}")]
    Cbor(#[from] CborError),
    /// The header in it does not decode.
    #[error("the header in the announce: {0}")]
    Header(HeaderError),
    /// A count above the chain's limit.
    #[error("{got} {what} are over the limit of {max}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many it says.
        got: u64,
        /// The limit.
        max: usize,
    },
    /// A block length that its own counts and items do not fit, or above the chain's limit.
    #[error("a block of {items} items cannot have {got} bytes")]
    BlockBytes {
        /// What it says.
        got: u64,
        /// How many items it says.
        items: usize,
    },
    /// Another number of short ids than the counts leave room for.
    #[error("{got} bytes of short ids, the counts demand {expected}")]
    ShortIds {
        /// What the counts demand, bytes.
        expected: usize,
        /// What there are, bytes.
        got: usize,
    },
    /// An item in full that is out of order, repeated, out of range or too long.
    #[error("the item in full at place {at} is out of order, out of range or too long")]
    Prefilled {
        /// Its place in the list.
        at: usize,
    },
    /// No items where the header commits to some, or the reverse.
    #[error("the counts contradict the roots in the header")]
    Roots,
}

impl AnnounceError {
    /// What the peer that sent it did. An honest peer has rebuilt the block from what it passes on.
    #[must_use]
    pub fn offence(&self) -> Offence {
        match self {
            Self::TooLarge { .. } => Offence::OversizedMessage,
            Self::Header(error) => error.offence().unwrap_or(Offence::MalformedMessage),
            Self::Cbor(error) if error.is_non_canonical() => Offence::NonCanonicalCbor,
            Self::Roots => Offence::BodyMismatch,
            _ => Offence::MalformedMessage,
        }
    }
}
