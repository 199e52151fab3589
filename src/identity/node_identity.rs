//! What a node runs with: an identity, and the key that signs for it.

use std::{fmt, sync::Arc};

use libp2p::PeerId;

use super::{Delegation, DelegationError, KeyPair, PublicIdentity};
use crate::{
    crypto::sign::{SigAlg, SignError},
    registry::SignContext,
};

/// An identity and its signer: the identity's own key pair, or a delegated one with the
/// [`Delegation`] that peers check. Clones share the keys.
#[derive(Clone)]
pub struct NodeIdentity(Arc<Inner>);

struct Inner {
    public: PublicIdentity,
    signer: KeyPair,
    delegation: Option<Delegation>,
}

impl NodeIdentity {
    /// A fresh identity that signs for itself.
    ///
    /// # Errors
    /// The operating system gave no randomness, or this build does not have the algorithm.
    pub fn generate(alg: SigAlg) -> Result<Self, SignError> {
        KeyPair::generate(alg).map(Self::from_keypair)
    }

    /// An identity that signs for itself. One of SLH-DSA can only issue delegations; see
    /// [`NodeIdentity::can_run_a_node`].
    #[must_use]
    pub fn from_keypair(signer: KeyPair) -> Self {
        Self(Arc::new(Inner {
            public: signer.public().clone(),
            signer,
            delegation: None,
        }))
    }

    /// The identity `public`, whose owner delegated to `signer`. Only the parts are compared
    /// here; time, chain and usage are checked by whoever verifies.
    ///
    /// # Errors
    /// The delegation is of another identity, to another key, or its signature does not verify.
    pub fn with_delegation(
        public: PublicIdentity,
        signer: KeyPair,
        delegation: Delegation,
    ) -> Result<Self, DelegationError> {
        delegation.check_parts(&public, signer.public())?;
        Ok(Self(Arc::new(Inner {
            public,
            signer,
            delegation: Some(delegation),
        })))
    }

    /// The identity's PeerId.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.0.public.peer_id()
    }

    /// The identity's public key, not that of a delegated signer.
    #[must_use]
    pub fn public(&self) -> &PublicIdentity {
        &self.0.public
    }

    /// The delegation to the signing key, where there is one.
    #[must_use]
    pub fn delegation(&self) -> Option<&Delegation> {
        self.0.delegation.as_ref()
    }

    /// The public key that [`NodeIdentity::sign`]'s signatures verify under.
    #[must_use]
    pub fn signing_key(&self) -> &PublicIdentity {
        self.0.signer.public()
    }

    /// Whether the signing key may sign handshakes, or is of an algorithm for delegations alone.
    #[must_use]
    pub fn can_run_a_node(&self) -> bool {
        self.signing_key().alg().is_operational()
    }

    /// Signs the document `body` with the delegated key if there is one, else the identity's own.
    ///
    /// # Errors
    /// The library refused, or the algorithm signs delegations only.
    pub fn sign(&self, context: SignContext, body: &[u8]) -> Result<Vec<u8>, SignError> {
        self.0.signer.sign(context, body)
    }

    /// The key pair that signs, for the key file and to issue delegations.
    #[must_use]
    pub fn signer(&self) -> &KeyPair {
        &self.0.signer
    }
}

impl fmt::Debug for NodeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delegated = if self.0.delegation.is_some() {
            ", delegated"
        } else {
            ""
        };
        write!(f, "NodeIdentity({:?}{delegated})", self.0.public)
    }
}
