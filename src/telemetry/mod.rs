//! Metrics and tracing set-up: observes every room, is imported by none of them.
//!
//! Metrics are measured from [`NodeEvent`]s, once each, by [`Telemetry::record`]; what is a level
//! rather than an event (sync rates, queue depths, bans in force) is read when `/metrics` is
//! asked, through [`Telemetry::update`]. No label holds anything a peer chose: no peer id, no
//! address, no agent.

use std::sync::{Arc, Mutex, PoisonError};

use libp2p::{
    metrics::{Metrics as Libp2p, Recorder},
    ping,
    swarm::SwarmEvent,
};
use prometheus_client::registry::Registry;

use crate::{
    event::NodeEvent,
    report::{PeeringReport, QueueReport, StatsReport, SyncReport},
};

mod chain;
mod channel;
mod escape;
mod exposition;
mod gossip;
mod label;
#[cfg(feature = "cli")]
mod logs;
mod messages;
mod peering;
mod peers;
mod process;
mod queues;

#[cfg(feature = "cli")]
pub use self::logs::{LogError, LogOptions, init as init_logs};
pub use self::{
    channel::{HandshakeSample, Role},
    escape::escaped,
    gossip::GossipLevels,
    label::Dir,
};

/// Content type of [`Telemetry::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every metric of one node, and the registry that encodes them.
pub struct Telemetry {
    peers: peers::Peers,
    channel: channel::Channel,
    messages: messages::Messages,
    chain: chain::Chain,
    queues: queues::Queues,
    gossip: Arc<gossip::Gossip>,
    peering: Arc<peering::Peering>,
    libp2p: Libp2p,
    registry: Mutex<Registry>,
}

/// Levels at one moment, read when metrics are asked for.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// Where sync stands.
    pub sync: SyncReport,
    /// Bans in force.
    pub bans: usize,
    /// Bytes of the store on disk.
    pub store_bytes: u64,
    /// Every bounded queue of the node.
    pub queues: Vec<QueueReport>,
    /// What gossip has done.
    pub gossip: GossipLevels,
    /// What the peering task has done.
    pub peering: PeeringReport,
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl Telemetry {
    /// All families at zero, so that a dashboard sees them before anything happens.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(process::Process::default()));
        let libp2p = Libp2p::new(&mut registry);
        let p2p = registry.sub_registry_with_prefix("p2p");
        process::register_build(p2p);
        let gossip: Arc<gossip::Gossip> = Arc::default();
        p2p.register_collector(Box::new(Arc::clone(&gossip)));
        let peering: Arc<peering::Peering> = Arc::default();
        p2p.register_collector(Box::new(Arc::clone(&peering)));
        Self {
            peers: peers::Peers::register(p2p),
            channel: channel::Channel::register(p2p),
            messages: messages::Messages::register(p2p),
            chain: chain::Chain::register(p2p),
            queues: queues::Queues::register(p2p),
            gossip,
            peering,
            libp2p,
            registry: Mutex::new(registry),
        }
    }

    /// Counts one event. Never blocks on anything but a short lock of its own.
    pub fn record(&self, event: &NodeEvent) {
        self.peers.record(event);
        self.messages.record(event);
        self.chain.record(event);
    }

    /// Counts an event of the swarm in libp2p's own families.
    pub fn swarm<E>(&self, event: &SwarmEvent<E>) {
        self.libp2p.record(event);
    }

    /// Counts a ping in libp2p's own families.
    pub fn ping(&self, event: &ping::Event) {
        self.libp2p.record(event);
    }

    /// Counts the end of a handshake, good or bad.
    pub fn handshake(&self, sample: &HandshakeSample) {
        self.channel.handshake(sample);
    }

    /// Counts a change of record keys in one direction of a connection.
    pub fn rekeyed(&self, dir: Dir) {
        self.channel.rekeyed(dir);
    }

    /// Counts bytes carried by established connections, channel overhead excluded.
    pub fn bytes(&self, dir: Dir, count: u64) {
        self.channel.bytes(dir, count);
    }

    /// Counts something that was refused, by its stable label.
    pub fn rejected(&self, reason: &'static str) {
        self.messages.rejected(reason);
    }

    /// Sets every level.
    pub fn update(&self, levels: Levels) {
        self.peers.banned(levels.bans);
        self.chain.update(&levels.sync, levels.store_bytes);
        self.queues.update(&levels.queues);
        self.peering.update(levels.peering);
        self.gossip
            .update(levels.gossip, |topics| self.messages.gossip(topics));
    }

    /// Lets others (libp2p's own metrics, bandwidth) register into the same registry.
    pub fn with_registry<R>(&self, f: impl FnOnce(&mut Registry) -> R) -> R {
        f(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The counters of `stats`; the caller fills in uptime, bans and the size of the store.
    #[must_use]
    pub fn stats(&self) -> StatsReport {
        let mut out = StatsReport {
            peers: self.peers.connected(),
            ..StatsReport::default()
        };
        self.channel.stats(&mut out);
        self.messages.stats(&mut out);
        self.chain.stats(&mut out);
        out
    }

    /// The exposition in OpenMetrics text format ([`CONTENT_TYPE`]).
    #[must_use]
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(32 * 1024);
        self.with_registry(|registry| {
            prometheus_client::encoding::text::encode(&mut out, registry)
                .expect("writing to a String does not fail");
        });
        out
    }
}

#[cfg(test)]
mod tests;
