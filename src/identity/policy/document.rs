//! The JSON form of a policy, as the original network writes it, and the rules it must obey.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{KemId, PolicyError};
use crate::crypto::sign::SigAlg;

/// Keys for people, which are not part of the root. Every other unknown key is refused: a
/// misspelt one would silently change what the policy says.
const ANNOTATIONS: [&str; 5] = ["name", "notes", "description", "minVersion", "$schema"];

/// A policy document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Version of the policy, free to choose.
    pub version: u64,
    /// How many algorithms of each kind there must be.
    pub thresholds: Thresholds,
    /// The algorithms.
    pub entries: Vec<Entry>,
}

/// The thresholds of both kinds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// For key encapsulation.
    pub kem: Threshold,
    /// For signatures.
    pub sig: Threshold,
}

/// A threshold. Its weight is part of the root and means nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Threshold {
    /// Least number of enabled algorithms.
    pub min_algs: u64,
    /// Least sum of weights.
    pub min_weight: f64,
}

/// One algorithm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Its name.
    pub id: String,
    /// What it is for.
    pub kind: Kind,
    /// Whether it may be used.
    pub enabled: bool,
    /// Height after which it ends; a running node refuses it.
    pub sunset_after: Option<u64>,
    /// Bytes of its keys.
    pub key_sizes: Option<KeySizes>,
    /// Bytes of its signature.
    pub sig_sizes: Option<SigSizes>,
    /// Bytes of its ciphertext and shared secret.
    pub kem_sizes: Option<KemSizes>,
    /// Part of the root, means nothing here.
    pub weight: Option<f64>,
}

/// What an algorithm is for. In order of the root's leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Key encapsulation.
    Kem,
    /// Signatures.
    Sig,
}

/// Bytes of public and secret key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct KeySizes {
    pub pk: u64,
    pub sk: u64,
}

/// Bytes of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct SigSizes {
    pub sig: u64,
}

/// Bytes of ciphertext and shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct KemSizes {
    pub ct: u64,
    pub ss: u64,
}

impl Kind {
    /// As the document writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kem => "kem",
            Self::Sig => "sig",
        }
    }
}

impl Document {
    /// Reads the JSON of a policy file.
    ///
    /// # Errors
    /// Not JSON of this form, or with content that has no place in a root.
    pub fn parse(json: &str) -> Result<Self, PolicyError> {
        let malformed = |e: serde_json::Error| PolicyError::Malformed(e.to_string());
        let mut value: Value = serde_json::from_str(json).map_err(malformed)?;
        strip_annotations(&mut value);
        if let Some(entries) = value.get_mut("entries").and_then(Value::as_array_mut) {
            entries.iter_mut().for_each(strip_annotations);
        }
        let document: Self = serde_json::from_value(value).map_err(malformed)?;
        document.check_form()?;
        Ok(document)
    }

    /// The rules that make its root unambiguous.
    fn check_form(&self) -> Result<(), PolicyError> {
        check_weight("minWeight", self.thresholds.kem.min_weight)?;
        check_weight("minWeight", self.thresholds.sig.min_weight)?;
        let mut seen = HashSet::new();
        for entry in &self.entries {
            let plain =
                |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._+-".contains(&c);
            if !(1..=64).contains(&entry.id.len()) || !entry.id.bytes().all(plain) {
                return Err(PolicyError::BadId(entry.id.clone()));
            }
            if !seen.insert((entry.kind, &entry.id)) {
                return Err(PolicyError::Duplicate(entry.id.clone()));
            }
            check_weight("weight", entry.weight.unwrap_or_default())?;
        }
        Ok(())
    }

