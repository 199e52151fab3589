//! The side that was dialled.

use super::{
    Established, Provider,
    auth::{self, Auth, Statement},
    hello::{ClientHello, ServerHello},
    peer::{Judge, Peer},
    schedule::{AfterHello, AfterResponder, Opening, Traffic},
};
use crate::{
    clock::Now,
    crypto::{aead::AeadAlg, kem::KemAlg},
    identity::Policy,
    ids::Hash32,
    registry::SignContext,
    secure::{
        Class, Config, FrameType, HandshakeError, Refusal,
        config::{check_identity, choose_aead, kem},
        frame::{body, frame},
        record::Sealer,
    },
};

/// Answers handshakes as the side that was dialled.
#[derive(Debug)]
pub struct Responder;

/// ServerHello is out; R-auth is due, from this side.
#[cfg_attr(test, derive(Clone))]
pub struct SentServerHello<'c> {
    config: &'c Config,
    policy: &'c Policy,
    kem: KemAlg,
    aead: AeadAlg,
    th0: Hash32,
    schedule: AfterHello,
}

/// R-auth is sealed. Its place in the transcript is worked out while it travels.
pub struct SealedAuth<'c> {
    config: &'c Config,
    policy: &'c Policy,
    kem: KemAlg,
    aead: AeadAlg,
    schedule: AfterHello,
}

/// ServerHello and R-auth are out; I-auth is due.
#[cfg_attr(test, derive(Clone))]
pub struct SentAuth<'c> {
    config: &'c Config,
    policy: &'c Policy,
    kem: KemAlg,
    aead: AeadAlg,
    pub(super) schedule: AfterResponder,
}

/// I-auth was refused.
#[derive(Debug)]
pub struct Rejected {
    /// Why.
    pub error: HandshakeError,
    /// The sealed close record that tells the initiator, where it holds the keys to read it.
    pub farewell: Option<Vec<u8>>,
}

impl Responder {
    /// Takes the ClientHello frame and returns ServerHello. Sent at once, it lets the initiator
    /// work on its keys while this side signs.
    ///
    /// `class` says how the source of the connection may draw on the budget of work, which is
    /// spent here, after every cheap check and before the KEM and the signature.
    ///
    /// # Errors
    /// ClientHello is refused; [`HandshakeError::alert`] says what to answer.
    pub fn answer<'c>(
        config: &'c Config,
        protocol: &str,
        client_hello: &[u8],
        class: Class,
        now: Now,
        provider: &mut dyn Provider,
    ) -> Result<(Vec<u8>, SentServerHello<'c>), HandshakeError> {
        let hello = ClientHello::decode(body(client_hello, FrameType::ClientHello)?)?;
        let policy = accept(config, &hello, now)?;
        let kem = kem(policy)?;
        let aead =
            choose_aead(&hello.aeads, config.aead.offer()).ok_or(HandshakeError::NoCommonAead)?;
        if !config.budgets.spend_work(class, now.mono) {
            return Err(Refusal::Work.into());
        }
        let (kem_ct, kem_ss) = provider.encapsulate(kem, &hello.kem_pk)?;
        let x25519 = provider.x25519()?;
        let x25519_ss = x25519.agree(&hello.x25519)?;
        let answer = ServerHello {
            policy_root: hello.policy_root,
            x25519: *x25519.public(),
            kem_ct: Box::new(kem_ct),
            aead: aead.id(),
            random: provider.random()?,
            features: 0,
        };
        let out = frame(FrameType::ServerHello, &answer.encode());
        let th0 = Opening::new(protocol, client_hello).th0(&out);
        let schedule = AfterHello::new(th0, aead, &x25519_ss, &kem_ss);
        let state = SentServerHello {
            config,
            policy,
            kem,
            aead,
            th0,
            schedule,
        };
        Ok((out, state))
    }
}

