//! Writes `tests/vectors/handshake.json`. Keys and signatures are fresh, so every run gives
//! another file that is as good; run it only when a format changes:
//! `cargo test --lib -- --ignored write_handshake_vectors`.

use serde_json::{Value, json};

use super::{
    replay::{Case, PATH},
    spec::compute,
};
use crate::{
    crypto::{
        aead::AeadAlg,
        kem::{CIPHERTEXT_LEN, KemAlg, KemKeyPair, PUBLIC_LEN},
        secret::Secret,
        sign::SigAlg,
        x25519::{self, PrivateKey},
    },
    identity::{
        Delegation, DelegationFields, KeyPair, NodeIdentity, Policy, Usage, key_file,
        policy::Document,
    },
    registry::{CHANNEL_PROTOCOL, SignContext},
    secure::{
        Config, HandshakeError,
        handshake::{Initiator, Provider, SystemProvider},
        testing::{CHAIN, GENESIS, NOW_MS, node_of},
    },
};

/// The system's provider, writing down what it gives.
#[derive(Default)]
struct Recorder(serde_json::Map<String, Value>);

impl Recorder {
    fn put(&mut self, name: &str, bytes: &[u8]) {
        self.0.insert(name.into(), hex::encode(bytes).into());
    }
}

impl Provider for Recorder {
    fn random(&mut self) -> Result<[u8; 32], HandshakeError> {
        let random = SystemProvider.random()?;
        self.put("random", &random);
        Ok(random)
    }

    fn x25519(&mut self) -> Result<x25519::PrivateKey, HandshakeError> {
        let key = SystemProvider.x25519()?;
        self.put("x25519_secret", key.to_bytes()?.as_bytes());
        self.put("x25519_public", key.public());
        Ok(key)
    }

    fn kem_keys(&mut self, alg: KemAlg) -> Result<KemKeyPair, HandshakeError> {
        let pair = SystemProvider.kem_keys(alg)?;
        self.put("kem_secret", &pair.secret_bytes()?);
        self.put("kem_public", pair.public());
        Ok(pair)
    }

    fn encapsulate(
        &mut self,
        alg: KemAlg,
        public: &[u8; PUBLIC_LEN],
    ) -> Result<([u8; CIPHERTEXT_LEN], Secret<32>), HandshakeError> {
        let (ct, ss) = SystemProvider.encapsulate(alg, public)?;
        self.put("kem_ct", &ct);
        self.put("kem_ss", ss.as_bytes());
        Ok((ct, ss))
    }

    fn sign(
        &mut self,
        identity: &NodeIdentity,
        context: SignContext,
        body: &[u8],
    ) -> Result<Vec<u8>, HandshakeError> {
        let signature = SystemProvider.sign(identity, context, body)?;
        self.put("signature", &signature);
        Ok(signature)
    }
}

fn key_file_json(identity: &NodeIdentity) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    key_file::create(&path, identity, None).unwrap();
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

/// An identity of `owner` that delegated to a key of `signer`.
fn delegated(owner: SigAlg, signer: SigAlg) -> NodeIdentity {
    let (owner, signer) = (
        KeyPair::generate(owner).unwrap(),
        KeyPair::generate(signer).unwrap(),
    );
    let fields = DelegationFields {
        peer_digest: owner.public().digest(),
        chain_id: CHAIN,
        genesis: GENESIS,
        serial: 7,
        usages: Usage::CHANNEL,
        signing_alg: signer.alg().id(),
        signing_pubkey: signer.public().as_bytes().to_vec(),
        not_before_ms: NOW_MS - 1000,
        not_after_ms: NOW_MS + 86_400_000,
    };
    let delegation = Delegation::issue(&owner, &fields).unwrap();
    NodeIdentity::with_delegation(owner.public().clone(), signer, delegation).unwrap()
}

/// The shipped policies, and both KEMs with every signature.
fn policies() -> Vec<(&'static str, KemAlg, Document)> {
    let fips = Policy::default_fips().document().clone();
    let round3 = Policy::round3().unwrap().document().clone();
    let sigs: Vec<_> = [&fips, &round3]
        .iter()
        .flat_map(|d| d.entries.iter().filter(|e| e.sig_sizes.is_some()).cloned())
        .collect();
    let with_all = |document: &Document| {
        let mut document = document.clone();
        document.entries.retain(|e| e.kem_sizes.is_some());
        document.entries.extend(sigs.clone());
        document
    };
    vec![
        ("fips and dilithium3", KemAlg::MlKem768, with_all(&fips)),
        (
            "kyber768 and every signature",
            KemAlg::Kyber768,
            with_all(&round3),
        ),
        ("fips", KemAlg::MlKem768, fips),
        ("round3", KemAlg::Kyber768, round3),
    ]
}

