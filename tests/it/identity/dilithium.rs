//! The pinned Dilithium3 library is round 3: an independent verifier agrees with it.

use animica_p2p::crypto::sign::{PqKeyPair, SigAlg, verify};

use super::round3;

const ALG: SigAlg = SigAlg::Dilithium3;

#[test]
fn signatures_have_the_size_of_round_3() {
    // 3309 is what its drafts of FIPS 204 and ML-DSA-65 have.
    let pair = PqKeyPair::generate(ALG).unwrap();
    assert_eq!(pair.sign(b"m").unwrap().len(), 3293);
    assert_eq!(pair.stored().len(), 4000);
}

#[test]
fn an_independent_verifier_accepts_its_signatures() {
    for n in 0..4u8 {
        let pair = PqKeyPair::generate(ALG).unwrap();
        let message = vec![n; usize::from(n) * 100];
        let signature = pair.sign(&message).unwrap();
        assert_eq!(verify(ALG, pair.public(), &message, &signature), Ok(()));
        assert!(round3::verify(pair.public(), &message, &signature));
        assert!(!round3::verify(pair.public(), b"another", &signature));
    }
}

#[test]
fn both_refuse_damaged_signatures() {
    let pair = PqKeyPair::generate(ALG).unwrap();
    let signature = pair.sign(b"m").unwrap();
    let hints = ALG.sig_len() - 61;
    let places = (0..hints)
        .step_by(409)
        .chain((hints..ALG.sig_len()).step_by(7));
    for at in places {
        let mut bad = signature.clone();
        bad[at] ^= 0x11;
        assert!(verify(ALG, pair.public(), b"m", &bad).is_err(), "byte {at}");
        assert!(!round3::verify(pair.public(), b"m", &bad), "byte {at}");
    }
}
