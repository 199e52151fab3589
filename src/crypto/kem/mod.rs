//! Key encapsulation: ML-KEM-768 (FIPS 203) and, with feature `round3`, Kyber768 of round 3.
//!
//! Both have the same sizes and different results; neither is accepted for the other. Which one a
//! network speaks is a matter of its algorithm policy.

mod ml_kem;
#[cfg(feature = "round3")]
mod round3;

use std::fmt;

use zeroize::Zeroizing;

use super::secret::Secret;

/// Length of a public key of either KEM, in bytes.
pub const PUBLIC_LEN: usize = 1184;
/// Length of a ciphertext of either KEM, in bytes.
pub const CIPHERTEXT_LEN: usize = 1088;
/// Length of a serialised secret key of either KEM, in bytes.
pub const SECRET_LEN: usize = 2400;
/// The modulus of both KEMs: coefficients of a public key lie below it.
const Q: u16 = 3329;
/// Bytes of a public key that hold coefficients, 12 bits each; a 32-byte seed follows.
const COEFFICIENT_BYTES: usize = PUBLIC_LEN - 32;

/// A KEM by its id in the algorithm policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum KemAlg {
    /// Kyber768 as submitted to round 3 of the NIST process.
    #[cfg(feature = "round3")]
    Kyber768 = 0x2001,
    /// ML-KEM-768, FIPS 203.
    MlKem768 = 0x2002,
}

impl KemAlg {
    /// Every KEM of this build.
    pub const ALL: &'static [Self] = &[
        #[cfg(feature = "round3")]
        Self::Kyber768,
        Self::MlKem768,
    ];

    /// The id in the algorithm policy.
    #[must_use]
    pub fn id(self) -> u16 {
        self as u16
    }

    /// The KEM with this id, if this build has it.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|alg| alg.id() == id)
    }

    /// The KEM with this name, if this build has it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|alg| alg.name() == name)
    }

    /// The stable name: configuration value and policy entry.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "round3")]
            Self::Kyber768 => "kyber768",
            Self::MlKem768 => "ml-kem-768",
        }
    }

    /// The name of the key exchange that pairs this KEM with X25519.
    #[must_use]
    pub fn hybrid_name(self) -> &'static str {
        match self {
            #[cfg(feature = "round3")]
            Self::Kyber768 => "x25519+kyber768",
            Self::MlKem768 => "x25519+ml-kem-768",
        }
    }
}

impl fmt::Display for KemAlg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A key pair, made for one handshake.
pub struct KemKeyPair {
    public: Box<[u8; PUBLIC_LEN]>,
    secret: SecretKey,
}

enum SecretKey {
    MlKem(ml_kem::SecretKey),
    #[cfg(feature = "round3")]
    Kyber(round3::SecretKey),
}

impl KemKeyPair {
    /// A fresh key pair.
    ///
    /// # Errors
    /// [`KemError::Provider`]: no randomness or memory.
    pub fn generate(alg: KemAlg) -> Result<Self, KemError> {
        let (public, secret) = match alg {
            KemAlg::MlKem768 => {
                let (public, secret) = ml_kem::generate()?;
                (public, SecretKey::MlKem(secret))
            }
            #[cfg(feature = "round3")]
            KemAlg::Kyber768 => {
                let (public, secret) = round3::generate();
                (public, SecretKey::Kyber(secret))
            }
        };
        Ok(Self { public, secret })
    }

    /// The key pair with these serialised halves, for test vectors.
    ///
    /// # Errors
    /// [`KemError::Length`] or [`KemError::PublicKey`].
    pub fn from_bytes(alg: KemAlg, public: &[u8], secret: &[u8]) -> Result<Self, KemError> {
        let public = Box::new(*check_public(public)?);
        if secret.len() != SECRET_LEN {
            return Err(KemError::Length);
        }
        let secret = match alg {
            KemAlg::MlKem768 => SecretKey::MlKem(ml_kem::SecretKey::from_bytes(secret)?),
            #[cfg(feature = "round3")]
            KemAlg::Kyber768 => SecretKey::Kyber(round3::SecretKey::from_bytes(secret)),
        };
        Ok(Self { public, secret })
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &[u8; PUBLIC_LEN] {
        &self.public
    }

    /// The serialised secret key of [`SECRET_LEN`] bytes, for test vectors.
    ///
    /// # Errors
    /// [`KemError::Provider`].
    pub fn secret_bytes(&self) -> Result<Zeroizing<Vec<u8>>, KemError> {
        match &self.secret {
            SecretKey::MlKem(secret) => secret.to_bytes(),
            #[cfg(feature = "round3")]
            SecretKey::Kyber(secret) => Ok(secret.to_bytes()),
        }
    }

    /// The shared secret in `ciphertext`. A ciphertext that was not made for this key gives an
    /// unrelated secret, not an error (implicit rejection).
    ///
    /// # Errors
    /// [`KemError::Length`]; [`KemError::Provider`] if the provider failed.
    pub fn decapsulate(&self, ciphertext: &[u8]) -> Result<Secret<32>, KemError> {
        if ciphertext.len() != CIPHERTEXT_LEN {
            return Err(KemError::Length);
        }
        match &self.secret {
            SecretKey::MlKem(secret) => secret.decapsulate(ciphertext),
            #[cfg(feature = "round3")]
            SecretKey::Kyber(secret) => secret.decapsulate(ciphertext),
        }
    }
}

impl fmt::Debug for KemKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// A ciphertext for `public` and the secret in it.
///
/// # Errors
/// `public` is refused by [`check_public`], or the provider failed.
pub fn encapsulate(
    alg: KemAlg,
    public: &[u8],
) -> Result<([u8; CIPHERTEXT_LEN], Secret<32>), KemError> {
    let public = check_public(public)?;
    match alg {
        KemAlg::MlKem768 => ml_kem::encapsulate(public),
        #[cfg(feature = "round3")]
        KemAlg::Kyber768 => round3::encapsulate(public),
    }
}

/// Refuses a public key of another length or with a coefficient that is not reduced modulo q:
/// FIPS 203 section 7.2 demands the check, and the round-3 provider does not make it.
///
/// # Errors
/// [`KemError::Length`] or [`KemError::PublicKey`].
pub fn check_public(public: &[u8]) -> Result<&[u8; PUBLIC_LEN], KemError> {
    let public: &[u8; PUBLIC_LEN] = public.try_into().map_err(|_| KemError::Length)?;
    let (triples, _) = public[..COEFFICIENT_BYTES].as_chunks::<3>();
    let reduced = triples.iter().all(|[a, b, c]| {
        let low = u16::from(*a) | (u16::from(*b) & 0x0f) << 8;
        let high = u16::from(*b) >> 4 | u16::from(*c) << 4;
        low < Q && high < Q
    });
    if reduced {
        Ok(public)
    } else {
        Err(KemError::PublicKey)
    }
}

/// Why there is no key, ciphertext or shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KemError {
    /// A key or ciphertext has another length than its algorithm's.
    #[error("a KEM key or ciphertext has the wrong length")]
    Length,
    /// A coefficient of the public key is not reduced modulo q.
    #[error("a coefficient of a KEM public key is not reduced")]
    PublicKey,
    /// The provider failed, for lack of randomness or memory.
    #[error("the KEM provider failed")]
    Provider,
}

#[cfg(test)]
mod tests;
