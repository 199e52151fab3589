//! The Merkle root of a policy, as `pq/alg_policy/build_root.py` of the original computes it.
//!
//! Leaves are JSON texts (keys sorted, no spaces, numbers of weights as floats): the version, one
//! threshold per kind, one entry per algorithm with the fields that matter to consensus. Order:
//! version, thresholds by kind, entries by kind then id. `leaf = SHA3-512(0x00 || json)`, `node =
//! SHA3-512(0x01 || left || right)`, an odd last hash is paired with itself.

use sha3::{Digest, Sha3_512};

use super::{Document, Entry, Kind, Threshold};

/// The 64-byte root of a document.
#[must_use]
pub fn root64(document: &Document) -> [u8; 64] {
    let mut level: Vec<[u8; 64]> = leaves(document)
        .iter()
        .map(|json| hash(&[&[0], json.as_bytes()]))
        .collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| hash(&[&[1], &pair[0], pair.last().unwrap_or(&pair[0])]))
            .collect();
    }
    level[0]
}

/// The leaves of a document, in order; there are at least three.
#[must_use]
pub fn leaves(document: &Document) -> Vec<String> {
    let mut entries: Vec<&Entry> = document.entries.iter().collect();
    entries.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    let thresholds = &document.thresholds;
    let mut out = vec![
        format!("{{\"version\":{}}}", document.version),
        threshold(Kind::Kem, &thresholds.kem),
        threshold(Kind::Sig, &thresholds.sig),
    ];
    out.extend(entries.into_iter().map(entry));
    out
}

/// Weights print as Python prints them: [`Document::check_form`] keeps them in the range where
/// the shortest decimal of both languages is the same text.
fn threshold(kind: Kind, t: &Threshold) -> String {
    format!(
        "{{\"kind\":\"{}\",\"minAlgs\":{},\"minWeight\":{:?}}}",
        kind.name(),
        t.min_algs,
        t.min_weight
    )
}

fn entry(e: &Entry) -> String {
    let or_null = |text: Option<String>| text.unwrap_or_else(|| "null".to_owned());
    let kem = e
        .kem_sizes
        .map(|s| format!("{{\"ct\":{},\"ss\":{}}}", s.ct, s.ss));
    let key = e
        .key_sizes
        .map(|s| format!("{{\"pk\":{},\"sk\":{}}}", s.pk, s.sk));
    let sig = e.sig_sizes.map(|s| format!("{{\"sig\":{}}}", s.sig));
    format!(
        "{{\"enabled\":{},\"id\":\"{}\",\"kemSizes\":{},\"keySizes\":{},\"kind\":\"{}\",\
         \"sigSizes\":{},\"sunsetAfter\":{},\"weight\":{}}}",
        e.enabled,
        e.id,
        or_null(kem),
        or_null(key),
        e.kind.name(),
        or_null(sig),
        or_null(e.sunset_after.map(|h| h.to_string())),
        or_null(e.weight.map(|w| format!("{w:?}"))),
    )
}

fn hash(parts: &[&[u8]]) -> [u8; 64] {
    let mut hasher = Sha3_512::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}
