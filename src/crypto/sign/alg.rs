//! The table of signature algorithms: ids, names and sizes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A post-quantum signature algorithm. In an identity it always stands for the composite with
/// Ed25519.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u16)]
pub enum SigAlg {
    /// Dilithium3 of round 3, what the original network names. Only with the feature `round3`.
    #[serde(rename = "dilithium3")]
    Dilithium3 = 0x1001,
    /// ML-DSA-65 of FIPS 204, the default.
    #[serde(rename = "ml-dsa-65")]
    MlDsa65 = 0x1003,
    /// SLH-DSA-SHAKE-128s of FIPS 205. A signature takes about two seconds, so it signs
    /// delegations and nothing else.
    #[serde(rename = "slh-dsa-shake-128s")]
    SlhDsaShake128s = 0x1004,
}

impl SigAlg {
    /// Every algorithm of the table, also those this build does not have.
    pub const ALL: &'static [Self] = &[Self::MlDsa65, Self::SlhDsaShake128s, Self::Dilithium3];

    /// The number that stands for it in every format.
    #[must_use]
    pub fn id(self) -> u16 {
        self as u16
    }

    /// The algorithm with this number.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|a| a.id() == id)
    }

    /// Its name in policies, configuration and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dilithium3 => "dilithium3",
            Self::MlDsa65 => "ml-dsa-65",
            Self::SlhDsaShake128s => "slh-dsa-shake-128s",
        }
    }

    /// The algorithm with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|a| a.name() == name)
    }

    /// Whether this build has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        cfg!(feature = "round3") || self != Self::Dilithium3
    }

    /// Whether it may sign handshakes, records and messages, not delegations alone.
    #[must_use]
    pub fn is_operational(self) -> bool {
        self != Self::SlhDsaShake128s
    }

    /// Bytes of a public key.
    #[must_use]
    pub fn pk_len(self) -> usize {
        match self {
            Self::Dilithium3 | Self::MlDsa65 => 1952,
            Self::SlhDsaShake128s => 32,
        }
    }

    /// Bytes of the expanded secret key of the standard, as the algorithm policy states it.
    #[must_use]
    pub fn sk_len(self) -> usize {
        match self {
            Self::Dilithium3 => 4000,
            Self::MlDsa65 => 4032,
            Self::SlhDsaShake128s => 64,
        }
    }

    /// Bytes of a signature.
    #[must_use]
    pub fn sig_len(self) -> usize {
        match self {
            Self::Dilithium3 => 3293,
            Self::MlDsa65 => 3309,
            Self::SlhDsaShake128s => 7856,
        }
    }

    /// Bytes of the secret that is stored: a seed where the algorithm has one.
    #[must_use]
    pub fn stored_len(self) -> usize {
        match self {
            Self::Dilithium3 => 4000,
            Self::MlDsa65 => 32,
            Self::SlhDsaShake128s => 48,
        }
    }

    /// The library behind it and its version, for `version --json`.
    #[must_use]
    pub fn provider(self) -> &'static str {
        match self {
            Self::Dilithium3 => "pqcrypto-dilithium 0.4.6 (round 3)",
            Self::MlDsa65 => "aws-lc-rs 1.19 (FIPS 204)",
            Self::SlhDsaShake128s => "fips205 0.5 (FIPS 205)",
        }
    }
}

impl fmt::Display for SigAlg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
