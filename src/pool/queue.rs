//! Transactions in the order in which they are served, found by id.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Candidate, Priority};
use crate::ids::Hash32;

/// A queue whose items can be removed anywhere.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ranks: HashMap<Hash32, Rank>,
    items: BTreeMap<Rank, Item>,
    bytes: usize,
    /// Where the next one goes that comes before, and after, all others of its priority.
    ends: (i64, i64),
    changes: u64,
}

/// Place in the order: by priority, then by arrival. Those put before all others count down from 0.
type Rank = (Reverse<Priority>, i64);

#[derive(Debug)]
struct Item {
    id: Hash32,
    tx: Bytes,
    since: Instant,
}

impl Queue {
    /// Puts it after all others of its priority.
    pub(super) fn push_back(&mut self, new: Candidate, since: Instant) {
        self.ends.1 = self.ends.1.saturating_add(1);
        self.put(self.ends.1, new, since);
    }

    /// Puts it before all others of its priority.
    pub(super) fn push_front(&mut self, new: Candidate, since: Instant) {
        self.ends.0 = self.ends.0.saturating_sub(1);
        self.put(self.ends.0, new, since);
    }

    /// Removes the last in the order: the newest of the lowest priority.
    pub(super) fn pop_back(&mut self) -> Option<Hash32> {
        let (_, item) = self.items.pop_last()?;
        self.forget(&item);
        Some(item.id)
    }

    pub(super) fn remove(&mut self, id: &Hash32) {
        let rank = self.ranks.get(id).copied();
        if let Some(item) = rank.and_then(|rank| self.items.remove(&rank)) {
            self.forget(&item);
        }
    }

    pub(super) fn expire(&mut self, now: Instant, ttl: Duration) -> usize {
        let old = |item: &Item| now.saturating_duration_since(item.since) >= ttl;
        let gone = self.items.extract_if(.., |_, item| old(item));
        let gone: Vec<Item> = gone.map(|(_, item)| item).collect();
        gone.iter().for_each(|item| self.forget(item));
        gone.len()
    }

    pub(super) fn get(&self, id: &Hash32) -> Option<&Bytes> {
        self.items.get(self.ranks.get(id)?).map(|item| &item.tx)
    }

    pub(super) fn contains(&self, id: &Hash32) -> bool {
        self.ranks.contains_key(id)
    }

    /// First to be served first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Hash32, &Bytes)> {
        self.items.values().map(|item| (&item.id, &item.tx))
    }

    /// Lengths of those below `priority`, the last in the order first.
    pub(super) fn below(&self, priority: Priority) -> impl Iterator<Item = usize> {
        let below = (Reverse(priority), i64::MAX);
        let items = self.items.range(below..).rev();
        items.map(|(_, item)| item.tx.len())
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How often something was put in or taken out.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    fn put(&mut self, place: i64, new: Candidate, since: Instant) {
        let rank = (Reverse(new.priority()), place);
        let (id, tx) = (*new.id(), new.tx().clone());
        self.bytes += tx.len();
        self.changes += 1;
        self.ranks.insert(id, rank);
        self.items.insert(rank, Item { id, tx, since });
    }

    fn forget(&mut self, item: &Item) {
        self.ranks.remove(&item.id);
        self.bytes -= item.tx.len();
        self.changes += 1;
    }
}
