//! The plan of connections: whom to dial, whom to admit, whom to let go.
//!
//! A value without sockets. The event loop calls [`Plan::plan`] at every tick (a few times a
//! second) and after every loss, does the [`Action`]s it returns, and tells what became of them.
//! The plan judges nobody and keeps no addresses: candidates and trust come in as arguments, the
//! book and the trust engine have them.
//!
//! `specs/connections.md` has the rules and figures.

mod action;
mod config;
mod dialling;
mod evict;
mod parting;
mod pauses;
mod place;
#[cfg(test)]
mod simulation;
mod statics;
mod table;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use rand::RngExt as _;

use self::{
    dialling::{Dial, Origin},
    pauses::Pauses,
    statics::Statics,
    table::Table,
};
use crate::{bucket::Bucket, clock::Rng, peers::Goodbye, report::Direction};

pub use action::{Action, Candidate, Exclude, Failure, Ticket, Verdict};
pub use config::{Config, ConfigError, MOST_PEERS};
pub use table::Slot;

/// Most reserved peers, and most that an operator trusts. They are named by hand.
pub const MAX_NAMED: usize = 64;

/// Most anchors dialled after a start.
pub const MAX_ANCHORS: usize = 8;

/// A connection that lasted so long served: failures before it are forgotten.
const SERVED: Duration = Duration::from_secs(30);

/// The plan.
#[derive(Debug)]
pub struct Plan {
    config: Config,
    /// Ourselves: never dialled.
    own: PeerId,
    rng: Rng,
    /// Picks the groups whose inbound peers are spared.
    secret: [u8; 16],
    statics: Statics,
    reserved: BTreeMap<PeerId, Vec<Multiaddr>>,
    trusted: BTreeMap<PeerId, Vec<Multiaddr>>,
    anchors: VecDeque<Candidate>,
    table: Table,
    dials: BTreeMap<Ticket, Dial>,
    tickets: u64,
    pauses: Pauses,
    bucket: Bucket,
    /// When a reserved peer that could not be reached is dialled again.
    reserved_due: BTreeMap<PeerId, (Instant, Duration)>,
    rotated: Option<Instant>,
    /// A peer that was dialled to take the place of another.
    replacement: Option<PeerId>,
}

/// How many peers there are and are wanted, for metrics and `discovery status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Peers that came by themselves.
    pub inbound: usize,
    /// Peers that the plan chose.
    pub outbound: usize,
    /// Peers whose addresses a person gave.
    pub asked: usize,
    /// Reserved peers.
    pub reserved: usize,
    /// Dials in flight.
    pub dialling: usize,
}

impl Counts {
    /// All peers but the reserved ones, whom no limit counts.
    #[must_use]
    pub fn limited(&self) -> usize {
        self.inbound + self.outbound + self.asked
    }

    /// All peers.
    #[must_use]
    pub fn total(&self) -> usize {
        self.limited() + self.reserved
    }
}

impl Plan {
    /// A plan for the node `own`, without peers. `config` was validated.
    #[must_use]
    pub fn new(config: Config, own: PeerId, mut rng: Rng) -> Self {
        let secret = rng.random();
        Self {
            bucket: Bucket::new(config.dials),
            config,
            own,
            rng,
            secret,
            statics: Statics::default(),
            reserved: BTreeMap::new(),
            trusted: BTreeMap::new(),
            anchors: VecDeque::new(),
            table: Table::default(),
            dials: BTreeMap::new(),
            tickets: 0,
            pauses: Pauses::default(),
            reserved_due: BTreeMap::new(),
            rotated: None,
            replacement: None,
        }
    }

    /// Keeps a connection to `address`, whoever answers there, as `--bootstrap` asks. False if it
    /// is known already.
    pub fn add_static(&mut self, address: Multiaddr) -> bool {
        let named = statics::peer_of(&address).filter(|p| self.table.peers.contains_key(p));
        let added = self.statics.add(address);
        if let Some(peer) = named {
            self.statics.adopt(peer);
        }
        added
    }

    /// Does not dial `address` any more. Says whether it was there.
    pub fn remove_static(&mut self, address: &Multiaddr) -> bool {
        self.statics.remove(address)
    }

    /// Peers to dial first: the best of before the restart. Each is tried once.
    pub fn set_anchors(&mut self, anchors: impl IntoIterator<Item = Candidate>) {
        self.anchors = anchors.into_iter().take(MAX_ANCHORS).collect();
    }

