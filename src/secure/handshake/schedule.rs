//! Transcript hashes and key schedule. Each stage owns what the next needs and nothing else.

use crate::{
    crypto::{
        aead::{AeadAlg, AeadKey, IV_LEN},
        hash::Hasher,
        kdf::{derive, derive_into, extract},
        label::{HashLabel, KeyLabel},
        secret::Secret,
    },
    ids::Hash32,
};

/// The transcript up to ClientHello, so that its bytes need not be kept.
pub(super) struct Opening(Hasher);

impl Opening {
    pub(super) fn new(protocol: &str, client_hello: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(HashLabel::TH0.as_bytes());
        lp(&mut hasher, protocol.as_bytes());
        lp(&mut hasher, client_hello);
        Self(hasher)
    }

    /// `th0 = SHA3-256("animica/pq/1 th0" || lp(protocol) || lp(CH frame) || lp(SH frame))`.
    pub(super) fn th0(mut self, server_hello: &[u8]) -> Hash32 {
        lp(&mut self.0, server_hello);
        self.0.finish()
    }
}

/// `SHA3-256(label || th || lp(frame))`: th1 from R-auth, th2 from I-auth.
fn next(label: HashLabel, th: &Hash32, frame: &[u8]) -> Hash32 {
    let mut hasher = Hasher::new();
    hasher.update(label.as_bytes());
    hasher.update(th.as_bytes());
    lp(&mut hasher, frame);
    hasher.finish()
}

/// `lp(x) = u32be len || x`.
fn lp(hasher: &mut Hasher, x: &[u8]) {
    let len = u32::try_from(x.len()).expect("frames and names are shorter than 16 KiB");
    hasher.update(&len.to_be_bytes());
    hasher.update(x);
}

/// The AEAD key and IV of a secret.
pub(in crate::secure) fn aead_key(alg: AeadAlg, secret: &Secret<32>) -> AeadKey {
    let mut iv = [0; IV_LEN];
    derive_into(secret, KeyLabel::IV, b"", &mut iv);
    AeadKey::new(alg, &derive(secret, KeyLabel::KEY, b""), iv)
}

/// After ServerHello: both shared secrets are in `ck`.
#[cfg_attr(test, derive(Clone))]
pub(super) struct AfterHello {
    ck: Secret<32>,
    th0: Hash32,
    aead: AeadAlg,
}

/// After R-auth.
#[cfg_attr(test, derive(Clone))]
pub(super) struct AfterResponder {
    ck: Secret<32>,
    th1: Hash32,
    aead: AeadAlg,
}

/// After I-auth.
pub(super) struct AfterInitiator {
    ck: Secret<32>,
    th2: Hash32,
}

/// The secrets of a session.
#[derive(Debug)]
pub struct Traffic {
    /// First secret of the initiator's records.
    pub initiator: Secret<32>,
    /// First secret of the responder's records.
    pub responder: Secret<32>,
    /// Secret for uses outside the channel.
    pub exporter: Secret<32>,
}

impl AfterHello {
    /// `ck = HKDF-Extract(salt th0, x25519_ss || kem_ss)`.
    pub(super) fn new(th0: Hash32, aead: AeadAlg, x25519: &Secret<32>, kem: &Secret<32>) -> Self {
        let ck = extract(th0.as_bytes(), &[x25519.as_bytes(), kem.as_bytes()]);
        Self { ck, th0, aead }
    }

    pub(super) fn th0(&self) -> Hash32 {
        self.th0
    }

    /// The key that seals R-auth.
    pub(super) fn responder_key(&self) -> AeadKey {
        let secret = derive(&self.ck, KeyLabel::RESPONDER_AUTH, self.th0.as_bytes());
        aead_key(self.aead, &secret)
    }

    /// The stage after `frame`, R-auth as it crosses the wire.
    pub(super) fn responder_auth(self, frame: &[u8]) -> AfterResponder {
        AfterResponder {
            th1: next(HashLabel::TH1, &self.th0, frame),
            ck: self.ck,
            aead: self.aead,
        }
    }
}

impl AfterResponder {
    pub(super) fn th1(&self) -> Hash32 {
        self.th1
    }

    /// The key that seals I-auth.
    pub(super) fn initiator_key(&self) -> AeadKey {
        let secret = derive(&self.ck, KeyLabel::INITIATOR_AUTH, self.th1.as_bytes());
        aead_key(self.aead, &secret)
    }

    /// The stage after `frame`, I-auth as it crosses the wire.
    pub(super) fn initiator_auth(self, frame: &[u8]) -> AfterInitiator {
        AfterInitiator {
            th2: next(HashLabel::TH2, &self.th1, frame),
            ck: self.ck,
        }
    }
}

impl AfterInitiator {
    /// The traffic secrets. The responder derives them only once I-auth has opened.
    pub(super) fn traffic(self) -> Traffic {
        let th2 = self.th2.as_bytes();
        let master = derive(&self.ck, KeyLabel::MASTER, th2);
        let traffic = |label| derive(&master, label, th2);
        Traffic {
            initiator: traffic(KeyLabel::INITIATOR_TRAFFIC),
            responder: traffic(KeyLabel::RESPONDER_TRAFFIC),
            exporter: traffic(KeyLabel::EXPORTER),
        }
    }
}
