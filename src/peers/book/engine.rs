//! The book itself: what enters it and what has to go.

use std::collections::{BTreeSet, HashMap, HashSet};

use libp2p::{Multiaddr, PeerId};

use crate::{
    clock::Now,
    ids::{ChainId, Hash32},
    registry::MAX_ADDRESSES,
};

use super::{
    DAY,
    address::Retry,
    check::{AddressRefusal, Rules, Scope},
    dialled::Collision,
    entry::{Entry, Flags, Home, Told},
    origin::Origin,
    tables::{NEW_BUCKETS, NEW_SLOTS, Slot, TRIED_BUCKETS, TRIED_SLOTS, Table, Tables},
};

/// Most peers in the tables.
pub const MAX_PEERS: usize = NEW_BUCKETS * NEW_SLOTS + TRIED_BUCKETS * TRIED_SLOTS;

/// A peer that fails and was not heard of for so long is removed, in milliseconds.
const FORGET_AFTER: u64 = 30 * DAY;

/// What a book has to know of its node.
#[derive(Clone, Copy, Debug)]
pub struct BookConfig {
    /// This node.
    pub me: PeerId,
    /// The chain whose records it takes.
    pub chain: ChainId,
    /// The genesis of that chain.
    pub genesis: Hash32,
    /// Which addresses the network has.
    pub scope: Scope,
    /// How long an address rests after failed dials.
    pub retry: Retry,
}

/// What became of addresses that were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learnt {
    /// Whether the peer is in the book because of this.
    pub new_peer: bool,
    /// Addresses that were not known.
    pub added: usize,
    /// Addresses that may not enter the book.
    pub refused: usize,
    /// Why the last of them may not.
    pub refusal: Option<AddressRefusal>,
    /// Addresses for which there was no room: those who told us have used up theirs, or the entry
    /// is full of better ones.
    pub no_room: usize,
}

/// Addresses of peers, bounded.
#[derive(Debug)]
pub struct Book {
    pub(super) config: BookConfig,
    pub(super) rules: Rules,
    pub(super) entries: HashMap<PeerId, Entry>,
    pub(super) tables: Tables,
    /// Peers beside the tables.
    pub(super) pinned: BTreeSet<PeerId>,
    /// Records held: whether we ever reached the peer, when the record expires, whose it is. The
    /// first one goes first.
    pub(super) records: BTreeSet<(bool, u64, PeerId)>,
    pub(super) record_bytes: usize,
    pub(super) anchors: Vec<PeerId>,
    pub(super) collisions: Vec<Collision>,
    /// Dials that succeeded since the book was opened.
    pub(super) successes: u64,
    /// Whether the next pick looks into the new table first.
    pub(super) new_is_next: bool,
    /// Where the book's clock begins.
    epoch: Now,
    pub(super) dirty: HashSet<PeerId>,
    /// Documents to write beside the entries.
    pub(super) state_is_dirty: bool,
    /// Rows to remove that are not of an entry.
    pub(super) stray_rows: Vec<Vec<u8>>,
}

impl Book {
    /// An empty book. `secret` is 16 random bytes that no peer knows.
    #[must_use]
    pub fn new(config: BookConfig, secret: [u8; 16], now: Now) -> Self {
        Self {
            rules: Rules::new(config.scope, config.me),
            config,
            entries: HashMap::new(),
            tables: Tables::new(secret),
            pinned: BTreeSet::new(),
            records: BTreeSet::new(),
            record_bytes: 0,
            anchors: Vec::new(),
            collisions: Vec::new(),
            successes: 0,
            new_is_next: false,
            epoch: now,
            dirty: HashSet::new(),
            state_is_dirty: true,
            stray_rows: Vec::new(),
        }
    }

    /// Replaces what this node listens on and announces: it is never dialled, whoever tells it.
    pub fn set_own_addresses(&mut self, addresses: &[Multiaddr]) {
        self.rules.set_own(addresses);
    }

