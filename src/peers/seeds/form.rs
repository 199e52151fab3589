//! The fields of a list.

use std::{collections::BTreeMap, str::FromStr};

use libp2p::PeerId;

use super::{
    DEFAULT_WEIGHT, ListError, MAX_ENTRIES, MAX_ENTRY_ADDRESSES, MAX_FEATURE_BYTES, MAX_FEATURES,
    MAX_LIST_BYTES, MAX_WEIGHT, SeedEntry,
    collect::{About, Collector},
    date,
    json::Json,
};

type Fields = BTreeMap<String, Json>;

/// A list as it says of itself, before any rule but those of its form.
pub(super) struct Form {
    pub(super) canonical: Vec<u8>,
    pub(super) network: String,
    pub(super) generated_ms: u64,
    pub(super) expires_ms: u64,
    pub(super) entries: Vec<SeedEntry>,
    pub(super) dropped: usize,
}

/// Reads a document.
pub(super) fn read(document: &[u8], public_only: bool) -> Result<Form, ListError> {
    let json = object(document)?;
    of(json, public_only)
}

/// The document as an object.
pub(super) fn object(document: &[u8]) -> Result<Fields, ListError> {
    if document.len() > MAX_LIST_BYTES {
        return Err(ListError::TooLarge {
            what: "list",
            limit: MAX_LIST_BYTES,
        });
    }
    match Json::read(document).map_err(ListError::Json)? {
        Json::Object(fields) => Ok(fields),
        _ => Err(ListError::Json("not an object".to_owned())),
    }
}

/// Reads an object. Fields without a meaning here are left alone; the signature covers them.
pub(super) fn of(fields: Fields, public_only: bool) -> Result<Form, ListError> {
    match fields.get("version") {
        Some(Json::Integer(1)) => {}
        Some(Json::Integer(other)) => return Err(ListError::Version(*other)),
        _ => return Err(wrong("version", "the number 1")),
    }
    let network = match fields.get("network") {
        Some(Json::Text(network)) => network.clone(),
        _ => return Err(wrong("network", "a text such as animica:1")),
    };
    let moment = |name: &str| match fields.get(name) {
        Some(Json::Text(text)) => date::moment(text),
        _ => None,
    };
    let expected = "a moment such as 2026-01-31T00:00:00Z";
    let generated_ms = moment("generatedAt").ok_or_else(|| wrong("generatedAt", expected))?;
    let expires_ms = moment("expiresAt").ok_or_else(|| wrong("expiresAt", expected))?;
    let Some(Json::Array(items)) = fields.get("entries") else {
        return Err(wrong("entries", "a list"));
    };
    if items.len() > MAX_ENTRIES {
        return Err(wrong("entries", "a list of at most 1024"));
    }
    let mut collector = Collector::new(public_only);
    for (i, item) in items.iter().enumerate() {
        let at = |field: &str| format!("entries[{i}]{field}");
        let Json::Object(entry) = item else {
            return Err(wrong(at(""), "an object"));
        };
        let expected = "a list of 1 to 8 addresses";
        let addresses = texts(entry, "addrs", MAX_ENTRY_ADDRESSES)
            .filter(|addresses| !addresses.is_empty())
            .ok_or_else(|| wrong(at(".addrs"), expected))?;
        collector.add(about(entry, at)?, addresses);
    }
    let (entries, dropped) = (collector.entries, collector.dropped);
    Ok(Form {
        canonical: Json::Object(fields).canonical(),
        network,
        generated_ms,
        expires_ms,
        entries,
        dropped,
    })
}

/// What an entry says besides its addresses.
fn about(entry: &Fields, at: impl Fn(&str) -> String) -> Result<About, ListError> {
    let peer = match entry.get("peerId") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Text(text)) => PeerId::from_str(text).map(Some).map_err(drop),
        Some(_) => Err(()),
    }
    .map_err(|()| wrong(at(".peerId"), "a peer id"))?;
    let features = match entry.get("features") {
        None | Some(Json::Null) => Vec::new(),
        Some(_) => texts(entry, "features", MAX_FEATURES)
            .filter(|features| features.iter().all(|f| is_feature(f)))
            .ok_or_else(|| wrong(at(".features"), "a list of at most 16 short words"))?,
    };
    let number = |name: &str, least: u32, most: u32| match entry.get(name) {
        None | Some(Json::Null) => Some(None),
        Some(Json::Integer(n)) => {
            let n = u32::try_from(*n).ok();
            n.filter(|n| (least..=most).contains(n)).map(Some)
        }
        Some(_) => None,
    };
    let asn = number("asn", 0, u32::MAX).ok_or_else(|| wrong(at(".asn"), "a number of 32 bits"))?;
    let weight = number("weight", 1, MAX_WEIGHT)
        .ok_or_else(|| wrong(at(".weight"), "a number from 1 to 100"))?;
    Ok(About {
        peer,
        features: features.into_iter().map(str::to_owned).collect(),
        asn,
        weight: weight.unwrap_or(DEFAULT_WEIGHT),
    })
}

/// Whether a feature is a word that can be shown as it is.
pub(super) fn is_feature(text: &str) -> bool {
    let fits = (1..=MAX_FEATURE_BYTES).contains(&text.len());
    fits && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A list of at most `max` texts.
fn texts<'a>(fields: &'a Fields, name: &str, max: usize) -> Option<Vec<&'a str>> {
    let Some(Json::Array(items)) = fields.get(name) else {
        return None;
    };
    if items.len() > max {
        return None;
    }
    let text = |item: &'a Json| match item {
        Json::Text(text) => Some(text.as_str()),
        _ => None,
    };
    items.iter().map(text).collect()
}

fn wrong(at: impl Into<String>, expected: &'static str) -> ListError {
    ListError::Field {
        at: at.into(),
        expected,
    }
}
