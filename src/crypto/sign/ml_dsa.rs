//! ML-DSA-65 (FIPS 204) from AWS-LC: hedged signing, keys as 32-byte seeds.

use aws_lc_rs::signature::{
    KeyPair as _, ML_DSA_65, ML_DSA_65_SIGNING, PqdsaKeyPair, UnparsedPublicKey,
};

use super::{SigAlg, SignError};
use crate::crypto::secret::Secret;

/// A key pair and the seed it grew from.
#[derive(Clone)]
pub(super) struct KeyPair {
    seed: Secret<32>,
    expanded: PqdsaKeyPair,
}

impl KeyPair {
    pub(super) fn generate() -> Result<Self, SignError> {
        Self::from_seed(Secret::random()?)
    }

    pub(super) fn from_seed(seed: Secret<32>) -> Result<Self, SignError> {
        let expanded = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, seed.as_bytes())
            .map_err(|_| SignError::Secret(SigAlg::MlDsa65))?;
        Ok(Self { seed, expanded })
    }

    pub(super) fn public(&self) -> &[u8] {
        self.expanded.public_key().as_ref()
    }

    pub(super) fn seed(&self) -> &[u8] {
        self.seed.as_bytes()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut out = vec![0; SigAlg::MlDsa65.sig_len()];
        self.expanded
            .sign(message, &mut out)
            .map_err(|_| SignError::Library(SigAlg::MlDsa65))?;
        Ok(out)
    }
}

/// The caller has checked both lengths, so the library cannot read `public` as X.509.
pub(super) fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ML_DSA_65, public)
        .verify(message, signature)
        .is_ok()
}
