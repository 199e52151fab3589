//! Ed25519 (RFC 8032) in its strict form: the cofactorless equation, `S < L`, canonical `R` and
//! `A`, and neither of small order.
//!
//! RFC 8032 leaves these edges open, and two verifiers that settle them differently can be split
//! by one crafted signature. Here they are closed, so that all honest nodes agree.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::{RandomError, secret::Secret, sign::SignatureError};

/// Length of a public key.
pub const PUBLIC_LEN: usize = 32;
/// Length of a signature.
pub const SIGNATURE_LEN: usize = 64;
/// Length of the seed that a key pair grows from.
pub const SEED_LEN: usize = 32;

/// A key pair. The secret half is erased on drop.
#[derive(Clone)]
pub struct KeyPair(SigningKey);

impl KeyPair {
    /// A fresh key pair.
    ///
    /// # Errors
    /// The operating system gave no randomness.
    pub fn generate() -> Result<Self, RandomError> {
        Ok(Self::from_seed(&Secret::random()?))
    }

    /// The key pair of a seed (RFC 8032's private key).
    #[must_use]
    pub fn from_seed(seed: &Secret<SEED_LEN>) -> Self {
        Self(SigningKey::from_bytes(seed.as_bytes()))
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> Secret<SEED_LEN> {
        Secret::from(self.0.to_bytes())
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> [u8; PUBLIC_LEN] {
        self.0.verifying_key().to_bytes()
    }

    /// The public key, ready to verify.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs `message` (deterministic, as the RFC has it).
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.0.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ed25519({})", hex::encode(&self.public()[..4]))
    }
}

/// A public key that was canonical, on the curve and of large order when it was read.
#[derive(Clone, Debug)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads an encoding; the library alone would take `y >= p`.
    ///
    /// # Errors
    /// It is not canonical, not on the curve, or of small order.
    pub fn decode(public: &[u8; PUBLIC_LEN]) -> Result<Self, SignatureError> {
        if !has_canonical_y(public) {
            return Err(SignatureError::Ed25519Key);
        }
        let key = VerifyingKey::from_bytes(public).map_err(|_| SignatureError::Ed25519Key)?;
        // The other non-canonical form, x = 0 with its sign bit set, is of small order.
        if key.is_weak() {
            return Err(SignatureError::Ed25519Key);
        }
        Ok(Self(key))
    }

    /// Verifies `signature` over `message`.
    ///
    /// # Errors
    /// The signature is malformed, or not of this message by this key.
    pub fn verify(
        &self,
        message: &[u8],
        signature: &[u8; SIGNATURE_LEN],
    ) -> Result<(), SignatureError> {
        // verify_strict refuses S >= L and small orders. It recomputes R and compares encodings,
        // so a non-canonical R never matches and the equation is the cofactorless one.
        self.0
            .verify_strict(message, &Signature::from_bytes(signature))
            .map_err(|_| SignatureError::Ed25519)
    }
}

/// Whether the 255-bit `y` of a point encoding is below `p = 2^255 - 19`.
fn has_canonical_y(encoding: &[u8; 32]) -> bool {
    let high = encoding[31] & 0x7f == 0x7f && encoding[1..31].iter().all(|b| *b == 0xff);
    !(high && encoding[0] >= 0xed)
}

#[cfg(test)]
mod tests;
