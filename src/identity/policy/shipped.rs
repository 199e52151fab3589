//! The two policies that ship, and the configuration words that select them.

use super::{Document, Entry, KemId, KeySizes, Kind, Policy, PolicyError, Threshold, Thresholds};
use crate::crypto::sign::SigAlg;

/// `ml-kem-768`; `ml-dsa-65`, `slh-dsa-shake-128s`.
pub(super) fn fips() -> Document {
    document(
        KemId::ML_KEM_768,
        &[SigAlg::MlDsa65, SigAlg::SlhDsaShake128s],
    )
}

/// `kyber768`; `dilithium3`.
pub(super) fn round3() -> Document {
    document(KemId::KYBER768, &[SigAlg::Dilithium3])
}

/// The shipped policy that the words select.
pub(super) fn select(kem: Option<&str>, sign_alg: Option<&str>) -> Result<Policy, PolicyError> {
    let kem = kem
        .map(|word| KemId::from_name(word).ok_or_else(|| unknown("kem", word)))
        .transpose()?;
    let sign = sign_alg
        .map(|word| SigAlg::from_name(word).ok_or_else(|| unknown("sign_alg", word)))
        .transpose()?;
    let kem_round3 = kem.map(|k| k == KemId::KYBER768);
    let sign_round3 = sign.map(|s| s == SigAlg::Dilithium3);
    match (kem, sign) {
        (Some(kem), Some(sign)) if kem_round3 != sign_round3 => Err(PolicyError::Mixture {
            kem: kem.name(),
            sign_alg: sign.name(),
        }),
        _ if kem_round3.or(sign_round3).unwrap_or(false) => Policy::round3(),
        _ => Ok(Policy::default_fips()),
    }
}

fn unknown(key: &'static str, word: &str) -> PolicyError {
    let known: Vec<_> = match key {
        "kem" => KemId::ALL.iter().map(|k| k.name()).collect(),
        _ => SigAlg::ALL.iter().map(|a| a.name()).collect(),
    };
    PolicyError::UnknownWord {
        key,
        word: word.to_owned(),
        known: known.join(", "),
    }
}

fn document(kem: KemId, signatures: &[SigAlg]) -> Document {
    let threshold = Threshold {
        min_algs: 1,
        min_weight: 1.0,
    };
    let mut entries = vec![kem_entry(kem)];
    entries.extend(signatures.iter().map(|alg| sig_entry(*alg)));
    Document {
        version: 1,
        thresholds: Thresholds {
            kem: threshold,
            sig: threshold,
        },
        entries,
    }
}

fn kem_entry(kem: KemId) -> Entry {
    let (keys, sizes) = kem.sizes();
    Entry {
        key_sizes: Some(keys),
        kem_sizes: Some(sizes),
        ..Entry::new(kem.name(), Kind::Kem)
    }
}

fn sig_entry(alg: SigAlg) -> Entry {
    let (keys, sizes) = KeySizes::of_signature(alg);
    Entry {
        key_sizes: Some(keys),
        sig_sizes: Some(sizes),
        ..Entry::new(alg.name(), Kind::Sig)
    }
}
