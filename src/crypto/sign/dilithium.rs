//! Dilithium3 of round 3 from PQClean, for networks that speak what the original names.
//!
//! The pinned version matters: 0.5.0 of the crate is a draft of FIPS 204 (3309-byte signatures)
//! that interoperates with nothing; 0.4.6 is round 3 (3293 bytes).

use std::hint::black_box;

use pqcrypto_dilithium::dilithium3 as lib;
use pqcrypto_traits::sign::{DetachedSignature as _, PublicKey as _, SecretKey as _};
use zeroize::Zeroizing;

use super::{SigAlg, SignError};

/// A key pair. Round 3 keys cannot be grown from a seed with this library, so the expanded secret
/// key is what is stored.
#[derive(Clone)]
pub(super) struct KeyPair {
    secret: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
}

impl KeyPair {
    pub(super) fn generate() -> Self {
        let (public, mut secret) = lib::keypair();
        let out = Self {
            secret: Zeroizing::new(secret.as_bytes().to_vec()),
            public: public.as_bytes().to_vec(),
        };
        wipe(&mut secret);
        out
    }

    /// Both halves as stored; a trial signature shows that they belong together.
    pub(super) fn from_parts(secret: &[u8], public: &[u8]) -> Result<Self, SignError> {
        const TRIAL: &[u8] = b"do these halves belong together";
        let out = Self {
            secret: Zeroizing::new(secret.to_vec()),
            public: public.to_vec(),
        };
        if public.len() != SigAlg::Dilithium3.pk_len() || !verify(public, TRIAL, &out.sign(TRIAL)?)
        {
            return Err(SignError::Secret(SigAlg::Dilithium3));
        }
        Ok(out)
    }

    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut secret = lib::SecretKey::from_bytes(&self.secret)
            .map_err(|_| SignError::Secret(SigAlg::Dilithium3))?;
        let signature = lib::detached_sign(message, &secret);
        wipe(&mut secret);
        let signature = signature.as_bytes().to_vec();
        if signature.len() != SigAlg::Dilithium3.sig_len() {
            return Err(SignError::Library(SigAlg::Dilithium3));
        }
        Ok(signature)
    }
}

/// The caller has checked both lengths.
pub(super) fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(public), Ok(signature)) = (
        lib::PublicKey::from_bytes(public),
        lib::DetachedSignature::from_bytes(signature),
    ) else {
        return false;
    };
    lib::verify_detached_signature(&signature, message, &public).is_ok()
}

/// Overwrites the library's key, which it does not erase itself.
fn wipe(secret: &mut lib::SecretKey) {
    if let Ok(zero) = lib::SecretKey::from_bytes(&[0; 4000]) {
        *secret = zero;
    }
    black_box(secret);
}
