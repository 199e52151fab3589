//! Every protocol of a node in one libp2p behaviour, one file or folder per protocol.
//!
//! The event loop owns the swarm of it and routes [`Event`]; nothing here knows the chain, the
//! store or the configuration file.

mod copies;
pub mod dht;
pub mod direct;
pub mod exchange;
pub mod gate;
pub mod identify;
pub mod keys;
pub mod lan;
mod prefixed;
pub mod pubsub;
pub mod seeds;
#[cfg(test)]
mod testkit;
mod translated;
pub mod trust;

use std::{convert::Infallible, sync::Arc, time::Duration};

use libp2p::{
    PeerId,
    connection_limits::{self, ConnectionLimits},
    core::{muxing::StreamMuxerBox, transport::Boxed, upgrade::Version},
    memory_connection_limits, ping,
    swarm::{self, ConnectionDenied, NetworkBehaviour, Swarm},
};
use prometheus_client::registry::Registry;

use self::exchange::Lane;
use crate::{
    clock::{Clock, Rng},
    identity::PublicIdentity,
};

/// Everything a node speaks.
///
/// # Correctness
/// A connection passes the fields in this order. Those that may refuse it stand first, the cheapest
/// at the top: a refusal below `sync` would leave them believing in a connection that
/// never was.
#[derive(NetworkBehaviour)]
#[behaviour(to_swarm = "Event")]
pub struct Behaviour {
    /// Bans and connections per place.
    pub gate: gate::Behaviour,
    /// Cool-downs.
    pub trust: trust::Behaviour,
    /// Connections in all, half-open and per peer.
    pub limits: connection_limits::Behaviour,
    /// No new connections while the process is too large.
    pub memory: memory_connection_limits::Behaviour,
    /// Liveness and round-trip time.
    pub ping: ping::Behaviour,
    /// Who the peers are.
    pub identify: identify::Behaviour,
    /// Headers and blocks.
    pub sync: exchange::Behaviour,
    /// Identity keys by digest.
    pub keys: keys::Behaviour,
    /// Inventory, transactions, shares, samples, set sketches.
    pub data: exchange::Behaviour,
    /// Gossip.
    pub pubsub: pubsub::Behaviour,
    /// Direct messages of applications.
    pub direct: direct::Behaviour,
    /// Node records of others, and goodbyes.
    pub peers: exchange::Behaviour,
    /// Statements about whom a node trusts.
    pub statements: exchange::Behaviour,
    /// Signed pings.
    pub signed_ping: exchange::Behaviour,
    /// The hash table.
    pub dht: dht::Behaviour,
    /// Peers on the local network.
    pub lan: lan::Behaviour,
}

impl Behaviour {
    /// The behaviour as `config` says, of a node with the identity `own`.
    ///
    /// The router of gossip registers its metrics in `registry`.
    ///
    /// # Errors
    /// The figures of gossip contradict each other.
    pub fn new(
        config: Config,
        own: PublicIdentity,
        clock: Arc<dyn Clock>,
        rng: Rng,
        registry: Option<&mut Registry>,
    ) -> Result<Self, pubsub::Error> {
        let (chain, me) = (config.identify.chain_id, own.peer_id());
        let ping = ping::Config::new()
            .with_interval(config.ping_interval)
            .with_timeout(config.ping_timeout);
        Ok(Self {
            gate: gate::Behaviour::new(config.places, Arc::clone(&clock)),
            trust: trust::Behaviour::new(Arc::clone(&clock)),
            limits: connection_limits::Behaviour::new(config.connections.into()),
            memory: memory_connection_limits::Behaviour::with_max_bytes(config.max_memory),
            ping: ping::Behaviour::new(ping),
            identify: identify::Behaviour::new(config.identify),
            sync: exchange::Behaviour::new(Lane::Sync, chain, config.exchange),
            keys: keys::Behaviour::new(chain, own),
            data: exchange::Behaviour::new(Lane::Data, chain, config.exchange),
            pubsub: pubsub::behaviour(&config.pubsub, chain, config.copies, registry)?,
            direct: direct::Behaviour::new(chain, config.direct),
            peers: exchange::Behaviour::new(Lane::Peers, chain, config.small_exchange),
            statements: exchange::Behaviour::new(Lane::Trust, chain, config.small_exchange),
            signed_ping: exchange::Behaviour::new(Lane::Ping, chain, config.small_exchange),
            dht: dht::Behaviour::new(&config.dht, me, clock, rng),
            lan: if config.lan {
                lan::Behaviour::new(me)
            } else {
                lan::Behaviour::off(me, "not configured")
            },
        })
    }
}

impl Behaviour {
    /// Lets no connection to `peer` come to be for `lasts`, and serves it no more on those that are
    /// there until they close.
    pub fn cool_down(&mut self, peer: PeerId, lasts: Duration) {
        self.trust.cool_down(peer, lasts);
        self.dht.serve(peer, false);
        self.direct.serve(&peer, false);
    }

    /// Ends a cool-down.
    pub fn forgive(&mut self, peer: PeerId) {
        self.trust.forgive(&peer);
        self.dht.serve(peer, true);
        self.direct.serve(&peer, true);
    }

    /// The exchange of `lane`.
    pub fn lane(&mut self, lane: Lane) -> &mut exchange::Behaviour {
        match lane {
            Lane::Sync => &mut self.sync,
            Lane::Data => &mut self.data,
            Lane::Peers => &mut self.peers,
            Lane::Trust => &mut self.statements,
            Lane::Ping => &mut self.signed_ping,
        }
    }
}

