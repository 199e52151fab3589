//! Where seeds are published, as an operator writes it.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::ids::ChainId;

/// Longest text of a source.
const MAX_SOURCE_BYTES: usize = 2048;

/// A place that publishes seeds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// `dns://NAME` or `dns://NAME:PORT`: TXT records, else A and AAAA records with the port.
    Dns {
        /// The name.
        name: String,
        /// Port of bare addresses; `None` is the chain's usual one.
        port: Option<u16>,
    },
    /// `https://HOST/…`: a signed list, its signature beside it.
    Https(String),
    /// `file:///PATH`: a signed list on disk, its signature beside it.
    File(PathBuf),
}

impl Source {
    /// Where the original network publishes the seeds of `chain` in DNS. Never asked unless it is
    /// configured.
    #[must_use]
    pub fn usual_name(chain: ChainId) -> Option<&'static str> {
        match chain {
            ChainId::MAINNET => Some("_seed.animica.org"),
            ChainId::TESTNET => Some("_seed.testnet.animica.org"),
            ChainId::DEVNET => Some("_seed.devnet.animica.org"),
            _ => None,
        }
    }

    /// Whether what it publishes is a signed list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        !matches!(self, Self::Dns { .. })
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let text = text.trim();
        if text.len() > MAX_SOURCE_BYTES {
            return Err(SourceError::TooLong);
        }
        let (scheme, rest) = text.split_once("://").ok_or(SourceError::Scheme)?;
        match scheme {
            "dns" => dns(rest),
            "https" => https(text, rest),
            "http" => Err(SourceError::PlainHttp),
            "file" if rest.starts_with('/') && rest.len() > 1 => Ok(Self::File(rest.into())),
            "file" => Err(SourceError::RelativeFile),
            _ => Err(SourceError::Scheme),
        }
    }
}

fn dns(rest: &str) -> Result<Source, SourceError> {
    let (name, port) = match rest.split_once(':') {
        Some((name, port)) => {
            let port = port.parse().ok().filter(|port| *port != 0);
            (name, Some(port.ok_or(SourceError::Name)?))
        }
        None => (rest, None),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = |label: &str| {
        let letters = label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        (1..=63).contains(&label.len()) && letters
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Err(SourceError::Name);
    }
    Ok(Source::Dns {
        name: name.to_ascii_lowercase(),
        port,
    })
}

fn https(text: &str, rest: &str) -> Result<Source, SourceError> {
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = text.bytes().all(|b| b.is_ascii_graphic());
    // What stands before an `@` would be a password in a configuration file and in logs.
    if host.is_empty() || host.contains('@') || text.contains('#') || !plain {
        return Err(SourceError::Url);
    }
    Ok(Source::Https(text.to_owned()))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns { name, port: None } => write!(f, "dns://{name}"),
            Self::Dns {
                name,
                port: Some(port),
            } => write!(f, "dns://{name}:{port}"),
            Self::Https(url) => f.write_str(url),
            Self::File(path) => write!(f, "file://{}", path.display()),
        }
    }
}

/// A source cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// None of the kinds there are.
    #[error("a source of seeds begins with dns://, https:// or file://")]
    Scheme,
    /// HTTP without TLS.
    #[error("lists of seeds are not fetched over plain http://: use https://")]
    PlainHttp,
    /// Not an absolute path.
    #[error("a file of seeds is named by its whole path, as in file:///etc/seeds.json")]
    RelativeFile,
    /// Not a DNS name.
    #[error("not a DNS name with or without a port, as in dns://seed.example.org:41000")]
    Name,
    /// Not an address of the web that can be asked.
    #[error("not an https:// address of a list (neither a user nor a #fragment belongs in it)")]
    Url,
    /// Too long.
    #[error("a source of seeds has at most {MAX_SOURCE_BYTES} bytes")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_read_and_write_the_same() {
        for text in [
            "dns://_seed.animica.org",
            "dns://seed.example:41001",
            "https://seeds.example/v1/animica:1.json?x=1",
            "file:///etc/seeds.json",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        let absolute: Source = "dns://Seed.Example.".parse().unwrap();
        assert_eq!(absolute.to_string(), "dns://seed.example");
        assert!(
            "dns://localhost"
                .parse::<Source>()
                .is_ok_and(|s| !s.is_list())
        );
    }

    #[test]
    fn refuses_by_name_what_is_no_source() {
        use SourceError::{Name, PlainHttp, RelativeFile, Scheme, TooLong, Url};
        for (text, error) in [
            ("", Scheme),
            ("seed.example", Scheme),
            ("ftp://seed.example", Scheme),
            ("http://seed.example/a.json", PlainHttp),
            ("file://seeds.json", RelativeFile),
            ("file:///", RelativeFile),
            ("dns://", Name),
            ("dns://a..b", Name),
            ("dns://a b", Name),
            ("dns://a:0", Name),
            ("dns://a:70000", Name),
            ("dns://a/b", Name),
            ("https://", Url),
            ("https:///a.json", Url),
            ("https://user:secret@seed.example/a.json", Url),
            ("https://seed.example/a b.json", Url),
            ("https://seed.example/a.json#b", Url),
            (&format!("https://{}", "a".repeat(3000)), TooLong),
            (&format!("dns://{}", "a".repeat(64)), Name),
        ] {
            assert_eq!(text.parse::<Source>(), Err(error), "{text}");
        }
    }
}
