//! `seeds`: where first addresses come from.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::address::{Address, AddressError};

/// Longest name of a source: a URL that fits every proxy.
const MAX_SOURCE_BYTES: usize = 2048;

/// Longest name in DNS, without the dot at its end.
const MAX_NAME_BYTES: usize = 253;

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

/// A place that publishes addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SeedSource {
    /// `dns://NAME` or `dns://NAME:PORT`: TXT records, else A and AAAA records with the port.
    Dns {
        /// The name.
        name: String,
        /// Port of bare addresses; `None`: the usual one.
        port: Option<u16>,
    },
    /// `https://HOST/…`: a signed list, its signature beside it.
    Https(String),
    /// `file:///PATH`: a signed list on disk, its signature beside it.
    File(PathBuf),
}

/// An entry of `seeds` that is neither an address nor a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    /// A list over HTTP without TLS.
    #[error("`{0}`: lists of seeds are not fetched over plain http://, use https://")]
    PlainHttp(String),
    /// A file that is not named from the root.
    #[error("`{0}`: a file of seeds is named by its whole path, as in file:///etc/seeds.json")]
    RelativeFile(String),
    /// No name in DNS.
    #[error(
        "`{0}` is no DNS name with or without a port, as in dns://seed.example.org or dns://seed.example.org:41000"
    )]
    Name(String),
    /// No URL of a list.
    #[error("`{0}` is no https:// address of a list (no user, no #fragment, no spaces)")]
    Url(String),
    /// A paragraph.
    #[error("a source of seeds has at most {MAX_SOURCE_BYTES} bytes")]
    TooLong,
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
        match SeedSource::parse(text)? {
            Some(source) => Ok(Self::Source {
                text: text.to_owned(),
                source,
            }),
            None => Ok(Self::Address(Address::parse(text)?)),
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
            Self::Source { source, .. } => source.unsupported(),
        }
    }
}

impl SeedSource {
    /// Reads a source; `None` if `text` begins like none.
    ///
    /// # Errors
    /// It begins like one and is none.
    pub fn parse(text: &str) -> Result<Option<Self>, SeedError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(None);
        };
        let shown = || text.escape_debug().to_string();
        let source = match scheme {
            "dns" | "https" | "http" | "file" if text.len() > MAX_SOURCE_BYTES => {
                return Err(SeedError::TooLong);
            }
            "dns" => dns(rest).ok_or_else(|| SeedError::Name(shown()))?,
            "https" if is_url(rest) => Self::Https(text.to_owned()),
            "https" => return Err(SeedError::Url(shown())),
            "http" => return Err(SeedError::PlainHttp(shown())),
            "file" if rest.starts_with('/') && rest.len() > 1 && !rest.contains('\0') => {
                Self::File(PathBuf::from(rest))
            }
            "file" => return Err(SeedError::RelativeFile(shown())),
            _ => return Ok(None),
        };
        Ok(Some(source))
    }

    fn unsupported(&self) -> Option<&'static str> {
        match self {
            #[cfg(not(feature = "http"))]
            Self::Https(_) => Some("HTTPS seed lists (it was built without the feature `http`)"),
            _ => None,
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

fn dns(rest: &str) -> Option<SeedSource> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (name, port) = match rest.split_once(':') {
        Some((name, port)) => (name, Some(port.parse().ok().filter(|p| *p != 0)?)),
        None => (rest, None),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let is_name = name.len() <= MAX_NAME_BYTES && name.split('.').all(label);
    is_name.then(|| SeedSource::Dns {
        name: name.to_owned(),
        port,
    })
}

/// `HOST[:PORT][/…]` of an https:// URL that can be asked.
fn is_url(rest: &str) -> bool {
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    !host.is_empty()
        && !host.starts_with(':')
        && !host.contains('@')
        && !rest.contains('#')
        && rest.bytes().all(|b| b.is_ascii_graphic())
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
        let long = format!("https://host/{}", "x".repeat(MAX_SOURCE_BYTES));
        assert_eq!(Seed::parse(&long), Err(SeedError::TooLong));
    }
}
