//! From a configuration to a node about to start: data directory, key, policy, chain, store.

mod gossip;
mod peering;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    Builder, Limits,
    config::{Aead, Config, ConfigError},
};
use crate::{
    chain::{ChainStore as _, Genesis, GenesisError, StoreError},
    identity::{
        Delegations, NodeIdentity, Policy, PolicyError, SerialMemory,
        key_file::{self, KeyFileError, Origin, Passphrase},
    },
    ids::{ChainId, Hash32, Work},
    network, secure,
    storage::{self, DataDir, Store},
    sync,
};

/// How often serials of delegations are written down. What a crash loses in between only lets an
/// older delegation of the same peer pass until its newer one is seen again.
const KEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Connections that queries of the hash table may borrow at a time.
const BORROWED: u32 = 32;

/// Where the serials of delegations stand in the store.
const SERIALS: &str = "delegation_serials";

/// Everything a configuration names, opened.
pub struct Opened {
    /// The node, about to start.
    pub builder: Builder,
    /// Who it is.
    pub identity: NodeIdentity,
    /// Whether its key was in the file or has been created.
    pub key_origin: Origin,
    /// The key file.
    pub key_file: PathBuf,
    /// The data directory.
    pub data_dir: PathBuf,
    /// Its chain.
    pub genesis: Genesis,
    /// The algorithms it speaks.
    pub policy: Policy,
    /// The open store; the data directory is locked as long as it lives.
    pub store: Store,
}

/// Why a configuration could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A value of the configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The words for algorithms do not make a policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The chain has no preset and no file was named.
    #[error("chain {0} has no preset; name its genesis file with `genesis = \"FILE\"`")]
    UnknownChain(ChainId),
    /// The genesis file cannot be used.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The data directory or the store in it.
    #[error(transparent)]
    Storage(#[from] storage::OpenError),
    /// The identity key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The file with the passphrase cannot be read.
    #[error("cannot read the passphrase file {}: {error}", path.display())]
    Passphrase {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        error: String,
    },
    /// The policy does not allow the key that is in the file.
    #[error("the key in {} is {alg}, which the algorithm policy does not allow; create one with `animica-p2p key generate --alg {wanted}`, or use another data directory", path.display())]
    KeyNotAllowed {
        /// The key file.
        path: PathBuf,
        /// Its algorithm.
        alg: &'static str,
        /// What the policy prefers.
        wanted: &'static str,
    },
    /// Figures about peers that contradict each other.
    #[error("{0}")]
    Peers(String),
    /// `sync.minimum_chain_work` is no number.
    #[error("sync.minimum_chain_work is a decimal number, not `{0}`")]
    Work(String),
}

/// Opens what `config` names. `chain_given` says whether the operator chose the chain; otherwise a
/// data directory that has one keeps it. `asked` is a passphrase that somebody typed; without, the
/// configured file has it.
///
/// # Errors
/// See [`OpenError`]. Nothing was changed but that directories and a key may have been created.
pub fn open(
    config: &Config,
    chain_given: bool,
    asked: Option<Passphrase>,
) -> Result<Opened, OpenError> {
    let data_dir = config.data_dir()?;
    let policy = Policy::from_words(Some(config.kem.name()), Some(config.sign_alg.name()))?;
    let minimum_chain_work = minimum_work(&config.sync.minimum_chain_work)?;
    let dir = DataDir::open(&data_dir)?;
    let genesis = genesis(config, chain_given, &dir)?;

    let key_file = config.identity_file(&data_dir);
    let named = config.passphrase_file.as_deref().map(passphrase);
    let passphrase = asked.or(named.transpose()?);
    let (identity, key_origin) =
        key_file::load_or_create(&key_file, policy.preferred_signature(), passphrase.as_ref())?;
    if !policy.allows_identity(identity.public().alg()) {
        return Err(OpenError::KeyNotAllowed {
            path: key_file,
            alg: identity.public().alg().name(),
            wanted: policy.preferred_signature().name(),
        });
    }

    let options = storage::Options {
        cache_bytes: mib(config.storage.cache_mib),
        segment_bytes: config.storage.segment_mib << 20,
    };
    let store = Store::open(dir, &genesis, &options)?;
    let chain = Arc::clone(store.chain());
    let sizes = Arc::clone(&chain);
    let delegations = delegations(&store, &genesis)?;
    let blobs = store.open_blobs(config.storage.blobs_mib << 20)?;
    let mut builder = Builder::default()
        .identity(identity.clone())
        .policy(policy.clone())
        .aead(match config.aead {
            Aead::Auto => secure::AeadChoice::Auto,
            Aead::Aes256Gcm => secure::AeadChoice::Aes256Gcm,
            Aead::ChaCha20Poly1305 => secure::AeadChoice::ChaCha20Poly1305,
        })
        .genesis(genesis.clone())
        .store(chain as _)
        .blobs(Arc::new(blobs))
        .store_size(move || sizes.stats().disk_bytes())
        .delegations(Arc::clone(&delegations))
        .keeper(Keeper {
            store: store.clone(),
            delegations,
        })
        .peering(peering::peering(config, genesis.chain_id())?)
        .peer_store(Arc::clone(store.peers()) as _)
        .limits(limits(config))
        .mesh(gossip::mesh(&config.gossip))
        .reconcile(gossip::reconcile(&config.gossip))
        .message_ttl(Duration::from_secs(config.gossip.message_ttl_secs))
        .share_topology(config.gossip.share_topology)
        .sync(sync::Config {
            minimum_chain_work,
            ..sync::Config::default()
        })
        .data_dir(data_dir.clone());
    for address in config.listen_addresses() {
        builder = builder.listen(address);
    }
    for address in config
        .network
        .announce
        .iter()
        .filter_map(|a| a.multiaddr().cloned())
    {
        builder = builder.announce(address);
    }
    for address in config.dial_addresses() {
        builder = builder.bootstrap(address);
    }
    Ok(Opened {
        builder,
        identity,
        key_origin,
        key_file,
        data_dir,
        genesis,
        policy,
        store,
    })
}

