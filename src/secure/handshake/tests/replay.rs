//! Recorded handshakes and the provider that replays them.

use std::{io::Write, sync::Arc};

use serde_json::Value;

use crate::{
    clock::{ManualClock, Now},
    crypto::{
        kem::{CIPHERTEXT_LEN, KemAlg, KemKeyPair, PUBLIC_LEN},
        secret::Secret,
        x25519,
    },
    identity::{NodeIdentity, Policy, key_file},
    ids::{ChainId, Hash32},
    registry::SignContext,
    secure::{
        AeadChoice, BudgetLimits, Budgets, Config, HandshakeError,
        handshake::{AwaitsAuth, Established, Initiator, Provider, Rejected, SentAuth, SentHello},
    },
};

/// Tests run in the directory of the package.
pub(super) const PATH: &str = "tests/vectors/handshake.json";

/// The case whose every bit is flipped.
pub(super) const DEFAULT: &str = "ml-kem-768 / aes-256-gcm / ml-dsa-65";

pub(super) fn hex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

pub(super) fn array<const N: usize>(value: &Value) -> [u8; N] {
    hex(value).try_into().unwrap()
}

pub(super) fn file() -> Value {
    serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap()
}

/// One side of a recorded handshake: what its provider gives.
#[derive(Clone)]
pub(super) struct Side {
    pub(super) config: Config,
    random: [u8; 32],
    x25519: [u8; 32],
    kem: Kem,
    pub(super) signature: Vec<u8>,
}

#[derive(Clone)]
enum Kem {
    Keys {
        public: Vec<u8>,
        secret: Vec<u8>,
    },
    Encapsulated {
        ct: Box<[u8; CIPHERTEXT_LEN]>,
        ss: [u8; 32],
    },
}

/// A recorded handshake.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) protocol: String,
    pub(super) i: Side,
    pub(super) r: Side,
    pub(super) client_hello: Vec<u8>,
    pub(super) server_hello: Vec<u8>,
    pub(super) r_auth: Vec<u8>,
    pub(super) i_auth: Vec<u8>,
}

impl Case {
    /// Every case of the vectors that this build can run.
    pub(super) fn all() -> Vec<Self> {
        let file = file();
        let cases = file["cases"].as_array().unwrap();
        let runs = |case: &&Value| cfg!(feature = "round3") || case["policy"] == "fips";
        cases
            .iter()
            .filter(runs)
            .map(|case| Self::read(&file, case))
            .collect()
    }

    pub(super) fn default_suite() -> Self {
        let file = file();
        let cases = file["cases"].as_array().unwrap();
        let case = cases.iter().find(|case| case["name"] == DEFAULT).unwrap();
        Self::read(&file, case)
    }

    pub(super) fn read(file: &Value, case: &Value) -> Self {
        let (i, r, computed) = (&case["initiator"], &case["responder"], &case["computed"]);
        let kem_i = Kem::Keys {
            public: hex(&i["kem_public"]),
            secret: hex(&i["kem_secret"]),
        };
        let kem_r = Kem::Encapsulated {
            ct: Box::new(array(&r["kem_ct"])),
            ss: array(&case["kem_ss"]),
        };
        Self {
            name: case["name"].as_str().unwrap().to_owned(),
            protocol: case["protocol"].as_str().unwrap().to_owned(),
            i: Side::read(file, case, i, kem_i),
            r: Side::read(file, case, r, kem_r),
            client_hello: hex(&computed["client_hello"]),
            server_hello: hex(&computed["server_hello"]),
            r_auth: hex(&computed["r_auth"]),
            i_auth: hex(&computed["i_auth"]),
        }
    }

    pub(super) fn now(&self) -> Now {
        self.i.config.clock.now()
    }

    pub(super) fn start(&self) -> (Vec<u8>, SentHello<'_>) {
        let expected = Some(self.r.config.identity.peer_id());
        let mut provider = self.i.clone();
        Initiator::start(&self.i.config, &self.protocol, expected, &mut provider).unwrap()
    }

