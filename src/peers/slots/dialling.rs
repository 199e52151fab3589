//! Whom to dial, and what became of it.

use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use rand::RngExt as _;

use super::{
    Action, Candidate, Exclude, Failure, Plan, Slot, Ticket,
    evict::thousandths,
    place::Place,
    statics::{self, peer_of},
};

/// Most dials in flight while the node has its minimum of peers.
const STEADY_DIALS: usize = 4;

/// A dial that neither came through nor failed is given up: a name may take three deadlines of
/// 20 s, and then something was lost.
const LOST: Duration = Duration::from_secs(90);

/// Candidates asked for beyond those that are wanted, at one tick: a book that offers what is
/// excluded does not hold up the loop.
const SPARE_CANDIDATES: usize = 16;

/// Most addresses of a candidate that are tried. More lets one entry of the book make many
/// connections.
const MAX_ADDRESSES: usize = 8;

/// How much more trust a candidate needs to take the place of a peer.
const MUCH_MORE: u32 = 200;

#[derive(Clone, Debug)]
pub(super) struct Dial {
    pub(super) origin: Origin,
    peer: Option<PeerId>,
    /// Every group it might end in.
    places: Vec<Place>,
    id: Option<ConnectionId>,
    since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Static,
    Reserved,
    Trusted,
    Anchor,
    Book,
    Replacement,
}

impl Origin {
    /// Whether limits of the plan's own choice count it.
    pub(super) fn is_choice(self) -> bool {
        !matches!(self, Self::Static | Self::Reserved)
    }
}

impl Plan {
    /// What to do now. `trust` is the trust in a peer, 0 to 1. `next` gives somebody of the book to
    /// dial who is not excluded, the best first, and another one at every call.
    pub fn plan(
        &mut self,
        now: Instant,
        trust: &dyn Fn(&PeerId) -> f64,
        next: &mut dyn FnMut(&Exclude<'_>) -> Option<Candidate>,
    ) -> Vec<Action> {
        let mut actions = Vec::new();
        self.part(now, trust, &mut actions);
        self.give_up_lost(now);
        self.dial_reserved(now, &mut actions);
        self.dial_statics(now, &mut actions);
        self.dial_named(now, &mut actions);
        self.dial_book(now, next, &mut actions);
        self.dial_replacement(now, trust, next, &mut actions);
        actions
    }

    /// How many candidates of the book the plan could use now: when it is not 0, discovery has
    /// work to do.
    #[must_use]
    pub fn needs(&self) -> usize {
        self.wanted()
    }

    /// Whether the node has its target: so many peers, or as many of its own choice as it may have
    /// where too few come by themselves. It may still look for more of its own choice.
    #[must_use]
    pub fn is_at_target(&self) -> bool {
        let outbound = self.table.staying(|s| s == Slot::Outbound);
        let total = self.table.staying(|_| true);
        total >= self.config.target_peers || outbound >= self.config.max_outbound
    }

    /// Whether there are fewer peers than the minimum.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        self.table.staying(|_| true) < self.config.min_peers
    }

    /// The dial of `ticket` has begun as connection `id`.
    pub fn began(&mut self, ticket: Ticket, id: ConnectionId) {
        if let Some(dial) = self.dials.get_mut(&ticket) {
            dial.id = Some(id);
        }
    }

    /// The dial that began as `id` failed. Failures of other dials may be told as well.
    pub fn failed(&mut self, id: ConnectionId, failure: Failure, now: Instant) {
        if let Some((ticket, dial)) = self.take_dial(id) {
            self.dial_failed(ticket, &dial, failure, now);
        }
    }

    pub(super) fn take_dial(&mut self, id: ConnectionId) -> Option<(Ticket, Dial)> {
        let found = self.dials.iter().find(|(_, dial)| dial.id == Some(id));
        let ticket = *found?.0;
        self.dials.remove(&ticket).map(|dial| (ticket, dial))
    }

    fn dial_failed(&mut self, ticket: Ticket, dial: &Dial, failure: Failure, now: Instant) {
        let ourselves = failure == Failure::Ourselves;
        self.statics.failed(ticket, ourselves, now, &mut self.rng);
        let Some(peer) = dial.peer else { return };
        if self.replacement == Some(peer) {
            self.replacement = None;
        }
        match dial.origin {
            Origin::Static => {}
            Origin::Reserved => self.pause_reserved(peer, now),
            _ if ourselves => self.pauses.never(peer, now),
            _ => self.pauses.failed(peer, now, &mut self.rng),
        }
    }

    fn give_up_lost(&mut self, now: Instant) {
        let lost = |d: &Dial| now.saturating_duration_since(d.since) >= LOST;
        let lost: Vec<_> = self.dials.iter().filter(|(_, d)| lost(d)).collect();
        let tickets: Vec<_> = lost.into_iter().map(|(ticket, _)| *ticket).collect();
        for ticket in tickets {
            if let Some(dial) = self.dials.remove(&ticket) {
                self.dial_failed(ticket, &dial, Failure::Unreachable, now);
            }
        }
    }

