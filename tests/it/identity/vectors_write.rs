//! Writes `tests/vectors/identity.json`. Signatures are hedged, so every run gives another file
//! that is as good; run it only when a format changes:
//! `cargo test --test it -- --ignored write_identity_vectors`.

use animica_p2p::{
    Multiaddr,
    crypto::sign::SigAlg,
    envelope::{Body, Envelope, KeyForm},
    identity::{
        Delegation, DelegationFields, KeyPair, NodeIdentity, NodeRecord, Policy, RecordFields,
        Usage, key_file, policy, signed_message,
    },
    ids::{ChainId, Hash32},
    registry::SignContext,
};
use curve25519_dalek::{
    EdwardsPoint, Scalar,
    constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION},
};
use serde_json::{Value, json};

use super::vectors::PATH;

const CHAIN: ChainId = ChainId(1337);
const GENESIS: Hash32 = Hash32([0x67; 32]);
const START: u64 = 1_800_000_000_000;

#[test]
#[ignore = "rewrites the vectors"]
fn write_identity_vectors() {
    let owner = KeyPair::deterministic([1; 32]).unwrap();
    let operator = KeyPair::deterministic([2; 32]).unwrap();
    let mut identities = vec![
        identity("owner", &owner, Some([1; 32])),
        identity("operator", &operator, Some([2; 32])),
    ];
    let slow = KeyPair::generate(SigAlg::SlhDsaShake128s).unwrap();
    identities.push(identity("slow owner", &slow, None));
    let mut messages = vec![message("owner", &owner)];
    if SigAlg::Dilithium3.is_available() {
        let round3 = KeyPair::generate(SigAlg::Dilithium3).unwrap();
        identities.push(identity("round 3", &round3, None));
        messages.push(message("round 3", &round3));
    }
    let delegated = delegation(&owner, &operator);
    let node =
        NodeIdentity::with_delegation(owner.public().clone(), operator.clone(), delegated).unwrap();
    let vectors = json!({
        "about": "Golden vectors of specs/identity.md. Byte strings are lower-case hex. Keys and \
                  signatures are recorded: verify them, they cannot be reproduced.",
        "policies": policies(),
        "identities": identities,
        "messages": messages,
        "delegations": [
            delegation_json("owner", "operator", node.delegation().unwrap()),
            delegation_json("slow owner", "operator", &delegation(&slow, &operator)),
        ],
        "records": [record(&node), record(&NodeIdentity::from_keypair(owner.clone()))],
        "envelopes": [
            envelope(&NodeIdentity::from_keypair(owner), KeyForm::Full),
            envelope(&node, KeyForm::Digest),
        ],
        "ed25519": ed25519(),
    });
    let text = serde_json::to_string_pretty(&vectors).unwrap() + "\n";
    std::fs::write(PATH, text).unwrap();
}

fn policies() -> Vec<Value> {
    let example = policy::Document::parse(include_str!("example_policy.json")).unwrap();
    let mut documents = vec![
        ("example of the original network", example),
        ("fips", Policy::default_fips().document().clone()),
    ];
    if let Ok(round3) = Policy::round3() {
        documents.push(("round3", round3.document().clone()));
    }
    let to_json = |(name, document): (&str, policy::Document)| {
        let root64 = policy::root64(&document);
        json!({
            "name": name,
            "document": document,
            "leaves": policy::leaves(&document),
            "root64": hex::encode(root64),
            "root": animica_p2p::crypto::hash::sha3_256(&root64),
        })
    };
    documents.into_iter().map(to_json).collect()
}

fn identity(name: &str, pair: &KeyPair, seed: Option<[u8; 32]>) -> Value {
    let public = pair.public();
    json!({
        "name": name,
        "alg": public.alg().name(),
        "alg_id": public.alg().id(),
        "seed_of_both_halves": seed.map(hex::encode),
        "identity_pubkey": hex::encode(public.as_bytes()),
        "peer_digest": public.digest(),
        "peer_id_bytes": hex::encode(public.peer_id().to_bytes()),
        "peer_id": public.peer_id().to_string(),
    })
}

fn message(name: &str, pair: &KeyPair) -> Value {
    let (context, body) = (SignContext::Ping, b"any document");
    json!({
        "identity": name,
        "context": context.label(),
        "body": hex::encode(body),
        "signed_message": hex::encode(signed_message(context, body)),
        "signature": hex::encode(pair.sign(context, body).unwrap()),
    })
}

fn delegation(owner: &KeyPair, operator: &KeyPair) -> Delegation {
    let fields = DelegationFields {
        peer_digest: owner.public().digest(),
        chain_id: CHAIN,
        genesis: GENESIS,
        serial: 3,
        usages: Usage::CHANNEL | Usage::RECORD | Usage::ENVELOPE,
        signing_alg: operator.alg().id(),
        signing_pubkey: operator.public().as_bytes().to_vec(),
        not_before_ms: START,
        not_after_ms: START + 30 * 24 * 60 * 60 * 1000,
    };
    Delegation::issue(owner, &fields).unwrap()
}

fn delegation_json(owner: &str, operator: &str, d: &Delegation) -> Value {
    let f = d.fields();
    json!({
        "identity": owner,
        "signer": operator,
        "chain_id": f.chain_id,
        "genesis": f.genesis,
        "serial": f.serial,
        "usages": f.usages.0,
        "not_before_ms": f.not_before_ms,
        "not_after_ms": f.not_after_ms,
        "body": hex::encode(d.body()),
        "object": hex::encode(d.as_bytes()),
        "hash": d.hash(),
    })
}

