//! A signed list, and the rules it is held to.

use super::{ListError, SeedEntry, date, diversity, form, keys::Keys, signature};
use crate::{ids::ChainId, registry::MESSAGE_SKEW_MS};

/// Longest list. Five hundred entries of the usual size; larger ones would only be more to parse
/// for a node that dials a dozen.
pub const MAX_LIST_BYTES: usize = 256 * 1024;

/// Longest life of a list: 14 days, the original's figure. Longer would let whoever can serve an old
/// list hold a node in the past; shorter would make publishers renew by machine.
pub const MAX_LIFE_MS: u64 = 14 * 24 * 60 * 60 * 1000;

/// What a list is held to.
#[derive(Clone, Debug)]
pub struct Rules<'a> {
    /// Our chain.
    pub chain: ChainId,
    /// Whose word is taken.
    pub keys: &'a Keys,
    /// Whether private addresses are left out: always on a public network.
    pub public_only: bool,
    /// The time, in milliseconds since the UNIX epoch.
    pub now_ms: u64,
    /// When the list was made that we have from the same source, 0 without one: an older one is
    /// refused, so that a server cannot go back to a list that named its friends.
    pub newest_ms: u64,
}

/// A list that kept the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// When it was made, in milliseconds since the UNIX epoch.
    pub generated_ms: u64,
    /// When it ends, in milliseconds since the UNIX epoch.
    pub expires_ms: u64,
    /// Whom it names, in its order.
    pub entries: Vec<SeedEntry>,
    /// Addresses that were left out: private, relayed, unreadable, repeated.
    pub dropped: usize,
    /// Id of the key that signed it.
    pub key: String,
}

/// Reads a list and its signature file.
///
/// # Errors
/// [`ListError`] says which rule it breaks. Nothing of a refused list is used.
pub fn verify(
    document: &[u8],
    signature: Option<&[u8]>,
    rules: &Rules<'_>,
) -> Result<List, ListError> {
    let form = form::read(document, rules.public_only)?;
    if form.network != network(rules.chain) {
        return Err(ListError::WrongNetwork {
            expected: network(rules.chain),
            found: form.network.chars().take(64).collect(),
        });
    }
    let signature = signature.ok_or(ListError::Unsigned)?;
    let made_ms = form.generated_ms;
    let key = signature::check(signature, &form.canonical, made_ms, rules.keys)?;
    check_time(made_ms, form.expires_ms, rules)?;
    check_entries(&form.entries, form.dropped)?;
    Ok(List {
        generated_ms: form.generated_ms,
        expires_ms: form.expires_ms,
        entries: form.entries,
        dropped: form.dropped,
        key,
    })
}

/// A chain as lists name it.
pub(super) fn network(chain: ChainId) -> String {
    format!("animica:{chain}")
}

/// What holds of the entries of any list, signed or about to be.
pub(super) fn check_entries(entries: &[SeedEntry], dropped: usize) -> Result<(), ListError> {
    if entries.is_empty() {
        return Err(ListError::Empty { dropped });
    }
    diversity::check(entries)
}

/// How long a list may live.
pub(super) fn check_life(generated_ms: u64, expires_ms: u64) -> Result<(), ListError> {
    match expires_ms.checked_sub(generated_ms) {
        Some(1..=MAX_LIFE_MS) => Ok(()),
        _ => Err(ListError::Life),
    }
}

fn check_time(generated_ms: u64, expires_ms: u64, rules: &Rules<'_>) -> Result<(), ListError> {
    check_life(generated_ms, expires_ms)?;
    if generated_ms > rules.now_ms.saturating_add(MESSAGE_SKEW_MS) {
        let at = date::text(generated_ms);
        return Err(ListError::NotYetValid { at });
    }
    if expires_ms <= rules.now_ms {
        let at = date::text(expires_ms);
        return Err(ListError::Expired { at });
    }
    if generated_ms < rules.newest_ms {
        let at = date::text(generated_ms);
        return Err(ListError::Older { at });
    }
    Ok(())
}
