//! Why a delegation is refused.

use crate::{
    cbor::CborError,
    crypto::sign::{SigAlg, SignatureError},
    identity::IdentityError,
};

/// Why a delegation does not let its key sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DelegationError {
    /// Longer than any delegation can be.
    #[error("a delegation of {0} bytes is longer than any can be")]
    TooLong(usize),
    /// Not the canonical CBOR of a delegation.
    #[error("not a delegation: {0}")]
    Malformed(CborError),
    /// A version this build does not know.
    #[error("delegation version {0} is unknown")]
    Version(u64),
    /// It was issued by another identity than the one that presents it.
    #[error("the delegation is of another identity")]
    OtherIdentity,
    /// It names another signing key than the one at hand.
    #[error("the delegation is to another key")]
    OtherSigner,
    /// It holds on another chain id or genesis.
    #[error("the delegation is for another chain")]
    OtherChain,
    /// It does not allow this use.
    #[error("the delegation does not allow this use")]
    Usage,
    /// Its life is empty, backwards, or longer than 90 days.
    #[error("the delegation's life is empty or longer than 90 days")]
    Life,
    /// It does not hold yet, even with the clock allowance.
    #[error("the delegation does not hold yet")]
    Premature,
    /// It no longer holds, even with the clock allowance.
    #[error("the delegation has expired")]
    Expired,
    /// The signing key is not a key.
    #[error("the delegated key is unusable: {0}")]
    SigningKey(IdentityError),
    /// The policy of the session does not let the delegated algorithm sign.
    #[error("the policy does not allow {0} to sign")]
    Algorithm(SigAlg),
    /// A later delegation of the same identity was seen, which revokes this one.
    #[error("serial {found} is below {highest}, which this identity has used since")]
    LowerSerial {
        /// Its serial.
        found: u64,
        /// The highest seen from this identity.
        highest: u64,
    },
    /// The identity did not sign it.
    #[error("the delegation is not signed by the identity: {0}")]
    Signature(SignatureError),
}

impl DelegationError {
    /// Whether only a clock is to blame; such a failure never costs a peer its score.
    #[must_use]
    pub fn is_about_time(&self) -> bool {
        matches!(self, Self::Premature | Self::Expired)
    }
}
