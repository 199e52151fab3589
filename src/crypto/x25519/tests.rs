//! RFC 7748 vectors, Wycheproof's edge cases, and a second implementation.

use super::*;

fn hex32(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn agree_hex(private: &str, public: &str) -> Result<String, X25519Error> {
    let private = PrivateKey::from_bytes(&hex32(private).into()).unwrap();
    private
        .agree(&hex32(public))
        .map(|s| hex::encode(s.as_bytes()))
}

#[test]
fn agrees_with_rfc_7748() {
    assert_eq!(
        agree_hex(
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        )
        .unwrap(),
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    );
    assert_eq!(
        agree_hex(
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        )
        .unwrap(),
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    );
    let bob = hex32("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    assert_eq!(
        hex::encode(PrivateKey::from_bytes(&bob.into()).unwrap().public()),
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    );
}

/// The points of small order and their non-canonical forms (Wycheproof flags `LowOrderPublic`,
/// `ZeroSharedSecret`), each with and without the ignored top bit.
#[test]
fn refuses_every_point_of_small_order() {
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let private = PrivateKey::generate().unwrap();
    for point in points {
        for top_bit in [0, 0x80] {
            let mut point = hex32(point);
            point[31] ^= top_bit;
            assert_eq!(private.agree(&point).unwrap_err(), X25519Error::ZeroResult);
        }
    }
}

/// Coordinates from p to 2^255 - 1 mean themselves minus p; the top bit means nothing.
#[test]
fn reduces_non_canonical_coordinates_and_ignores_the_top_bit() {
    let private = PrivateKey::generate().unwrap();
    for small in 2u8..19 {
        let mut canonical = [0; 32];
        canonical[0] = small;
        let mut raised = [0xff; 32];
        raised[0] = 0xed + small;
        raised[31] = 0x7f;
        let mut top = canonical;
        top[31] = 0x80;
        let want = private.agree(&canonical).unwrap();
        assert!(want.ct_eq(&private.agree(&raised).unwrap()), "{small}");
        assert!(want.ct_eq(&private.agree(&top).unwrap()), "{small}");
    }
}

#[test]
fn agrees_with_a_second_implementation() {
    for _ in 0..32 {
        let mine = PrivateKey::generate().unwrap();
        let bytes = mine.to_bytes().unwrap();
        let theirs = x25519_dalek::StaticSecret::from(*bytes.as_bytes());
        assert_eq!(
            x25519_dalek::PublicKey::from(&theirs).as_bytes(),
            mine.public()
        );
        let mut point = [0; 32];
        aws_lc_rs::rand::fill(&mut point).unwrap();
        let want = theirs.diffie_hellman(&point.into());
        assert_eq!(want.as_bytes(), mine.agree(&point).unwrap().as_bytes());
    }
}