fn record(name: &str, policy: &str, ids: [&str; 2], i: &Config, r: &Config) -> Value {
    let (mut pi, mut pr) = (Recorder::default(), Recorder::default());
    let now = i.clock.now();
    let (ch, s) = Initiator::start(i, CHANNEL_PROTOCOL, None, &mut pi).unwrap();
    let (mut flight, t) = super::flight(r, CHANNEL_PROTOCOL, &ch, now, &mut pr).unwrap();
    let sh_len = 5 + u32::from_be_bytes(flight[1..5].try_into().unwrap()) as usize;
    let mut r_auth = flight.split_off(sh_len);
    let s = s.server_hello(&flight).unwrap();
    let (mut auth, s) = s.responder_auth(&mut r_auth, now, &mut pi).unwrap();
    let done = s.sent(&auth);
    t.initiator_auth(&mut auth, now).unwrap();
    let (mut pi, mut pr) = (Value::Object(pi.0), Value::Object(pr.0));
    let key = |v: &Value| PrivateKey::from_bytes(&super::replay::array(v).into()).unwrap();
    let shared = key(&pi["x25519_secret"]).agree(key(&pr["x25519_secret"]).public());
    let kem_ss = pr.as_object_mut().unwrap().remove("kem_ss");
    pi["identity"] = ids[0].into();
    pi["aeads"] = i.aead.offer().iter().map(|a| a.id()).collect();
    pi["features"] = 0.into();
    pr["identity"] = ids[1].into();
    pr["features"] = 0.into();
    json!({
        "name": name, "protocol": CHANNEL_PROTOCOL, "chain_id": CHAIN.0,
        "genesis": GENESIS.to_string(), "now_ms": NOW_MS, "policy": policy,
        "policy_root": i.policy.root().to_string(), "kem": done.kem.name(),
        "aead": done.aead.name(), "initiator": pi, "responder": pr,
        "x25519_ss": hex::encode(shared.unwrap().as_bytes()), "kem_ss": kem_ss,
    })
}

type MakeIdentity = Box<dyn Fn() -> NodeIdentity>;

#[test]
#[ignore = "rewrites the vectors"]
fn write_handshake_vectors() {
    use SigAlg::{Dilithium3, MlDsa65, SlhDsaShake128s};
    let mut file = json!({
        "about": "Golden vectors of specs/handshake.md. Byte strings are lower-case hex. `computed` follows from everything else; signatures and KEM ciphertexts are recorded inputs: verify and decapsulate them.",
        "identities": {}, "policies": {}, "cases": [],
    });
    let policies = policies();
    for (name, _, document) in &policies {
        file["policies"][*name] = serde_json::to_value(document).unwrap();
    }
    let plain = |alg| move || NodeIdentity::generate(alg).unwrap();
    let kinds: [(&str, &[SigAlg], MakeIdentity); 3] = [
        ("ml-dsa-65", &[MlDsa65], Box::new(plain(MlDsa65))),
        ("dilithium3", &[Dilithium3], Box::new(plain(Dilithium3))),
        (
            "ml-dsa-65 delegated by slh-dsa-shake-128s",
            &[MlDsa65, SlhDsaShake128s],
            Box::new(|| delegated(SlhDsaShake128s, MlDsa65)),
        ),
    ];
    let mut cases = Vec::new();
    for (kind, algs, make) in &kinds {
        let ids = [format!("{kind}, initiator"), format!("{kind}, responder")];
        let nodes = [make(), make()];
        for (id, node) in ids.iter().zip(&nodes) {
            file["identities"][id] = key_file_json(node);
        }
        for kem in KemAlg::ALL {
            // The shipped policy where it has the algorithms, else the mixed one.
            let usable = |(_, k, d): &&(&str, KemAlg, Document)| {
                k == kem
                    && algs
                        .iter()
                        .all(|a| d.entries.iter().any(|e| e.id == a.name()))
            };
            let (policy, _, document) = policies.iter().rfind(usable).unwrap();
            for aead in AeadAlg::ALL {
                let config = |node: &NodeIdentity| {
                    let policy = Policy::from_document(document.clone()).unwrap();
                    let mut config = node_of(node.clone(), policy);
                    config.aead = aead.name().parse().unwrap();
                    config
                };
                let name = format!("{kem} / {aead} / {kind}");
                let ids = [ids[0].as_str(), &ids[1]];
                cases.push(record(
                    &name,
                    policy,
                    ids,
                    &config(&nodes[0]),
                    &config(&nodes[1]),
                ));
            }
        }
    }
    for case in &mut cases {
        case["computed"] = compute(&file, case);
    }
    file["cases"] = cases.into();
    let default = file["cases"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["name"] == super::replay::DEFAULT);
    let case = Case::read(&file, default.unwrap());
    file["refused_client_hellos"] = super::refusals::refused_hellos(&case)
        .into_iter()
        .map(|(why, frame)| {
            let error = case.answer(&frame).err().expect(why);
            json!({
                "why": why, "frame": hex::encode(&frame), "label": error.label(),
                "alert": error.alert().code(), "answer": hex::encode(error.alert().to_frame()),
            })
        })
        .collect();
    std::fs::write(PATH, serde_json::to_string_pretty(&file).unwrap() + "\n").unwrap();
}
