//! Who is connected: `p2p_peers{state}`, round trips, dials that failed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use libp2p::PeerId;
use prometheus_client::{
    metrics::histogram::{Histogram, exponential_buckets},
    registry::{Registry, Unit},
};

use super::label::{Counters, Gauges, level};
use crate::{event::NodeEvent, offence::Offence, report::Direction};

#[derive(Debug)]
pub(super) struct Peers {
    /// One entry per connected peer, so bounded by the connection limits.
    table: Mutex<HashMap<PeerId, Known>>,
    peers: Gauges,
    connections: Counters,
    dial_failures: Counters,
    rtt: Histogram,
    bans: Counters,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    direction: Direction,
    identified: bool,
}

impl Peers {
    pub(super) fn register(r: &mut Registry) -> Self {
        let this = Self {
            table: Mutex::default(),
            peers: Gauges::default(),
            connections: Counters::default(),
            dial_failures: Counters::default(),
            rtt: Histogram::new(exponential_buckets(0.000_25, 2.0, 15)),
            bans: Counters::default(),
        };
        r.register(
            "peers",
            "Peers by state: connected is everybody, inbound and outbound split it, identified have accepted us and told who they are, banned are bans in force",
            this.peers.clone(),
        );
        r.register(
            "connections",
            "First connections to a peer by who dialled",
            this.connections.clone(),
        );
        r.register(
            "dial_failures",
            "Dials that failed or were refused, by reason",
            this.dial_failures.clone(),
        );
        r.register_with_unit(
            "rtt",
            "Measured round trips to connected peers",
            Unit::Seconds,
            this.rtt.clone(),
        );
        r.register("bans", "Bans imposed, by offence", this.bans.clone());
        this.show(&HashMap::new());
        this.banned(0);
        for direction in ["inbound", "outbound"] {
            drop(this.connections.get_or_create(&[("direction", direction)]));
        }
        for offence in Offence::ALL {
            drop(this.bans.get_or_create(&[("reason", offence.name())]));
        }
        this
    }

    pub(super) fn record(&self, event: &NodeEvent) {
        match event {
            NodeEvent::PeerConnected {
                peer, direction, ..
            } => {
                self.connections
                    .get_or_create(&[("direction", name(*direction))])
                    .inc();
                self.change(|t| {
                    t.insert(
                        *peer,
                        Known {
                            direction: *direction,
                            identified: false,
                        },
                    );
                });
            }
            NodeEvent::PeerIdentified { peer, .. } => self.change(|t| {
                if let Some(known) = t.get_mut(peer) {
                    known.identified = true;
                }
            }),
            NodeEvent::PeerDisconnected { peer, .. } => self.change(|t| {
                t.remove(peer);
            }),
            NodeEvent::DialFailed { label, .. } => {
                self.dial_failures.get_or_create(&[("reason", label)]).inc();
            }
            NodeEvent::Rtt { rtt, .. } => self.rtt.observe(rtt.as_secs_f64()),
            NodeEvent::Banned { offence, .. } => {
                self.bans.get_or_create(&[("reason", offence.name())]).inc();
            }
            _ => {}
        }
    }

    pub(super) fn banned(&self, count: usize) {
        self.set("banned", count);
    }

    pub(super) fn connected(&self) -> usize {
        self.table
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    fn change(&self, f: impl FnOnce(&mut HashMap<PeerId, Known>)) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        f(&mut table);
        self.show(&table);
    }

    fn show(&self, table: &HashMap<PeerId, Known>) {
        let count = |f: fn(&Known) -> bool| table.values().filter(|k| f(k)).count();
        self.set("connected", table.len());
        self.set("inbound", count(|k| k.direction == Direction::Inbound));
        self.set("outbound", count(|k| k.direction == Direction::Outbound));
        self.set("identified", count(|k| k.identified));
    }

    fn set(&self, state: &'static str, count: usize) {
        self.peers
            .get_or_create(&[("state", state)])
            .set(level(count));
    }
}

fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}
