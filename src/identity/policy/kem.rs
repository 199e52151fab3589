//! The table of KEM names, ids and sizes that policies use.

use std::fmt;

use super::{KemSizes, KeySizes};

/// The id of a key encapsulation mechanism, as in every format. The mechanism itself is the
/// channel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KemId(pub u16);

impl KemId {
    /// Kyber-768 of round 3, with the feature `round3`.
    pub const KYBER768: Self = Self(0x2001);
    /// ML-KEM-768 of FIPS 203, the default.
    pub const ML_KEM_768: Self = Self(0x2002);

    /// Every KEM of the table.
    pub const ALL: &'static [Self] = &[Self::ML_KEM_768, Self::KYBER768];

    /// Its name in policies and configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KYBER768 => "kyber768",
            Self::ML_KEM_768 => "ml-kem-768",
            _ => "unknown",
        }
    }

    /// The KEM with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.name() == name)
    }

    /// Whether this build has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        self == Self::ML_KEM_768 || (cfg!(feature = "round3") && self == Self::KYBER768)
    }

    /// Sizes of its keys, ciphertext and shared secret; the same for both.
    pub(super) fn sizes(self) -> (KeySizes, KemSizes) {
        (
            KeySizes { pk: 1184, sk: 2400 },
            KemSizes { ct: 1088, ss: 32 },
        )
    }
}

impl fmt::Display for KemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
