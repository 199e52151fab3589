//! The algorithm names an operator may write, in the spelling of the standards and of the original
//! network.

use serde::{Deserialize, Serialize};

/// `aead`: which AEAD the channel offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aead {
    /// AES-256-GCM where the CPU has it in hardware, ChaCha20-Poly1305 elsewhere; both accepted.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// Only AES-256-GCM.
    #[serde(
        rename = "aes-256-gcm",
        alias = "aes256gcm",
        alias = "aes-gcm",
        alias = "aesgcm"
    )]
    Aes256Gcm,
    /// Only ChaCha20-Poly1305 (`chacha20poly1305` in the original's spelling).
    #[serde(rename = "chacha20-poly1305", alias = "chacha20poly1305")]
    ChaCha20Poly1305,
}

/// `kem`: the post-quantum half of the key exchange; X25519 is always the other half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kem {
    /// ML-KEM-768 of FIPS 203.
    #[default]
    #[serde(rename = "ml-kem-768", alias = "mlkem768", alias = "ml-kem768")]
    MlKem768,
    /// Kyber-768 of round 3, as the original network names it.
    #[serde(rename = "kyber768", alias = "kyber-768")]
    Kyber768,
}

/// `sign_alg`: the post-quantum half of the node identity; Ed25519 is always the other half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignAlg {
    /// ML-DSA-65 of FIPS 204.
    #[default]
    #[serde(rename = "ml-dsa-65", alias = "mldsa65", alias = "ml-dsa65")]
    MlDsa65,
    /// Dilithium3 of round 3, as the original network names it.
    #[serde(rename = "dilithium3", alias = "dilithium-3")]
    Dilithium3,
}

impl Aead {
    /// The canonical spelling.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Aes256Gcm => "aes-256-gcm",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
        }
    }
}

impl Kem {
    /// The canonical spelling.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MlKem768 => "ml-kem-768",
            Self::Kyber768 => "kyber768",
        }
    }

    /// Whether it belongs to the round-3 family.
    #[must_use]
    pub fn is_round3(self) -> bool {
        self == Self::Kyber768
    }

    /// The signature algorithm of the same family.
    #[must_use]
    pub fn matching_signature(self) -> SignAlg {
        match self {
            Self::MlKem768 => SignAlg::MlDsa65,
            Self::Kyber768 => SignAlg::Dilithium3,
        }
    }
}

impl SignAlg {
    /// The canonical spelling.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MlDsa65 => "ml-dsa-65",
            Self::Dilithium3 => "dilithium3",
        }
    }

    /// Whether it belongs to the round-3 family.
    #[must_use]
    pub fn is_round3(self) -> bool {
        self == Self::Dilithium3
    }

    /// The KEM of the same family.
    #[must_use]
    pub fn matching_kem(self) -> Kem {
        match self {
            Self::MlDsa65 => Kem::MlKem768,
            Self::Dilithium3 => Kem::Kyber768,
        }
    }
}
