//! Names of composites, for reports and metric labels.

use crate::crypto::sign::SigAlg;

/// Where a handshake did not get far enough to know.
pub(super) const NONE: &str = "none";

/// Both halves of an identity's signature.
pub(super) fn signature(alg: SigAlg) -> &'static str {
    match alg {
        SigAlg::MlDsa65 => "ml-dsa-65+ed25519",
        SigAlg::Dilithium3 => "dilithium3+ed25519",
        SigAlg::SlhDsaShake128s => "slh-dsa-shake-128s+ed25519",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composite_names_both_halves() {
        for alg in SigAlg::ALL {
            assert_eq!(signature(*alg), format!("{alg}+ed25519"));
        }
    }
}
