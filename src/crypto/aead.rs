//! AES-256-GCM and ChaCha20-Poly1305, in place, from `aws-lc-rs`.

use std::fmt;

use aws_lc_rs::aead::{
    AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};

use super::secret::Secret;

/// Length of the tag behind a ciphertext, in bytes.
pub const TAG_LEN: usize = 16;

/// Length of a nonce and of the IV it is made from, in bytes.
pub const IV_LEN: usize = NONCE_LEN;

/// An AEAD by its number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum AeadAlg {
    /// AES-256-GCM: about six times as fast where the processor has AES instructions.
    Aes256Gcm = 1,
    /// ChaCha20-Poly1305: the faster one everywhere else, and constant time in plain code.
    ChaCha20Poly1305 = 2,
}

impl AeadAlg {
    /// Every algorithm.
    pub const ALL: &'static [Self] = &[Self::Aes256Gcm, Self::ChaCha20Poly1305];

    /// The number on the wire.
    #[must_use]
    pub fn id(self) -> u64 {
        self as u64
    }

    /// The algorithm with this number.
    #[must_use]
    pub fn from_id(id: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|alg| alg.id() == id)
    }

    /// The stable name: configuration value, metric label and report field.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aes-256-gcm",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
        }
    }

    fn provider(self) -> &'static Algorithm {
        match self {
            Self::Aes256Gcm => &AES_256_GCM,
            Self::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        }
    }
}

impl fmt::Display for AeadAlg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether this processor has AES instructions, which decides what `auto` prefers.
#[must_use]
pub fn has_aes_instructions() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        std::arch::is_x86_feature_detected!("aes")
            && std::arch::is_x86_feature_detected!("pclmulqdq")
    }
    #[cfg(target_arch = "aarch64")]
    {
        std::arch::is_aarch64_feature_detected!("aes")
    }
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    {
        false
    }
}

/// A key with the IV that its nonces are made from.
///
/// The caller counts: a (key, IV, counter) triple must seal at most once.
pub struct AeadKey {
    key: LessSafeKey,
    iv: [u8; IV_LEN],
}

impl AeadKey {
    /// A key ready for use.
    #[must_use]
    pub fn new(alg: AeadAlg, key: &Secret<32>, iv: [u8; IV_LEN]) -> Self {
        let key = UnboundKey::new(alg.provider(), key.as_bytes())
            .expect("both algorithms have 32-byte keys");
        Self {
            key: LessSafeKey::new(key),
            iv,
        }
    }

    /// Nonce = IV xor (0^32 || u64be counter).
    fn nonce(&self, counter: u64) -> Nonce {
        let mut nonce = self.iv;
        for (byte, count) in nonce[4..].iter_mut().zip(counter.to_be_bytes()) {
            *byte ^= count;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    /// Encrypts `data` in place and returns its tag.
    #[must_use]
    pub fn seal(&self, counter: u64, aad: &[u8], data: &mut [u8]) -> [u8; TAG_LEN] {
        let tag = self
            .key
            .seal_in_place_separate_tag(self.nonce(counter), Aad::from(aad), data)
            .expect("sealing fails only above 2^36 bytes, no record is longer than 2^17");
        tag.as_ref().try_into().expect("both tags have 16 bytes")
    }

    /// Authenticates `data`, a ciphertext with its tag, and decrypts it in place. The plaintext is
    /// what precedes the last [`TAG_LEN`] bytes; its length is returned.
    ///
    /// # Errors
    /// `data` was not sealed with this key, counter and `aad`. What `data` then holds is garbage.
    pub fn open(&self, counter: u64, aad: &[u8], data: &mut [u8]) -> Result<usize, OpenError> {
        self.key
            .open_in_place(self.nonce(counter), Aad::from(aad), data)
            .map(|plain| plain.len())
            .map_err(|_| OpenError)
    }
}

impl fmt::Debug for AeadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// A ciphertext that this key, counter and associated data did not make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ciphertext does not authenticate")]
pub struct OpenError;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8439 section 2.8.2 (the IV equals the nonce at counter 0).
    #[test]
    fn chacha20_poly1305_agrees_with_the_rfc() {
        let key: [u8; 32] = std::array::from_fn(|i| 0x80 + i as u8);
        let iv = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
        let aad = hex::decode("50515253c0c1c2c3c4c5c6c7").unwrap();
        let mut data = b"Ladies and Gentlemen of the class of '99: If I could offer you \
            only one tip for the future, sunscreen would be it."
            .to_vec();
        let key = AeadKey::new(AeadAlg::ChaCha20Poly1305, &key.into(), iv);
        let tag = key.seal(0, &aad, &mut data);
        assert_eq!(hex::encode(&data[..16]), "d31a8d34648e60db7b86afbc53ef7ec2");
        assert_eq!(hex::encode(tag), "1ae10b594f09e26a7e902ecbd0600691");
    }

    /// Test case 14 of the GCM specification: zero key, zero IV, one zero block.
    #[test]
    fn aes_256_gcm_agrees_with_the_specification() {
        let key = AeadKey::new(AeadAlg::Aes256Gcm, &[0; 32].into(), [0; 12]);
        let mut data = [0; 16];
        let tag = key.seal(0, &[], &mut data);
        assert_eq!(hex::encode(data), "cea7403d4d606b6e074ec5d3baf39d18");
        assert_eq!(hex::encode(tag), "d0d1c8a799996bf0265b98b5d48ab919");
    }

    #[test]
    fn opens_only_what_was_sealed() {
        for alg in AeadAlg::ALL {
            let key = AeadKey::new(*alg, &[1; 32].into(), [2; 12]);
            let mut sealed = b"content".to_vec();
            let tag = key.seal(5, b"aad", &mut sealed);
            sealed.extend(tag);
            let mut good = sealed.clone();
            assert_eq!(key.open(5, b"aad", &mut good), Ok(7));
            assert_eq!(&good[..7], b"content");
            assert_eq!(key.open(6, b"aad", &mut sealed.clone()), Err(OpenError));
            assert_eq!(key.open(5, b"abd", &mut sealed.clone()), Err(OpenError));
            assert_eq!(
                key.open(5, b"aad", &mut sealed[..10].to_vec()),
                Err(OpenError)
            );
            assert_eq!(key.open(5, b"aad", &mut []), Err(OpenError));
        }
    }

    #[test]
    fn the_counter_is_xored_into_the_last_eight_bytes() {
        let iv: [u8; 12] = std::array::from_fn(|i| i as u8);
        let mut moved = iv;
        moved[4] ^= 0x80;
        moved[11] ^= 0x01;
        let a = AeadKey::new(AeadAlg::Aes256Gcm, &[3; 32].into(), iv);
        let b = AeadKey::new(AeadAlg::Aes256Gcm, &[3; 32].into(), moved);
        let (mut x, mut y) = ([9; 40], [9; 40]);
        assert_eq!(a.seal(1 << 63 | 1, &[], &mut x), b.seal(0, &[], &mut y));
        assert_eq!(x, y);
    }

    #[test]
    fn ids_round_trip() {
        for alg in AeadAlg::ALL {
            assert_eq!(AeadAlg::from_id(alg.id()), Some(*alg));
        }
        assert_eq!(AeadAlg::from_id(0), None);
    }
}
