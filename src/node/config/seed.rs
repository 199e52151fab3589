//! `seeds`: where first addresses come from.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::address::{Address, AddressError};
use crate::peers::seeds::SourceError;

pub use crate::peers::seeds::Source as SeedSource;

/// Most characters of a bad entry that an error repeats.
const MAX_SHOWN: usize = 80;

/// One entry of `seeds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seed {
    /// A plain address: dialled like a bootstrap address.
    Address(Address),
    /// A place that publishes addresses.
    Source {
        /// As written.
        text: String,
        /// What it means.
        source: SeedSource,
    },
}

/// An entry of `seeds` that is neither an address nor a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    /// It begins like a source and is none.
    #[error("`{text}`: {error}")]
    Source {
        /// As written.
        text: String,
        /// What is wrong with it.
        error: SourceError,
    },
    /// Not an address either.
    #[error(transparent)]
    Address(#[from] AddressError),
}

impl Seed {
    /// Reads one entry.
    ///
    /// # Errors
    /// When it is neither a source nor an address.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        let text = text.trim();
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        if !matches!(scheme, Some("dns" | "https" | "http" | "file")) {
            return Ok(Self::Address(Address::parse(text)?));
        }
        match text.parse() {
            Ok(source) => Ok(Self::Source {
                text: text.to_owned(),
                source,
            }),
            Err(error) => Err(SeedError::Source {
                text: text
                    .chars()
                    .take(MAX_SHOWN)
                    .collect::<String>()
                    .escape_debug()
                    .to_string(),
                error,
            }),
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

    /// The source, when the entry is one.
    #[must_use]
    pub fn source(&self) -> Option<&SeedSource> {
        match self {
            Self::Address(_) => None,
            Self::Source { source, .. } => Some(source),
        }
    }

    /// Why the entry has no effect in this version, if it has none.
    #[must_use]
    pub fn unsupported(&self) -> Option<&'static str> {
        match self {
            Self::Address(addr) => addr.unsupported(),
            #[cfg(not(feature = "http"))]
            Self::Source {
                source: SeedSource::Https(_),
                ..
            } => Some("HTTPS seed lists (it was built without the feature `http`)"),
            Self::Source { .. } => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> SeedSource {
        let seed = Seed::parse(text).expect(text);
        assert_eq!(seed.to_string(), text);
        seed.source().expect(text).clone()
    }

    #[test]
    fn a_source_is_a_name_a_list_or_a_file() {
        let dns = |name: &str, port| SeedSource::Dns {
            name: name.to_owned(),
            port,
        };
        assert_eq!(
            source("dns://_seed.animica.org"),
            dns("_seed.animica.org", None)
        );
        assert_eq!(
            source("dns://seed.example.org:41000"),
            dns("seed.example.org", Some(41_000))
        );
        let url = "https://seeds.example.org/v1/animica:1.json";
        assert_eq!(source(url), SeedSource::Https(url.to_owned()));
        assert_eq!(
            source("file:///etc/seeds.json"),
            SeedSource::File("/etc/seeds.json".into())
        );
        assert!(Seed::parse("10.0.0.1:1").unwrap().source().is_none());
    }

    #[test]
    fn what_begins_like_a_source_and_is_none_says_what_is_wanted() {
        for (text, part) in [
            ("http://x/y.json", "use https://"),
            ("file://seeds.json", "whole path"),
            ("file:///", "whole path"),
            ("dns://", "DNS name"),
            ("dns://a..b", "DNS name"),
            ("dns://a b", "DNS name"),
            ("dns://a:port", "DNS name"),
            ("dns://a:0", "DNS name"),
            ("dns://a:65536", "DNS name"),
            ("https://", "https:// address"),
            ("https:///list", "https:// address"),
            ("https://user@host/list", "https:// address"),
            ("https://host/list#part", "https:// address"),
            ("https://host/a b", "https:// address"),
            ("ftp://host/list", "ftp"),
            ("nowhere", "port"),
        ] {
            let error = Seed::parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        let long = format!("https://host/{}", "x".repeat(4096));
        let error = Seed::parse(&long).expect_err("too long").to_string();
        assert!(error.contains("at most") && error.len() < 512, "{error}");
    }
}
