//! A post-quantum key pair of any algorithm of the build.

use std::fmt;

use zeroize::Zeroizing;

#[cfg(feature = "round3")]
use super::dilithium;
use super::{SigAlg, SignError, ml_dsa, slh_dsa};
use crate::crypto::secret::Secret;

/// A key pair. The secret half is erased on drop and never printed.
#[derive(Clone)]
pub struct PqKeyPair(Inner);

#[derive(Clone)]
enum Inner {
    MlDsa(Box<ml_dsa::KeyPair>),
    SlhDsa(Box<slh_dsa::KeyPair>),
    #[cfg(feature = "round3")]
    Dilithium(Box<dilithium::KeyPair>),
}

impl PqKeyPair {
    /// A fresh key pair. SLH-DSA takes a quarter of a second.
    ///
    /// # Errors
    /// The operating system gave no randomness, or this build does not have the algorithm.
    pub fn generate(alg: SigAlg) -> Result<Self, SignError> {
        Ok(Self(match alg {
            SigAlg::MlDsa65 => Inner::MlDsa(Box::new(ml_dsa::KeyPair::generate()?)),
            SigAlg::SlhDsaShake128s => Inner::SlhDsa(Box::new(slh_dsa::KeyPair::generate()?)),
            #[cfg(feature = "round3")]
            SigAlg::Dilithium3 => Inner::Dilithium(Box::new(dilithium::KeyPair::generate())),
            #[cfg(not(feature = "round3"))]
            SigAlg::Dilithium3 => return Err(SignError::NotInBuild(alg)),
        }))
    }

    /// The key pair that [`PqKeyPair::stored`] described: a seed of 32 bytes (ML-DSA) or 48
    /// (SLH-DSA), or the expanded key (Dilithium3, which alone needs `public` to be complete).
    ///
    /// # Errors
    /// The secret has the wrong length, does not belong to `public`, or its algorithm is not in
    /// this build.
    pub fn from_stored(alg: SigAlg, secret: &[u8], public: &[u8]) -> Result<Self, SignError> {
        let pair = match alg {
            SigAlg::MlDsa65 => {
                let seed = Secret::from_slice(secret).ok_or(SignError::Secret(alg))?;
                Inner::MlDsa(Box::new(ml_dsa::KeyPair::from_seed(seed)?))
            }
            SigAlg::SlhDsaShake128s => {
                let seeds = Secret::from_slice(secret).ok_or(SignError::Secret(alg))?;
                Inner::SlhDsa(Box::new(slh_dsa::KeyPair::from_seeds(seeds)))
            }
            #[cfg(feature = "round3")]
            SigAlg::Dilithium3 => {
                Inner::Dilithium(Box::new(dilithium::KeyPair::from_parts(secret, public)?))
            }
            #[cfg(not(feature = "round3"))]
            SigAlg::Dilithium3 => return Err(SignError::NotInBuild(alg)),
        };
        let pair = Self(pair);
        if pair.public() != public {
            return Err(SignError::Secret(alg));
        }
        Ok(pair)
    }

    /// The ML-DSA-65 key pair of a seed, for tests and vectors that need the same key every time.
    ///
    /// # Errors
    /// The library refuses the seed.
    pub fn ml_dsa_from_seed(seed: [u8; 32]) -> Result<Self, SignError> {
        let pair = ml_dsa::KeyPair::from_seed(Secret::from(seed))?;
        Ok(Self(Inner::MlDsa(Box::new(pair))))
    }

    /// The secret as a key file holds it.
    #[must_use]
    pub fn stored(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match &self.0 {
            Inner::MlDsa(k) => k.seed().to_vec(),
            Inner::SlhDsa(k) => k.seeds().to_vec(),
            #[cfg(feature = "round3")]
            Inner::Dilithium(k) => k.secret().to_vec(),
        })
    }

    /// The algorithm.
    #[must_use]
    pub fn alg(&self) -> SigAlg {
        match &self.0 {
            Inner::MlDsa(_) => SigAlg::MlDsa65,
            Inner::SlhDsa(_) => SigAlg::SlhDsaShake128s,
            #[cfg(feature = "round3")]
            Inner::Dilithium(_) => SigAlg::Dilithium3,
        }
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        match &self.0 {
            Inner::MlDsa(k) => k.public(),
            Inner::SlhDsa(k) => k.public(),
            #[cfg(feature = "round3")]
            Inner::Dilithium(k) => k.public(),
        }
    }

    /// Signs `message`. ML-DSA and SLH-DSA are hedged; Dilithium3 is deterministic.
    ///
    /// # Errors
    /// The library refused, for want of randomness or memory.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.0 {
            Inner::MlDsa(k) => k.sign(message),
            Inner::SlhDsa(k) => k.sign(message),
            #[cfg(feature = "round3")]
            Inner::Dilithium(k) => k.sign(message),
        }
    }
}

impl fmt::Debug for PqKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.alg(), hex::encode(&self.public()[..4]))
    }
}
