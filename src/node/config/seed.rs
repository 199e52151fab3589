//! `seeds`: where first addresses come from.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::address::{Address, AddressError};

/// One entry of `seeds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seed {
    /// A plain address: dialled like a bootstrap address.
    Address(Address),
    /// A source of addresses that this version does not read yet; named in a warning.
    Source {
        /// As written.
        text: String,
        /// What kind of source it is.
        kind: &'static str,
    },
}

impl Seed {
    /// Reads one entry.
    ///
    /// # Errors
    /// When it is neither a source nor an address.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let kind = match text.split_once("://").map(|(scheme, _)| scheme) {
            Some("dns") => Some("DNS seed"),
            Some("https") => Some("HTTPS seed list"),
            Some("http") => Some("HTTP seed list"),
            Some("file") => Some("seed file"),
            _ => None,
        };
        match kind {
            Some(kind) => Ok(Self::Source {
                text: text.to_owned(),
                kind,
            }),
            None => Address::parse(text).map(Self::Address),
        }
    }

    /// The address, when the entry is one.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Address(addr) => Some(addr),
            Self::Source { .. } => None,
        }
    }

    /// Why the entry has no effect in this version, if it has none.
    #[must_use]
    pub fn unsupported(&self) -> Option<&'static str> {
        match self {
            Self::Address(addr) => addr.unsupported(),
            Self::Source { kind, .. } => Some(kind),
        }
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(addr) => addr.fmt(f),
            Self::Source { text, .. } => f.write_str(text),
        }
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}