    fn dial_reserved(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let due = self.reserved.iter().filter(|(peer, addresses)| {
            let waits = self.reserved_due.get(peer).is_some_and(|(at, _)| *at > now);
            !addresses.is_empty() && !waits && !self.is_here(peer)
        });
        let due: Vec<_> = due.map(|(peer, at)| (*peer, at.clone())).collect();
        for (peer, addresses) in due {
            actions.push(self.dial(Origin::Reserved, Some(peer), addresses, now));
        }
    }

    /// Half a second after the first loss, then twice as long up to half a minute.
    pub(super) fn pause_reserved(&mut self, peer: PeerId, now: Instant) {
        let last = self.reserved_due.get(&peer).map(|(_, pause)| *pause);
        let pause = last.map_or(statics::FIRST_PAUSE, |p| {
            (p * 2).min(statics::LONGEST_PAUSE)
        });
        let jitter = self.rng.random_range(0.75..1.25);
        if self.reserved.contains_key(&peer) {
            self.reserved_due
                .insert(peer, (now + pause.mul_f64(jitter), pause));
        }
    }

    fn dial_statics(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let outbound = self.table.staying(|s| s == Slot::Outbound);
        let content = !self.is_urgent() && outbound >= self.config.target_outbound;
        for address in self.statics.due(content, now) {
            if self.occupied() >= self.config.max_peers {
                return;
            }
            let peer = peer_of(&address);
            let action = self.dial(Origin::Static, peer, vec![address.clone()], now);
            if let Action::Dial { ticket, .. } = &action {
                self.statics.dialling(&address, *ticket);
            }
            actions.push(action);
        }
    }

    /// Anchors, then peers that an operator trusts.
    fn dial_named(&mut self, now: Instant, actions: &mut Vec<Action>) {
        while self.wanted() > 0
            && let Some(anchor) = self.anchors.pop_front()
        {
            if self.spends(now) {
                actions.extend(self.dial_candidate(Origin::Anchor, anchor, now));
            } else {
                self.anchors.push_front(anchor);
                return;
            }
        }
        let named: Vec<_> = self.trusted.iter().map(|(p, a)| (*p, a.clone())).collect();
        for (peer, addresses) in named {
            let urgent = self.is_urgent();
            if addresses.is_empty() || self.is_out(&peer, urgent, now) {
                continue;
            }
            if self.wanted() == 0 || !self.spends(now) {
                return;
            }
            let candidate = Candidate { peer, addresses };
            actions.extend(self.dial_candidate(Origin::Trusted, candidate, now));
        }
    }

