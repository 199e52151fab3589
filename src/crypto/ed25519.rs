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

/// Whether `public` is a key this module verifies with: canonical, on the curve, of large order.
#[must_use]
pub fn is_valid_public(public: &[u8; PUBLIC_LEN]) -> bool {
    parse(public).is_ok()
}

/// Verifies `signature` over `message`.
///
/// # Errors
/// The key or the signature is malformed, or the signature is not of this message by this key.
pub fn verify(
    public: &[u8; PUBLIC_LEN],
    message: &[u8],
    signature: &[u8; SIGNATURE_LEN],
) -> Result<(), SignatureError> {
    // verify_strict refuses S >= L and small orders. It recomputes R and compares encodings, so a
    // non-canonical R never matches and the equation is the cofactorless one.
    parse(public)?
        .verify_strict(message, &Signature::from_bytes(signature))
        .map_err(|_| SignatureError::Ed25519)
}

/// The point of a canonical encoding; the library alone would take `y >= p`.
fn parse(public: &[u8; PUBLIC_LEN]) -> Result<VerifyingKey, SignatureError> {
    if !has_canonical_y(public) {
        return Err(SignatureError::Ed25519Key);
    }
    let key = VerifyingKey::from_bytes(public).map_err(|_| SignatureError::Ed25519Key)?;
    // The other non-canonical form, x = 0 with its sign bit set, is of small order.
    if key.is_weak() {
        return Err(SignatureError::Ed25519Key);
    }
    Ok(key)
}

/// Whether the 255-bit `y` of a point encoding is below `p = 2^255 - 19`.
fn has_canonical_y(encoding: &[u8; 32]) -> bool {
    let high = encoding[31] & 0x7f == 0x7f && encoding[1..31].iter().all(|b| *b == 0xff);
    !(high && encoding[0] >= 0xed)
}

#[cfg(test)]
mod tests;
