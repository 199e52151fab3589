//! The side that dialled.

use libp2p::PeerId;
use subtle::ConstantTimeEq;

use super::{
    Established, Provider,
    auth::{self, Auth, Statement},
    hello::{ClientHello, ServerHello},
    peer::{Judge, Peer},
    schedule::{AfterHello, AfterResponder, Opening},
};
use crate::{
    clock::Now,
    crypto::{
        aead::AeadAlg,
        kem::{KemAlg, KemKeyPair},
        x25519,
    },
    registry::SignContext,
    secure::{
        Alert, Config, FrameType, HandshakeError,
        config::{check_identity, kem},
        frame::{body, frame},
    },
};

/// Starts handshakes as the side that dialled.
#[derive(Debug)]
pub struct Initiator;

/// ClientHello is out; ServerHello or an alert is due.
pub struct SentHello<'c> {
    config: &'c Config,
    expected: Option<PeerId>,
    kem: KemAlg,
    x25519: x25519::PrivateKey,
    kem_keys: KemKeyPair,
    opening: Opening,
}

/// I-auth is sealed. What is left takes nothing from the peer, so that it can wait until the frame
/// is on its way and overlap with the responder's verification.
pub struct SealedAuth {
    peer: Peer,
    kem: KemAlg,
    aead: AeadAlg,
    schedule: AfterResponder,
}

/// Both shared secrets are known; R-auth is due.
#[cfg_attr(test, derive(Clone))]
pub struct AwaitsAuth<'c> {
    config: &'c Config,
    pub(super) expected: Option<PeerId>,
    kem: KemAlg,
    aead: AeadAlg,
    pub(super) schedule: AfterHello,
}

impl Initiator {
    /// The ClientHello frame to send.
    ///
    /// `protocol` is the name that multistream-select agreed on, `expected` the PeerId that was
    /// dialled, if one was.
    ///
    /// # Errors
    /// The configuration contradicts itself, or there is no randomness.
    pub fn start<'c>(
        config: &'c Config,
        protocol: &str,
        expected: Option<PeerId>,
        provider: &mut dyn Provider,
    ) -> Result<(Vec<u8>, SentHello<'c>), HandshakeError> {
        if expected == Some(config.identity.peer_id()) {
            return Err(HandshakeError::SelfDial);
        }
        check_identity(&config.identity, &config.policy)?;
        let kem = kem(&config.policy)?;
        let x25519 = provider.x25519()?;
        let kem_keys = provider.kem_keys(kem)?;
        let hello = ClientHello {
            chain_id: config.chain_id,
            genesis: config.genesis,
            policy_root: config.policy.root(),
            x25519: *x25519.public(),
            kem_pk: Box::new(*kem_keys.public()),
            aeads: config.aead.offer().iter().map(|a| a.id()).collect(),
            random: provider.random()?,
            features: 0,
        };
        let client_hello = frame(FrameType::ClientHello, &hello.encode());
        let state = SentHello {
            config,
            expected,
            kem,
            x25519,
            kem_keys,
            opening: Opening::new(protocol, &client_hello),
        };
        Ok((client_hello, state))
    }
}

impl<'c> SentHello<'c> {
    /// The KEM of the handshake.
    #[must_use]
    pub fn kem(&self) -> KemAlg {
        self.kem
    }

    /// Takes the frame that answers ClientHello: ServerHello, or an alert.
    ///
    /// # Errors
    /// The responder refused, or its answer is refused.
    pub fn server_hello(self, frame: &[u8]) -> Result<AwaitsAuth<'c>, HandshakeError> {
        let body = body(frame, FrameType::ServerHello)?;
        if frame.first() == Some(&(FrameType::Alert as u8)) {
            let alert = Alert::from_body(body).ok_or(HandshakeError::MalformedAlert)?;
            return Err(HandshakeError::Alerted(alert));
        }
        let hello = ServerHello::decode(body)?;
        if hello.policy_root != self.config.policy.root() {
            return Err(HandshakeError::PolicyEcho(hello.policy_root));
        }
        let aead = AeadAlg::from_id(hello.aead)
            .filter(|alg| self.config.aead.offer().contains(alg))
            .ok_or(HandshakeError::AeadNotOffered(hello.aead))?;
        if hello.x25519.ct_eq(self.x25519.public()).into() {
            return Err(HandshakeError::SelfDial);
        }
        let x25519_ss = self.x25519.agree(&hello.x25519)?;
        let kem_ss = self.kem_keys.decapsulate(hello.kem_ct.as_slice())?;
        let th0 = self.opening.th0(frame);
        Ok(AwaitsAuth {
            config: self.config,
            expected: self.expected,
            kem: self.kem,
            aead,
            schedule: AfterHello::new(th0, aead, &x25519_ss, &kem_ss),
        })
    }
}

impl AwaitsAuth<'_> {
    /// Takes the R-auth frame, which is opened in place, and returns the I-auth frame to send;
    /// `SealedAuth::sent` finishes. Records may follow it at once.
    ///
    /// # Errors
    /// The responder is refused; nothing of our identity was sealed.
    pub fn responder_auth(
        self,
        frame: &mut [u8],
        now: Now,
        provider: &mut dyn Provider,
    ) -> Result<(Vec<u8>, SealedAuth), HandshakeError> {
        body(frame, FrameType::ResponderAuth)?;
        let config = self.config;
        let policy_root = config.policy.root();
        let (th0, key) = (self.schedule.th0(), self.schedule.responder_key());
        let schedule = self.schedule.responder_auth(frame);
        let plain = auth::open(FrameType::ResponderAuth, &key, &th0, frame)?;
        let judge = Judge {
            config,
            policy: &config.policy,
            expected: self.expected,
            context: SignContext::HandshakeResponder,
            statement: Statement {
                th: th0,
                chain_id: config.chain_id,
                genesis: config.genesis,
                policy_root,
                responder: None,
            },
        };
        let peer = judge.judge(&Auth::decode(plain, FrameType::ResponderAuth)?, now)?;

        // # Security: nothing about us is sealed before the responder is known to be good.
        let statement = Statement {
            th: schedule.th1(),
            responder: Some(&peer.identity.digest()),
            ..judge.statement
        };
        let context = SignContext::HandshakeInitiator;
        let signature = provider.sign(
            &config.identity,
            context,
            &statement.own_body(&config.identity),
        )?;
        let own = auth::seal(
            FrameType::InitiatorAuth,
            &schedule.initiator_key(),
            &schedule.th1(),
            &config.identity,
            &signature,
        );
        Ok((
            own,
            SealedAuth {
                peer,
                kem: self.kem,
                aead: self.aead,
                schedule,
            },
        ))
    }
}

impl SealedAuth {
    /// The session, once `own`, the I-auth frame, is on its way.
    #[must_use]
    pub fn sent(self, own: &[u8]) -> Established {
        Established {
            peer: self.peer,
            kem: self.kem,
            aead: self.aead,
            traffic: self.schedule.initiator_auth(own).traffic(),
        }
    }
}
