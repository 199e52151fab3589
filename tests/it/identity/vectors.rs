//! The published vectors hold: every byte is rebuilt here from the words of `specs/identity.md`
//! (not with the product's encoders), then handed to the product.

use std::collections::HashMap;

use animica_p2p::{
    PeerId,
    crypto::{
        ed25519,
        hash::{sha3_256, sha3_256_parts},
        sign::{SigAlg, SignatureError},
    },
    envelope::{Envelope, KeyCache, Verdict},
    identity::{
        Delegation, Delegations, KeyPair, NodeRecord, Policy, PublicIdentity, SerialMemory, Usage,
        policy,
    },
    ids::ChainId,
    registry::SignContext,
};
use serde_json::Value;

use super::bytes::{array, bstr, bytes, hash, map, number, tstr, uint};

/// Tests run in the package's directory.
pub(crate) const PATH: &str = "tests/vectors/identity.json";

fn vectors() -> Value {
    serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap()
}

fn list(vectors: &Value, key: &str) -> Vec<Value> {
    let list = vectors[key].as_array().unwrap().clone();
    assert!(!list.is_empty(), "{key}");
    list
}

/// The identities of this build by name.
fn identities(vectors: &Value) -> HashMap<String, PublicIdentity> {
    list(vectors, "identities")
        .iter()
        .filter(|v| {
            SigAlg::from_name(v["alg"].as_str().unwrap())
                .unwrap()
                .is_available()
        })
        .map(|v| {
            let id = u16::try_from(number(&v["alg_id"])).unwrap();
            let identity = PublicIdentity::decode(id, &bytes(&v["identity_pubkey"])).unwrap();
            (v["name"].as_str().unwrap().to_owned(), identity)
        })
        .collect()
}

/// The signature at the end of an object, as the rebuilt object needs it.
fn signature(object: &[u8], len: usize) -> Vec<u8> {
    object[object.len() - len..].to_vec()
}

fn memory(v: &Value) -> Delegations {
    let chain = ChainId(number(&v["chain_id"]));
    Delegations::new(chain, hash(&v["genesis"]), SerialMemory::default())
}

/// The composite signature is one of `"animica/sig/v1" || len || ctx || SHA3-256(body)`.
fn assert_signed(by: &PublicIdentity, context: &str, body: &[u8], signature: &[u8]) {
    let context = SignContext::ALL
        .iter()
        .find(|c| c.label() == context)
        .unwrap();
    assert_eq!(by.verify(*context, body, signature), Ok(()));
    let other = SignContext::Iou;
    assert_ne!(by.verify(other, body, signature), Ok(()));
}

#[test]
fn policy_vectors_hold() {
    let vectors = vectors();
    for v in list(&vectors, "policies") {
        let document = policy::Document::parse(&v["document"].to_string()).unwrap();
        let leaves = serde_json::to_value(policy::leaves(&document)).unwrap();
        assert_eq!(leaves, v["leaves"]);
        let root64 = policy::root64(&document);
        assert_eq!(root64.to_vec(), bytes(&v["root64"]));
        assert_eq!(sha3_256(&root64), hash(&v["root"]));
        if v["name"] == "fips" {
            assert_eq!(Policy::default_fips().document(), &document);
        }
    }
}

#[test]
fn identity_vectors_hold() {
    let vectors = vectors();
    let identities = identities(&vectors);
    for v in list(&vectors, "identities") {
        let Some(identity) = identities.get(v["name"].as_str().unwrap()) else {
            continue;
        };
        let id = u16::try_from(number(&v["alg_id"])).unwrap().to_be_bytes();
        let digest = sha3_256_parts(&[&id, &bytes(&v["identity_pubkey"])]);
        assert_eq!(digest, hash(&v["peer_digest"]));
        let multihash = [&[0x00, 0x22, 0x16, 0x20], &digest.0[..]].concat();
        assert_eq!(multihash, bytes(&v["peer_id_bytes"]));
        let peer_id = PeerId::from_bytes(&multihash).unwrap();
        assert_eq!(peer_id.to_string(), v["peer_id"].as_str().unwrap());
        assert_eq!(identity.peer_id(), peer_id);
        if let Some(seed) = v["seed_of_both_halves"].as_str() {
            let seed = hex::decode(seed).unwrap().try_into().unwrap();
            assert_eq!(KeyPair::deterministic(seed).unwrap().public(), identity);
        }
    }
}

#[test]
fn message_vectors_hold() {
    let vectors = vectors();
    let identities = identities(&vectors);
    for v in list(&vectors, "messages") {
        let (ctx, body) = (v["context"].as_str().unwrap(), bytes(&v["body"]));
        let message = [
            b"animica/sig/v1",
            &[ctx.len() as u8][..],
            ctx.as_bytes(),
            &sha3_256(&body).0,
        ]
        .concat();
        assert_eq!(message, bytes(&v["signed_message"]));
        if let Some(identity) = identities.get(v["identity"].as_str().unwrap()) {
            assert_signed(identity, ctx, &body, &bytes(&v["signature"]));
        }
    }
}

