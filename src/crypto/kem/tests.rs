//! Both KEMs against a second implementation, and the refusals both share.

use super::*;

fn round_trip(alg: KemAlg) -> KemKeyPair {
    let pair = KemKeyPair::generate(alg).unwrap();
    let (ciphertext, shared) = encapsulate(alg, pair.public()).unwrap();
    assert!(pair.decapsulate(&ciphertext).unwrap().ct_eq(&shared));
    pair
}

#[test]
fn decapsulates_what_was_encapsulated_also_from_stored_bytes() {
    for alg in KemAlg::ALL {
        let pair = round_trip(*alg);
        let secret = pair.secret_bytes().unwrap();
        let again = KemKeyPair::from_bytes(*alg, pair.public(), &secret).unwrap();
        let (ciphertext, shared) = encapsulate(*alg, pair.public()).unwrap();
        assert!(again.decapsulate(&ciphertext).unwrap().ct_eq(&shared));
    }
}

#[test]
fn a_changed_ciphertext_gives_an_unrelated_secret() {
    for alg in KemAlg::ALL {
        let pair = KemKeyPair::generate(*alg).unwrap();
        let (mut ciphertext, shared) = encapsulate(*alg, pair.public()).unwrap();
        ciphertext[1000] ^= 1;
        assert!(!pair.decapsulate(&ciphertext).unwrap().ct_eq(&shared));
    }
}

#[test]
fn refuses_every_coefficient_that_is_not_reduced() {
    for alg in KemAlg::ALL {
        let pair = KemKeyPair::generate(*alg).unwrap();
        for i in 0..COEFFICIENT_BYTES * 2 / 3 {
            for value in [Q, 4095] {
                let mut public = *pair.public();
                let at = i / 2 * 3;
                if i % 2 == 0 {
                    public[at] = value as u8;
                    public[at + 1] = public[at + 1] & 0xf0 | (value >> 8) as u8;
                } else {
                    public[at + 1] = public[at + 1] & 0x0f | (value << 4) as u8;
                    public[at + 2] = (value >> 4) as u8;
                }
                assert_eq!(encapsulate(*alg, &public).unwrap_err(), KemError::PublicKey);
            }
        }
        let mut largest = *pair.public();
        largest[0] = 0x00;
        largest[1] = largest[1] & 0xf0 | 0x0d; // 3328 = q - 1
        assert!(check_public(&largest).is_ok());
    }
}

#[test]
fn refuses_other_lengths() {
    for alg in KemAlg::ALL {
        let pair = KemKeyPair::generate(*alg).unwrap();
        for len in [0, 1, PUBLIC_LEN - 1] {
            let short = &pair.public()[..len];
            assert_eq!(encapsulate(*alg, short).unwrap_err(), KemError::Length);
        }
        for len in [0, CIPHERTEXT_LEN - 1, CIPHERTEXT_LEN + 1] {
            assert_eq!(
                pair.decapsulate(&vec![0; len]).unwrap_err(),
                KemError::Length
            );
        }
        let secret = pair.secret_bytes().unwrap();
        let short = KemKeyPair::from_bytes(*alg, pair.public(), &secret[1..]);
        assert_eq!(short.unwrap_err(), KemError::Length);
    }
}

#[test]
fn ids_and_names_round_trip() {
    for alg in KemAlg::ALL {
        assert_eq!(KemAlg::from_id(alg.id()), Some(*alg));
        assert_eq!(KemAlg::from_name(alg.name()), Some(*alg));
        assert!(alg.hybrid_name().ends_with(alg.name()));
    }
}

/// Our keys and ciphertexts against libcrux's, in both directions. For ML-KEM also the
/// implicit-rejection secret, the sharpest probe of the secret key format; libcrux derives that
/// of Kyber otherwise than the round-3 specification, which nobody can observe.
macro_rules! differential {
    ($name:ident, $alg:expr, $libcrux:path, rejection: $rejection:expr) => {
        #[test]
        fn $name() {
            use $libcrux as other;
            for round in 0..16u8 {
                let pair = KemKeyPair::generate($alg).unwrap();
                let secret: [u8; SECRET_LEN] =
                    pair.secret_bytes().unwrap().as_slice().try_into().unwrap();
                let (ct, shared) = other::encapsulate(&pair.public().into(), [round; 32]);
                assert_eq!(pair.decapsulate(ct.as_ref()).unwrap().as_bytes(), &shared);

                let (ct, shared) = encapsulate($alg, pair.public()).unwrap();
                assert_eq!(
                    &other::decapsulate(&secret.into(), &ct.into()),
                    shared.as_bytes()
                );

                let garbage = [round; CIPHERTEXT_LEN];
                let got = other::decapsulate(&secret.into(), &garbage.into());
                let want = pair.decapsulate(&garbage).unwrap();
                assert_eq!(want.as_bytes() == &got, $rejection);

                let theirs = other::generate_key_pair([round ^ 0x55; 64]);
                let (ct, shared) = encapsulate($alg, theirs.pk()).unwrap();
                let got = other::decapsulate(theirs.private_key(), &ct.into());
                assert_eq!(&got, shared.as_bytes());
            }
        }
    };
}

differential!(
    ml_kem_agrees_with_a_second_implementation,
    KemAlg::MlKem768,
    libcrux_ml_kem::mlkem768,
    rejection: true
);
#[cfg(feature = "round3")]
differential!(
    kyber_agrees_with_a_second_implementation,
    KemAlg::Kyber768,
    libcrux_ml_kem::kyber768,
    rejection: false
);

#[cfg(feature = "round3")]
#[test]
fn the_two_kems_do_not_interoperate() {
    let pair = KemKeyPair::generate(KemAlg::MlKem768).unwrap();
    let (ct, shared) = encapsulate(KemAlg::Kyber768, pair.public()).unwrap();
    assert!(!pair.decapsulate(&ct).unwrap().ct_eq(&shared));
}
