//! `[discovery]`: where a node learns of others.

use std::{net::SocketAddr, path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    keys::{KeyError, Keys},
    schedule::REFRESH,
};

/// Most DNS servers; more would only be asked in turn for minutes.
const MAX_SERVERS: usize = 8;

/// Least seconds between two visits of a source.
const MIN_REFRESH: u64 = 60;

/// `[discovery]`: sources of peers, each on or off, and how many each may add.
///
/// Quotas count peers that a source newly adds to the address book in an hour; 0 lets it add none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether peers on the same local network are found by mDNS.
    pub mdns: bool,
    /// Whether peers are found by walks through the Kademlia table.
    pub kademlia: bool,
    /// Whether peers are asked whom they know.
    pub exchange: bool,
    /// DNS servers, `IP:PORT` each, that `dns://` seeds are asked of; empty means the system's.
    pub dns_servers: Vec<String>,
    /// Keys of those who publish lists of seeds, `BASE64` or `BASE64@FROM..UNTIL` with days. A list
    /// is believed on the word of any of them.
    pub seed_keys: Vec<String>,
    /// File with the certificate authorities (PEM) that `https://` seeds are checked against;
    /// empty means the web's.
    pub tls_ca: String,
    /// Seconds between two visits of a source of seeds, give or take a fifth.
    pub refresh_secs: u64,
    /// Most new peers an hour from seeds.
    pub seed_quota: u32,
    /// Most new peers an hour from mDNS.
    pub mdns_quota: u32,
    /// Most new peers an hour from Kademlia.
    pub kademlia_quota: u32,
    /// Most new peers an hour from all peers that are asked whom they know.
    pub exchange_quota: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mdns: true,
            kademlia: true,
            exchange: true,
            dns_servers: Vec::new(),
            seed_keys: Vec::new(),
            tls_ca: String::new(),
            refresh_secs: REFRESH.as_secs(),
            seed_quota: 1024,
            mdns_quota: 256,
            kademlia_quota: 1024,
            exchange_quota: 1024,
        }
    }
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("discovery.{key}: {message}")]
pub struct Problem {
    /// The key within the table.
    pub key: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl Config {
    /// Every value that cannot be used.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut report = |key, message: String| found.push(Problem { key, message });
        if let Err(message) = self.servers() {
            report("dns_servers", message);
        }
        if let Err(error) = self.keys() {
            report("seed_keys", error.to_string());
        }
        if self.refresh_secs < MIN_REFRESH {
            report("refresh_secs", format!("must be at least {MIN_REFRESH}"));
        }
        found
    }

    /// The DNS servers; none means the system's.
    ///
    /// # Errors
    /// One is not `IP:PORT`, or there are too many.
    pub fn servers(&self) -> Result<Vec<SocketAddr>, String> {
        if self.dns_servers.len() > MAX_SERVERS {
            return Err(format!("at most {MAX_SERVERS} servers"));
        }
        let read = |text: &String| {
            let address = text.trim().parse::<SocketAddr>().ok();
            let usable = address.filter(|a| a.port() != 0 && !a.ip().is_unspecified());
            usable.ok_or_else(|| format!("`{text}` is not IP:PORT, as in 127.0.0.1:53"))
        };
        self.dns_servers.iter().map(read).collect()
    }

    /// The keys of publishers.
    ///
    /// # Errors
    /// One cannot be read, or there are too many.
    pub fn keys(&self) -> Result<Keys, KeyError> {
        Keys::read(self.seed_keys.iter().map(String::as_str))
    }

    /// The file of certificate authorities; `None` means the web's.
    #[must_use]
    pub fn tls_ca(&self) -> Option<&Path> {
        (!self.tls_ca.is_empty()).then(|| Path::new(&self.tls_ca))
    }

    /// Time between two visits of a source.
    #[must_use]
    pub fn refresh(&self) -> Duration {
        Duration::from_secs(self.refresh_secs.clamp(MIN_REFRESH, 365 * 24 * 60 * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_used() {
        assert_eq!(Config::default().problems(), []);
        assert!(Config::default().servers().unwrap().is_empty());
        assert_eq!(Config::default().tls_ca(), None);
    }

    #[test]
    fn names_every_value_that_cannot_be_used() {
        let config = Config {
            dns_servers: vec!["127.0.0.1".to_owned()],
            seed_keys: vec!["x".to_owned()],
            refresh_secs: 1,
            ..Config::default()
        };
        let keys: Vec<_> = config.problems().iter().map(|p| p.key).collect();
        assert_eq!(keys, ["dns_servers", "seed_keys", "refresh_secs"]);
        let servers = |text: &str| {
            let dns_servers = vec![text.to_owned()];
            let config = Config {
                dns_servers,
                ..Config::default()
            };
            config.servers()
        };
        assert!(servers("[::1]:53").is_ok());
        assert!(servers("127.0.0.1:0").is_err() && servers("0.0.0.0:53").is_err());
    }

    #[test]
    fn a_table_of_some_keys_keeps_the_other_defaults() {
        let config: Config = toml::from_str("mdns = false\ntls_ca = \"/ca.pem\"").unwrap();
        assert!(!config.mdns && config.kademlia);
        assert_eq!(config.tls_ca(), Some(Path::new("/ca.pem")));
        assert!(toml::from_str::<Config>("mdms = false").is_err());
    }
}
