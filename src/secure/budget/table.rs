//! Bounded tables of sources.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::source::Key;
use crate::bucket::{Bucket, Rate};

/// The least time between two searches for buckets that have refilled.
const PURGE_EVERY: Duration = Duration::from_millis(250);

/// One bucket per source, for sources that have spent lately.
///
/// A bucket that is full again is the same as none, so dropping it loses nothing. When even that
/// leaves no room, sources without a bucket share one.
#[derive(Debug)]
pub(super) struct Table {
    rate: Rate,
    capacity: usize,
    buckets: HashMap<Key, Bucket>,
    overflow: Bucket,
    purged: Option<Instant>,
}

impl Table {
    pub(super) fn new(rate: Rate, capacity: usize) -> Self {
        Self {
            rate,
            capacity,
            buckets: HashMap::new(),
            overflow: Bucket::new(rate),
            purged: None,
        }
    }

    /// Spends one token of `key`: whether it was the first of a full bucket, `None` if there is
    /// none.
    pub(super) fn spend(&mut self, key: Key, now: Instant) -> Option<bool> {
        if self.buckets.len() >= self.capacity && !self.buckets.contains_key(&key) {
            self.purge(now);
            if self.buckets.len() >= self.capacity {
                return self.overflow.spend(now, 0).then_some(false);
            }
        }
        let bucket = self
            .buckets
            .entry(key)
            .or_insert_with(|| Bucket::new(self.rate));
        let first = bucket.is_full(now);
        bucket.spend(now, 0).then_some(first)
    }

    fn purge(&mut self, now: Instant) {
        if self.purged.is_some_and(|at| now < at + PURGE_EVERY) {
            return;
        }
        self.purged = Some(now);
        self.buckets.retain(|_, bucket| !bucket.is_full(now));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.buckets.len()
    }
}

/// Sources that have completed a handshake lately.
#[derive(Debug)]
pub(super) struct Known {
    capacity: usize,
    keep: Duration,
    since: HashMap<Key, Instant>,
}

impl Known {
    pub(super) fn new(capacity: usize, keep: Duration) -> Self {
        Self {
            capacity,
            keep,
            since: HashMap::new(),
        }
    }

    pub(super) fn contains(&self, key: &Key, now: Instant) -> bool {
        self.since.get(key).is_some_and(|at| now < *at + self.keep)
    }

    /// Remembers `key`; a full table forgets the one remembered longest ago.
    pub(super) fn insert(&mut self, key: Key, now: Instant) {
        if self.since.len() >= self.capacity && !self.since.contains_key(&key) {
            let oldest = self.since.iter().min_by_key(|(_, at)| **at);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.since.remove(&oldest);
            }
        }
        self.since.insert(key, now);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.since.len()
    }
}
