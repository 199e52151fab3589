//! ML-DSA-65 of AWS-LC against `fips204`, an implementation that shares no code with it.

use animica_p2p::crypto::sign::{PqKeyPair, SigAlg, verify};
use fips204::{
    ml_dsa_65::{self, KG},
    traits::{KeyGen, SerDes, Signer, Verifier},
};

const ALG: SigAlg = SigAlg::MlDsa65;

fn other_verifies(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let public = ml_dsa_65::PublicKey::try_from_bytes(public.try_into().unwrap());
    public.is_ok_and(|key| key.verify(message, signature.try_into().unwrap(), &[]))
}

#[test]
fn both_grow_the_same_key_from_a_seed() {
    for n in 0..8 {
        let seed = [n; 32];
        let (public, _) = KG::keygen_from_seed(&seed);
        let ours = PqKeyPair::ml_dsa_from_seed(seed).unwrap();
        assert_eq!(ours.public(), public.into_bytes());
    }
}

#[test]
fn each_verifies_what_the_other_signs() {
    for n in 0..8 {
        let seed = [n; 32];
        let (public, secret) = KG::keygen_from_seed(&seed);
        let public = public.into_bytes();
        let ours = PqKeyPair::ml_dsa_from_seed(seed).unwrap();
        let message = vec![n; usize::from(n) * 50];
        let signature = ours.sign(&message).unwrap();
        assert!(other_verifies(&public, &message, &signature));
        let signature = secret.try_sign(&message, &[]).unwrap();
        assert_eq!(verify(ALG, &public, &message, &signature), Ok(()));
        // Pure mode with the empty context: a context is another message.
        let other_context = secret.try_sign(&message, b"x").unwrap();
        assert!(verify(ALG, &public, &message, &other_context).is_err());
    }
}

#[test]
fn both_give_the_same_verdict_on_damaged_signatures_and_keys() {
    let ours = PqKeyPair::ml_dsa_from_seed([7; 32]).unwrap();
    let message = b"damaged";
    let signature = ours.sign(message).unwrap();
    // Challenge, response, hint positions and hint counts; the last 61 bytes are the hints, where
    // libraries have accepted what they should not.
    let hints = ALG.sig_len() - 61;
    let places = (0..hints).step_by(97).chain(hints..ALG.sig_len());
    for at in places {
        for change in [0x01, 0x80, 0xff] {
            let mut bad = signature.clone();
            bad[at] ^= change;
            let verdict = verify(ALG, ours.public(), message, &bad).is_ok();
            let other = other_verifies(ours.public(), message, &bad);
            assert_eq!(verdict, other, "byte {at} ^ {change}");
            assert!(!verdict, "byte {at} ^ {change}");
        }
    }
    for at in (0..ALG.pk_len()).step_by(61) {
        let mut key = ours.public().to_vec();
        key[at] ^= 1;
        assert!(verify(ALG, &key, message, &signature).is_err());
        assert!(!other_verifies(&key, message, &signature));
    }
}

#[test]
fn both_refuse_hints_that_are_not_canonical() {
    // The hint encoding lists positions in increasing order and pads with zeros; each of these
    // re-encodes the same hint, or one that repeats a position.
    let ours = PqKeyPair::ml_dsa_from_seed([8; 32]).unwrap();
    let message = b"hints";
    let mut tried = [0; 3];
    for _ in 0..64 {
        let signature = ours.sign(message).unwrap();
        let at = ALG.sig_len() - 61;
        let first = usize::from(signature[at + 55]);
        let total = usize::from(signature[at + 60]);
        let mut edits: Vec<(usize, Vec<u8>)> = Vec::new();
        if first >= 2 {
            let mut swapped = signature.clone();
            swapped.swap(at, at + 1);
            edits.push((0, swapped));
            let mut repeated = signature.clone();
            repeated[at + 1] = repeated[at];
            edits.push((1, repeated));
        }
        if total < 55 {
            let mut padded = signature.clone();
            padded[at + 54] = 1;
            edits.push((2, padded));
        }
        for (kind, bad) in edits {
            assert!(verify(ALG, ours.public(), message, &bad).is_err());
            assert!(!other_verifies(ours.public(), message, &bad));
            tried[kind] += 1;
        }
        if tried.iter().all(|n| *n >= 4) {
            return;
        }
    }
    panic!("too few signatures with hints: {tried:?}");
}