fn record(node: &NodeIdentity) -> Value {
    let addresses = ["/ip4/192.0.2.1/tcp/41000", "/dns/node.example/tcp/41000"];
    let fields = RecordFields {
        chain_id: CHAIN,
        genesis: GENESIS,
        seq: 12,
        created_ms: START,
        ttl_ms: 3_600_000,
        addresses: addresses.map(|a| a.parse::<Multiaddr>().unwrap()).to_vec(),
    };
    let record = NodeRecord::sign(node, &fields).unwrap();
    json!({
        "identity": "owner",
        "delegated": node.delegation().is_some(),
        "chain_id": CHAIN,
        "genesis": GENESIS,
        "seq": fields.seq,
        "created_ms": fields.created_ms,
        "ttl_ms": fields.ttl_ms,
        "addresses": addresses,
        "body": hex::encode(record.body()),
        "object": hex::encode(record.as_bytes()),
    })
}

fn envelope(node: &NodeIdentity, form: KeyForm) -> Value {
    let body = Body {
        domain: "app".into(),
        chain_id: CHAIN,
        genesis: GENESIS,
        sender: node.public().digest(),
        created_ms: START,
        ttl_ms: 60_000,
        seq: 1,
        topic: "weather".into(),
        payload: b"sunny".to_vec(),
    };
    let envelope = Envelope::sign(node, &body, form).unwrap();
    json!({
        "identity": "owner",
        "delegated": node.delegation().is_some(),
        "carries_key": envelope.key().is_some(),
        "domain": body.domain,
        "chain_id": CHAIN,
        "genesis": GENESIS,
        "created_ms": body.created_ms,
        "ttl_ms": body.ttl_ms,
        "seq": body.seq,
        "topic": body.topic,
        "payload": hex::encode(&body.payload),
        "body": hex::encode(envelope.signed_part()),
        "id": envelope.id(),
        "object": hex::encode(envelope.as_bytes()),
    })
}

/// Where verifiers differ: a signer who follows the equation and chooses the rest freely.
fn ed25519() -> Vec<Value> {
    let (a, r) = (
        Scalar::from(0x1234_5678_9abc_u64),
        Scalar::from(987_654_321_u64),
    );
    let torsion = EIGHT_TORSION[1];
    let case = |name: &str, valid: bool, a, public: EdwardsPoint, r, point: EdwardsPoint| {
        let message: &[u8] = b"edge case";
        let (public, point) = (public.compress().0, point.compress().0);
        let k = challenge(&point, &public, message);
        let s: Scalar = r + k * a;
        json!({"name": name, "valid": valid, "public": hex::encode(public),
               "message": hex::encode(message),
               "signature": hex::encode([point, s.to_bytes()].concat())})
    };
    let zero = Scalar::ZERO;
    let mut cases = vec![
        case("honest", true, a, a * B, r, r * B),
        case(
            "A is the neutral element",
            false,
            zero,
            EIGHT_TORSION[0],
            r,
            r * B,
        ),
        case("A is of order 8", false, zero, torsion, r, r * B),
        case(
            "R is the neutral element",
            false,
            a,
            a * B,
            zero,
            EIGHT_TORSION[0],
        ),
        case("R is of order 8", false, a, a * B, zero, torsion),
        case(
            "R has a part of order 8",
            false,
            a,
            a * B,
            r,
            r * B + torsion,
        ),
    ];
    let mut unreduced = cases[0].clone();
    unreduced["name"] = "S is not reduced".into();
    unreduced["valid"] = false.into();
    unreduced["signature"] = add_order(&cases[0]["signature"]).into();
    cases.push(unreduced);
    let mut key = [0xff; 32];
    (key[0], key[31]) = (0xf0, 0x7f);
    let mut not_canonical = cases[0].clone();
    not_canonical["name"] = "A is not canonical (y = p + 3)".into();
    not_canonical["valid"] = false.into();
    not_canonical["public"] = hex::encode(key).into();
    cases.push(not_canonical);
    cases
}

fn challenge(point: &[u8; 32], public: &[u8; 32], message: &[u8]) -> Scalar {
    let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA512);
    for part in [&point[..], public, message] {
        hash.update(part);
    }
    let wide: [u8; 64] = hash.finish().as_ref().try_into().unwrap();
    Scalar::from_bytes_mod_order_wide(&wide)
}

fn add_order(signature: &Value) -> String {
    let mut bytes = hex::decode(signature.as_str().unwrap()).unwrap();
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let mut carry = 0;
    for (byte, add) in bytes[32..].iter_mut().zip(hex::decode(order).unwrap()) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    hex::encode(bytes)
}

/// A key file to look at when the format is described; not part of the vectors.
#[test]
fn a_key_file_is_readable_json() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("identity.key");
    let node = NodeIdentity::from_keypair(KeyPair::deterministic([1; 32]).unwrap());
    key_file::create(&path, &node, None).unwrap();
    let json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(json["format"], "animica-p2p key");
    assert_eq!(json["version"], 1);
    assert_eq!(json["peer_id"], node.peer_id().to_string());
    assert_eq!(json["identity"]["alg"], "ml-dsa-65");
    assert_eq!(json["secret"]["pq"], hex::encode([1; 32]));
}
