//! Whose signature to expect from a peer that shows an identity and perhaps a delegation.
//!
//! The order is that of section 4 of `specs/identity.md`: what costs nothing first, then the
//! signature of whoever speaks, and the delegation's own signature last. A stranger who copied
//! somebody's delegation therefore fails before it makes this node check a slow signature.

use super::{Delegation, DelegationError, Delegations, Usage};
use crate::{
    crypto::sign::{SigAlg, SignatureError},
    identity::{Policy, PublicIdentity},
    registry::SignContext,
};

/// Why a peer may not sign as the identity it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// The policy of the session does not have the identity's algorithm.
    #[error("the policy does not allow {0} identities")]
    IdentityAlgorithm(SigAlg),
    /// The identity signs delegations only, and shows none.
    #[error("a {0} identity signs delegations only and shows none")]
    DelegationMissing(SigAlg),
    /// Its delegation does not hold.
    #[error(transparent)]
    Delegation(#[from] DelegationError),
    /// The signature of the document is not by the key that may sign.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl ClaimError {
    /// Whether only a clock is to blame; such a failure never costs a peer its score.
    #[must_use]
    pub fn is_about_time(&self) -> bool {
        matches!(self, Self::Delegation(e) if e.is_about_time())
    }
}

/// A peer's claim to sign as an identity: everything but signatures has been checked.
#[derive(Debug)]
#[must_use = "a claim proves nothing until it is verified"]
pub struct Claim<'a> {
    memory: &'a Delegations,
    identity: &'a PublicIdentity,
    delegation: Option<&'a Delegation>,
    signer: PublicIdentity,
}

impl Delegations {
    /// Checks policy, time, chain, usage and serial, and says whose signature to expect.
    ///
    /// # Errors
    /// The first rule that fails.
    pub fn claim<'a>(
        &'a self,
        identity: &'a PublicIdentity,
        delegation: Option<&'a Delegation>,
        policy: &Policy,
        usage: Usage,
        now_ms: u64,
    ) -> Result<Claim<'a>, ClaimError> {
        let alg = identity.alg();
        if !policy.allows_identity(alg) {
            return Err(ClaimError::IdentityAlgorithm(alg));
        }
        let signer = match delegation {
            Some(d) => self.check(d, identity, policy, usage, now_ms)?,
            None if policy.allows_signing(alg) => identity.clone(),
            None => return Err(ClaimError::DelegationMissing(alg)),
        };
        Ok(Claim {
            memory: self,
            identity,
            delegation,
            signer,
        })
    }
}

impl Claim<'_> {
    /// The key that must have signed.
    #[must_use]
    pub fn signer(&self) -> &PublicIdentity {
        &self.signer
    }

    /// Whether [`Claim::verify`] will check a second signature, that of a delegation not seen
    /// before: for budgets.
    #[must_use]
    pub fn is_costly(&self) -> bool {
        self.delegation.is_some_and(|d| self.memory.is_costly(d))
    }

    /// Verifies the signature of the document, then the delegation's if it is new, and remembers
    /// the delegation.
    ///
    /// # Errors
    /// One of the two does not verify.
    pub fn verify(
        self,
        context: SignContext,
        body: &[u8],
        signature: &[u8],
    ) -> Result<(), ClaimError> {
        self.verify_document(context, body, signature)?;
        self.confirm()
    }

    /// Verifies the signature of the document alone, for a caller that spends a budget before it
    /// goes on to [`Claim::confirm`].
    ///
    /// # Errors
    /// It does not verify.
    pub fn verify_document(
        &self,
        context: SignContext,
        body: &[u8],
        signature: &[u8],
    ) -> Result<(), ClaimError> {
        Ok(self.signer.verify(context, body, signature)?)
    }

    /// Verifies the delegation's signature if it is new, and remembers the delegation. Only for
    /// claims whose document was verified.
    ///
    /// # Errors
    /// It does not verify.
    pub fn confirm(self) -> Result<(), ClaimError> {
        if let Some(delegation) = self.delegation {
            if self.memory.is_costly(delegation) {
                delegation.check_signature(self.identity)?;
            }
            self.memory.remember(delegation);
        }
        Ok(())
    }
}
