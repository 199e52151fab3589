//! ML-KEM-768 from `aws-lc-rs`.

use aws_lc_rs::kem::{DecapsulationKey, EncapsulationKey, ML_KEM_768};
use zeroize::Zeroizing;

use super::{CIPHERTEXT_LEN, KemError, PUBLIC_LEN, Secret};

pub(super) struct SecretKey(DecapsulationKey);

pub(super) fn generate() -> Result<(Box<[u8; PUBLIC_LEN]>, SecretKey), KemError> {
    let secret = DecapsulationKey::generate(&ML_KEM_768).map_err(|_| KemError::Provider)?;
    let public = secret
        .encapsulation_key()
        .and_then(|key| key.key_bytes())
        .map_err(|_| KemError::Provider)?;
    let mut out = Box::new([0; PUBLIC_LEN]);
    out.copy_from_slice(public.as_ref());
    Ok((out, SecretKey(secret)))
}

pub(super) fn encapsulate(
    public: &[u8; PUBLIC_LEN],
) -> Result<([u8; CIPHERTEXT_LEN], Secret<32>), KemError> {
    let key = EncapsulationKey::new(&ML_KEM_768, public).map_err(|_| KemError::PublicKey)?;
    let (ciphertext, shared) = key.encapsulate().map_err(|_| KemError::Provider)?;
    let ciphertext = ciphertext
        .as_ref()
        .try_into()
        .map_err(|_| KemError::Provider)?;
    let shared = Secret::from_slice(shared.as_ref()).ok_or(KemError::Provider)?;
    Ok((ciphertext, shared))
}

impl SecretKey {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, KemError> {
        DecapsulationKey::new(&ML_KEM_768, bytes)
            .map(Self)
            .map_err(|_| KemError::Length)
    }

    pub(super) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, KemError> {
        let bytes = self.0.key_bytes().map_err(|_| KemError::Provider)?;
        Ok(Zeroizing::new(bytes.as_ref().to_vec()))
    }

    pub(super) fn decapsulate(&self, ciphertext: &[u8]) -> Result<Secret<32>, KemError> {
        let shared = self
            .0
            .decapsulate(ciphertext.into())
            .map_err(|_| KemError::Provider)?;
        Secret::from_slice(shared.as_ref()).ok_or(KemError::Provider)
    }
}
