//! How dials went, and who moves between the tables because of it.

use libp2p::{Multiaddr, PeerId};

use crate::{clock::Now, peers::Group};

use super::{
    HOUR, MINUTE,
    check::bare,
    engine::Book,
    entry::{Entry, Home},
    origin::{Origin, Source},
    tables::{Slot, Table},
};

/// Pairs waiting for a test at once. A test is a dial, so many would be a way to have us dial.
const MAX_COLLISIONS: usize = 16;
/// A pair that was not tested for so long is dropped, and the old peer stays, in milliseconds.
const TEST_WITHIN: u64 = 40 * MINUTE;
/// A peer that was connected so recently needs no test, in milliseconds.
const NEEDS_NO_TEST: u64 = 4 * HOUR;
/// How often a lasting connection is written down, in milliseconds.
const NOTE_EVERY: u64 = 10 * MINUTE;

/// A peer that was reached and whose place in the tried table another one has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Collision {
    pub(super) old: PeerId,
    pub(super) new: PeerId,
    pub(super) since: u64,
    /// Whether the caller was given the old one to test.
    pub(super) asked: bool,
}

impl Book {
    /// A dial of `address` begins: it is not picked again while that may take.
    pub fn attempt(&mut self, peer: &PeerId, address: &Multiaddr, now: Now) {
        let at = self.at(now);
        if let Some(known) = self.entries.get_mut(peer)
            && let Some(address) = known.get_mut(&bare(address))
        {
            address.attempted(at);
        }
    }

    /// A dial of ours reached `peer` at `address`. Only dials count: that a peer came to us says
    /// nothing about where it can be reached.
    pub fn succeeded(&mut self, peer: &PeerId, address: &Multiaddr, now: Now) {
        let at = self.at(now);
        // We were there, so nobody has to vouch for the address.
        let origin = Origin {
            source: Source::Identify,
            group: Group::of(address),
        };
        let reached = Origin::here(Source::Operator);
        let Ok(address) = self.rules.check(peer, address, reached) else {
            return;
        };
        self.successes = self.successes.saturating_add(1);
        if !self.entries.contains_key(peer) {
            let Some(slot) = self.make_room(peer, &address, origin, at, true) else {
                return;
            };
            self.tables.of_mut(Table::New).take(slot, *peer);
            let home = Home::In(Table::New, slot);
            self.entries.insert(*peer, Entry::new(home, at));
        }
        let Some(entry) = self.entries.get_mut(peer) else {
            return;
        };
        entry.tell(address.clone(), origin, false, at);
        if let Some(known) = entry.get_mut(&address) {
            known.succeeded(at);
        }
        entry.connected = Some(at);
        self.dirty.insert(*peer);
        self.rank_record(peer);
        if let Some(Home::In(Table::New, _)) = self.entries.get(peer).map(|e| e.home)
            && !self.promote(peer, at)
        {
            self.collide(peer, at);
        }
        self.settle_collisions(at);
    }

    /// A dial of `address` failed.
    pub fn failed(&mut self, peer: &PeerId, address: &Multiaddr, now: Now) {
        let (at, address) = (self.at(now), bare(address));
        let (successes, retry) = (self.successes, self.config.retry);
        let Some(entry) = self.entries.get_mut(peer) else {
            return;
        };
        let Some(known) = entry.get_mut(&address) else {
            return;
        };
        let failures = known.failures.saturating_add(1);
        let jitter = self.tables.jitter(peer, &address, failures);
        known.failed(at, successes, retry, jitter);
        self.dirty.insert(*peer);
        self.settle_collisions(at);
    }

    /// Somebody else answers at `address`. An address that never was `peer`'s goes, and with the
    /// last one the peer, unless it is kept. One that was has failed, no more: whoever sits on the
    /// line for an hour must not empty the book.
    pub fn misled(&mut self, peer: &PeerId, address: &Multiaddr, now: Now) {
        let address = bare(address);
        let Some(entry) = self.entries.get_mut(peer) else {
            return;
        };
        if entry.get_mut(&address).is_some_and(|a| a.success.is_some()) {
            self.failed(peer, &address, now);
            return;
        }
        entry.addresses.retain(|a| a.address != address);
        let is_empty = entry.addresses.is_empty();
        self.dirty.insert(*peer);
        if is_empty && !self.is_kept(peer) {
            self.forget(peer);
        }
    }

