//! Signed documents and policies.

use animica_p2p::{
    dht,
    envelope::{Envelope, KeyCache, Verdict},
    identity::{
        Delegation, Delegations, NodeRecord, Policy, PublicIdentity, SerialMemory, Usage, policy,
    },
    ids::{ChainId, Hash32},
    registry::{MAX_DHT_RECORD_BYTES, MAX_RECORD_BYTES},
};
use bytes::Bytes;

use super::seeds::{self, Signed};

/// When the seeds were signed, and where.
const NOW_MS: u64 = 1_800_000_000_000;
const GENESIS: Hash32 = Hash32([0x67; 32]);

/// An envelope is the bytes it was read from, and none but those signed verify, whatever the form
/// of their key.
pub(super) fn envelope(data: &[u8]) -> bool {
    let Ok(envelope) = Envelope::decode(Bytes::copy_from_slice(data)) else {
        return false;
    };
    assert!(data.len() <= Envelope::MAX_BYTES);
    assert_eq!(envelope.as_bytes(), data);
    assert_eq!(envelope.body().to_bytes(), envelope.signed_part());
    assert_eq!(envelope.without_key().id(), envelope.id());
    let mut keys = KeyCache::default();
    keys.insert(seeds::identity("owner"));
    let verdict = envelope.verify(&mut keys, &memory(), &Policy::default_fips(), NOW_MS);
    if verdict == Verdict::Valid {
        assert!(
            seeds::signed(Signed::Envelopes).contains(&envelope.signed_part().to_vec()),
            "forged"
        );
    }
    verdict == Verdict::Valid
}

/// A record is the bytes it was read from, and none but those signed verify.
pub(super) fn node_record(data: &[u8]) -> bool {
    let Ok(record) = NodeRecord::decode(data) else {
        return false;
    };
    assert!(data.len() <= MAX_RECORD_BYTES);
    assert_eq!(record.as_bytes(), data);
    let verdict = record.verify(&memory(), &Policy::default_fips(), NOW_MS);
    if verdict.is_ok() {
        assert!(
            seeds::signed(Signed::Records).contains(&record.body().to_vec()),
            "forged"
        );
    }
    verdict.is_ok()
}

/// A record of the hash table is the bytes it was read from, lies under its own key alone, and none
/// but the one signed verifies.
pub(super) fn dht_record(data: &[u8]) -> bool {
    let Ok(record) = dht::Record::decode(Bytes::copy_from_slice(data)) else {
        return false;
    };
    assert!(data.len() <= MAX_DHT_RECORD_BYTES);
    assert_eq!(record.as_bytes(), data);
    assert_eq!(record.body().to_bytes(), record.signed_part());
    assert_eq!(record.body().key(), record.key());
    let verified = record.verify(&memory(), &Policy::default_fips(), NOW_MS);
    if let Ok(record) = &verified {
        assert_eq!(record.body(), seeds::DHT.body(), "forged");
    }
    verified.is_ok()
}

/// A delegation is the bytes it was read from, and none but those signed verify.
pub(super) fn delegation(data: &[u8]) -> bool {
    let Ok(delegation) = Delegation::decode(data) else {
        return false;
    };
    assert!(data.len() <= Delegation::MAX_BYTES);
    assert_eq!(delegation.as_bytes(), data);
    assert_eq!(delegation.fields().to_bytes(), delegation.body());
    let (policy, usage) = (Policy::default_fips(), Usage::CHANNEL);
    let verify = |by: &PublicIdentity| memory().verify(&delegation, by, &policy, usage, NOW_MS);
    let verified = ["owner", "slow owner"]
        .iter()
        .any(|name| verify(&seeds::identity(name)).is_ok());
    if verified {
        assert!(
            seeds::signed(Signed::Delegations).contains(&delegation.body().to_vec()),
            "forged"
        );
    }
    verified
}

fn memory() -> Delegations {
    Delegations::new(ChainId::DEVNET, GENESIS, SerialMemory::default())
}

/// A document that is read has one root, which survives being written and read again.
pub(super) fn policy(data: &[u8]) -> bool {
    let Ok(json) = std::str::from_utf8(data) else {
        return false;
    };
    let Ok(document) = policy::Document::parse(json) else {
        assert!(Policy::from_json(json).is_err());
        return false;
    };
    let written = serde_json::to_string(&document).expect("plain data");
    let again = policy::Document::parse(&written).expect("what was written is read");
    assert_eq!(policy::root64(&again), policy::root64(&document));
    assert_eq!(policy::leaves(&document).len(), 3 + document.entries.len());
    if let Ok(policy) = Policy::from_json(json) {
        assert_eq!(policy.root64(), policy::root64(&document));
        assert!(policy.allows_identity(policy.preferred_signature()));
    }
    true
}