#[test]
fn delegation_vectors_hold() {
    let vectors = vectors();
    let identities = identities(&vectors);
    for v in list(&vectors, "delegations") {
        let identity = &identities[v["identity"].as_str().unwrap()];
        let signer = &identities[v["signer"].as_str().unwrap()];
        let body = map(&[
            uint(1),
            bstr(&identity.digest().0),
            uint(number(&v["chain_id"])),
            bstr(&hash(&v["genesis"]).0),
            uint(number(&v["serial"])),
            uint(number(&v["usages"])),
            uint(signer.alg().id().into()),
            bstr(signer.as_bytes()),
            uint(number(&v["not_before_ms"])),
            uint(number(&v["not_after_ms"])),
        ]);
        assert_eq!(body, bytes(&v["body"]));
        let object = bytes(&v["object"]);
        let sig = signature(&object, PublicIdentity::signature_len_of(identity.alg()));
        assert_eq!(array(&[body.clone(), bstr(&sig)]), object);
        assert_signed(identity, "delegation/1", &body, &sig);
        let delegation = Delegation::decode(&object).unwrap();
        assert_eq!(delegation.hash(), hash(&v["hash"]));
        let key = memory(&v).verify(
            &delegation,
            identity,
            &Policy::default_fips(),
            Usage::CHANNEL,
            number(&v["not_before_ms"]),
        );
        assert_eq!(key.as_ref(), Ok(signer));
    }
}

#[test]
fn record_vectors_hold() {
    let vectors = vectors();
    let identities = identities(&vectors);
    for v in list(&vectors, "records") {
        let identity = &identities[v["identity"].as_str().unwrap()];
        let (delegation, signer) = delegation_of(&vectors, &identities, &v);
        let addresses: Vec<_> = list(&v, "addresses")
            .iter()
            .map(|a| {
                a.as_str()
                    .unwrap()
                    .parse::<animica_p2p::Multiaddr>()
                    .unwrap()
            })
            .map(|a| bstr(&a.to_vec()))
            .collect();
        let body = map(&[
            uint(1),
            bstr(&identity.digest().0),
            uint(number(&v["chain_id"])),
            bstr(&hash(&v["genesis"]).0),
            uint(number(&v["seq"])),
            uint(number(&v["created_ms"])),
            uint(number(&v["ttl_ms"])),
            array(&addresses),
        ]);
        assert_eq!(body, bytes(&v["body"]));
        let object = bytes(&v["object"]);
        let sig = signature(&object, PublicIdentity::signature_len_of(signer.alg()));
        let rebuilt = array(&[
            body.clone(),
            uint(identity.alg().id().into()),
            bstr(identity.as_bytes()),
            delegation,
            bstr(&sig),
        ]);
        assert_eq!(rebuilt, object);
        assert_signed(&signer, "record/1", &body, &sig);
        let record = NodeRecord::decode(&object).unwrap();
        let now = number(&v["created_ms"]);
        let verdict = record.verify(&memory(&v), &Policy::default_fips(), now);
        assert_eq!(verdict, Ok(()));
    }
}

#[test]
fn envelope_vectors_hold() {
    let vectors = vectors();
    let identities = identities(&vectors);
    for v in list(&vectors, "envelopes") {
        let identity = &identities[v["identity"].as_str().unwrap()];
        let (delegation, signer) = delegation_of(&vectors, &identities, &v);
        let body = map(&[
            uint(1),
            tstr(v["domain"].as_str().unwrap()),
            uint(number(&v["chain_id"])),
            bstr(&hash(&v["genesis"]).0),
            bstr(&identity.digest().0),
            uint(number(&v["created_ms"])),
            uint(number(&v["ttl_ms"])),
            uint(number(&v["seq"])),
            tstr(v["topic"].as_str().unwrap()),
            bstr(&bytes(&v["payload"])),
        ]);
        assert_eq!(body, bytes(&v["body"]));
        assert_eq!(sha3_256(&body), hash(&v["id"]));
        let key = if v["carries_key"] == true {
            array(&[uint(identity.alg().id().into()), bstr(identity.as_bytes())])
        } else {
            bstr(&identity.digest().0)
        };
        let object = bytes(&v["object"]);
        let sig = signature(&object, PublicIdentity::signature_len_of(signer.alg()));
        assert_eq!(array(&[body.clone(), key, delegation, bstr(&sig)]), object);
        assert_signed(&signer, "envelope/1", &body, &sig);
        let envelope = Envelope::decode(object.into()).unwrap();
        let mut keys = KeyCache::default();
        keys.insert(identity.clone());
        let policy = Policy::default_fips();
        let now = number(&v["created_ms"]);
        let verdict = envelope.verify(&mut keys, &memory(&v), &policy, now);
        assert_eq!(verdict, Verdict::Valid);
    }
}

/// The delegation item of an object and the key that signs it.
fn delegation_of(
    vectors: &Value,
    identities: &HashMap<String, PublicIdentity>,
    v: &Value,
) -> (Vec<u8>, PublicIdentity) {
    if v["delegated"] == true {
        let object = bytes(&vectors["delegations"][0]["object"]);
        (object, identities["operator"].clone())
    } else {
        let identity = v["identity"].as_str().unwrap();
        (vec![0xf6], identities[identity].clone())
    }
}

#[test]
fn ed25519_vectors_hold() {
    for v in list(&vectors(), "ed25519") {
        let public = bytes(&v["public"]).try_into().unwrap();
        let signature = bytes(&v["signature"]).try_into().unwrap();
        let verdict = ed25519::PublicKey::decode(&public)
            .and_then(|key| key.verify(&bytes(&v["message"]), &signature));
        match verdict {
            Ok(()) => assert_eq!(v["valid"], true, "{}", v["name"]),
            Err(SignatureError::Ed25519 | SignatureError::Ed25519Key) => {
                assert_eq!(v["valid"], false, "{}", v["name"]);
            }
            Err(e) => panic!("{e}"),
        }
    }
}