/// What the swarm tells the event loop.
#[derive(Debug)]
pub enum Event {
    /// A round-trip time, or the lack of one.
    Ping(ping::Event),
    /// Who a peer is.
    Identify(identify::Event),
    /// A request, an answer, or neither.
    Exchange(Lane, exchange::Event),
    /// Identity keys.
    Keys(keys::Event),
    /// Gossip.
    Pubsub(pubsub::Event),
    /// Direct messages.
    Direct(direct::Event),
    /// The hash table.
    Dht(dht::Event),
    /// Somebody is on the local network.
    Lan(lan::Event),
    /// A peer left.
    Stayed(trust::Stayed),
}

impl From<ping::Event> for Event {
    fn from(event: ping::Event) -> Self {
        Self::Ping(event)
    }
}

impl From<identify::Event> for Event {
    fn from(event: identify::Event) -> Self {
        Self::Identify(event)
    }
}

impl From<(Lane, exchange::Event)> for Event {
    fn from((lane, event): (Lane, exchange::Event)) -> Self {
        Self::Exchange(lane, event)
    }
}

impl From<pubsub::Event> for Event {
    fn from(event: pubsub::Event) -> Self {
        Self::Pubsub(event)
    }
}

impl From<keys::Event> for Event {
    fn from(event: keys::Event) -> Self {
        Self::Keys(event)
    }
}

impl From<direct::Event> for Event {
    fn from(event: direct::Event) -> Self {
        Self::Direct(event)
    }
}

impl From<trust::Stayed> for Event {
    fn from(event: trust::Stayed) -> Self {
        Self::Stayed(event)
    }
}

impl From<dht::Event> for Event {
    fn from(event: dht::Event) -> Self {
        Self::Dht(event)
    }
}

impl From<lan::Event> for Event {
    fn from(event: lan::Event) -> Self {
        Self::Lan(event)
    }
}

impl From<Infallible> for Event {
    fn from(event: Infallible) -> Self {
        match event {}
    }
}

/// How the behaviour is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// What we say about ourselves.
    pub identify: identify::Config,
    /// Requests at a time, and how long they may take, of the lanes about the chain.
    pub exchange: exchange::Config,
    /// The same of the lanes beside it: peers, trust, signed pings.
    pub small_exchange: exchange::Config,
    /// The mesh of gossip.
    pub pubsub: pubsub::Config,
    /// Copies of gossip messages that came over the wire.
    pub copies: Arc<pubsub::Copies>,
    /// Queues of direct messages.
    pub direct: direct::Config,
    /// The hash table.
    pub dht: dht::Config,
    /// Whether peers of the local network are looked for.
    pub lan: bool,
    /// Connections in all and per peer.
    pub connections: Connections,
    /// Inbound connections per address and group.
    pub places: gate::Limits,
    /// Resident bytes above which no connection is made or accepted.
    pub max_memory: usize,
    /// Time between two pings on a connection.
    pub ping_interval: Duration,
    /// How long a ping may take.
    pub ping_timeout: Duration,
}

impl Config {
    /// The defaults for what `identify` says.
    #[must_use]
    pub fn new(identify: identify::Config) -> Self {
        let chain = identify.chain_id;
        Self {
            identify,
            exchange: exchange::Config::default(),
            small_exchange: exchange::Config::small(),
            pubsub: pubsub::Config::default(),
            copies: Arc::default(),
            direct: direct::Config::default(),
            dht: dht::Config::new(chain),
            lan: false,
            connections: Connections::default(),
            places: gate::Limits::default(),
            max_memory: usize::MAX,
            ping_interval: Duration::from_secs(15),
            ping_timeout: Duration::from_secs(20),
        }
    }
}

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Established, both ways together.
    pub total: u32,
    /// Established by others; the difference to `total` is kept for those we dial.
    pub inbound: u32,
    /// Established with one peer: one, and a second while both sides have dialled at once.
    pub per_peer: u32,
    /// Inbound handshakes in flight: twice what the channel's own budget allows, which comes first
    /// and keeps places for newcomers.
    pub half_open: u32,
    /// Our dials in flight.
    pub dialling: u32,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            total: 128,
            inbound: 96,
            per_peer: 2,
            half_open: 4_000,
            dialling: 64,
        }
    }
}

impl From<Connections> for ConnectionLimits {
    fn from(c: Connections) -> Self {
        Self::default()
            .with_max_established(Some(c.total))
            .with_max_established_incoming(Some(c.inbound))
            .with_max_established_per_peer(Some(c.per_peer))
            .with_max_pending_incoming(Some(c.half_open))
            .with_max_pending_outgoing(Some(c.dialling))
    }
}

/// A swarm of `behaviour` on the current tokio runtime.
///
/// Connections stay open until somebody closes them: a peer with nothing to say is still a peer,
/// and the connection limits bound their number. Substreams negotiate lazily, which saves each
/// request a round trip; every protocol here offers one name.
#[must_use]
pub fn swarm(
    transport: Boxed<(PeerId, StreamMuxerBox)>,
    behaviour: Behaviour,
    local: PeerId,
) -> Swarm<Behaviour> {
    let config = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(NEVER)
        .with_substream_upgrade_protocol_override(Version::V1Lazy);
    Swarm::new(transport, behaviour, local, config)
}

/// An idle time nobody reaches, and that timers can still add to a clock.
const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Which limit refused a connection, as a metric label.
#[must_use]
pub fn denied_label(cause: &ConnectionDenied) -> &'static str {
    if let Some(denied) = cause.downcast_ref::<gate::Denied>() {
        denied.label()
    } else if cause.downcast_ref::<trust::Cooling>().is_some() {
        "cool_down"
    } else if cause
        .downcast_ref::<connection_limits::Exceeded>()
        .is_some()
    {
        "connection_limit"
    } else if cause
        .downcast_ref::<memory_connection_limits::MemoryUsageLimitExceeded>()
        .is_some()
    {
        "memory_limit"
    } else {
        "other"
    }
}
