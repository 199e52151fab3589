//! SLH-DSA-SHAKE-128s (FIPS 205) from `fips205`: hedged signing, keys as three 16-byte seeds.
//!
//! Signing and growing a key take seconds; call both where blocking is allowed.

use fips205::{
    slh_dsa_shake_128s::{KG, N, PK_LEN, PrivateKey, PublicKey, SIG_LEN},
    traits::{KeyGen, SerDes, Signer, Verifier},
};

use super::{SigAlg, SignError};
use crate::crypto::secret::Secret;

/// A key pair and the seeds it grew from: `SK.seed || SK.prf || PK.seed`.
#[derive(Clone)]
pub(super) struct KeyPair {
    seeds: Secret<48>,
    private: PrivateKey,
    public: [u8; PK_LEN],
}

impl KeyPair {
    pub(super) fn generate() -> Result<Self, SignError> {
        Ok(Self::from_seeds(Secret::random()?))
    }

    pub(super) fn from_seeds(seeds: Secret<48>) -> Self {
        let part = |i: usize| {
            let bytes = &seeds.as_bytes()[i * N..(i + 1) * N];
            Secret::<N>::from_slice(bytes).expect("the slice has N bytes")
        };
        let (public, private) =
            KG::keygen_from_seed(part(0).as_bytes(), part(1).as_bytes(), part(2).as_bytes());
        Self {
            seeds,
            private,
            public: public.into_bytes(),
        }
    }

    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    pub(super) fn seeds(&self) -> &[u8] {
        self.seeds.as_bytes()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.private
            .try_sign(message, &[], true)
            .map(|s| s.to_vec())
            .map_err(|_| SignError::Library(SigAlg::SlhDsaShake128s))
    }
}

/// The caller has checked both lengths.
pub(super) fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(public), Ok(signature)) = (
        <[u8; PK_LEN]>::try_from(public),
        <&[u8; SIG_LEN]>::try_from(signature),
    ) else {
        return false;
    };
    PublicKey::try_from_bytes(public).is_ok_and(|key| key.verify(message, signature, &[]))
}
