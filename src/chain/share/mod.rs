//! Shares: evidence of useful work that travels before, and beside, the blocks it may enter.
//!
//! A share is a [`ProofEnvelope`](super::ProofEnvelope). Of the five types this layer can verify one: a
//! *hash share*, a draw over a header template that meets an easier target than a block. What the
//! others prove is up to a [`ShareVerifier`] of the application; by default they are carried.

mod hash;
#[cfg(test)]
mod tests;
mod verifier;

use crate::{
    cbor::CborError,
    ids::{Hash32, Theta},
    offence::Offence,
};

use super::{HeaderError, ObjectError, refusal::cbor_offence};

pub use hash::{HashShare, nullifier};
pub use verifier::{HashShares, SHARES_PER_BLOCK, ShareParent, ShareVerifier, Standing};

/// Why a share is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// Not an envelope.
    #[error("not a share: {0}")]
    Form(#[from] ObjectError),
    /// Its body is not the canonical CBOR of a hash share.
    #[error("the body is not a hash share in canonical CBOR: {0}")]
    Body(#[from] CborError),
    /// A version of hash shares other than 1.
    #[error("hash share version {0} is unknown")]
    Version(u64),
    /// The template in it is not a header, or cannot follow its parent.
    #[error("the template: {0}")]
    Template(HeaderError),
    /// The template has a nonce of its own, so that one template would have many forms.
    #[error("the template has a nonce")]
    TemplateNonce,
    /// The draw does not meet the micro-target.
    #[error("the draw does not meet theta {theta} of a share")]
    AboveTarget {
        /// The Θ it should meet.
        theta: Theta,
    },
    /// The nullifier is not the one of the body.
    #[error("the nullifier is {got}, the body has {expected}")]
    Nullifier {
        /// The body's.
        expected: Hash32,
        /// What the envelope says.
        got: Hash32,
    },
    /// A verifier of the application refused it.
    #[error("refused by the verifier: {reason}")]
    Verifier {
        /// In its words.
        reason: String,
    },
}

impl ShareError {
    /// What the peer that sent the share did, `None` if an honest peer can send it.
    #[must_use]
    pub fn offence(&self) -> Option<Offence> {
        Some(match self {
            Self::Form(ObjectError::TooLarge { .. }) => Offence::OversizedMessage,
            Self::Form(ObjectError::Cbor(e)) | Self::Body(e) => cbor_offence(*e),
            Self::Form(_) | Self::Version(_) | Self::TemplateNonce => Offence::MalformedMessage,
            Self::Template(e) => return e.offence(),
            Self::AboveTarget { .. } | Self::Verifier { .. } => Offence::InsufficientWork,
            Self::Nullifier { .. } => Offence::ForgedNullifier,
        })
    }
}
