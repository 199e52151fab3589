//! `[discovery]` and `[dht]`: where peers come from, and what is stored for them.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::empty_is_none;

/// Port of DNS servers that are named without one.
const DNS_PORT: u16 = 53;

/// `[discovery]`: where peers come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Discovery {
    /// Whether to look for nodes of the same network on the local link, and to answer them.
    pub mdns: bool,
    /// Whether to look for peers in the hash table, by walks to random keys.
    pub dht: bool,
    /// Whether to ask peers whom they know, and to answer them.
    pub exchange: bool,
    /// Between two rounds of asking while more peers are wanted, in seconds.
    pub interval_secs: u64,
    /// DNS servers for `dns://` seeds, `IP` or `IP:PORT`; empty: those of the system.
    pub dns_servers: Vec<DnsServer>,
    /// Ed25519 keys of publishers that signed lists of seeds are believed on, `KEY` or
    /// `KEY@FROM..UNTIL`, in base64 or hex.
    pub seed_keys: Vec<String>,
    /// File with certificate authorities (PEM) for `https://` seeds; those of the web when absent.
    #[serde(with = "empty_is_none")]
    pub tls_ca: Option<PathBuf>,
    /// How often sources are asked again, in hours, give or take a fifth.
    pub refresh_hours: u64,
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            mdns: true,
            dht: true,
            exchange: true,
            interval_secs: 30,
            dns_servers: Vec::new(),
            seed_keys: Vec::new(),
            tls_ca: None,
            refresh_hours: 24,
        }
    }
}

/// `[dht]`: values of the hash table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dht {
    /// Most bytes of records held for others, in MiB.
    pub max_mib: u64,
    /// How long a value lives unless its author says otherwise, in seconds.
    pub ttl_secs: u64,
    /// How many nodes must have answered before a read is over.
    pub quorum: u32,
}

impl Default for Dht {
    fn default() -> Self {
        Self {
            max_mib: 16,
            ttl_secs: 3600,
            quorum: 3,
        }
    }
}

/// A DNS server: `IP` or `IP:PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DnsServer(pub SocketAddr);

impl fmt::Display for DnsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.port() {
            DNS_PORT => self.0.ip().fmt(f),
            _ => self.0.fmt(f),
        }
    }
}

impl Serialize for DnsServer {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DnsServer {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let text = text.trim();
        let alone = |text: &str| text.parse::<IpAddr>().ok();
        let server = alone(text)
            .map(|ip| SocketAddr::new(ip, DNS_PORT))
            .or_else(|| text.parse().ok())
            .filter(|addr| addr.port() != 0);
        server.map(Self).ok_or_else(|| {
            let shown = text.escape_debug();
            de::Error::custom(format!("`{shown}` is no DNS server, IP or IP:PORT"))
        })
    }
}
