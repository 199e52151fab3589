//! An address as an operator writes it: a multiaddr, `tcp://host:port` or `host:port`.

use std::{fmt, net::Ipv4Addr, str::FromStr};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

mod parse;

pub use self::parse::{AddressError, split_list};
use crate::node::ports;

/// A parsed address. One whose transport this version does not have is kept, so that a
/// configuration written for another version loads; whoever uses it warns by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Supported(Multiaddr),
    Unsupported(&'static str),
}

impl Address {
    /// Reads one address.
    ///
    /// # Errors
    /// [`AddressError`], with what was expected.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let target = if text.starts_with('/') {
            parse::multiaddr(text)?
        } else if let Some((scheme, rest)) = text.split_once("://") {
            match scheme {
                "tcp" => Target::Supported(parse::host_port(text, rest)?),
                "ws" | "wss" => Target::Unsupported("WebSocket transport"),
                "quic" | "udp" => Target::Unsupported("QUIC transport"),
                other => {
                    return Err(AddressError::Scheme {
                        text: text.to_owned(),
                        scheme: other.to_owned(),
                    });
                }
            }
        } else {
            Target::Supported(parse::host_port(text, text)?)
        };
        let text = match &target {
            Target::Supported(addr) => addr.to_string(),
            Target::Unsupported(_) => text.to_owned(),
        };
        Ok(Self { text, target })
    }

    /// `/ip4/0.0.0.0/tcp/{port}`.
    #[must_use]
    pub fn unspecified_v4(port: u16) -> Self {
        Multiaddr::from(Ipv4Addr::UNSPECIFIED)
            .with(Protocol::Tcp(port))
            .into()
    }

    /// The multiaddr, when this version has its transport.
    #[must_use]
    pub fn multiaddr(&self) -> Option<&Multiaddr> {
        match &self.target {
            Target::Supported(addr) => Some(addr),
            Target::Unsupported(_) => None,
        }
    }

    /// What this version lacks for the address, if anything.
    #[must_use]
    pub fn unsupported(&self) -> Option<&'static str> {
        match self.target {
            Target::Supported(_) => None,
            Target::Unsupported(what) => Some(what),
        }
    }

    /// The peer the address names at its end, if any.
    #[must_use]
    pub fn peer_id(&self) -> Option<PeerId> {
        match self.multiaddr()?.iter().last()? {
            Protocol::P2p(peer) => Some(peer),
            _ => None,
        }
    }

    /// IP address and TCP port, when the address has both.
    #[must_use]
    pub fn socket_addr(&self) -> Option<std::net::SocketAddr> {
        ports::tcp(self.multiaddr()?)
    }

    /// Whether a node can listen on it: names cannot be listened on.
    #[must_use]
    pub fn can_listen(&self) -> bool {
        match self.multiaddr().and_then(|a| a.iter().next()) {
            Some(Protocol::Memory(_)) => true,
            _ => self.socket_addr().is_some(),
        }
    }
}

impl From<Multiaddr> for Address {
    fn from(addr: Multiaddr) -> Self {
        Self {
            text: addr.to_string(),
            target: parse::classify(addr),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::parse(s)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
