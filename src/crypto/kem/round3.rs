//! Kyber768 of round 3 from `pqcrypto-kyber` 0.7.9.
//!
//! # Security
//!
//! The provider's key types are plain copies that nothing erases; what outlives a call is kept in
//! erased memory here, what the provider leaves on its stack is not.

use pqcrypto_kyber::kyber768 as provider;
use pqcrypto_traits::kem::{Ciphertext as _, PublicKey as _, SecretKey as _, SharedSecret as _};
use zeroize::Zeroizing;

use super::{CIPHERTEXT_LEN, KemError, PUBLIC_LEN, Secret};

pub(super) struct SecretKey(Zeroizing<Vec<u8>>);

pub(super) fn generate() -> (Box<[u8; PUBLIC_LEN]>, SecretKey) {
    let (public, secret) = provider::keypair();
    let mut out = Box::new([0; PUBLIC_LEN]);
    out.copy_from_slice(public.as_bytes());
    (out, SecretKey::from_bytes(secret.as_bytes()))
}

pub(super) fn encapsulate(
    public: &[u8; PUBLIC_LEN],
) -> Result<([u8; CIPHERTEXT_LEN], Secret<32>), KemError> {
    let public = provider::PublicKey::from_bytes(public).map_err(|_| KemError::Length)?;
    let (shared, ciphertext) = provider::encapsulate(&public);
    let ciphertext = ciphertext
        .as_bytes()
        .try_into()
        .map_err(|_| KemError::Provider)?;
    let shared = Secret::from_slice(shared.as_bytes()).ok_or(KemError::Provider)?;
    Ok((ciphertext, shared))
}

impl SecretKey {
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.0.clone()
    }

    pub(super) fn decapsulate(&self, ciphertext: &[u8]) -> Result<Secret<32>, KemError> {
        let secret = provider::SecretKey::from_bytes(&self.0).map_err(|_| KemError::Length)?;
        let ciphertext =
            provider::Ciphertext::from_bytes(ciphertext).map_err(|_| KemError::Length)?;
        let shared = provider::decapsulate(&ciphertext, &secret);
        Secret::from_slice(shared.as_bytes()).ok_or(KemError::Provider)
    }
}