    /// Peers known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no peer is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where `peer` is said to be, what worked or not.
    #[must_use]
    pub fn addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        let entry = self.entries.get(peer);
        let addresses = entry.into_iter().flat_map(|entry| entry.addresses.iter());
        addresses.map(|known| known.address.clone()).collect()
    }

    /// What the operator said about `peer`.
    #[must_use]
    pub fn flags(&self, peer: &PeerId) -> Flags {
        self.entries
            .get(peer)
            .map(|entry| entry.flags)
            .unwrap_or_default()
    }

    /// Peers that the operator keeps.
    pub fn pinned(&self) -> impl Iterator<Item = (PeerId, Flags)> {
        self.pinned.iter().map(|peer| (*peer, self.flags(peer)))
    }

    /// Peers known and never reached, reached, and kept by the operator.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        let (new, tried) = (Table::New, Table::Tried);
        let pinned = self.pinned.len();
        (
            self.tables.of(new).len(),
            self.tables.of(tried).len(),
            pinned,
        )
    }

    /// Whether an address of `peer` told by `origin` may enter the book. Gives it without `/p2p`.
    ///
    /// # Errors
    /// Why not.
    pub fn check(
        &self,
        peer: &PeerId,
        address: &Multiaddr,
        origin: Origin,
    ) -> Result<Multiaddr, AddressRefusal> {
        self.rules.check(peer, address, origin)
    }

    /// `origin` says that `peer` is at `addresses`; only the first 32 are read.
    pub fn learn(
        &mut self,
        peer: PeerId,
        addresses: &[Multiaddr],
        origin: Origin,
        now: Now,
    ) -> Learnt {
        self.learn_as(peer, addresses, origin, false, now)
    }

    pub(super) fn learn_as(
        &mut self,
        peer: PeerId,
        addresses: &[Multiaddr],
        origin: Origin,
        signed: bool,
        now: Now,
    ) -> Learnt {
        let (at, mut learnt) = (self.at(now), Learnt::default());
        for address in addresses.iter().take(MAX_ADDRESSES) {
            let address = match self.rules.check(&peer, address, origin) {
                Ok(address) => address,
                Err(refusal) => {
                    learnt.refused += 1;
                    learnt.refusal = Some(refusal);
                    continue;
                }
            };
            if !self.entries.contains_key(&peer) {
                let Some(slot) = self.make_room(&peer, &address, origin, at, false) else {
                    learnt.no_room += 1;
                    continue;
                };
                self.tables.of_mut(Table::New).take(slot, peer);
                let home = Home::In(Table::New, slot);
                self.entries.insert(peer, Entry::new(home, at));
                learnt.new_peer = true;
            }
            let Some(entry) = self.entries.get_mut(&peer) else {
                continue;
            };
            match entry.tell(address, origin, signed, at) {
                Told::New => {
                    learnt.added += 1;
                    self.dirty.insert(peer);
                }
                Told::Again => drop(self.dirty.insert(peer)),
                Told::Known => {}
                Told::NoRoom => learnt.no_room += 1,
            }
        }
        learnt
    }

    /// Removes peers that fail and were not heard of for a month, and records that have expired.
    /// Once an hour is enough. Says how many peers are gone.
    pub fn prune(&mut self, now: Now) -> usize {
        let at = self.at(now);
        self.drop_expired(now);
        self.settle_collisions(at);
        let is_old = |entry: &Entry| {
            let quiet = at.saturating_sub(entry.heard()) > FORGET_AFTER;
            quiet && entry.is_bad(at)
        };
        let all = self.entries.iter().filter(|(_, entry)| is_old(entry));
        let old: Vec<PeerId> = all.map(|(peer, _)| *peer).collect();
        let old = old.into_iter().filter(|peer| !self.is_kept(peer));
        let old: Vec<PeerId> = old.collect();
        for peer in &old {
            self.forget(peer);
        }
        old.len()
    }

    /// The book's clock: the wall clock when it was opened, and what has passed since. It never
    /// steps.
    pub(super) fn at(&self, now: Now) -> u64 {
        let passed = now.mono.saturating_duration_since(self.epoch.mono);
        let passed = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        self.epoch.wall_ms.saturating_add(passed)
    }

    /// Whether nothing evicts `peer`.
    pub(super) fn is_kept(&self, peer: &PeerId) -> bool {
        self.pinned.contains(peer) || self.anchors.contains(peer)
    }

    /// A free slot of the new table for `peer`, whose `address` was told by `origin`. Whoever is in
    /// the way goes if it is bad, or in any case if `must`.
    pub(super) fn make_room(
        &mut self,
        peer: &PeerId,
        address: &Multiaddr,
        origin: Origin,
        at: u64,
        must: bool,
    ) -> Option<Slot> {
        let place = self.rules.place(address);
        let source = origin.key();
        let slots: Vec<Slot> = self.tables.new_slots(peer, &place, &source).collect();
        self.free_one(Table::New, &slots, at, must)
    }

    pub(super) fn free_one(
        &mut self,
        table: Table,
        slots: &[Slot],
        at: u64,
        must: bool,
    ) -> Option<Slot> {
        let held = self.tables.of(table);
        if let Some(free) = slots.iter().find(|slot| held.get(**slot).is_none()) {
            return Some(*free);
        }
        let mut loses = |goes: &dyn Fn(&Entry) -> bool| {
            let held = self.tables.of(table);
            let (slot, peer) = slots.iter().find_map(|slot| {
                let peer = held.get(*slot)?;
                let entry = self.entries.get(peer)?;
                (goes(entry) && !self.anchors.contains(peer)).then_some((*slot, *peer))
            })?;
            self.forget(&peer);
            Some(slot)
        };
        let bad = loses(&|entry| entry.is_bad(at));
        if bad.is_some() || !must {
            return bad;
        }
        loses(&|entry| !entry.is_proven()).or_else(|| loses(&|_| true))
    }

    /// Removes an entry and everything that refers to it, but for the anchors.
    pub(super) fn forget(&mut self, peer: &PeerId) -> bool {
        self.drop_record(peer);
        let Some(entry) = self.entries.remove(peer) else {
            return false;
        };
        self.leave(entry.home, peer);
        let about = |c: &Collision| c.old == *peer || c.new == *peer;
        self.collisions.retain(|c| !about(c));
        if entry.stored {
            self.dirty.insert(*peer);
        } else {
            self.dirty.remove(peer);
        }
        true
    }

    fn leave(&mut self, home: Home, peer: &PeerId) {
        match home {
            Home::In(table, slot) => self.tables.of_mut(table).free(slot, peer),
            Home::Pinned => drop(self.pinned.remove(peer)),
        }
    }

    /// Moves an entry to where there is room for it.
    pub(super) fn move_to(&mut self, peer: &PeerId, home: Home) {
        let Some(entry) = self.entries.get_mut(peer) else {
            return;
        };
        let before = std::mem::replace(&mut entry.home, home);
        self.leave(before, peer);
        match home {
            Home::In(table, slot) => drop(self.tables.of_mut(table).take(slot, *peer)),
            Home::Pinned => drop(self.pinned.insert(*peer)),
        }
        self.dirty.insert(*peer);
    }
}
