use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::{
    cbor::{CborError, Writer},
    crypto::sign::{SigAlg, SignatureError},
    identity::{ClaimError, DelegationError, DelegationFields, KeyPair, SerialMemory},
    offence::Offence,
    registry::{MAX_DHT_NAME, MAX_DHT_TTL_MS, MAX_DHT_VALUE},
};

pub(in crate::dht) const NETWORK: (ChainId, Hash32) = (ChainId(7), Hash32([3; 32]));
pub(in crate::dht) const NOW: u64 = 1_700_000_000_000;

pub(in crate::dht) fn node(seed: u8) -> NodeIdentity {
    NodeIdentity::from_keypair(KeyPair::deterministic([seed; 32]).unwrap())
}

pub(in crate::dht) fn body(seed: u8) -> Body {
    Body {
        author: node(seed).public().digest(),
        chain_id: NETWORK.0,
        genesis: NETWORK.1,
        seq: 1,
        created_ms: NOW,
        ttl_ms: 3_600_000,
        name: Some(b"name".to_vec()),
        value: Some(b"value".to_vec()),
    }
}

pub(in crate::dht) fn signed(seed: u8, edit: impl FnOnce(&mut Body)) -> Verified {
    let mut body = body(seed);
    edit(&mut body);
    Record::sign(&node(seed), &body).unwrap()
}

/// The object that says `body`, signed by whoever `signer` is, whatever the rules say.
fn forge(body: &Body, author: &NodeIdentity, signer: &NodeIdentity) -> Bytes {
    let signed = body.to_bytes();
    let signature = signer.sign(SignContext::Dht, &signed).unwrap();
    let mut out = Writer::new();
    out.array(5).raw(&signed);
    out.uint(u64::from(author.public().alg().id()));
    out.bytes(author.public().as_bytes());
    match author.delegation() {
        Some(d) => out.raw(d.as_bytes()),
        None => out.null(),
    };
    out.bytes(&signature).finish().into()
}

fn memory() -> Delegations {
    Delegations::new(NETWORK.0, NETWORK.1, SerialMemory::default())
}

fn judged(key: &Key, bytes: Bytes, now: u64) -> Result<Verified, RecordError> {
    judge(key, bytes, &memory(), &Policy::default_fips(), now)
}

fn delegated(usages: Usage) -> NodeIdentity {
    let (owner, signer) = (node(1), KeyPair::deterministic([9; 32]).unwrap());
    let fields = DelegationFields {
        peer_digest: owner.public().digest(),
        chain_id: NETWORK.0,
        genesis: NETWORK.1,
        serial: 1,
        usages,
        signing_alg: signer.alg().id(),
        signing_pubkey: signer.public().as_bytes().to_vec(),
        not_before_ms: NOW,
        not_after_ms: NOW + 1000,
    };
    let delegation = Delegation::issue(owner.signer(), &fields).unwrap();
    NodeIdentity::with_delegation(owner.public().clone(), signer, delegation).unwrap()
}

#[test]
fn a_record_reads_back_and_verifies_under_its_own_key_only() {
    let record = signed(1, |_| ());
    let bytes = record.as_bytes().clone();
    assert_eq!(
        judged(&record.key(), bytes.clone(), NOW),
        Ok(record.clone())
    );
    assert_eq!(record.body(), &body(1));
    assert_eq!(record.signed_part(), body(1).to_bytes());
    let foreign = signed(2, |_| ()).key();
    assert_ne!(record.key(), foreign, "a name belongs to its author");
    let error = judged(&foreign, bytes, NOW).unwrap_err();
    assert_eq!(error, RecordError::OtherKey);
    assert_eq!(error.offence(), Some(Offence::MalformedMessage));
}

#[test]
fn content_has_one_key_whoever_signs_it() {
    let content = |b: &mut Body| (b.name, b.seq) = (None, 0);
    let (a, b) = (signed(1, content), signed(2, content));
    assert_eq!(a.key(), b.key());
    assert_eq!(a.key(), Key::of_content(NETWORK, b"value"));
    assert_ne!(a.key(), signed(1, |_| ()).key());
    let longer = signed(2, |b| {
        content(b);
        b.ttl_ms += 1;
    });
    assert!(longer.precedence(&a).is_gt());
    for edit in [|b: &mut Body| b.value = None, |b: &mut Body| b.seq = 1] {
        let mut body = body(1);
        content(&mut body);
        edit(&mut body);
        let refused = Record::decode(forge(&body, &node(1), &node(1)));
        assert_eq!(refused, Err(RecordError::ContentForm));
    }
}