    /// Always keeps a place for `peer` and dials it for as long as it takes. No limit counts it
    /// and nothing here lets it go. False if there are [`MAX_NAMED`] already.
    pub fn reserve(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) -> bool {
        if self.reserved.len() >= MAX_NAMED && !self.reserved.contains_key(&peer) {
            return false;
        }
        self.reserved.insert(peer, addresses);
        self.pauses.forgive(&peer);
        if let Some(connected) = self.table.get_mut(&peer) {
            connected.reserve(true);
            connected.leaving = None;
        }
        true
    }

    /// Ends a reservation; the connection stays as an ordinary one. Says whether there was one.
    pub fn unreserve(&mut self, peer: &PeerId) -> bool {
        self.reserved_due.remove(peer);
        if let Some(connected) = self.table.get_mut(peer) {
            connected.reserve(false);
        }
        self.reserved.remove(peer).is_some()
    }

    /// Prefers `peer`: dialled before peers of the book, never evicted. Limits count it. False if
    /// there are [`MAX_NAMED`] already.
    pub fn prefer(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) -> bool {
        if self.trusted.len() >= MAX_NAMED && !self.trusted.contains_key(&peer) {
            return false;
        }
        self.trusted.insert(peer, addresses);
        true
    }

    /// Ends a preference. Says whether there was one.
    pub fn unprefer(&mut self, peer: &PeerId) -> bool {
        self.trusted.remove(peer).is_some()
    }

    /// Neither dials nor admits `peer` before `until`, and lets it go if it is connected. A
    /// reserved peer never cools down: false then.
    pub fn cool_down(&mut self, peer: PeerId, until: Instant, now: Instant) -> bool {
        if self.reserved.contains_key(&peer) {
            return false;
        }
        self.pauses.cool_down(peer, until, now);
        true
    }

    /// Ends the cool-down and the pauses of `peer`. Says whether it cooled down.
    pub fn forgive(&mut self, peer: &PeerId) -> bool {
        self.reserved_due.remove(peer);
        self.pauses.forgive(peer)
    }

    /// Until when `peer` cools down.
    #[must_use]
    pub fn cooling(&self, peer: &PeerId, now: Instant) -> Option<Instant> {
        self.pauses.cooling(peer, now)
    }

    /// Until when `peer` is not dialled after failures or a goodbye.
    #[must_use]
    pub fn paused(&self, peer: &PeerId, now: Instant) -> Option<Instant> {
        self.pauses.paused(peer, false, now)
    }