    fn dial_book(
        &mut self,
        now: Instant,
        next: &mut dyn FnMut(&Exclude<'_>) -> Option<Candidate>,
        actions: &mut Vec<Action>,
    ) {
        let mut spare = SPARE_CANDIDATES;
        while self.wanted() > 0 && spare > 0 && self.may_spend(now) {
            let Some(candidate) = self.ask(now, next) else {
                return;
            };
            match self.dial_candidate(Origin::Book, candidate, now) {
                Some(action) => {
                    self.bucket.take(1);
                    actions.push(action);
                }
                None => spare -= 1,
            }
        }
    }

    /// From time to time, dials somebody who is trusted much more than the least trusted outbound
    /// peer, to take its place once it has proved to be there.
    fn dial_replacement(
        &mut self,
        now: Instant,
        trust: &dyn Fn(&PeerId) -> f64,
        next: &mut dyn FnMut(&Exclude<'_>) -> Option<Candidate>,
        actions: &mut Vec<Action>,
    ) {
        let Some(every) = self.config.rotate() else {
            return;
        };
        let last = *self.rotated.get_or_insert(now);
        let outbound = self.table.staying(|s| s == Slot::Outbound);
        let settled = outbound >= self.config.target_outbound && self.wanted() == 0;
        let due = now.saturating_duration_since(last) >= every;
        let free = outbound < self.config.max_outbound && self.occupied() < self.config.max_peers;
        if !(settled && due && free) || self.replacement.is_some() || !self.dials.is_empty() {
            return;
        }
        self.rotated = Some(now);
        let Some((_, least)) = self.least_trusted(trust) else {
            return;
        };
        let Some(candidate) = self.ask(now, next) else {
            return;
        };
        let peer = candidate.peer;
        if thousandths(trust(&peer)) >= least.saturating_add(MUCH_MORE)
            && let Some(action) = self.dial_candidate(Origin::Replacement, candidate, now)
        {
            self.replacement = Some(peer);
            actions.push(action);
        }
    }

    /// The outbound peer that is trusted least, and how much, in thousandths.
    pub(super) fn least_trusted(&self, trust: &dyn Fn(&PeerId) -> f64) -> Option<(PeerId, u32)> {
        let chosen = self.table.peers.iter().filter(|(peer, c)| {
            c.slot == Slot::Outbound
                && c.leaving.is_none()
                && !self.trusted.contains_key(peer)
                && self.replacement != Some(**peer)
        });
        let rated = chosen.map(|(peer, _)| (*peer, thousandths(trust(peer))));
        rated.min_by_key(|(peer, trust)| (*trust, *peer))
    }

    fn ask(
        &self,
        now: Instant,
        next: &mut dyn FnMut(&Exclude<'_>) -> Option<Candidate>,
    ) -> Option<Candidate> {
        next(&Exclude {
            plan: self,
            urgent: self.is_urgent(),
            now,
        })
    }

    /// How many more peers of its own choice the plan wants to dial now.
    fn wanted(&self) -> usize {
        let chosen = self.dials.values().filter(|d| d.origin.is_choice());
        let chosen = chosen.count();
        let outbound = self.table.staying(|s| s == Slot::Outbound) + chosen;
        let total = self.table.staying(|_| true);
        let config = &self.config;
        let urgent = total < config.min_peers;
        // Some dials fail: below the minimum twice as many as are missing go out.
        let to_minimum = (2 * config.min_peers.saturating_sub(total)).saturating_sub(chosen);
        let to_target = config.target_peers.saturating_sub(total + self.dials.len());
        let to_choice = config.target_outbound.saturating_sub(outbound);
        let in_flight = if urgent {
            config.max_dials
        } else {
            config.max_dials.min(STEADY_DIALS)
        };
        to_minimum
            .max(to_target)
            .max(to_choice)
            .min(config.max_outbound.saturating_sub(outbound))
            .min(config.max_peers.saturating_sub(self.occupied()))
            .min(in_flight.saturating_sub(chosen))
    }

    /// Above the minimum, half of the burst is kept for worse times.
    fn may_spend(&mut self, now: Instant) -> bool {
        let kept = if self.is_urgent() {
            0
        } else {
            self.config.dials.burst / 2
        };
        self.bucket.has(now, kept.saturating_add(1))
    }

    fn spends(&mut self, now: Instant) -> bool {
        let may = self.may_spend(now);
        if may {
            self.bucket.take(1);
        }
        may
    }

    fn dial_candidate(
        &mut self,
        origin: Origin,
        candidate: Candidate,
        now: Instant,
    ) -> Option<Action> {
        let Candidate { peer, addresses } = candidate;
        if self.is_out(&peer, self.is_urgent(), now) {
            return None;
        }
        let with_room = addresses.into_iter().filter(|a| self.has_room_at(a));
        let addresses: Vec<_> = with_room.take(MAX_ADDRESSES).collect();
        if addresses.is_empty() {
            return None;
        }
        Some(self.dial(origin, Some(peer), addresses, now))
    }

    fn dial(
        &mut self,
        origin: Origin,
        peer: Option<PeerId>,
        addresses: Vec<Multiaddr>,
        now: Instant,
    ) -> Action {
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        let mut places: Vec<_> = addresses.iter().map(Place::of).collect();
        places.sort();
        places.dedup();
        let dial = Dial {
            origin,
            peer,
            places,
            id: None,
            since: now,
        };
        self.dials.insert(ticket, dial);
        Action::Dial {
            ticket,
            peer,
            addresses,
        }
    }

    fn is_here(&self, peer: &PeerId) -> bool {
        let dialled = self.dials.values().any(|d| d.peer == Some(*peer));
        dialled || self.table.peers.contains_key(peer)
    }

    pub(super) fn is_out(&self, peer: &PeerId, urgent: bool, now: Instant) -> bool {
        *peer == self.own
            || self.reserved.contains_key(peer)
            || self.is_here(peer)
            || self.pauses.cooling(peer, now).is_some()
            || self.pauses.paused(peer, urgent, now).is_some()
    }

    pub(super) fn has_room_at(&self, address: &Multiaddr) -> bool {
        self.has_room_in(Place::of(address))
    }

    /// Whether one more outbound peer may be in `place`. A dial counts in every group in which
    /// it might end, so that no group is ever overfull.
    pub(super) fn has_room_in(&self, place: Place) -> bool {
        let limit = match place {
            Place::Costly(_) => self.config.max_outbound_per_group,
            Place::Unplaced => self.config.max_outbound_unplaced,
            Place::Local if self.config.limit_local => self.config.max_outbound_per_group,
            Place::Local => return true,
        };
        let chosen = self.dials.values().filter(|d| d.origin.is_choice());
        let dialled = chosen.filter(|d| d.places.contains(&place)).count();
        let connected = self.table.peers.values();
        let here = connected.filter(|c| c.slot == Slot::Outbound && c.place == place);
        dialled + here.count() < limit
    }
}
