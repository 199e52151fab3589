//! HKDF (RFC 5869) with HMAC-SHA3-256, and the labelled derivation of the key schedule.

use hkdf::{SimpleHkdf, SimpleHkdfExtract};
use sha3::Sha3_256;
use zeroize::Zeroize;

use super::{label::KeyLabel, secret::Secret};

/// HKDF-Extract of the concatenation of `parts` under `salt`.
#[must_use]
pub fn extract(salt: &[u8], parts: &[&[u8]]) -> Secret<32> {
    let mut hkdf = SimpleHkdfExtract::<Sha3_256>::new(Some(salt));
    for part in parts {
        hkdf.input_ikm(part);
    }
    let (mut prk, _) = hkdf.finalize();
    let mut out = Secret::from([0; 32]);
    out.as_mut_bytes().copy_from_slice(&prk);
    prk.as_mut_slice().zeroize();
    out
}

/// HKDF-Expand of `secret` with the concatenation of `info` into `out`.
///
/// # Panics
/// `out` is longer than 8160 bytes, the most HKDF can give. No caller chooses a length that
/// comes from outside.
pub fn expand(secret: &Secret<32>, info: &[&[u8]], out: &mut [u8]) {
    SimpleHkdf::<Sha3_256>::from_prk(secret.as_bytes())
        .expect("32 bytes are as long as the digest")
        .expand_multi_info(info, out)
        .expect("callers ask for 12 or 32 bytes");
}

/// `D(secret, label, context, n) = Expand(secret, u16be n || u8 len(label) || label || context)`.
#[must_use]
pub fn derive(secret: &Secret<32>, label: KeyLabel, context: &[u8]) -> Secret<32> {
    let mut out = Secret::from([0; 32]);
    derive_into(secret, label, context, out.as_mut_bytes());
    out
}

/// [`derive()`] for another length than 32 bytes.
///
/// # Panics
/// As [`expand`].
pub fn derive_into(secret: &Secret<32>, label: KeyLabel, context: &[u8], out: &mut [u8]) {
    let n = u16::try_from(out.len()).expect("callers ask for 12 or 32 bytes");
    let label = label.as_bytes();
    let label_len = u8::try_from(label.len()).expect("labels are shorter than 256 bytes");
    expand(
        secret,
        &[&n.to_be_bytes(), &[label_len], label, context],
        out,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Python: `hmac.new(salt, ikm, "sha3_256")`, then RFC 5869 section 2.3 by hand.
    #[test]
    fn agrees_with_a_second_implementation() {
        let prk = extract(&[0x01; 32], &[&[0x02; 20], &[0x02; 44]]);
        assert_eq!(
            hex::encode(prk.as_bytes()),
            "b5bf194136d583e168a8ab21a6f7f407d7ff0302de8e96bdb0a6460bc3c65f81"
        );
        let mut okm = [0; 80];
        expand(&prk, &[b"in", b"fo"], &mut okm);
        assert_eq!(
            hex::encode(okm),
            "a40697259e6ee2ea0eced21ce8d2eb48a589a3d40abd6ab7634da9f6ed886ef1e6fbe58fde49dcf86dc32422e319e4bfd944f37322b2a1244ae383c76af232a7ad26f557fd457263bb380cf1dc9817ad"
        );
        let key = derive(&prk, KeyLabel::RATCHET, b"ctx");
        assert_eq!(
            hex::encode(key.as_bytes()),
            "f0f971d2d07f9a007bf78a965a8bcbccdd6f1ce61ae8c113df29c9f92888c9ea"
        );
    }

    #[test]
    fn label_context_and_length_all_separate() {
        let s = Secret::from([7; 32]);
        let base = derive(&s, KeyLabel::KEY, b"");
        assert!(!base.ct_eq(&derive(&s, KeyLabel::IV, b"")));
        assert!(!base.ct_eq(&derive(&s, KeyLabel::KEY, b"x")));
        let mut short = [0; 12];
        derive_into(&s, KeyLabel::KEY, b"", &mut short);
        assert_ne!(short, base.as_bytes()[..12]);
    }
}
