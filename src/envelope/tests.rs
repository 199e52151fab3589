use super::*;
use crate::{
    crypto::sign::{SigAlg, SignatureError},
    identity::{
        ClaimError, DelegationError, DelegationFields, Delegations, KeyPair, Policy, SerialMemory,
        Usage,
    },
    ids::ChainId,
    offence::Offence,
    registry::{MAX_ENVELOPE_TTL_MS, MESSAGE_SKEW_MS},
};

const CHAIN: ChainId = ChainId(7);
const GENESIS: Hash32 = Hash32([3; 32]);
const NOW: u64 = 1_700_000_000_000;

fn node(seed: u8) -> NodeIdentity {
    NodeIdentity::from_keypair(KeyPair::deterministic([seed; 32]).unwrap())
}

fn body() -> Body {
    Body {
        domain: "app".into(),
        chain_id: CHAIN,
        genesis: GENESIS,
        sender: node(1).public().digest(),
        created_ms: NOW,
        ttl_ms: 60_000,
        seq: 9,
        topic: "news".into(),
        payload: b"hello".to_vec(),
    }
}

fn memory() -> Delegations {
    Delegations::new(CHAIN, GENESIS, SerialMemory::default())
}

fn verify(envelope: &Envelope, now: u64) -> Verdict {
    let policy = Policy::default_fips();
    envelope.verify(&mut KeyCache::default(), &memory(), &policy, now)
}