fn genesis(config: &Config, chain_given: bool, dir: &DataDir) -> Result<Genesis, OpenError> {
    if let Some(file) = &config.genesis {
        return Ok(Genesis::from_file(file)?);
    }
    let remembered = Store::genesis(dir)?;
    match remembered {
        // A chain of the same number may have been begun from a genesis file.
        Some(genesis) if !chain_given || genesis.chain_id() == config.chain_id => Ok(genesis),
        _ => Genesis::of_chain(config.chain_id).ok_or(OpenError::UnknownChain(config.chain_id)),
    }
}

fn passphrase(path: &Path) -> Result<Passphrase, OpenError> {
    let text = fs::read_to_string(path).map_err(|error| OpenError::Passphrase {
        path: path.to_owned(),
        error: error.to_string(),
    })?;
    Ok(Passphrase::new(
        text.lines().next().unwrap_or_default().to_owned(),
    ))
}

fn minimum_work(text: &str) -> Result<Work, OpenError> {
    text.trim()
        .parse()
        .map_err(|_| OpenError::Work(text.to_owned()))
}

fn limits(config: &Config) -> Limits {
    let network = &config.network;
    let connections = network::Connections {
        // The plan of connections keeps its places itself, and says goodbye; what a query of the
        // hash table borrows has none.
        total: config.max_peers + BORROWED,
        inbound: config.max_peers,
        per_peer: network.max_per_peer,
        half_open: network.max_pending,
        ..network::Connections::default()
    };
    let places = network::gate::Limits {
        per_address: network.max_per_address as usize,
        per_group: network.max_per_group as usize,
        per_local_address: network.max_per_local_address as usize,
    };
    Limits {
        connections,
        places,
        max_memory: match network.memory_limit_mib {
            0 => usize::MAX,
            limit => mib(limit),
        },
        ban: Duration::from_secs(network.ban_secs),
        gossip: gossip::buckets(&config.gossip.limits),
        direct: gossip::direct(&config.gossip.limits),
        seen: gossip::seen(&config.gossip),
        pool: gossip::pool(&config.pool),
        ..Limits::default()
    }
}

fn mib(count: u64) -> usize {
    usize::try_from(count << 20).unwrap_or(usize::MAX)
}

fn delegations(store: &Store, genesis: &Genesis) -> Result<Arc<Delegations>, storage::OpenError> {
    let known: Vec<(Hash32, u64)> = store.state().get(SERIALS, b"")?.unwrap_or_default();
    let mut serials = SerialMemory::default();
    for (digest, serial) in known {
        serials.remember(digest, serial);
    }
    Ok(Arc::new(Delegations::new(
        genesis.chain_id(),
        genesis.hash(),
        serials,
    )))
}

/// Writes down what the node has learnt and nobody else stores.
pub(super) struct Keeper {
    store: Store,
    delegations: Arc<Delegations>,
}

impl Keeper {
    /// Writes at intervals and once more when `stop` is cancelled.
    pub(super) async fn run(self, stop: CancellationToken) {
        let keeper = Arc::new(self);
        let mut written = keeper.delegations.serials().len();
        loop {
            let stopped = tokio::time::timeout(KEEP_INTERVAL, stop.cancelled())
                .await
                .is_ok();
            let known = keeper.delegations.serials().len();
            if stopped || known != written {
                let keeper = Arc::clone(&keeper);
                let result = tokio::task::spawn_blocking(move || keeper.save()).await;
                match result {
                    Ok(Ok(())) => written = known,
                    Ok(Err(error)) => warn!(%error, "serials of delegations were not written"),
                    Err(_) => {}
                }
            }
            if stopped {
                return;
            }
        }
    }

    fn save(&self) -> Result<(), StoreError> {
        let serials: Vec<_> = self.delegations.serials().entries().collect();
        if serials.is_empty() {
            return Ok(());
        }
        self.store.state().put(SERIALS, b"", &serials)
    }
}

impl Opened {
    /// The imported head, without starting the node.
    #[must_use]
    pub fn tips(&self) -> crate::chain::Tips {
        self.store.chain().tips()
    }
}
