use super::*;

const MESSAGE: &[u8] = b"a message";

fn available() -> impl Iterator<Item = SigAlg> {
    SigAlg::ALL.iter().copied().filter(|a| a.is_available())
}

#[test]
fn ids_and_names_lead_back_to_the_algorithm() {
    for alg in SigAlg::ALL {
        assert_eq!(SigAlg::from_id(alg.id()), Some(*alg));
        assert_eq!(SigAlg::from_name(alg.name()), Some(*alg));
        assert_eq!(
            serde_json::to_string(alg).unwrap(),
            format!("\"{}\"", alg.name())
        );
    }
    // 0x1002 stays reserved for round-3 SPHINCS+, which nothing here speaks.
    assert_eq!(SigAlg::from_id(0x1002), None);
}

#[test]
fn signs_and_refuses_another_message_key_or_length() {
    for alg in available().filter(|a| a.is_operational()) {
        let pair = PqKeyPair::generate(alg).unwrap();
        let other = PqKeyPair::generate(alg).unwrap();
        let signature = pair.sign(MESSAGE).unwrap();
        assert_eq!(signature.len(), alg.sig_len());
        assert_eq!(pair.public().len(), alg.pk_len());
        assert_eq!(pair.stored().len(), alg.stored_len());
        let bad = Err(SignatureError::PostQuantum(alg));
        assert_eq!(verify(alg, pair.public(), MESSAGE, &signature), Ok(()));
        assert_eq!(verify(alg, pair.public(), b"another", &signature), bad);
        assert_eq!(verify(alg, other.public(), MESSAGE, &signature), bad);
        for cut in [0, 1, alg.sig_len() - 1] {
            let got = verify(alg, pair.public(), MESSAGE, &signature[..cut]);
            assert_eq!(got, Err(SignatureError::Length));
        }
        let long = [&signature[..], &[0]].concat();
        assert_eq!(
            verify(alg, pair.public(), MESSAGE, &long),
            Err(SignatureError::Length)
        );
        assert_eq!(
            verify(alg, &pair.public()[1..], MESSAGE, &signature),
            Err(SignatureError::PublicKey)
        );
    }
}

#[test]
fn a_stored_secret_gives_the_same_key_back() {
    for alg in available() {
        let pair = PqKeyPair::generate(alg).unwrap();
        let again = PqKeyPair::from_stored(alg, &pair.stored(), pair.public()).unwrap();
        assert_eq!(again.public(), pair.public());
        let other = PqKeyPair::generate(alg).unwrap();
        assert_eq!(
            PqKeyPair::from_stored(alg, &pair.stored(), other.public()).unwrap_err(),
            SignError::Secret(alg)
        );
        assert_eq!(
            PqKeyPair::from_stored(alg, &pair.stored()[1..], pair.public()).unwrap_err(),
            SignError::Secret(alg)
        );
    }
}

#[cfg(not(feature = "round3"))]
#[test]
fn dilithium3_is_not_in_this_build() {
    let alg = SigAlg::Dilithium3;
    assert_eq!(
        PqKeyPair::generate(alg).unwrap_err(),
        SignError::NotInBuild(alg)
    );
    assert_eq!(
        verify(alg, &[0; 1952], MESSAGE, &[0; 3293]),
        Err(SignatureError::NotInBuild(alg))
    );
}
