//! From parts to a running node.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, OnceLock, atomic::AtomicU64},
    time::Instant,
};

use libp2p::{Multiaddr, TransportError};
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    Builder, COMMAND_QUEUE, EFFECT_QUEUE, EVENT_BACKLOG, Handle,
    connections::Connections,
    event_loop::{EventLoop, Tasks},
    gossip_link::GossipLink,
    gossip_task,
    handle::Shared,
    listening::Listening,
    observers::Observers,
    peering::{self, Peering, PeeringLink},
    sessions::Sessions,
    sync_link::SyncLink,
    sync_task::{self, Waiting},
    task_link::TaskLink,
    topology,
};
use crate::{
    bloom::BloomError,
    chain::{Genesis, MemoryBlobs, MemoryStore, StoreError, share::HashShares},
    clock::{Now, Rng},
    crypto::{RandomError, random, sign::SignError},
    identity::{NodeIdentity, Policy},
    ids::{ChainId, Hash32},
    network,
    peers::{MemoryPeers, PeerStoreError, conduct::Conduct},
    pool::Pool,
    secure, transport,
};

/// Bytes of blobs of a node without a data directory: sixteen of the largest.
const MEMORY_BLOB_BYTES: u64 = 32 * 1024 * 1024;

impl Builder {
    /// Starts the node on the current tokio runtime and returns when its listeners are bound.
    ///
    /// # Errors
    /// See [`StartError`]; nothing runs then.
    pub async fn start(self) -> Result<Handle, StartError> {
        let policy = Arc::new(self.policy.unwrap_or_else(Policy::default_fips));
        let identity = match self.identity {
            Some(identity) => identity,
            None => NodeIdentity::generate(policy.preferred_signature())?,
        };
        let genesis = match self.genesis {
            Some(genesis) => genesis,
            None => {
                Genesis::of_chain(ChainId::DEVNET).expect("the development network is a preset")
            }
        };
        let store = match self.store {
            Some(store) => store,
            None => Arc::new(MemoryStore::new(&genesis)),
        };
        let sessions = Arc::new(Sessions::new(Arc::clone(&self.telemetry)));
        let channel = secure::Config {
            aead: self.aead,
            clock: Arc::clone(&self.clock),
            budgets: Arc::new(secure::Budgets::new(self.limits.handshakes)),
            observer: Arc::clone(&sessions) as _,
            ..secure::Config::new(
                identity.clone(),
                Arc::clone(&policy),
                genesis.chain_id(),
                genesis.hash(),
            )?
        };
        let channel = match self.delegations {
            Some(delegations) => secure::Config {
                delegations,
                ..channel
            },
            None => channel,
        };

        let delegations = Arc::clone(&channel.delegations);
        let transport = self.telemetry.with_registry(|registry| {
            transport::build(channel, &transport::Options::default(), Some(registry))
        });
        let identify =
            network::identify::Config::new(genesis.chain_id(), genesis.hash(), policy.root());
        let copies: Arc<network::pubsub::Copies> = Arc::default();
        let config = network::Config {
            connections: self.limits.connections,
            places: self.limits.places,
            max_memory: self.limits.max_memory,
            pubsub: self.pubsub.clone(),
            copies: Arc::clone(&copies),
            direct: self.limits.direct,
            dht: self.peering.dht(genesis.chain_id()),
            lan: self.peering.discovery.lan,
            ping_interval: self.peering.ping,
            ..network::Config::new(identify)
        };
        let peers = self
            .peers
            .unwrap_or_else(|| Arc::new(MemoryPeers::default()));
        let mut kept = peering::load(Arc::clone(&peers)).await?;
        let mut peering_seed = [0; 32];
        random(&mut peering_seed)?;
        let mut rng = Rng::from_seed(peering_seed);
        let behaviour = self.telemetry.with_registry(|registry| {
            let (own, clock) = (identity.public().clone(), Arc::clone(&self.clock));
            let rng = Rng::from_rng(&mut rng);
            network::Behaviour::new(config, own, clock, rng, Some(registry))
        })?;
        let direct = behaviour.direct.sender();
        let me = identity.peer_id();
        let my_digest = identity.public().digest();
        let mut swarm = network::swarm(transport, behaviour, me);
        let head = store.tips().blocks;
        swarm
            .behaviour_mut()
            .identify
            .set_head(network::identify::Head {
                height: head.height,
                hash: head.hash,
                work: head.work,
            });

        restore(
            &mut swarm,
            &mut kept,
            genesis.chain_id(),
            genesis.hash(),
            self.clock.now(),
        );
        let (mut listening, addresses) = Listening::new(me, self.announce.clone());
        let early = listening.open(&mut swarm, &self.listen).await?;

        let stop = CancellationToken::new();
        let (commands, command_rx) = mpsc::channel(COMMAND_QUEUE);
        let (effects, effect_rx) = mpsc::channel(EFFECT_QUEUE);
        let (events, _) = broadcast::channel(EVENT_BACKLOG);
        let (store_failing, store_failing_rx) = watch::channel(None);
        let (stopped_tx, stopped) = watch::channel(false);
        let mut seed = [0; 8];
        random(&mut seed)?;
        let mut gossip_seed = [0; 32];
        random(&mut gossip_seed)?;
        let waiting = Arc::new(Waiting::new(Pool::new(self.limits.pool, self.admission)));
        let parts = sync_task::Parts {
            genesis: genesis.clone(),
            store: Arc::clone(&store),
            verifier: Arc::clone(&self.verifier),
            clock: Arc::clone(&self.clock),
            config: self.sync,
            seed: u64::from_be_bytes(seed),
            effects: effects.clone(),
            waiting: Arc::clone(&waiting),
        };
        let ends = sync_task::spawn(parts, stop.clone())?;
        let share_verifier = self
            .share_verifier
            .unwrap_or_else(|| Arc::new(HashShares::new(&genesis)));
        let blobs = self
            .blobs
            .unwrap_or_else(|| Arc::new(MemoryBlobs::new(MEMORY_BLOB_BYTES)));
        let gossip = gossip_task::spawn(
            gossip_task::Parts {
                identity: identity.clone(),
                policy: Arc::clone(&policy),
                delegations: Arc::clone(&delegations),
                genesis: genesis.clone(),
                store: Arc::clone(&store),
                verifier: self.verifier,
                clock: Arc::clone(&self.clock),
                share_verifier,
                blobs: Arc::clone(&blobs),
                waiting: Arc::clone(&waiting),
                local: ends.local.clone(),
                limits: self.limits.gossip,
                seen: self.limits.seen,
                reconcile: self.reconcile,
                effects: effects.clone(),
                seed: gossip_seed,
            },
            stop.clone(),
        )?;
        let profile = self.peering.profile;
        let bootstraps = !self.bootstrap.is_empty() || !self.peering.discovery.seeds.is_empty();
        let peering = peering::spawn(
            peering::Parts {
                identity,
                policy: Arc::clone(&policy),
                delegations,
                network: (genesis.chain_id(), genesis.hash()),
                clock: Arc::clone(&self.clock),
                config: self.peering,
                model: self.trust_model,
                bootstrap: self.bootstrap,
                announce: self.announce,
                store: peers,
                kept,
                gossip: gossip.gossip.clone(),
                effects,
                seed: Rng::from_rng(&mut rng).random(),
            },
            stop.clone(),
        )?;
        let topology = self
            .share_topology
            .then(|| topology::Shared::new(Arc::clone(&self.clock)));
        let sharing = topology.clone().map(|shared| {
            let parts = topology::Parts {
                me: my_digest,
                shared,
                gossip: gossip.gossip.clone(),
                commands: commands.clone(),
                events: events.subscribe(),
            };
            tokio::spawn(topology::run(parts, stop.clone()))
        });
        let refused: Arc<AtomicU64> = Arc::default();
        let gossip_refused: Arc<AtomicU64> = Arc::default();
        let peering_refused: Arc<AtomicU64> = Arc::default();
        let shared = Arc::new(Shared {
            peer_id: me,
            chain_id: genesis.chain_id(),
            genesis: genesis.hash(),
            policy_root: policy.root(),
            kem: format!("x25519+{}", policy.kem().name()),
            started: Instant::now(),
            data_dir: self.data_dir,
            listens: !self.listen.is_empty(),
            bootstraps,
            store,
            sizes: self.sizes,
            direct,
            telemetry: Arc::clone(&self.telemetry),
            sessions: Arc::clone(&sessions),
            commands,
            inputs: ends.inputs.clone(),
            refused: Arc::clone(&refused),
            gossip_inputs: gossip.inputs.clone(),
            gossip_refused: Arc::clone(&gossip_refused),
            gossip_waiting: gossip.waiting.clone(),
            copies: Arc::clone(&copies),
            local: ends.local,
            waiting,
            gossip: gossip.gossip,
            peering: Peering::new(peering.requests),
            peering_report: peering.report,
            peering_inputs: peering.inputs.clone(),
            peering_refused: Arc::clone(&peering_refused),
            blobs,
            gossip_report: gossip.report,
            message_ttl: self.message_ttl,
            topology,
            events: events.clone(),
            addresses,
            sync: ends.report,
            store_failing: store_failing_rx,
            metrics_url: OnceLock::new(),
            stop: stop.clone(),
            stopped,
        });
        let mut event_loop = EventLoop {
            swarm,
            early,
            commands: command_rx,
            effects: effect_rx,
            connections: Connections::default(),
            listening,
            conduct: Conduct::new(profile, self.limits.ban),
            reserved: HashMap::new(),
            tasks: Tasks {
                sync: SyncLink::new(ends.inputs, refused),
                gossip: GossipLink::new(
                    TaskLink::new(gossip.inputs, gossip_refused),
                    gossip.waiting,
                    genesis.chain_id(),
                ),
                peering: PeeringLink::new(TaskLink::new(peering.inputs, peering_refused)),
            },
            observers: Observers {
                events,
                telemetry: self.telemetry,
                sessions,
                store_failing,
                gaps: 0,
            },
            pubsub: self.pubsub,
            copies,
            clock: self.clock,
        };
        event_loop.tell_bound();
        let keeper = self
            .keeper
            .map(|keeper| tokio::spawn(keeper.run(stop.clone())));
        tokio::spawn(async move {
            event_loop.run(stop.clone()).await;
            stop.cancel();
            if let Some(keeper) = keeper {
                let _ = keeper.await;
            }
            // The open commit ends first: what it acknowledges must be on disk.
            let _ = ends.task.await;
            let _ = gossip.task.await;
            let _ = peering.task.await;
            if let Some(sharing) = sharing {
                let _ = sharing.await;
            }
            stopped_tx.send_replace(true);
        });
        Ok(Handle { shared })
    }
}