    pub(super) fn answer(&self, hello: &[u8]) -> Result<(Vec<u8>, SentAuth<'_>), HandshakeError> {
        let r = &self.r;
        let mut provider = r.clone();
        super::flight(&r.config, &self.protocol, hello, self.now(), &mut provider)
    }

    /// The initiator after the recorded ServerHello.
    pub(super) fn awaits_auth(&self) -> AwaitsAuth<'_> {
        self.start().1.server_hello(&self.server_hello).unwrap()
    }

    pub(super) fn prove<'c>(
        &'c self,
        state: AwaitsAuth<'c>,
        r_auth: &[u8],
    ) -> Result<(Vec<u8>, Established), HandshakeError> {
        let mut provider = self.i.clone();
        let (own, state) = state.responder_auth(&mut r_auth.to_vec(), self.now(), &mut provider)?;
        let done = state.sent(&own);
        Ok((own, done))
    }

    pub(super) fn accept(&self, i_auth: &[u8]) -> Result<Established, Box<Rejected>> {
        let (_, state) = self.answer(&self.client_hello).unwrap();
        state.initiator_auth(&mut i_auth.to_vec(), self.now())
    }
}

impl Side {
    pub(super) fn with_random(mut self, random: [u8; 32]) -> Self {
        self.random = random;
        self
    }

    fn read(file: &Value, case: &Value, side: &Value, kem: Kem) -> Self {
        let identity = &file["identities"][side["identity"].as_str().unwrap()];
        let policy = &file["policies"][case["policy"].as_str().unwrap()];
        let mut config = Config::new(
            load(identity),
            Arc::new(Policy::from_json(&policy.to_string()).unwrap()),
            ChainId(case["chain_id"].as_u64().unwrap()),
            Hash32(array(&case["genesis"])),
        )
        .unwrap();
        config.aead = case["aead"]
            .as_str()
            .unwrap()
            .parse::<AeadChoice>()
            .unwrap();
        config.budgets = Arc::new(Budgets::new(BudgetLimits::unlimited()));
        let now = case["now_ms"].as_u64().unwrap();
        config.clock = Arc::new(ManualClock::at_wall_ms(now));
        Self {
            config,
            random: array(&side["random"]),
            x25519: array(&side["x25519_secret"]),
            kem,
            signature: hex(&side["signature"]),
        }
    }
}

/// The identity in a key file.
fn load(text: &Value) -> NodeIdentity {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.to_string().as_bytes()).unwrap();
    key_file::load(file.path(), None).unwrap()
}

impl Provider for Side {
    fn random(&mut self) -> Result<[u8; 32], HandshakeError> {
        Ok(self.random)
    }

    fn x25519(&mut self) -> Result<x25519::PrivateKey, HandshakeError> {
        Ok(x25519::PrivateKey::from_bytes(&self.x25519.into())?)
    }

    fn kem_keys(&mut self, alg: KemAlg) -> Result<KemKeyPair, HandshakeError> {
        match &self.kem {
            Kem::Keys { public, secret } => Ok(KemKeyPair::from_bytes(alg, public, secret)?),
            Kem::Encapsulated { .. } => panic!("the responder makes no KEM keys"),
        }
    }

    fn encapsulate(
        &mut self,
        _: KemAlg,
        public: &[u8; PUBLIC_LEN],
    ) -> Result<([u8; CIPHERTEXT_LEN], Secret<32>), HandshakeError> {
        crate::crypto::kem::check_public(public)?;
        match &self.kem {
            Kem::Encapsulated { ct, ss } => Ok((**ct, (*ss).into())),
            Kem::Keys { .. } => panic!("the initiator encapsulates nothing"),
        }
    }

    fn sign(
        &mut self,
        _: &NodeIdentity,
        _: SignContext,
        _: &[u8],
    ) -> Result<Vec<u8>, HandshakeError> {
        Ok(self.signature.clone())
    }
}
