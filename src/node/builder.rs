//! What a node is made from.

use std::{path::PathBuf, sync::Arc, time::Duration};

use libp2p::Multiaddr;

use super::{DEFAULT_MESSAGE_TTL, PeeringConfig, handle::Sizes, open::Keeper};
use crate::{
    chain::{BlobStore, ChainStore, Genesis, HashOnly, Verifier, share::ShareVerifier},
    clock::{Clock, SystemClock},
    gossip,
    identity::{Delegations, NodeIdentity, Policy},
    network,
    peers::PeerStore,
    pool::{self, Admission, AnyTx},
    secure, sync,
    telemetry::Telemetry,
    trust::TrustModel,
};

/// A node about to be started. Everything has a default: a fresh identity, the development
/// network, a store in memory, nothing to listen on and nobody to dial.
#[must_use]
pub struct Builder {
    pub(super) identity: Option<NodeIdentity>,
    pub(super) policy: Option<Policy>,
    pub(super) aead: secure::AeadChoice,
    pub(super) genesis: Option<Genesis>,
    pub(super) store: Option<Arc<dyn ChainStore>>,
    pub(super) sizes: Sizes,
    pub(super) verifier: Arc<dyn Verifier>,
    pub(super) share_verifier: Option<Arc<dyn ShareVerifier>>,
    pub(super) blobs: Option<Arc<dyn BlobStore>>,
    pub(super) admission: Arc<dyn Admission>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) delegations: Option<Arc<Delegations>>,
    pub(super) listen: Vec<Multiaddr>,
    pub(super) announce: Vec<Multiaddr>,
    pub(super) bootstrap: Vec<Multiaddr>,
    pub(super) peering: PeeringConfig,
    pub(super) trust_model: Option<Box<dyn TrustModel>>,
    pub(super) peers: Option<Arc<dyn PeerStore>>,
    pub(super) limits: Limits,
    pub(super) sync: sync::Config,
    pub(super) pubsub: network::pubsub::Config,
    pub(super) reconcile: gossip::reconcile::Config,
    pub(super) message_ttl: Duration,
    pub(super) share_topology: bool,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) keeper: Option<Keeper>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            identity: None,
            policy: None,
            aead: secure::AeadChoice::Auto,
            genesis: None,
            store: None,
            sizes: Arc::new(|| 0),
            verifier: Arc::new(HashOnly),
            share_verifier: None,
            blobs: None,
            admission: Arc::new(AnyTx),
            clock: Arc::new(SystemClock),
            telemetry: Arc::new(Telemetry::new()),
            delegations: None,
            listen: Vec::new(),
            announce: Vec::new(),
            bootstrap: Vec::new(),
            peering: PeeringConfig::default(),
            trust_model: None,
            peers: None,
            limits: Limits::default(),
            sync: sync::Config::default(),
            pubsub: network::pubsub::Config::default(),
            reconcile: gossip::reconcile::Config::default(),
            message_ttl: DEFAULT_MESSAGE_TTL,
            share_topology: false,
            data_dir: None,
            keeper: None,
        }
    }
}