impl<'c> SentServerHello<'c> {
    /// Signs the transcript and returns R-auth; `SealedAuth::sent` goes on.
    ///
    /// # Errors
    /// This node cannot sign.
    pub fn authenticate(
        self,
        provider: &mut dyn Provider,
    ) -> Result<(Vec<u8>, SealedAuth<'c>), HandshakeError> {
        let config = self.config;
        let statement = Statement {
            th: self.th0,
            chain_id: config.chain_id,
            genesis: config.genesis,
            policy_root: self.policy.root(),
            responder: None,
        };
        let context = SignContext::HandshakeResponder;
        let signature = provider.sign(
            &config.identity,
            context,
            &statement.own_body(&config.identity),
        )?;
        let own = auth::seal(
            FrameType::ResponderAuth,
            &self.schedule.responder_key(),
            &self.th0,
            &config.identity,
            &signature,
        );
        let state = SealedAuth {
            config,
            policy: self.policy,
            kem: self.kem,
            aead: self.aead,
            schedule: self.schedule,
        };
        Ok((own, state))
    }
}

impl<'c> SealedAuth<'c> {
    /// The wait for I-auth, once `own`, the R-auth frame, is on its way.
    #[must_use]
    pub fn sent(self, own: &[u8]) -> SentAuth<'c> {
        SentAuth {
            config: self.config,
            policy: self.policy,
            kem: self.kem,
            aead: self.aead,
            schedule: self.schedule.responder_auth(own),
        }
    }
}

/// The policy of the session, if chain, genesis and root are ours and let us speak.
fn accept<'c>(
    config: &'c Config,
    hello: &ClientHello,
    now: Now,
) -> Result<&'c Policy, HandshakeError> {
    if hello.chain_id != config.chain_id {
        return Err(HandshakeError::Chain(hello.chain_id));
    }
    if hello.genesis != config.genesis {
        return Err(HandshakeError::Genesis(hello.genesis));
    }
    let policy = config
        .policy
        .session(&hello.policy_root, now.wall_ms)
        .ok_or(HandshakeError::Policy(hello.policy_root))?;
    check_identity(&config.identity, policy)?;
    Ok(policy)
}

impl SentAuth<'_> {
    /// Takes the I-auth frame, which is opened in place. Only now may records be delivered.
    ///
    /// # Errors
    /// The initiator is refused.
    pub fn initiator_auth(self, frame: &mut [u8], now: Now) -> Result<Established, Box<Rejected>> {
        let silent = |error| {
            Box::new(Rejected {
                error,
                farewell: None,
            })
        };
        body(frame, FrameType::InitiatorAuth).map_err(silent)?;
        let (th1, key) = (self.schedule.th1(), self.schedule.initiator_key());
        let schedule = self.schedule.initiator_auth(frame);
        let plain = auth::open(FrameType::InitiatorAuth, &key, &th1, frame).map_err(silent)?;
        let verdict = judge(self.config, self.policy, th1, plain, now);
        let traffic = schedule.traffic();
        match verdict {
            Ok(peer) => Ok(Established {
                peer,
                kem: self.kem,
                aead: self.aead,
                traffic,
            }),
            Err(error) => Err(Box::new(Rejected {
                farewell: Some(farewell(self.aead, &traffic, &error)),
                error,
            })),
        }
    }
}

fn judge(
    config: &Config,
    policy: &Policy,
    th1: Hash32,
    plain: &[u8],
    now: Now,
) -> Result<Peer, HandshakeError> {
    let judge = Judge {
        config,
        policy,
        expected: None,
        context: SignContext::HandshakeInitiator,
        statement: Statement {
            th: th1,
            chain_id: config.chain_id,
            genesis: config.genesis,
            policy_root: policy.root(),
            responder: Some(&config.identity.public().digest()),
        },
    };
    judge.judge(&Auth::decode(plain, FrameType::InitiatorAuth)?, now)
}

/// The initiator sealed I-auth, so it holds the traffic keys and can read why it is refused.
fn farewell(aead: AeadAlg, traffic: &Traffic, error: &HandshakeError) -> Vec<u8> {
    let mut out = Vec::new();
    Sealer::new(aead, traffic.responder.clone()).close(&mut out, error.close_code());
    out
}
