//! Post-quantum signatures: ML-DSA-65, SLH-DSA-SHAKE-128s and Dilithium3 of round 3, each in its
//! pure mode with an empty context.
//!
//! A node signs with one of these *and* Ed25519; the composite lives in `identity`.

mod alg;
#[cfg(feature = "round3")]
mod dilithium;
mod keypair;
mod ml_dsa;
mod slh_dsa;

pub use alg::SigAlg;
pub use keypair::PqKeyPair;

use super::RandomError;

/// Why a signature, or the key it should verify under, was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The signature does not have the length of its algorithm.
    #[error("the signature has the wrong length")]
    Length,
    /// The public key does not have the length of its algorithm, or is not a key.
    #[error("the public key has the wrong length")]
    PublicKey,
    /// The Ed25519 key is not canonical, not on the curve, or of small order.
    #[error("the Ed25519 key is not canonical or of small order")]
    Ed25519Key,
    /// The Ed25519 signature does not verify.
    #[error("the Ed25519 signature does not verify")]
    Ed25519,
    /// The post-quantum signature does not verify.
    #[error("the {0} signature does not verify")]
    PostQuantum(SigAlg),
    /// This build does not have the algorithm.
    #[error("this build does not have {0}")]
    NotInBuild(SigAlg),
    /// The algorithm signs delegations only, and this is something else.
    #[error("{0} signs delegations only")]
    DelegationsOnly(SigAlg),
}

/// Why no signature or key could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The operating system gave no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The library refused to sign.
    #[error("the {0} library refused to sign")]
    Library(SigAlg),
    /// The stored secret is not one of this algorithm, or not of the public key beside it.
    #[error("the stored secret is not a {0} key, or does not belong to its public key")]
    Secret(SigAlg),
    /// This build does not have the algorithm.
    #[error("this build does not have {0}")]
    NotInBuild(SigAlg),
    /// The algorithm signs delegations only, and this is something else.
    #[error("{0} is too slow for anything but delegations: delegate to a faster key")]
    DelegationsOnly(SigAlg),
}

/// Verifies a signature.
///
/// # Errors
/// The key or signature has the wrong length, the signature is not of this message by this key,
/// or this build does not have the algorithm.
pub fn verify(
    alg: SigAlg,
    public: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    if public.len() != alg.pk_len() {
        return Err(SignatureError::PublicKey);
    }
    if signature.len() != alg.sig_len() {
        return Err(SignatureError::Length);
    }
    let valid = match alg {
        SigAlg::MlDsa65 => ml_dsa::verify(public, message, signature),
        SigAlg::SlhDsaShake128s => slh_dsa::verify(public, message, signature),
        #[cfg(feature = "round3")]
        SigAlg::Dilithium3 => dilithium::verify(public, message, signature),
        #[cfg(not(feature = "round3"))]
        SigAlg::Dilithium3 => return Err(SignatureError::NotInBuild(alg)),
    };
    if valid {
        Ok(())
    } else {
        Err(SignatureError::PostQuantum(alg))
    }
}

#[cfg(test)]
mod tests;