impl Builder {
    /// Who the node is. Default: a fresh identity of the policy's preferred algorithm.
    pub fn identity(mut self, identity: NodeIdentity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Which algorithms it speaks. Default: the FIPS policy.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Which ciphers it offers. Default: both, the faster one first.
    pub fn aead(mut self, aead: secure::AeadChoice) -> Self {
        self.aead = aead;
        self
    }

    /// Which chain it speaks. Default: the development network.
    pub fn genesis(mut self, genesis: Genesis) -> Self {
        self.genesis = Some(genesis);
        self
    }

    /// Where headers and blocks live. Default: in memory. It must hold the genesis given here.
    pub fn store(mut self, store: Arc<dyn ChainStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// How many bytes the store takes on disk, asked when metrics are.
    pub fn store_size(mut self, bytes: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.sizes = Arc::new(bytes);
        self
    }

    /// What counts as work and as a valid body. Default: hashes only.
    pub fn verifier(mut self, verifier: Arc<dyn Verifier>) -> Self {
        self.verifier = verifier;
        self
    }

    /// What counts as a share. Default: hash shares, a sixteenth of a block's work each.
    pub fn share_verifier(mut self, verifier: Arc<dyn ShareVerifier>) -> Self {
        self.share_verifier = Some(verifier);
        self
    }

    /// Where blobs live. Default: in memory, 32 MiB.
    pub fn blobs(mut self, blobs: Arc<dyn BlobStore>) -> Self {
        self.blobs = Some(blobs);
        self
    }

    /// Which transactions the pool takes. Default: any of the right form.
    pub fn admission(mut self, admission: Arc<dyn Admission>) -> Self {
        self.admission = admission;
        self
    }

    /// Where it reads the time. Default: the operating system.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where it counts. Give one node's telemetry to one node only.
    pub fn telemetry(mut self, telemetry: Arc<Telemetry>) -> Self {
        self.telemetry = telemetry;
        self
    }

    /// Memory of delegations and their serials, to be kept over restarts.
    pub fn delegations(mut self, delegations: Arc<Delegations>) -> Self {
        self.delegations = Some(delegations);
        self
    }

    /// Listens on `address` too. `/tcp/0` lets the system choose a port.
    pub fn listen(mut self, address: Multiaddr) -> Self {
        self.listen.push(address);
        self
    }

    /// Tells people to dial `address`, for nodes behind a forwarded port or in a container.
    pub fn announce(mut self, address: Multiaddr) -> Self {
        self.announce.push(address);
        self
    }

    /// Keeps a connection to `address`.
    pub fn bootstrap(mut self, address: Multiaddr) -> Self {
        self.bootstrap.push(address);
        self
    }

    /// How it finds, judges and keeps peers. Default: it dials whom it is told to and nobody else.
    pub fn peering(mut self, config: PeeringConfig) -> Self {
        self.peering = config;
        self
    }

    /// Another model of trust. Default: the engine of [`trust`](crate::trust) with the figures of
    /// [`PeeringConfig`].
    pub fn trust_model(mut self, model: Box<dyn TrustModel>) -> Self {
        self.trust_model = Some(model);
        self
    }

    /// Where what is known about peers lives: book, bans, trust, the hash table. Default: in memory.
    pub fn peer_store(mut self, store: Arc<dyn PeerStore>) -> Self {
        self.peers = Some(store);
        self
    }

    /// How much others may ask of it.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How it syncs.
    pub fn sync(mut self, config: sync::Config) -> Self {
        self.sync = config;
        self
    }

    /// The mesh of gossip.
    pub fn mesh(mut self, config: network::pubsub::Config) -> Self {
        self.pubsub = config;
        self
    }

    /// When it reconciles with its peers what mesh and announcements did not bring.
    pub fn reconcile(mut self, config: gossip::reconcile::Config) -> Self {
        self.reconcile = config;
        self
    }

    /// How long an application message lives unless its sender says otherwise; at most a day.
    /// Default: ten minutes.
    pub fn message_ttl(mut self, ttl: Duration) -> Self {
        self.message_ttl = ttl;
        self
    }

    /// Whether it tells the network which peers it has, and collects what others tell. Default: no.
    pub fn share_topology(mut self, share: bool) -> Self {
        self.share_topology = share;
        self
    }

    /// The directory to name in reports.
    pub fn data_dir(mut self, path: PathBuf) -> Self {
        self.data_dir = Some(path);
        self
    }

    pub(super) fn keeper(mut self, keeper: Keeper) -> Self {
        self.keeper = Some(keeper);
        self
    }
}

/// How much others may ask of the node.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections in all and per peer.
    pub connections: network::Connections,
    /// Inbound connections per address and group.
    pub places: network::gate::Limits,
    /// Handshake work.
    pub handshakes: secure::BudgetLimits,
    /// Queues, rates and sizes of direct messages.
    pub direct: network::direct::Config,
    /// Resident bytes above which no connection is made or accepted; `usize::MAX` for none.
    pub max_memory: usize,
    /// How long a lying peer stays banned.
    pub ban: Duration,
    /// How many gossip messages are judged.
    pub gossip: gossip::buckets::Limits,
    /// How many of them are remembered.
    pub seen: gossip::seen::Config,
    /// How many transactions wait for a block.
    pub pool: pool::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: network::Connections::default(),
            places: network::gate::Limits::default(),
            handshakes: secure::BudgetLimits::default(),
            direct: network::direct::Config::default(),
            max_memory: usize::MAX,
            ban: Duration::from_secs(3600),
            gossip: gossip::buckets::Limits::default(),
            seen: gossip::seen::Config::default(),
            pool: pool::Limits::default(),
        }
    }
}
