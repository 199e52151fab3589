//! Whether an envelope says what its sender said.

use super::{Envelope, KeyCache};
use crate::{
    cbor::CborError,
    identity::{
        ClaimError, DelegationError, Delegations, IdentityError, Policy, PublicIdentity, Usage,
    },
    ids::{ChainId, Hash32},
    offence::Offence,
    registry::{MESSAGE_SKEW_MS, SignContext},
};

/// What became of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its sender said it, and it is alive.
    Valid,
    /// The key with this digest is needed first; fetch it, supply it and ask again.
    NeedKey(Hash32),
    /// Its life is over. Nobody's fault.
    Expired,
    /// Dated further ahead than clocks may differ. Perhaps nobody's fault.
    Premature,
    /// Its sender did not say it, or may not.
    Refused(EnvelopeError),
}

/// Why an envelope is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Longer than an envelope may be.
    #[error("an envelope of {0} bytes is longer than allowed")]
    TooLong(usize),
    /// Not the canonical CBOR of an envelope.
    #[error("not an envelope: {0}")]
    Malformed(#[from] CborError),
    /// A version this build does not know.
    #[error("envelope version {0} is unknown")]
    Version(u64),
    /// The domain is not 1-32 of the characters of a domain.
    #[error("an envelope's domain is 1-32 of the characters a-z 0-9 . _ / -")]
    Domain,
    /// The topic is too long or has control characters.
    #[error("an envelope's topic is at most 64 bytes without control characters")]
    Topic,
    /// The life is empty or longer than a day.
    #[error("the envelope's life is empty or longer than a day")]
    Life,
    /// The sender's key is not a key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The delegation is not of its form.
    #[error(transparent)]
    Delegation(#[from] DelegationError),
    /// The key is not that of the sender.
    #[error("the envelope carries another key than its sender's")]
    OtherSender,
    /// For another chain id or genesis.
    #[error("the envelope is for another chain")]
    OtherChain,
    /// Whoever signed it may not sign for the sender, or did not.
    #[error(transparent)]
    Claim(#[from] ClaimError),
}

impl EnvelopeError {
    /// What the peer that passed it on did wrong, if anything: it could have checked all this
    /// itself, but for what depends on clocks and on delegations it has not seen.
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
            Self::Claim(e) if e.is_about_time() => None,
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

impl Envelope {
    /// Checks network, time, policy and signatures. A key that the envelope carries is added to
    /// `keys` once its signature has verified.
    pub fn verify(
        &self,
        keys: &mut KeyCache,
        delegations: &Delegations,
        policy: &Policy,
        now_ms: u64,
    ) -> Verdict {
        if let Some(verdict) = self.judge_body(delegations.network(), now_ms) {
            return verdict;
        }
        // A cached key saves nothing but the fetch: it is the same key, by its digest.
        let Some(key) = self.key().or_else(|| keys.get(&self.body().sender)) else {
            return Verdict::NeedKey(self.body().sender);
        };
        match self.prove(key, delegations, policy, now_ms) {
            Err(e) => Verdict::Refused(e),
            Ok(()) => {
                if let Some(key) = self.key() {
                    keys.insert(key.clone());
                }
                Verdict::Valid
            }
        }
    }

    /// The checks that cost nothing, network and time: the verdict if they decide it.
    #[must_use]
    pub fn judge_body(&self, network: (ChainId, Hash32), now_ms: u64) -> Option<Verdict> {
        let body = self.body();
        if (body.chain_id, body.genesis) != network {
            return Some(Verdict::Refused(EnvelopeError::OtherChain));
        }
        if body.created_ms > now_ms.saturating_add(MESSAGE_SKEW_MS) {
            return Some(Verdict::Premature);
        }
        (now_ms >= body.expires_ms()).then_some(Verdict::Expired)
    }

    /// Checks policy and signatures with the sender's key. This is the costly part.
    ///
    /// # Errors
    /// The key is another one, may not sign, or did not.
    pub fn prove(
        &self,
        key: &PublicIdentity,
        delegations: &Delegations,
        policy: &Policy,
        now_ms: u64,
    ) -> Result<(), EnvelopeError> {
        if key.digest() != self.body().sender {
            return Err(EnvelopeError::OtherSender);
        }
        delegations
            .claim(key, self.delegation(), policy, Usage::ENVELOPE, now_ms)?
            .verify(SignContext::Envelope, self.signed_part(), self.signature())?;
        Ok(())
    }
}
