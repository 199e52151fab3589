use aws_lc_rs::{digest, signature};
use curve25519_dalek::{
    EdwardsPoint, Scalar,
    constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION},
};

use super::*;

const MESSAGE: &[u8] = b"a message";

/// Order of the base point, little-endian.
const L: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<(), SignatureError> {
    PublicKey::decode(public)?.verify(message, signature)
}

/// A signer who follows the RFC's equation but chooses every value freely.
struct Crafted {
    a: Scalar,
    public: EdwardsPoint,
    r: Scalar,
    commitment: EdwardsPoint,
}

impl Crafted {
    fn honest() -> Self {
        let (a, r) = (
            Scalar::from(0x1234_5678_9abc_u64),
            Scalar::from(987_654_321_u64),
        );
        Self {
            a,
            public: a * B,
            r,
            commitment: r * B,
        }
    }

    fn public(&self) -> [u8; 32] {
        self.public.compress().0
    }

    fn challenge(&self, message: &[u8]) -> Scalar {
        let mut hash = digest::Context::new(&digest::SHA512);
        hash.update(&self.commitment.compress().0);
        hash.update(&self.public());
        hash.update(message);
        let wide: [u8; 64] = hash.finish().as_ref().try_into().unwrap();
        Scalar::from_bytes_mod_order_wide(&wide)
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let s = self.r + self.challenge(message) * self.a;
        let mut out = [0; 64];
        out[..32].copy_from_slice(&self.commitment.compress().0);
        out[32..].copy_from_slice(&s.to_bytes());
        out
    }

    /// Whether the equation multiplied by the cofactor holds, as RFC 8032 also allows.
    fn holds_with_cofactor(&self, message: &[u8]) -> bool {
        let k = self.challenge(message);
        let s = self.r + k * self.a;
        let difference = s * B - self.commitment - k * self.public;
        difference.is_small_order()
    }

    fn verdict(&self, message: &[u8]) -> Result<(), SignatureError> {
        verify(&self.public(), message, &self.sign(message))
    }
}

#[test]
fn agrees_with_the_vectors_of_rfc_8032() {
    for (seed, public, message, signature) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ] {
        let pair = KeyPair::from_seed(&Secret::from(array(seed)));
        let message = hex::decode(message).unwrap();
        assert_eq!(pair.public(), array(public));
        assert_eq!(pair.sign(&message), array(signature));
        assert_eq!(verify(&array(public), &message, &array(signature)), Ok(()));
        assert_eq!(pair.seed().as_bytes(), &array(seed));
    }
}

#[test]
fn agrees_with_a_second_implementation() {
    let pair = KeyPair::generate().unwrap();
    let public = pair.public();
    let other = signature::UnparsedPublicKey::new(&signature::ED25519, public);
    let good = pair.sign(MESSAGE);
    assert!(other.verify(MESSAGE, &good).is_ok());
    for bit in 0..512 {
        let mut bad = good;
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&public, MESSAGE, &bad).is_err(), "bit {bit}");
        assert!(other.verify(MESSAGE, &bad).is_err(), "bit {bit}");
    }
    assert!(verify(&public, b"another", &good).is_err());
}

#[test]
fn a_crafted_honest_signature_verifies() {
    assert_eq!(Crafted::honest().verdict(MESSAGE), Ok(()));
}

#[test]
fn refuses_s_that_is_not_reduced() {
    let honest = Crafted::honest();
    let mut signature = honest.sign(MESSAGE);
    let order: [u8; 32] = array(L);
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(carry, 0, "S + L fits 256 bits");
    let verdict = verify(&honest.public(), MESSAGE, &signature);
    assert_eq!(verdict, Err(SignatureError::Ed25519));
}

#[test]
fn refuses_keys_of_small_order_in_every_encoding() {
    for point in EIGHT_TORSION {
        let mut encoding = point.compress().0;
        for sign in [0, 0x80] {
            encoding[31] = encoding[31] & 0x7f | sign;
            assert!(
                PublicKey::decode(&encoding).is_err(),
                "{}",
                hex::encode(encoding)
            );
        }
    }
    // With A = 0 a signature made of R and S alone would hold for every message.
    let forger = Crafted {
        a: Scalar::ZERO,
        public: EIGHT_TORSION[0],
        ..Crafted::honest()
    };
    assert!(forger.holds_with_cofactor(MESSAGE));
    assert_eq!(forger.verdict(MESSAGE), Err(SignatureError::Ed25519Key));
}

#[test]
fn refuses_r_of_small_order() {
    for point in EIGHT_TORSION {
        let crafted = Crafted {
            r: Scalar::ZERO,
            commitment: point,
            ..Crafted::honest()
        };
        assert!(crafted.holds_with_cofactor(MESSAGE));
        assert_eq!(crafted.verdict(MESSAGE), Err(SignatureError::Ed25519));
    }
}

#[test]
fn refuses_keys_that_are_not_canonical() {
    // p = 2^255 - 19, so p + n has the bytes (0xed + n) ff .. ff 7f for n up to 18.
    let mut lenient = 0;
    for n in 0..19u8 {
        for sign in [0, 0x80] {
            let mut encoding = [0xff; 32];
            (encoding[0], encoding[31]) = (0xed + n, 0x7f | sign);
            assert!(PublicKey::decode(&encoding).is_err(), "p + {n}");
            let taken = VerifyingKey::from_bytes(&encoding).is_ok_and(|key| !key.is_weak());
            lenient += usize::from(taken);
        }
    }
    assert!(lenient > 0, "the library alone would take some of them");
    let mut largest = [0xff; 32];
    (largest[0], largest[31]) = (0xec, 0x7f);
    assert!(has_canonical_y(&largest), "p - 1 is canonical");
    assert!(PublicKey::decode(&[2; 32]).is_err(), "not on the curve");
}

#[test]
fn refuses_r_that_is_not_canonical() {
    // An R whose logarithm is known and whose y is at least p cannot be found, so this shows only
    // that the encoding is compared and not the point.
    let honest = Crafted::honest();
    for n in 0..19u8 {
        let mut signature = honest.sign(MESSAGE);
        signature[..32].fill(0xff);
        (signature[0], signature[31]) = (0xed + n, 0x7f);
        let verdict = verify(&honest.public(), MESSAGE, &signature);
        assert_eq!(verdict, Err(SignatureError::Ed25519));
    }
}

#[test]
fn the_equation_has_no_cofactor() {
    // R with a small-order part holds with the cofactor and not without.
    let mut crafted = Crafted::honest();
    crafted.commitment += EIGHT_TORSION[1];
    assert!(crafted.holds_with_cofactor(MESSAGE));
    assert_eq!(crafted.verdict(MESSAGE), Err(SignatureError::Ed25519));
    // A with a small-order part holds without it only where the challenge cancels that part.
    let mut crafted = Crafted::honest();
    crafted.public += EIGHT_TORSION[1];
    let mut verdicts = [0; 2];
    for n in 0..64u8 {
        let message = [n];
        let cancels = crafted.challenge(&message).to_bytes()[0].is_multiple_of(8);
        assert!(crafted.holds_with_cofactor(&message));
        assert_eq!(crafted.verdict(&message).is_ok(), cancels, "{n}");
        verdicts[usize::from(cancels)] += 1;
    }
    assert!(verdicts[0] > 0 && verdicts[1] > 0, "both cases occur");
}
