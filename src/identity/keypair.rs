//! The composite key pair.

use std::fmt;

use super::{PublicIdentity, signed_message};
use crate::{
    crypto::{
        ed25519,
        secret::Secret,
        sign::{PqKeyPair, SigAlg, SignError},
    },
    registry::SignContext,
};

/// A post-quantum and an Ed25519 key pair that sign together and never alone.
#[derive(Clone)]
pub struct KeyPair {
    pq: PqKeyPair,
    ed25519: ed25519::KeyPair,
    public: PublicIdentity,
}

impl KeyPair {
    /// A fresh key pair. SLH-DSA takes a quarter of a second.
    ///
    /// # Errors
    /// The operating system gave no randomness, or this build does not have the algorithm.
    pub fn generate(alg: SigAlg) -> Result<Self, SignError> {
        Ok(Self::join(
            PqKeyPair::generate(alg)?,
            ed25519::KeyPair::generate()?,
        ))
    }

    /// The key pair of two stored halves.
    pub(super) fn join(pq: PqKeyPair, ed25519: ed25519::KeyPair) -> Self {
        let bytes = [pq.public(), &ed25519.public()].concat();
        let public = PublicIdentity::new(pq.alg(), bytes.into(), ed25519.public_key());
        Self {
            pq,
            ed25519,
            public,
        }
    }

    /// The ML-DSA-65 key pair that grows from a seed, always the same one: for tests, vectors and
    /// simulation. Both halves grow from the same bytes, which no real key should do.
    ///
    /// # Errors
    /// The library refuses the seed.
    pub fn deterministic(seed: [u8; 32]) -> Result<Self, SignError> {
        Ok(Self::join(
            PqKeyPair::ml_dsa_from_seed(seed)?,
            ed25519::KeyPair::from_seed(&Secret::from(seed)),
        ))
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &PublicIdentity {
        &self.public
    }

    /// The algorithm of the post-quantum half.
    #[must_use]
    pub fn alg(&self) -> SigAlg {
        self.pq.alg()
    }

    /// Signs the document `body`: `pq_signature || ed25519_signature`.
    ///
    /// # Errors
    /// The library refused, or the algorithm signs delegations only and `context` is another.
    pub fn sign(&self, context: SignContext, body: &[u8]) -> Result<Vec<u8>, SignError> {
        if !self.alg().is_operational() && context != SignContext::Delegation {
            return Err(SignError::DelegationsOnly(self.alg()));
        }
        let message = signed_message(context, body);
        let mut signature = self.pq.sign(&message)?;
        signature.extend_from_slice(&self.ed25519.sign(&message));
        Ok(signature)
    }

    /// The post-quantum half, for the key file.
    pub(super) fn pq(&self) -> &PqKeyPair {
        &self.pq
    }

    /// The Ed25519 half, for the key file.
    pub(super) fn ed25519(&self) -> &ed25519::KeyPair {
        &self.ed25519
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({:?}, <redacted>)", self.public)
    }
}
