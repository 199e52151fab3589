//! What an operator can set, where each value came from, and whether it makes sense.
//!
//! [`Config`] composes one struct per concern; every struct has defaults, refuses unknown keys and
//! documents each field. [`load`](load::load) layers flag > environment > file > default and keeps
//! the origin of every value. `config/default.toml` is the same thing as a commented file; a test
//! holds it equal to [`Config::default`].
//!
//! Nothing here opens a socket, a key or a database; only the configuration file is read.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ids::ChainId;

mod address;
mod algorithms;
mod aliases;
mod data_dir;
mod discovery;
mod environment;
mod error;
mod file;
mod follow;
mod gossip;
mod load;
mod origin;
mod schema;
mod sections;
mod seed;
mod suggest;
mod trust;
mod validate;

pub use self::{
    address::{Address, AddressError, split_list},
    algorithms::{Aead, Kem, SignAlg},
    data_dir::{DbForm, DbFormError, data_root, default_data_dir, parse_db},
    discovery::{Dht, Discovery, DnsServer},
    environment::{CONFIG_VARIABLE, ENV_PREFIX, env_name},
    error::{ConfigError, Problem},
    gossip::{Gossip, GossipLimits},
    load::{FlagValue, Loaded, Sources, load},
    origin::Origin,
    schema::{KeyInfo, keys, render},
    sections::{Log, LogFormat, Network, Pool, Storage, Sync},
    seed::{Seed, SeedError, SeedSource},
    suggest::closest,
    trust::Trust,
    validate::validate,
};

/// The commented file that `config init` writes: every key with its default.
pub const DEFAULT_TOML: &str = include_str!("../../config/default.toml");

/// Port a node listens on unless told otherwise, as in the original network's examples.
pub const DEFAULT_PORT: u16 = 41_000;

/// Where `/metrics`, `/healthz` and `/readyz` are served unless told otherwise: loopback only.
pub const DEFAULT_METRICS: &str = "127.0.0.1:9464";

/// Everything a node can be told.
///
/// Keys at the top level keep the names of the original network's example file; the rest lives in
/// tables. An empty string in a path key means "the default place".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Number of the chain; selects the genesis preset (1, 2 or 1337) unless `genesis` names a file.
    pub chain_id: ChainId,
    /// Genesis file for a chain without preset.
    #[serde(with = "empty_is_none")]
    pub genesis: Option<PathBuf>,
    /// Data directory; default `$XDG_DATA_HOME/animica-p2p/<chain id>`.
    #[serde(with = "empty_is_none")]
    pub data_dir: Option<PathBuf>,
    /// Identity key file; default `identity.key` in the data directory, created when absent.
    #[serde(with = "empty_is_none")]
    pub identity: Option<PathBuf>,
    /// File whose first line is the passphrase of an encrypted identity key.
    #[serde(with = "empty_is_none")]
    pub passphrase_file: Option<PathBuf>,
    /// Addresses to listen on.
    pub listen: Vec<Address>,
    /// Addresses to keep connected to.
    pub bootstrap: Vec<Address>,
    /// Where to learn first addresses: plain addresses, or `dns://`, `https://`, `file://` sources.
    pub seeds: Vec<Seed>,
    /// Addresses of peers to stay connected to whatever happens; each ends in `/p2p/PEER_ID`.
    pub reserved: Vec<Address>,
    /// Below this many peers everything is tried at once. At most `max_peers`, which it follows.
    pub min_peers: u32,
    /// Peers we want to have dialled ourselves: who dials us chooses us, not we him. At most
    /// `max_peers`, which it follows.
    pub target_peers: u32,
    /// Most connected peers.
    pub max_peers: u32,
    /// AEAD of the channel.
    pub aead: Aead,
    /// KEM of the channel; together with `sign_alg` it selects the shipped algorithm policy.
    pub kem: Kem,
    /// Signature algorithm of the node identity.
    pub sign_alg: SignAlg,
    /// Address of the HTTP faces, or `off`.
    pub metrics: String,
    /// Connections: limits, timeouts, bans, announced addresses.
    pub network: Network,
    /// Headers-first sync.
    pub sync: Sync,
    /// The durable store.
    pub storage: Storage,
    /// Live data: the mesh, what is remembered, what peers may send.
    pub gossip: Gossip,
    /// Transactions that wait for a block.
    pub pool: Pool,
    /// Where peers come from.
    pub discovery: Discovery,
    /// How far peers are believed.
    pub trust: Trust,
    /// Values of the hash table.
    pub dht: Dht,
    /// Log lines.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            chain_id: ChainId::DEVNET,
            genesis: None,
            data_dir: None,
            identity: None,
            passphrase_file: None,
            listen: vec![Address::unspecified_v4(DEFAULT_PORT)],
            bootstrap: Vec::new(),
            seeds: Vec::new(),
            reserved: Vec::new(),
            min_peers: 5,
            target_peers: 8,
            max_peers: 50,
            aead: Aead::Auto,
            kem: Kem::MlKem768,
            sign_alg: SignAlg::MlDsa65,
            metrics: DEFAULT_METRICS.to_owned(),
            network: Network::default(),
            sync: Sync::default(),
            storage: Storage::default(),
            gossip: Gossip::default(),
            pool: Pool::default(),
            discovery: Discovery::default(),
            trust: Trust::default(),
            dht: Dht::default(),
            log: Log::default(),
        }
    }
}

