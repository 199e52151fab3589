//! Why a signed ping or pong is refused, and whose fault it is.

use crate::{
    cbor::CborError,
    crypto::sign::SignError,
    identity::{ClaimError, DelegationError, IdentityError},
    offence::Offence,
    peers::fault,
};

/// Why a document is refused, or was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PingError {
    /// Longer than a document may be.
    #[error("a signed ping of {0} bytes is longer than allowed")]
    TooLong(usize),
    /// Not the canonical CBOR of a document.
    #[error("not a signed ping: {0}")]
    Malformed(#[from] CborError),
    /// A version this build does not know.
    #[error("signed-ping version {0} is unknown")]
    Version(u64),
    /// The identity is not a key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The delegation is not of its form.
    #[error(transparent)]
    Delegation(#[from] DelegationError),
    /// A PONG where a PING belongs, or the other way round.
    #[error("a pong where a ping belongs, or the other way round")]
    OtherKind,
    /// Of another identity than the key it carries, or than the peer that sent it.
    #[error("the document is of another peer than the one that sent it")]
    OtherSender,
    /// Meant for somebody else.
    #[error("the document is meant for somebody else")]
    OtherRecipient,
    /// For another chain id or genesis.
    #[error("the document is for another chain")]
    OtherChain,
    /// Further from our clock than a minute. Perhaps nobody's fault: one of the clocks is wrong.
    #[error(
        "the document says {said} ms and our clock {now} ms: more than a minute apart, so one of the two clocks is wrong"
    )]
    NotFresh {
        /// What it says, milliseconds since the UNIX epoch.
        said: u64,
        /// Our clock then.
        now: u64,
    },
    /// A PING whose nonce was seen before.
    #[error("the nonce of the ping was seen before")]
    Replayed,
    /// A PONG that is not the answer to our PING: another nonce, or another hash.
    #[error("the pong answers another ping")]
    OtherPing,
    /// Whoever signed it may not sign for the sender, or did not.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The peer's id is not that of a post-quantum identity.
    #[error("the peer has no post-quantum identity")]
    Foreign,
    /// Our own key cannot sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl PingError {
    /// What the peer that sent it did wrong, if anything.
    #[must_use]
    pub fn offence(&self) -> Option<Offence> {
        match self {
            Self::TooLong(_) => Some(Offence::OversizedMessage),
            Self::Malformed(e) => Some(fault::of_cbor(e)),
            Self::Identity(e) => fault::of_identity(e),
            Self::Delegation(e) => fault::of_delegation(e),
            Self::OtherKind | Self::OtherSender | Self::OtherRecipient => {
                Some(Offence::MalformedMessage)
            }
            Self::OtherChain => Some(Offence::WrongNetwork),
            Self::OtherPing => Some(Offence::UnsolicitedResponse),
            Self::Claim(e) => fault::of_claim(e),
            // A clock, a later version, a repeated request, or ours.
            Self::NotFresh { .. }
            | Self::Version(_)
            | Self::Replayed
            | Self::Foreign
            | Self::Sign(_) => None,
        }
    }
}
