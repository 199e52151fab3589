//! Transactions in the order in which they are served, found by id.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::ids::Hash32;

/// A queue whose items can be removed anywhere.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Place in the order: those pushed to the front count down from 0.
    places: HashMap<Hash32, i64>,
    items: BTreeMap<i64, Item>,
    bytes: usize,
}

#[derive(Debug)]
struct Item {
    id: Hash32,
    tx: Bytes,
    since: Instant,
}

impl Queue {
    pub(super) fn push_back(&mut self, id: Hash32, tx: &[u8], since: Instant) {
        let last = self.items.last_key_value().map_or(0, |(place, _)| *place);
        self.put(last.saturating_add(1), id, tx, since);
    }

    pub(super) fn push_front(&mut self, id: Hash32, tx: &[u8], since: Instant) {
        let first = self.items.first_key_value().map_or(0, |(place, _)| *place);
        self.put(first.saturating_sub(1), id, tx, since);
    }

    pub(super) fn pop_back(&mut self) {
        if let Some((_, item)) = self.items.pop_last() {
            self.forget(&item);
        }
    }

    pub(super) fn remove(&mut self, id: &Hash32) {
        let place = self.places.get(id).copied();
        if let Some(item) = place.and_then(|place| self.items.remove(&place)) {
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
        self.items.get(self.places.get(id)?).map(|item| &item.tx)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.items.values().map(|item| &item.tx)
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn put(&mut self, place: i64, id: Hash32, tx: &[u8], since: Instant) {
        // Copied: the caller's bytes may be a slice of a whole block.
        let tx = Bytes::copy_from_slice(tx);
        self.bytes += tx.len();
        self.places.insert(id, place);
        self.items.insert(place, Item { id, tx, since });
    }

    fn forget(&mut self, item: &Item) {
        self.places.remove(&item.id);
        self.bytes -= item.tx.len();
    }
}