#[test]
fn the_higher_number_counts_and_between_equals_the_same_one_everywhere() {
    let old = signed(1, |_| ());
    let new = signed(1, |b| (b.seq, b.ttl_ms) = (2, 1000));
    assert!(new.precedence(&old).is_gt() && old.precedence(&new).is_lt());
    let other = signed(1, |b| b.value = None);
    assert_eq!(other.precedence(&old), old.precedence(&other).reverse());
    assert!(other.precedence(&old).is_ne());
    // Signed anew the record is the same one.
    assert!(signed(1, |_| ()).precedence(&old).is_eq());
}

#[test]
fn life_is_bounded_at_both_ends() {
    let record = signed(1, |_| ());
    let at = |now| judged(&record.key(), record.as_bytes().clone(), now).map(drop);
    assert_eq!(at(NOW - MESSAGE_SKEW_MS - 1), Err(RecordError::Premature));
    assert_eq!(at(NOW - MESSAGE_SKEW_MS), Ok(()));
    assert_eq!(at(NOW + 3_599_999), Ok(()));
    assert_eq!(at(NOW + 3_600_000), Err(RecordError::Expired));
    assert_eq!(at(u64::MAX), Err(RecordError::Expired));
    for time in [RecordError::Premature, RecordError::Expired] {
        assert_eq!((time.offence(), time.is_about_time()), (None, true));
    }
    for ttl in [0, MAX_DHT_TTL_MS + 1, u64::MAX] {
        let body = Body {
            ttl_ms: ttl,
            ..body(1)
        };
        let refused = Record::decode(forge(&body, &node(1), &node(1)));
        assert_eq!(refused, Err(RecordError::Life), "{ttl}");
        let refused = Record::sign(&node(1), &body);
        assert_eq!(refused, Err(RecordError::Life.into()));
    }
}

#[test]
fn refuses_forged_and_foreign_records() {
    let bad = RecordError::Claim(ClaimError::Signature(SignatureError::Ed25519));
    let by_another = forge(&body(1), &node(1), &node(2));
    let error = judged(&body(1).key(), by_another, NOW).unwrap_err();
    assert_eq!((error, error.offence()), (bad, Some(Offence::BadSignature)));
    let of_another = forge(&body(1), &node(2), &node(2));
    assert_eq!(Record::decode(of_another), Err(RecordError::OtherAuthor));
    for edit in [
        |b: &mut Body| b.chain_id = ChainId(8),
        |b: &mut Body| b.genesis = Hash32::ZERO,
    ] {
        let record = signed(1, edit);
        let error = judged(&record.key(), record.as_bytes().clone(), NOW).unwrap_err();
        assert_eq!(error, RecordError::OtherChain);
        assert_eq!(error.offence(), Some(Offence::WrongNetwork));
    }
    let slow = forge(&body(1), &node(1), &node(1));
    let envelope = node(1)
        .sign(SignContext::Envelope, &body(1).to_bytes())
        .unwrap();
    let at = slow.len() - envelope.len();
    let other_context = [&slow[..at], &envelope].concat();
    assert_eq!(judged(&body(1).key(), other_context.into(), NOW), Err(bad));
}

#[test]
fn refuses_what_is_too_long() {
    let with = |name: usize, value: usize| Body {
        name: Some(vec![b'n'; name]),
        value: Some(vec![0; value]),
        ..body(1)
    };
    let decode = |body: &Body| Record::decode(forge(body, &node(1), &node(1))).map(drop);
    assert_eq!(decode(&with(MAX_DHT_NAME, MAX_DHT_VALUE)), Ok(()));
    let out = RecordError::Malformed(CborError::OutOfRange);
    assert_eq!(decode(&with(MAX_DHT_NAME + 1, 1)), Err(out));
    assert_eq!(decode(&with(1, MAX_DHT_VALUE + 1)), Err(out));
    assert_eq!(decode(&with(0, 1)), Err(RecordError::Name));
    let signing = |body: &Body| Record::sign(&node(1), body).unwrap_err();
    assert_eq!(signing(&with(65, 1)), RecordError::Name.into());
    assert_eq!(signing(&with(1, 8193)), RecordError::ValueTooLong.into());
    let long = Record::decode(vec![0; MAX_DHT_RECORD_BYTES + 1].into()).unwrap_err();
    assert_eq!(long.offence(), Some(Offence::OversizedMessage));
    let junk = Record::decode(vec![0xff; 9].into()).unwrap_err();
    assert_eq!(junk.offence(), Some(Offence::NonCanonicalCbor));
}