/// Gives gate and hash table what the last run left.
fn restore(
    swarm: &mut libp2p::Swarm<network::Behaviour>,
    kept: &mut peering::Kept,
    chain: ChainId,
    genesis: Hash32,
    now: Now,
) {
    let behaviour = swarm.behaviour_mut();
    let bans = behaviour.gate.load(std::mem::take(&mut kept.bans));
    for error in &bans.refused {
        warn!(%error, "a ban that was kept cannot be read and is left out");
    }
    let rows = std::mem::take(&mut kept.dht);
    let table = behaviour.dht.store_mut();
    if let Err(error) = table.load(rows, (chain, genesis), now) {
        warn!(%error, "a record of the hash table that was kept cannot be read and is left out");
    }
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No identity could be made.
    #[error("could not make an identity: {0}")]
    Identity(#[from] SignError),
    /// The operating system has no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The identity and the policy do not go together.
    #[error(transparent)]
    Channel(#[from] secure::ConfigError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address asked for.
        address: Multiaddr,
        /// Whether somebody else has the port.
        in_use: bool,
        /// Why not.
        error: String,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is known about peers cannot be read.
    #[error(transparent)]
    Peers(#[from] PeerStoreError),
    /// Figures about peers contradict each other.
    #[error(transparent)]
    Peering(#[from] peering::SetupError),
    /// The figures of gossip contradict each other.
    #[error(transparent)]
    Gossip(#[from] network::pubsub::Error),
    /// The seen-set of gossip cannot be made.
    #[error("gossip cannot remember what it has seen: {0}")]
    Seen(#[from] BloomError),
}

impl StartError {
    pub(super) fn listen(address: &Multiaddr, error: &TransportError<io::Error>) -> Self {
        let (in_use, error) = match error {
            TransportError::MultiaddrNotSupported(_) => (
                false,
                "no transport of this node listens there; use /ip4/…/tcp/… or /ip6/…/tcp/…"
                    .to_owned(),
            ),
            TransportError::Other(error) => (
                error_kind(error) == io::ErrorKind::AddrInUse,
                error.to_string(),
            ),
        };
        Self::Listen {
            address: address.clone(),
            in_use,
            error,
        }
    }
}

/// The kind of the innermost I/O error; the transport wraps it several times.
fn error_kind(error: &io::Error) -> io::ErrorKind {
    let mut source = error
        .get_ref()
        .map(|e| e as &(dyn std::error::Error + 'static));
    let mut kind = error.kind();
    while let Some(error) = source {
        match error.downcast_ref::<io::Error>() {
            Some(io) => {
                kind = io.kind();
                source = io
                    .get_ref()
                    .map(|e| e as &(dyn std::error::Error + 'static));
            }
            None => source = error.source(),
        }
    }
    kind
}
