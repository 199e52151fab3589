//! The layout, and what is refused of it. Whole nodes exchange keys in `tests/it/network.rs`.

use super::{KeyRing, MAX_KEYS, MAX_KNOWN, codec::*, only_wanted};
use crate::{
    crypto::sign::SigAlg,
    identity::{KeyPair, PublicIdentity},
    ids::Hash32,
    offence::Offence,
};

fn key() -> PublicIdentity {
    KeyPair::generate(SigAlg::MlDsa65).unwrap().public().clone()
}

#[test]
fn both_messages_round_trip_within_their_limits() {
    let wanted = vec![Hash32([7; 32]); MAX_KEYS];
    let bytes = encode_request(&wanted);
    assert!(bytes.len() <= MAX_REQUEST_BYTES);
    assert_eq!(decode_request(&bytes).unwrap(), wanted);
    let keys = vec![key(); MAX_KEYS];
    let bytes = encode_answer(&keys);
    assert!(bytes.len() <= MAX_ANSWER_BYTES);
    assert_eq!(
        decode_answer(&bytes).unwrap()[15].digest(),
        keys[15].digest()
    );
}

#[test]
fn refused_messages_name_their_offence() {
    let offence = |bytes: &[u8]| decode_request(bytes).unwrap_err().offence;
    assert_eq!(
        offence(&encode_request(&vec![Hash32::ZERO; MAX_KEYS + 1])),
        Offence::MalformedMessage
    );
    assert_eq!(offence(&[0x81, 0x41, 0]), Offence::MalformedMessage);
    assert_eq!(offence(&[0x81]), Offence::NonCanonicalCbor);
    // An algorithm nobody has, and a key too short for its algorithm.
    for bytes in [
        &[0x81, 0x82, 0x05, 0x41, 0][..],
        &[0x81, 0x82, 0x19, 0x10, 0x03, 0x41, 0],
    ] {
        assert_eq!(
            decode_answer(bytes).unwrap_err().offence,
            Offence::MalformedMessage
        );
    }
}

#[test]
fn keys_nobody_asked_for_are_refused() {
    let (a, b) = (key(), key());
    let wanted = [a.digest(), b.digest()];
    assert_eq!(only_wanted(vec![b.clone()], &wanted).unwrap().len(), 1);
    for keys in [vec![key()], vec![a.clone(), a]] {
        let refused = only_wanted(keys, &wanted).unwrap_err();
        assert_eq!(refused.offence, Offence::UnsolicitedResponse);
    }
}

#[test]
fn the_ring_forgets_the_oldest_but_never_our_own() {
    let own = key();
    let mut ring = KeyRing::new(own.clone());
    let first = key();
    ring.insert(first.clone());
    assert!(ring.get(&first.digest()).is_some());
    // Distinct keys are slow to make; distinct Ed25519 halves are enough.
    let pq = own.pq().to_vec();
    for i in 0..MAX_KNOWN {
        ring.insert(composite(&pq, i));
    }
    assert!(ring.get(&first.digest()).is_none());
    assert!(ring.get(&own.digest()).is_some());
}

fn composite(pq: &[u8], i: usize) -> PublicIdentity {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&i.to_be_bytes());
    let ed = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
    let bytes = [pq, ed.as_bytes()].concat();
    PublicIdentity::decode(SigAlg::MlDsa65.id(), &bytes).unwrap()
}