    /// The rules a running node needs; returns its KEM and its signature algorithms by name.
    pub(super) fn check(&self) -> Result<(KemId, Vec<SigAlg>), PolicyError> {
        self.check_form()?;
        let mut kems = Vec::new();
        let mut signatures = Vec::new();
        for entry in self.entries.iter().filter(|e| e.enabled) {
            if entry.sunset_after.is_some() {
                return Err(PolicyError::Sunset(entry.id.clone()));
            }
            match entry.kind {
                Kind::Kem => kems.push(entry.kem()?),
                Kind::Sig => signatures.push(entry.signature()?),
            }
        }
        check_threshold("kem", &self.thresholds.kem, kems.len())?;
        check_threshold("sig", &self.thresholds.sig, signatures.len())?;
        let [kem] = kems[..] else {
            return Err(PolicyError::KemCount(kems.len()));
        };
        if !signatures.iter().any(|a| a.is_operational()) {
            return Err(PolicyError::NoSigner);
        }
        signatures.sort_by_key(|a| a.name());
        Ok((kem, signatures))
    }
}

impl Entry {
    /// An enabled algorithm of weight 1 without sizes.
    #[must_use]
    pub fn new(id: &str, kind: Kind) -> Self {
        Self {
            id: id.to_owned(),
            kind,
            enabled: true,
            sunset_after: None,
            key_sizes: None,
            sig_sizes: None,
            kem_sizes: None,
            weight: Some(1.0),
        }
    }

    fn kem(&self) -> Result<KemId, PolicyError> {
        let kem = KemId::from_name(&self.id)
            .ok_or_else(|| self.unknown(KemId::ALL.iter().map(|k| k.name())))?;
        if !kem.is_available() {
            return Err(PolicyError::NotInBuild(kem.name()));
        }
        let (keys, sizes) = kem.sizes();
        self.check_sizes(keys, None, Some(sizes))?;
        Ok(kem)
    }

    fn signature(&self) -> Result<SigAlg, PolicyError> {
        let alg = SigAlg::from_name(&self.id)
            .ok_or_else(|| self.unknown(SigAlg::ALL.iter().map(|a| a.name())))?;
        if !alg.is_available() {
            return Err(PolicyError::NotInBuild(alg.name()));
        }
        let (keys, sizes) = KeySizes::of_signature(alg);
        self.check_sizes(keys, Some(sizes), None)?;
        Ok(alg)
    }

    fn check_sizes(
        &self,
        keys: KeySizes,
        sig: Option<SigSizes>,
        kem: Option<KemSizes>,
    ) -> Result<(), PolicyError> {
        if (self.key_sizes, self.sig_sizes, self.kem_sizes) == (Some(keys), sig, kem) {
            return Ok(());
        }
        Err(PolicyError::Sizes(self.id.clone()))
    }

    fn unknown(&self, known: impl Iterator<Item = &'static str>) -> PolicyError {
        PolicyError::UnknownAlgorithm(self.id.clone(), known.collect::<Vec<_>>().join(", "))
    }
}

impl KeySizes {
    /// The sizes of a signature algorithm, its post-quantum half alone.
    pub(super) fn of_signature(alg: SigAlg) -> (Self, SigSizes) {
        let keys = Self {
            pk: alg.pk_len() as u64,
            sk: alg.sk_len() as u64,
        };
        let sig = alg.sig_len() as u64;
        (keys, SigSizes { sig })
    }
}

fn check_threshold(kind: &'static str, t: &Threshold, have: usize) -> Result<(), PolicyError> {
    if t.min_algs > have as u64 {
        return Err(PolicyError::Threshold {
            kind,
            want: t.min_algs,
            have,
        });
    }
    Ok(())
}

/// In this range the shortest decimal text of a double is the same in Rust, Python and
/// JavaScript but for the `.0`, which the root adds.
fn check_weight(what: &'static str, weight: f64) -> Result<(), PolicyError> {
    let zero = weight == 0.0 && weight.is_sign_positive();
    if zero || (1e-4..=1e15).contains(&weight) {
        return Ok(());
    }
    Err(PolicyError::BadWeight(what))
}

fn strip_annotations(value: &mut Value) {
    if let Some(map) = value.as_object_mut() {
        map.retain(|key, _| !ANNOTATIONS.contains(&key.as_str()));
    }
}