    /// What is connected and wanted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            inbound: self.table.count(|s| s == Slot::Inbound),
            outbound: self.table.count(|s| s == Slot::Outbound),
            asked: self.table.count(|s| s == Slot::Asked),
            reserved: self.table.count(|s| s == Slot::Reserved),
            dialling: self.dials.len(),
        }
    }

    /// Why `peer` has its place, if it is connected.
    #[must_use]
    pub fn slot(&self, peer: &PeerId) -> Option<Slot> {
        self.table.peers.get(peer).map(|c| c.slot)
    }

    /// Whether `peer` is reserved.
    #[must_use]
    pub fn is_reserved(&self, peer: &PeerId) -> bool {
        self.reserved.contains_key(peer)
    }

    /// Whether a static address is neither connected nor given up.
    #[must_use]
    pub fn is_searching(&self) -> bool {
        self.statics.is_searching()
    }

    /// Whether a stranger who dials us now would be admitted: to refuse before any cryptography.
    #[must_use]
    pub fn has_inbound_place(&self) -> bool {
        let inbound = self.table.count(|s| s == Slot::Inbound);
        inbound < self.config.max_inbound && self.occupied() < self.config.max_peers
    }

    /// The outbound peers to dial first after a restart: those that are trusted most, then those
    /// connected longest.
    #[must_use]
    pub fn best(&self, trust: &dyn Fn(&PeerId) -> f64) -> Vec<Candidate> {
        let chosen = self
            .table
            .peers
            .iter()
            .filter(|(_, c)| c.identified && c.leaving.is_none() && c.slot == Slot::Outbound);
        let mut best: Vec<_> = chosen.collect();
        best.sort_by_cached_key(|(peer, c)| {
            let distrust = 1000 - evict::thousandths(trust(peer));
            (distrust, c.since, **peer)
        });
        let best = best.into_iter().take(MAX_ANCHORS);
        best.map(|(peer, c)| Candidate {
            peer: *peer,
            addresses: vec![c.address.clone()],
        })
        .collect()
    }

    /// A connection is up. The caller ends it if the verdict says so; the plan does not count it
    /// then.
    pub fn established(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        direction: Direction,
        address: Multiaddr,
        now: Instant,
    ) -> Verdict {
        let dial = self.take_dial(id);
        if let Some((ticket, dial)) = &dial
            && dial.origin == Origin::Static
        {
            self.statics.connected(*ticket, peer);
        }
        let link = match (direction, &dial) {
            (Direction::Inbound, _) => Slot::Inbound,
            (Direction::Outbound, Some((_, dial))) if dial.origin.is_choice() => Slot::Outbound,
            (Direction::Outbound, _) => Slot::Asked,
        };
        let reserved = self.reserved.contains_key(&peer);
        let slot = if reserved { Slot::Reserved } else { link };
        if let Err(reason) = self.admits(&peer, slot, now) {
            self.statics.disconnected(peer, now, &mut self.rng);
            if self.replacement == Some(peer) {
                self.replacement = None;
            }
            return Verdict::Refuse(reason);
        }
        self.table.add(peer, id, link, address, now);
        if reserved && let Some(connected) = self.table.get_mut(&peer) {
            connected.reserve(true);
        }
        self.statics.adopt(peer);
        Verdict::Keep
    }

    fn admits(&self, peer: &PeerId, slot: Slot, now: Instant) -> Result<(), Goodbye> {
        if slot == Slot::Reserved {
            return Ok(());
        }
        if self.pauses.cooling(peer, now).is_some() {
            return Err(Goodbye::LowTrust);
        }
        if self.table.peers.contains_key(peer) {
            return Ok(());
        }
        let full = self.occupied() >= self.config.max_peers;
        let inbound = self.table.count(|s| s == Slot::Inbound);
        let crowded = slot == Slot::Inbound
            && inbound >= self.config.max_inbound
            && !self.trusted.contains_key(peer);
        if full || crowded {
            return Err(Goodbye::TooManyPeers);
        }
        Ok(())
    }

    /// `peer` said who it is.
    pub fn identified(&mut self, peer: PeerId, now: Instant) {
        self.reserved_due.remove(&peer);
        if let Some(connected) = self.table.get_mut(&peer) {
            connected.identified = true;
            connected.alive = now;
            self.statics.accepted(peer);
        }
    }

    /// Something was heard of `peer`: an answer to a ping, a message.
    pub fn alive(&mut self, peer: &PeerId, now: Instant) {
        if let Some(connected) = self.table.get_mut(peer) {
            connected.alive = now.max(connected.alive);
        }
    }

    /// A round trip to `peer` was measured.
    pub fn measured(&mut self, peer: &PeerId, rtt: Duration, now: Instant) {
        self.alive(peer, now);
        if let Some(connected) = self.table.get_mut(peer) {
            connected.rtt = Some(connected.rtt.map_or(rtt, |best| best.min(rtt)));
        }
    }

    /// `peer` was the first to bring `count` things we wanted: blocks, transactions, records.
    pub fn useful(&mut self, peer: &PeerId, count: u64, now: Instant) {
        self.alive(peer, now);
        if let Some(connected) = self.table.get_mut(peer) {
            connected.useful = connected.useful.saturating_add(count);
            connected.useful_at = Some(now);
        }
    }

    /// `peer` says why it ends the connection.
    pub fn told(&mut self, peer: &PeerId, reason: Goodbye) {
        if let Some(connected) = self.table.get_mut(peer) {
            connected.told = Some(reason);
            self.statics.told(*peer, reason);
        }
    }

    /// The connection `id` closed. Connections that were refused may be told as well.
    pub fn closed(&mut self, id: ConnectionId, peer: PeerId, now: Instant) {
        let Some(gone) = self.table.remove(peer, id) else {
            return;
        };
        if self.replacement == Some(peer) {
            self.replacement = None;
        }
        self.statics.disconnected(peer, now, &mut self.rng);
        let lasted = now.saturating_duration_since(gone.since);
        if gone.identified && lasted >= SERVED {
            self.pauses.served(&peer);
        }
        let ours = gone.leaving.map(|(_, reason)| reason);
        match gone.told.or(ours) {
            // It had no inbound place, which is no reason not to choose it.
            Some(Goodbye::TooManyPeers) if gone.told.is_none() => {}
            Some(reason) => self
                .pauses
                .parted(peer, reason.back_off(), now, &mut self.rng),
            // Only what we dialled tells whether dialling it again helps.
            None if gone.slot == Slot::Outbound => self.pauses.failed(peer, now, &mut self.rng),
            None => {}
        }
        if gone.slot == Slot::Reserved {
            self.pause_reserved(peer, now);
        }
    }

    /// Places taken: peers that limits count, and dials that may become such.
    fn occupied(&self) -> usize {
        let dials = self.dials.values().filter(|d| d.origin != Origin::Reserved);
        self.table.count(|s| s != Slot::Reserved) + dials.count()
    }
}