impl Config {
    /// The data directory: the configured one, or the default place for this chain.
    ///
    /// # Errors
    /// When none is configured and the environment names no home.
    pub fn data_dir(&self) -> Result<PathBuf, ConfigError> {
        match &self.data_dir {
            Some(dir) => Ok(dir.clone()),
            None => default_data_dir(self.chain_id).ok_or(ConfigError::NoHome),
        }
    }

    /// The identity key file: the configured one, or `identity.key` in `data_dir`.
    #[must_use]
    pub fn identity_file(&self, data_dir: &std::path::Path) -> PathBuf {
        self.identity
            .clone()
            .unwrap_or_else(|| data_dir.join("identity.key"))
    }

    /// The HTTP address, `None` when it is `off`.
    ///
    /// # Errors
    /// When it is neither `off` nor `IP:PORT`.
    pub fn metrics_addr(&self) -> Result<Option<std::net::SocketAddr>, String> {
        let text = self.metrics.trim();
        if text.is_empty() || text.eq_ignore_ascii_case("off") {
            return Ok(None);
        }
        let bare = text.strip_prefix("http://").unwrap_or(text);
        let bare = bare.strip_prefix("tcp://").unwrap_or(bare);
        let bare = bare.trim_end_matches('/');
        let bare = bare.replace("localhost:", "127.0.0.1:");
        bare.parse()
            .map(Some)
            .map_err(|_| format!("`{text}` is not IP:PORT (or `off`)"))
    }

    /// Every supported address to dial on its own: `bootstrap` and the seeds that are addresses.
    #[must_use]
    pub fn dial_addresses(&self) -> Vec<libp2p::Multiaddr> {
        let seeds = self.seeds.iter().filter_map(Seed::address);
        let mut out: Vec<libp2p::Multiaddr> = Vec::new();
        for addr in self.bootstrap.iter().chain(seeds) {
            if let Some(addr) = addr.multiaddr()
                && !out.contains(addr)
            {
                out.push(addr.clone());
            }
        }
        out
    }

    /// The places of `seeds` that publish addresses, each once.
    #[must_use]
    pub fn seed_sources(&self) -> Vec<SeedSource> {
        let mut out: Vec<SeedSource> = Vec::new();
        for source in self.seeds.iter().filter_map(Seed::source) {
            if !out.contains(source) {
                out.push(source.clone());
            }
        }
        out
    }

    /// Peers to stay connected to, with where they are.
    #[must_use]
    pub fn reserved_peers(&self) -> Vec<(libp2p::PeerId, libp2p::Multiaddr)> {
        let named = |a: &Address| Some((a.peer_id()?, a.multiaddr()?.clone()));
        self.reserved.iter().filter_map(named).collect()
    }

    /// Every supported address to listen on.
    #[must_use]
    pub fn listen_addresses(&self) -> Vec<libp2p::Multiaddr> {
        self.listen
            .iter()
            .filter_map(|a| a.multiaddr().cloned())
            .collect()
    }
}

/// An optional path whose absence is an empty string, so that every key exists in every file.
mod empty_is_none {
    use std::path::PathBuf;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(v: &Option<PathBuf>, s: S) -> Result<S::Ok, S::Error> {
        match v {
            Some(path) => s.collect_str(&path.display()),
            None => s.serialize_str(""),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        let text = String::deserialize(d)?;
        Ok((!text.is_empty()).then(|| PathBuf::from(text)))
    }
}

#[cfg(test)]
mod tests;
