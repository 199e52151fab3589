//! The one place where a peer's identity is judged.

use libp2p::PeerId;

use super::auth::{Auth, Statement};
use crate::{
    clock::Now,
    crypto::sign::{SigAlg, SignatureError},
    identity::{Delegation, Policy, PublicIdentity, Usage},
    registry::SignContext,
    secure::{Config, HandshakeError, Refusal, WrongPeer},
};

/// A peer that has proved who it is.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its identity key.
    pub identity: PublicIdentity,
    /// The algorithm that signed the handshake: the identity's own, or the delegated key's.
    pub signer: SigAlg,
    /// If a delegated key signed: the wall-clock milliseconds at which the delegation ends, and
    /// the session with it.
    pub delegated_until_ms: Option<u64>,
}

impl Peer {
    /// Its PeerId.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.identity.peer_id()
    }
}

/// What the peer's identity and signature are judged against.
pub(super) struct Judge<'a> {
    pub(super) config: &'a Config,
    /// The policy that ClientHello's root stands for.
    pub(super) policy: &'a Policy,
    /// The PeerId that was dialled, if one was.
    pub(super) expected: Option<PeerId>,
    pub(super) context: SignContext,
    pub(super) statement: Statement<'a>,
}

impl Judge<'_> {
    /// Who signed `auth`, in the order of cost: sizes, policy, time, PeerId, Ed25519, post-quantum
    /// signature, and the delegation's signature last, under a budget of its own.
    pub(super) fn judge(&self, auth: &Auth<'_>, now: Now) -> Result<Peer, HandshakeError> {
        let identity =
            PublicIdentity::decode(auth.alg, auth.public).map_err(HandshakeError::Identity)?;
        let delegation = auth
            .delegation
            .map(Delegation::decode)
            .transpose()
            .map_err(HandshakeError::Delegation)?;
        let claim = self.config.delegations.claim(
            &identity,
            delegation.as_ref(),
            self.policy,
            Usage::CHANNEL,
            now.wall_ms,
        )?;
        let signer = claim.signer().alg();
        if auth.signature.len() != PublicIdentity::signature_len_of(signer) {
            return Err(HandshakeError::Signature(SignatureError::Length));
        }
        self.check_peer_id(&identity)?;

        let body = self.statement.body(auth.alg, auth.public, auth.delegation);
        claim.verify_document(self.context, &body, auth.signature)?;
        // The signature of a new delegation costs up to 2 ms, so it is checked only for a peer
        // that has signed this handshake with the delegated key.
        if claim.is_costly() && !self.config.budgets.spend_delegation(now.mono) {
            return Err(Refusal::Delegation.into());
        }
        claim.confirm()?;
        Ok(Peer {
            signer,
            delegated_until_ms: delegation.as_ref().map(Delegation::accepted_until_ms),
            identity,
        })
    }

    fn check_peer_id(&self, identity: &PublicIdentity) -> Result<(), HandshakeError> {
        if identity.digest() == self.config.identity.public().digest() {
            return Err(HandshakeError::SelfDial);
        }
        let found = identity.peer_id();
        match self.expected {
            Some(expected) if expected != found => {
                let wrong = WrongPeer { expected, found };
                Err(HandshakeError::WrongPeer(Box::new(wrong)))
            }
            _ => Ok(()),
        }
    }
}