fn refused(edit: impl FnOnce(&mut Body)) -> EnvelopeError {
    let mut body = body();
    edit(&mut body);
    match Envelope::sign(&node(1), &body, KeyForm::Full) {
        Err(SealError::Refused(e)) => e,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_envelope_reads_back_and_verifies() {
    let envelope = Envelope::sign(&node(1), &body(), KeyForm::Full).unwrap();
    let again = Envelope::decode(envelope.as_bytes().clone()).unwrap();
    assert_eq!(again, envelope);
    assert_eq!(again.body(), &body());
    assert_eq!(verify(&again, NOW), Verdict::Valid);
}

#[test]
fn a_digest_stands_for_the_key_once_the_key_is_known() {
    let policy = Policy::default_fips();
    let mut keys = KeyCache::default();
    let full = Envelope::sign(&node(1), &body(), KeyForm::Full).unwrap();
    let short = full.without_key();
    assert_eq!(short.id(), full.id());
    assert!(short.as_bytes().len() + 1900 < full.as_bytes().len());
    let sender = node(1).public().digest();
    let ask = |keys: &mut KeyCache, e: &Envelope| e.verify(keys, &memory(), &policy, NOW);
    assert_eq!(ask(&mut keys, &short), Verdict::NeedKey(sender));
    // The answer must be the key that was asked for.
    let alg = SigAlg::MlDsa65.id();
    let wrong = keys.supply(sender, alg, node(2).public().as_bytes());
    assert!(wrong.is_err());
    keys.supply(sender, alg, node(1).public().as_bytes())
        .unwrap();
    assert_eq!(ask(&mut keys, &short), Verdict::Valid);
    // A full envelope teaches the key too.
    let mut keys = KeyCache::default();
    assert_eq!(ask(&mut keys, &full), Verdict::Valid);
    assert_eq!(ask(&mut keys, &short), Verdict::Valid);
}

#[test]
fn keys_are_learned_from_valid_envelopes_only_and_bounded() {
    let mut bytes = Envelope::sign(&node(1), &body(), KeyForm::Full)
        .unwrap()
        .as_bytes()
        .to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let forged = Envelope::decode(bytes.into()).unwrap();
    let mut keys = KeyCache::new(2);
    let verdict = forged.verify(&mut keys, &memory(), &Policy::default_fips(), NOW);
    let claim = ClaimError::Signature(SignatureError::Ed25519);
    assert_eq!(verdict, Verdict::Refused(EnvelopeError::Claim(claim)));
    assert!(keys.is_empty());
    for seed in 1..=3 {
        keys.insert(node(seed).public().clone());
        keys.insert(node(seed).public().clone());
    }
    assert_eq!(keys.len(), 2);
    assert!(keys.get(&node(1).public().digest()).is_none());
}

#[test]
fn life_ends_after_ttl_and_starts_within_the_clock_allowance() {
    let envelope = Envelope::sign(&node(1), &body(), KeyForm::Full).unwrap();
    assert_eq!(
        verify(&envelope, NOW - MESSAGE_SKEW_MS - 1),
        Verdict::Premature
    );
    assert_eq!(verify(&envelope, NOW - MESSAGE_SKEW_MS), Verdict::Valid);
    assert_eq!(verify(&envelope, NOW + 59_999), Verdict::Valid);
    assert_eq!(verify(&envelope, NOW + 60_000), Verdict::Expired);
    for ttl in [0, MAX_ENVELOPE_TTL_MS + 1, u64::MAX] {
        assert_eq!(refused(|b| b.ttl_ms = ttl), EnvelopeError::Life);
    }
}

#[test]
fn refuses_another_network_sender_and_form() {
    let other = Delegations::new(CHAIN, Hash32::ZERO, SerialMemory::default());
    let envelope = Envelope::sign(&node(1), &body(), KeyForm::Full).unwrap();
    let verdict = envelope.verify(
        &mut KeyCache::default(),
        &other,
        &Policy::default_fips(),
        NOW,
    );
    assert_eq!(verdict, Verdict::Refused(EnvelopeError::OtherChain));
    assert_eq!(
        refused(|b| b.sender = Hash32::ZERO),
        EnvelopeError::OtherSender
    );
    for domain in ["", "UPPER", "sp ace", &"a".repeat(33)] {
        assert_eq!(refused(|b| b.domain = domain.into()), EnvelopeError::Domain);
    }
    for topic in ["line\nbreak".to_owned(), "x".repeat(65)] {
        assert_eq!(refused(|b| b.topic = topic), EnvelopeError::Topic);
    }
    assert_eq!(
        refused(|b| b.payload = vec![0; MAX_ENVELOPE_PAYLOAD + 1]),
        EnvelopeError::Malformed(CborError::OutOfRange)
    );
    let carries_other_key = encode(
        &body().to_bytes(),
        body().sender,
        Some(node(2).public()),
        None,
        &[0; 3373],
    );
    assert_eq!(
        Envelope::decode(carries_other_key.into()),
        Err(EnvelopeError::OtherSender)
    );
    let too_long = Bytes::from(vec![0; Envelope::MAX_BYTES + 1]);
    assert_eq!(
        Envelope::decode(too_long).unwrap_err().offence(),
        Some(Offence::OversizedMessage)
    );
}

#[test]
fn a_delegated_key_speaks_only_where_it_may() {
    let identity = KeyPair::deterministic([1; 32]).unwrap();
    let speak = |usages: Usage| {
        let signer = KeyPair::deterministic([2; 32]).unwrap();
        let fields = DelegationFields {
            peer_digest: identity.public().digest(),
            chain_id: CHAIN,
            genesis: GENESIS,
            serial: 1,
            usages,
            signing_alg: SigAlg::MlDsa65.id(),
            signing_pubkey: signer.public().as_bytes().to_vec(),
            not_before_ms: NOW,
            not_after_ms: NOW + 1000,
        };
        let delegation = Delegation::issue(&identity, &fields).unwrap();
        let node =
            NodeIdentity::with_delegation(identity.public().clone(), signer, delegation).unwrap();
        Envelope::sign(&node, &body(), KeyForm::Full).unwrap()
    };
    assert_eq!(verify(&speak(Usage::ENVELOPE), NOW), Verdict::Valid);
    let claim = ClaimError::Delegation(DelegationError::Usage);
    let error = EnvelopeError::Claim(claim);
    assert_eq!(verify(&speak(Usage::CHANNEL), NOW), Verdict::Refused(error));
    assert_eq!(error.offence(), Some(Offence::BadSignature));
}

#[test]
fn the_largest_envelope_fits_its_limit() {
    let mut body = body();
    body.domain = "d".repeat(MAX_ENVELOPE_DOMAIN);
    body.topic = "t".repeat(MAX_ENVELOPE_TOPIC);
    body.payload = vec![0; MAX_ENVELOPE_PAYLOAD];
    (body.chain_id, body.seq) = (ChainId(u64::MAX), u64::MAX);
    let envelope = Envelope::sign(&node(1), &body, KeyForm::Full).unwrap();
    assert!(envelope.as_bytes().len() + Delegation::MAX_BYTES <= Envelope::MAX_BYTES);
}

#[test]
fn every_changed_bit_is_refused() {
    let envelope = Envelope::sign(&node(1), &body(), KeyForm::Full).unwrap();
    for bit in (0..envelope.as_bytes().len() * 8).step_by(101) {
        let mut bytes = envelope.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let valid = Envelope::decode(bytes.into()).map(|e| verify(&e, NOW) == Verdict::Valid);
        assert_ne!(valid, Ok(true), "bit {bit}");
    }
}
