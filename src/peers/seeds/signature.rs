//! The file beside a list: who signed it.

use super::{ListError, base64, keys::Keys};
use crate::crypto::ed25519::{KeyPair, SIGNATURE_LEN};

/// Longest signature file.
pub const MAX_SIGNATURE_BYTES: usize = 4096;

/// Most signatures in a file: those of a rollover, and some.
const MAX_SIGNATURES: usize = 16;

/// A line of the file.
struct Line<'a> {
    key: Option<&'a str>,
    signature: [u8; SIGNATURE_LEN],
}

/// The line that `key` signs `canonical` with.
pub(super) fn line(key: &KeyPair, canonical: &[u8]) -> String {
    let id = super::key_id(&key.public());
    format!("{id} {}\n", base64::encode(&key.sign(canonical)))
}

/// Finds a key that is in use at `made_ms` and signed `canonical`; its id.
pub(super) fn check(
    file: &[u8],
    canonical: &[u8],
    made_ms: u64,
    keys: &Keys,
) -> Result<String, ListError> {
    let lines = read(file)?;
    if lines.is_empty() {
        return Err(ListError::Unsigned);
    }
    if keys.is_empty() {
        return Err(ListError::NoKeys);
    }
    let mut out_of_time = None;
    for line in &lines {
        for key in keys.iter() {
            if line.key.is_some_and(|id| id != key.id()) {
                continue;
            }
            if key.public().verify(canonical, &line.signature).is_err() {
                continue;
            }
            if key.is_in_use(made_ms) {
                return Ok(key.id());
            }
            out_of_time = Some(key.id());
        }
    }
    Err(
        out_of_time.map_or(ListError::BadSignature, |key| ListError::KeyOutOfTime {
            key,
        }),
    )
}

fn read(file: &[u8]) -> Result<Vec<Line<'_>>, ListError> {
    if file.len() > MAX_SIGNATURE_BYTES {
        return Err(ListError::TooLarge {
            what: "signature",
            limit: MAX_SIGNATURE_BYTES,
        });
    }
    let text = str::from_utf8(file).map_err(|_| ListError::SignatureForm { line: 1 })?;
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = ListError::SignatureForm { line: number + 1 };
        let (key, signature) = match line.split_once(char::is_whitespace) {
            Some((key, signature)) => (Some(key), signature.trim_start()),
            None => (None, line),
        };
        let Some(signature) = base64::decode(signature) else {
            return Err(wrong);
        };
        if lines.len() == MAX_SIGNATURES {
            return Err(wrong);
        }
        lines.push(Line { key, signature });
    }
    Ok(lines)
}