#[test]
fn a_delegated_key_stores_short_values_where_it_may() {
    let sign = |usages, len| {
        let body = Body {
            value: Some(vec![1; len]),
            ..body(1)
        };
        Record::sign(&delegated(usages), &body)
    };
    let short = sign(Usage::DHT, MAX_DHT_DELEGATED_VALUE).unwrap();
    let at = |now| judged(&short.key(), short.as_bytes().clone(), now).map(drop);
    assert_eq!(at(NOW), Ok(()));
    let late = at(NOW + 1000 + crate::registry::DELEGATION_SKEW_MS).unwrap_err();
    assert!(late.is_about_time() && late.offence().is_none());
    let long = sign(Usage::DHT, MAX_DHT_DELEGATED_VALUE + 1);
    assert_eq!(long, Err(RecordError::ValueTooLong.into()));
    let other = sign(Usage::RECORD | Usage::ENVELOPE, 1).unwrap();
    let claim = ClaimError::Delegation(DelegationError::Usage);
    let refused = judged(&other.key(), other.as_bytes().clone(), NOW);
    assert_eq!(refused, Err(RecordError::Claim(claim)));
}

#[test]
fn the_longest_records_fit_their_limit() {
    let longest = Body {
        chain_id: ChainId(u64::MAX),
        seq: u64::MAX,
        created_ms: u64::MAX,
        ttl_ms: MAX_DHT_TTL_MS,
        name: Some(vec![0; MAX_DHT_NAME]),
        value: Some(vec![0; MAX_DHT_VALUE]),
        ..body(1)
    };
    let record = Record::sign(&node(1), &longest).unwrap();
    // Its ttl takes four bytes less than an integer may.
    assert_eq!(record.as_bytes().len() + 4, 13_744);
    // SLH-DSA identity and delegation, ML-DSA key and signature.
    let delegated = longest.to_bytes().len() - MAX_DHT_VALUE
        + MAX_DHT_DELEGATED_VALUE
        + (1 + 3 + 2 + PublicIdentity::len_of(SigAlg::SlhDsaShake128s))
        + Delegation::MAX_BYTES
        + (3 + PublicIdentity::signature_len_of(SigAlg::MlDsa65));
    assert!(delegated <= MAX_DHT_RECORD_BYTES, "{delegated}");
}

#[test]
fn keys_and_signed_parts_are_those_of_a_second_implementation() {
    let text = include_str!("../../../tests/vectors/dht.json");
    let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
    let records = vectors["records"].as_array().unwrap();
    for v in records {
        let bytes = |name: &str| v[name].as_str().map(|text| hex::decode(text).unwrap());
        let hash = |name: &str| v[name].as_str().unwrap().parse::<Hash32>().unwrap();
        let number = |name: &str| v[name].as_u64().unwrap();
        let body = Body {
            author: hash("author"),
            chain_id: ChainId(number("chain_id")),
            genesis: hash("genesis"),
            seq: number("seq"),
            created_ms: number("created_ms"),
            ttl_ms: number("ttl_ms"),
            name: bytes("name"),
            value: bytes("value"),
        };
        assert_eq!(body.check(), Ok(()));
        assert_eq!(Some(body.to_bytes()), bytes("body"));
        assert_eq!(sha3_256(&body.to_bytes()), hash("id"));
        assert_eq!(body.key(), Key(hash("key")));
    }
    assert_eq!(records.len(), 6);
}

static VALID: LazyLock<Verified> = LazyLock::new(|| signed(1, |_| ()));

proptest! {
    #[test]
    fn what_is_read_is_what_was_signed(
        seq: u64,
        ttl in 1..=MAX_DHT_TTL_MS,
        name in prop::collection::vec(any::<u8>(), 1..=MAX_DHT_NAME),
        value in prop::option::of(prop::collection::vec(any::<u8>(), 0..300)),
    ) {
        let body = Body { seq, ttl_ms: ttl, name: Some(name), value, ..body(1) };
        let mut reader_bytes = forge(&body, &node(1), &node(1));
        let record = Record::decode(reader_bytes.split_to(reader_bytes.len())).unwrap();
        prop_assert_eq!(record.body(), &body);
        prop_assert_eq!(record.key(), body.key());
    }

    #[test]
    fn no_changed_byte_verifies(at: prop::sample::Index, bits in 1..=255u8) {
        let mut bytes = VALID.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= bits;
        prop_assert!(judged(&VALID.key(), bytes.into(), NOW).is_err());
    }

    #[test]
    fn junk_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Record::decode(bytes.into()).is_err());
    }
}
