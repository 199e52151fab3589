//! X25519 (RFC 7748) from `aws-lc-rs`.

use aws_lc_rs::{
    agreement::{PrivateKey as Inner, UnparsedPublicKey, X25519, agree},
    encoding::{AsBigEndian, Curve25519SeedBin},
};
use subtle::ConstantTimeEq;

use super::secret::Secret;

/// Length of public keys, private keys and results, in bytes.
pub const KEY_LEN: usize = 32;

/// A private key with its public key.
pub struct PrivateKey {
    inner: Inner,
    public: [u8; KEY_LEN],
}

impl PrivateKey {
    /// A fresh key.
    ///
    /// # Errors
    /// The operating system gave no randomness.
    pub fn generate() -> Result<Self, X25519Error> {
        Inner::generate(&X25519)
            .map_err(|_| X25519Error::Provider)
            .and_then(Self::new)
    }

    /// The key with these private bytes, clamped as RFC 7748 demands when used.
    ///
    /// # Errors
    /// The provider failed.
    pub fn from_bytes(bytes: &Secret<KEY_LEN>) -> Result<Self, X25519Error> {
        Inner::from_private_key(&X25519, bytes.as_bytes())
            .map_err(|_| X25519Error::Provider)
            .and_then(Self::new)
    }

    fn new(inner: Inner) -> Result<Self, X25519Error> {
        let public = inner
            .compute_public_key()
            .map_err(|_| X25519Error::Provider)?;
        let public = public
            .as_ref()
            .try_into()
            .map_err(|_| X25519Error::Provider)?;
        Ok(Self { inner, public })
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &[u8; KEY_LEN] {
        &self.public
    }

    /// The private bytes, for test vectors.
    ///
    /// # Errors
    /// The provider failed.
    pub fn to_bytes(&self) -> Result<Secret<KEY_LEN>, X25519Error> {
        let seed: Curve25519SeedBin<'_> = self
            .inner
            .as_be_bytes()
            .map_err(|_| X25519Error::Provider)?;
        Secret::from_slice(seed.as_ref()).ok_or(X25519Error::Provider)
    }

    /// The shared secret with `peer`. Non-canonical coordinates are reduced and the top bit is
    /// ignored, as RFC 7748 demands.
    ///
    /// # Errors
    /// The result is all-zero: `peer` is a point of small order and would let a third party know
    /// the secret.
    pub fn agree(&self, peer: &[u8; KEY_LEN]) -> Result<Secret<KEY_LEN>, X25519Error> {
        let peer = UnparsedPublicKey::new(&X25519, peer.as_slice());
        // The provider refuses an all-zero result itself; the second look costs nothing and does
        // not depend on it.
        agree(&self.inner, peer, X25519Error::ZeroResult, |shared| {
            let shared = Secret::from_slice(shared).ok_or(X25519Error::Provider)?;
            if shared.as_bytes().ct_eq(&[0; KEY_LEN]).into() {
                return Err(X25519Error::ZeroResult);
            }
            Ok(shared)
        })
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Why there is no key or no shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum X25519Error {
    /// The peer's public key is of small order.
    #[error("the X25519 result is all-zero: the public key is of small order")]
    ZeroResult,
    /// The provider failed, for lack of randomness or memory.
    #[error("the X25519 provider failed")]
    Provider,
}

#[cfg(test)]
mod tests;
