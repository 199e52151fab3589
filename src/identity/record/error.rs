//! Why a node record is refused.

use crate::{
    cbor::CborError,
    crypto::sign::SignError,
    identity::{ClaimError, DelegationError, IdentityError},
};

/// Why a record is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Longer than a record may be.
    #[error("a record of {0} bytes is longer than allowed")]
    TooLong(usize),
    /// Not the canonical CBOR of a record.
    #[error("not a node record: {0}")]
    Malformed(#[from] CborError),
    /// A version this build does not know.
    #[error("record version {0} is unknown")]
    Version(u64),
    /// The identity is not a key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The delegation is not of its form.
    #[error(transparent)]
    Delegation(#[from] DelegationError),
    /// The body names another identity than the record carries.
    #[error("the record is of another identity than it carries")]
    OtherIdentity,
    /// An address is not a multiaddress, or ends in the `/p2p` of another node.
    #[error("an address of the record is not an address of its node")]
    Address,
    /// For another chain id or genesis.
    #[error("the record is for another chain")]
    OtherChain,
    /// Its life is empty or longer than a day.
    #[error("the record's life is empty or longer than a day")]
    Life,
    /// Dated further ahead than clocks may differ.
    #[error("the record is dated in the future")]
    Premature,
    /// Its life is over.
    #[error("the record has expired")]
    Expired,
    /// Whoever signed it may not sign for the identity, or did not.
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