    /// A connection with `peer` is open, whoever dialled: call it when one opens and closes, and
    /// every few minutes in between.
    pub fn seen(&mut self, peer: &PeerId, now: Now) {
        let at = self.at(now);
        if let Some(entry) = self.entries.get_mut(peer) {
            let before = entry.connected.replace(at);
            if before.is_none_or(|before| before / NOTE_EVERY != at / NOTE_EVERY) {
                self.dirty.insert(*peer);
            }
            self.settle_collisions(at);
        }
    }

    /// Moves a peer that was reached to the tried table, if its place there is free or held by a
    /// peer that does not work any more.
    pub(super) fn promote(&mut self, peer: &PeerId, at: u64) -> bool {
        let slots = self.tried_slots(peer);
        let held = self.tables.of(Table::Tried);
        if let Some(free) = slots.iter().find(|slot| held.get(**slot).is_none()) {
            self.move_to(peer, Home::In(Table::Tried, *free));
            return true;
        }
        let mut occupants = slots.iter().filter_map(|slot| held.get(*slot));
        let bad = occupants.find(|old| {
            let bad = self.entries.get(old).is_some_and(|e| e.is_bad(at));
            bad && !self.anchors.contains(old)
        });
        match bad.copied() {
            Some(old) => {
                self.replace(&old, peer, at);
                true
            }
            None => false,
        }
    }

    /// Gives `new` the place of `old` in the tried table.
    fn replace(&mut self, old: &PeerId, new: &PeerId, at: u64) {
        let home = self.entries.get(old).map(|e| e.home);
        if let Some(home @ Home::In(Table::Tried, slot)) = home {
            self.tables.of_mut(Table::Tried).free(slot, old);
            self.move_to(new, home);
            self.demote(old, at);
        }
    }

    /// Moves a peer to the new table, where it takes the place of one that we never reached.
    pub(super) fn demote(&mut self, peer: &PeerId, at: u64) {
        let best = self.entries.get(peer).and_then(|entry| {
            let best = entry.addresses.iter().max_by_key(|a| (a.success, a.heard));
            best.map(|a| (a.address.clone(), a.origin))
        });
        let room =
            best.and_then(|(address, origin)| self.make_room(peer, &address, origin, at, true));
        match room {
            Some(slot) => self.move_to(peer, Home::In(Table::New, slot)),
            None => drop(self.forget(peer)),
        }
    }

    /// Where `peer` may be in the tried table, by the address where it was last reached.
    fn tried_slots(&self, peer: &PeerId) -> Vec<Slot> {
        let Some(entry) = self.entries.get(peer) else {
            return Vec::new();
        };
        let reached = entry.addresses.iter().filter(|a| a.success.is_some());
        let Some(last) = reached.max_by_key(|a| a.success) else {
            return Vec::new();
        };
        let place = self.rules.place(&last.address);
        self.tables.tried_slots(peer, &place).collect()
    }

    /// Notes that `new` wants the place of a peer that may have to be tested first.
    fn collide(&mut self, new: &PeerId, at: u64) {
        let slots = self.tried_slots(new);
        let held = self.tables.of(Table::Tried);
        let in_the_way = slots.iter().filter_map(|slot| held.get(*slot));
        let old = in_the_way
            .filter(|old| !self.anchors.contains(old))
            .filter_map(|old| Some((*old, self.entries.get(old)?.connected)))
            .min_by_key(|(_, connected)| *connected);
        let Some((old, connected)) = old else {
            return;
        };
        let fresh = connected.is_some_and(|c| at.saturating_sub(c) < NEEDS_NO_TEST);
        let waits = |c: &Collision| c.old == old || c.new == *new;
        if fresh || self.collisions.len() >= MAX_COLLISIONS || self.collisions.iter().any(waits) {
            return;
        }
        self.collisions.push(Collision {
            old,
            new: *new,
            since: at,
            asked: false,
        });
    }

    /// Decides the pairs whose test is over.
    pub(super) fn settle_collisions(&mut self, at: u64) {
        if self.collisions.is_empty() {
            return;
        }
        let mut lost = Vec::new();
        let entries = &self.entries;
        self.collisions.retain(|c| {
            let Some(old) = entries.get(&c.old) else {
                return false;
            };
            let works = old.connected.is_some_and(|seen| seen >= c.since);
            if works || at.saturating_sub(c.since) > TEST_WITHIN {
                return false;
            }
            let mut failures = old.addresses.iter().map(|a| a.failure);
            let failed = failures.all(|f| f.is_some_and(|f| f >= c.since));
            if failed && c.asked {
                lost.push(*c);
                return false;
            }
            true
        });
        for Collision { old, new, .. } in lost {
            if self.anchors.contains(&old) {
                continue;
            }
            self.replace(&old, &new, at);
        }
    }
}
