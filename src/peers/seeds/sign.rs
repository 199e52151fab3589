//! Making a list.

use super::{
    ListError, date, form,
    json::Json,
    list::{self, MAX_LIFE_MS, MAX_LIST_BYTES},
    signature,
};
use crate::{crypto::ed25519::KeyPair, ids::ChainId};

/// A list, ready to be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The list in its canonical spelling. Served in any other spelling it has the same signature.
    pub document: Vec<u8>,
    /// A line of the file beside it. A second signer appends another.
    pub signature: String,
    /// How many entries it has.
    pub entries: usize,
    /// How many addresses in it nobody will use: private, relayed, unreadable, repeated.
    pub dropped: usize,
    /// When it ends, in milliseconds since the UNIX epoch.
    pub expires_ms: u64,
}

/// Signs a list for `chain` with `key`, after holding it to every rule that a reader holds it to.
///
/// `version`, `network`, `generatedAt` and `expiresAt` may be missing: they become 1, the network of
/// `chain`, `now_ms`, and the latest moment allowed. With `public_only` private addresses do not
/// count as addresses.
///
/// # Errors
/// [`ListError`]: readers would refuse the list for the same reason.
pub fn sign(
    document: &[u8],
    key: &KeyPair,
    chain: ChainId,
    public_only: bool,
    now_ms: u64,
) -> Result<Signed, ListError> {
    let mut fields = form::object(document)?;
    let mut fill = |name: &str, value: Json| {
        fields.entry(name.to_owned()).or_insert(value);
    };
    let whole = now_ms / 1000 * 1000;
    fill("version", Json::Integer(1));
    fill("network", Json::Text(list::network(chain)));
    fill("generatedAt", Json::Text(date::text(whole)));
    let made = match fields.get("generatedAt") {
        Some(Json::Text(text)) => date::moment(text).unwrap_or(whole),
        _ => whole,
    };
    let latest = date::text(made.saturating_add(MAX_LIFE_MS));
    fields
        .entry("expiresAt".to_owned())
        .or_insert(Json::Text(latest));
    let form = form::of(fields, public_only)?;
    if form.network != list::network(chain) {
        return Err(ListError::WrongNetwork {
            expected: list::network(chain),
            found: form.network.chars().take(64).collect(),
        });
    }
    list::check_life(form.generated_ms, form.expires_ms)?;
    if form.expires_ms <= now_ms {
        let at = date::text(form.expires_ms);
        return Err(ListError::Expired { at });
    }
    list::check_entries(&form.entries, form.dropped)?;
    // What was filled in counts as well.
    if form.canonical.len() > MAX_LIST_BYTES {
        return Err(ListError::TooLarge {
            what: "list",
            limit: MAX_LIST_BYTES,
        });
    }
    Ok(Signed {
        signature: signature::line(key, &form.canonical),
        document: form.canonical,
        entries: form.entries.len(),
        dropped: form.dropped,
        expires_ms: form.expires_ms,
    })
}
