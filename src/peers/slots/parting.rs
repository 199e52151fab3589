//! Whom to let go.

use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::{
    Action, Plan, Slot,
    evict::{self, Seat, thousandths},
    table::Connected,
};
use crate::peers::Goodbye;

/// When a peer that was told to go is still here after so long, it is told again.
const TELL_AGAIN: Duration = Duration::from_secs(5);

/// Most inbound peers that give up their places at one tick.
const MAX_EVICTIONS: usize = 8;

impl Plan {
    /// Lets go whom the rules let go.
    pub(super) fn part(
        &mut self,
        now: Instant,
        trust: &dyn Fn(&PeerId) -> f64,
        actions: &mut Vec<Action>,
    ) {
        let overdue: Vec<_> = self
            .table
            .peers
            .iter()
            .filter_map(|(peer, c)| Some((*peer, self.overdue(peer, c, now)?)))
            .collect();
        for (peer, reason) in overdue {
            self.let_go(peer, reason, now, actions);
        }
        self.finish_replacement(now, trust, actions);
        for _ in 0..MAX_EVICTIONS {
            if !self.is_crowded() {
                break;
            }
            let Some(peer) = evict::choose(self.seats(now, trust), &self.secret) else {
                break;
            };
            self.let_go(peer, Goodbye::TooManyPeers, now, actions);
        }
    }

    /// Why `peer` has to go whoever else is here.
    fn overdue(&self, peer: &PeerId, c: &Connected, now: Instant) -> Option<Goodbye> {
        let passed = |since: Instant| now.saturating_duration_since(since);
        if let Some((at, reason)) = c.leaving {
            return (passed(at) >= TELL_AGAIN).then_some(reason);
        }
        if !c.identified && passed(c.since) >= self.config.identify() {
            return Some(Goodbye::Unidentified);
        }
        if passed(c.alive) >= self.config.dead() {
            return Some(Goodbye::Dead);
        }
        // What follows judges, and reserved peers are not judged.
        if c.slot == Slot::Reserved {
            return None;
        }
        if self.pauses.cooling(peer, now).is_some() {
            return Some(Goodbye::LowTrust);
        }
        if c.slot == Slot::Asked {
            return None;
        }
        let idle = self.config.idle()?;
        let last = c.useful_at.unwrap_or(c.since);
        (passed(last) >= idle && !self.trusted.contains_key(peer)).then_some(Goodbye::Idle)
    }

    /// Whether the rotating places are taken.
    fn is_crowded(&self) -> bool {
        let surplus = self.config.surplus;
        let inbound = self.table.staying(|s| s == Slot::Inbound);
        let limited = self.table.staying(|s| s != Slot::Reserved);
        inbound > self.config.max_inbound - surplus.min(self.config.max_inbound)
            || limited > self.config.max_peers - surplus.min(self.config.max_peers)
    }

    /// Inbound peers that may be asked to go.
    fn seats(&self, now: Instant, trust: &dyn Fn(&PeerId) -> f64) -> Vec<Seat> {
        let inbound = self.table.peers.iter().filter(|(peer, c)| {
            c.slot == Slot::Inbound
                && c.leaving.is_none()
                && now.saturating_duration_since(c.since) >= self.config.grace()
                && !self.trusted.contains_key(peer)
                && !self.statics.has(peer)
        });
        let seat = |(peer, c): (&PeerId, &Connected)| Seat {
            peer: *peer,
            place: c.place,
            since: c.since,
            trust: trust(peer),
            useful: c.useful,
            useful_at: c.useful_at,
            rtt: c.rtt,
        };
        inbound.map(seat).collect()
    }

    /// Once the replacement has said who it is, the peer that is trusted least goes.
    fn finish_replacement(
        &mut self,
        now: Instant,
        trust: &dyn Fn(&PeerId) -> f64,
        actions: &mut Vec<Action>,
    ) {
        let Some(new) = self.replacement else { return };
        let Some(connected) = self.table.peers.get(&new) else {
            return;
        };
        if !connected.identified {
            return;
        }
        if let Some((least, trusted)) = self.least_trusted(trust)
            && trusted < thousandths(trust(&new))
        {
            self.let_go(least, Goodbye::Replaced, now, actions);
        }
        self.replacement = None;
    }

    fn let_go(&mut self, peer: PeerId, reason: Goodbye, now: Instant, actions: &mut Vec<Action>) {
        if let Some(connected) = self.table.get_mut(&peer) {
            connected.leaving = Some((now, reason));
            actions.push(Action::Disconnect { peer, reason });
        }
    }
}
