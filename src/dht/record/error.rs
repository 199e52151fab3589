//! Why a record is refused.

use crate::{
    cbor::CborError,
    crypto::sign::SignError,
    identity::{ClaimError, DelegationError, IdentityError},
    offence::Offence,
};

/// Why a record is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Longer than a record may be.
    #[error("a record of {0} bytes is longer than allowed")]
    TooLong(usize),
    /// Not the canonical CBOR of a record.
    #[error("not a record of the hash table: {0}")]
    Malformed(#[from] CborError),
    /// A version this build does not know.
    #[error("record version {0} is unknown")]
    Version(u64),
    /// The name is empty or too long.
    #[error("a name has 1-64 bytes")]
    Name,
    /// A value that is found by its content can be neither deleted nor numbered.
    #[error("a record found by its content has a value and no sequence number")]
    ContentForm,
    /// The value is too long for the way in which the record is signed.
    #[error("a value has at most 8 KiB, and 2 KiB if a delegated key signs it")]
    ValueTooLong,
    /// The identity is not a key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The delegation is not of its form.
    #[error(transparent)]
    Delegation(#[from] DelegationError),
    /// The body names another author than the record carries.
    #[error("the record is of another author than it carries")]
    OtherAuthor,
    /// It lies under a key that is not its own.
    #[error("the record lies under a key that is not its own")]
    OtherKey,
    /// For another chain id or genesis.
    #[error("the record is for another chain")]
    OtherChain,
    /// Its life is empty or longer than a week.
    #[error("the record's life is empty or longer than a week")]
    Life,
    /// Dated further ahead than clocks may differ.
    #[error("the record is dated in the future")]
    Premature,
    /// Its life is over.
    #[error("the record has expired")]
    Expired,
    /// Whoever signed it may not sign for the author, or did not.
    #[error(transparent)]
    Claim(#[from] ClaimError),
}

impl RecordError {
    /// Whether only a clock is to blame; such a failure never costs a peer its score.
    #[must_use]
    pub fn is_about_time(&self) -> bool {
        match self {
            Self::Premature | Self::Expired => true,
            Self::Claim(e) => e.is_about_time(),
            _ => false,
        }
    }

    /// What the peer that handed it over did wrong, if anything: it has checked all this itself
    /// before it kept the record, but for what depends on clocks and on what it has not seen.
    #[must_use]
    pub fn offence(&self) -> Option<Offence> {
        match self {
            Self::TooLong(_) => Some(Offence::OversizedMessage),
            Self::Malformed(e) if e.is_non_canonical() => Some(Offence::NonCanonicalCbor),
            Self::OtherChain => Some(Offence::WrongNetwork),
            // A later version or another build may know more than this one.
            Self::Version(_)
            | Self::Identity(IdentityError::UnknownAlgorithm(_) | IdentityError::NotInBuild(_)) => {
                None
            }
            e if e.is_about_time() => None,
            // Policies differ, and a delegation may have been revoked meanwhile.
            Self::Claim(
                ClaimError::IdentityAlgorithm(_)
                | ClaimError::Delegation(
                    DelegationError::LowerSerial { .. } | DelegationError::Algorithm(_),
                ),
            ) => None,
            Self::Claim(_) => Some(Offence::BadSignature),
            _ => Some(Offence::MalformedMessage),
        }
    }
}

/// Why no record was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignRecordError {
    /// A reader would refuse it.
    #[error(transparent)]
    Refused(#[from] RecordError),
    /// The key cannot sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}
