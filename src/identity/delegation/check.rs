//! The rules that decide whether a delegation lets its key sign here and now.

use super::{Delegation, DelegationError, Usage};
use crate::{
    identity::{Policy, PublicIdentity},
    ids::{ChainId, Hash32},
    registry::DELEGATION_SKEW_MS,
};

/// Where, when and for what a delegation is to hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    /// The chain.
    pub(super) chain_id: ChainId,
    /// Its genesis.
    pub(super) genesis: Hash32,
    /// The policy of the session.
    pub(super) policy: &'a Policy,
    /// The use that is needed.
    pub(super) usage: Usage,
    /// The wall clock, milliseconds since the UNIX epoch.
    pub(super) now_ms: u64,
}

impl Delegation {
    /// Checks everything but the memory of serials, and returns the key that may sign.
    ///
    /// # Errors
    /// The first rule that fails, the signature last.
    pub fn verify(
        &self,
        identity: &PublicIdentity,
        chain_id: ChainId,
        genesis: Hash32,
        policy: &Policy,
        usage: Usage,
        now_ms: u64,
    ) -> Result<PublicIdentity, DelegationError> {
        let terms = Terms {
            chain_id,
            genesis,
            policy,
            usage,
            now_ms,
        };
        let signer = self.check_terms(identity, &terms)?;
        self.check_signature(identity)?;
        Ok(signer)
    }

    /// Everything but signature and serial: what is checked again each time, also for a
    /// delegation whose signature is remembered.
    pub(super) fn check_terms(
        &self,
        identity: &PublicIdentity,
        terms: &Terms<'_>,
    ) -> Result<PublicIdentity, DelegationError> {
        let fields = self.fields();
        if fields.peer_digest != identity.digest() {
            return Err(DelegationError::OtherIdentity);
        }
        if (fields.chain_id, fields.genesis) != (terms.chain_id, terms.genesis) {
            return Err(DelegationError::OtherChain);
        }
        if !fields.usages.allows(terms.usage) {
            return Err(DelegationError::Usage);
        }
        fields.check_life()?;
        if terms.now_ms.saturating_add(DELEGATION_SKEW_MS) < fields.not_before_ms {
            return Err(DelegationError::Premature);
        }
        if terms.now_ms >= self.accepted_until_ms() {
            return Err(DelegationError::Expired);
        }
        let signer = fields.signing_key()?;
        if !terms.policy.allows_signing(signer.alg()) {
            return Err(DelegationError::Algorithm(signer.alg()));
        }
        Ok(signer)
    }
}
