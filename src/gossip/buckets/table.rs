//! A bounded table of sources.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

use super::Row;

/// The least time between two searches for sources whose buckets have refilled.
const PURGE_EVERY: Duration = Duration::from_millis(250);

/// Buckets of the sources that have sent lately.
///
/// Full buckets are the same as none, so dropping them loses nothing. When even that leaves no
/// room, sources without a row share one. A source is not dropped when it disconnects, or
/// reconnecting would refill its buckets.
#[derive(Debug)]
pub(super) struct Table<K> {
    capacity: usize,
    fresh: Row,
    rows: HashMap<K, Box<Row>>,
    overflow: Row,
    purged: Option<Instant>,
}

impl<K: Copy + Eq + Hash> Table<K> {
    pub(super) fn new(capacity: usize, fresh: Row) -> Self {
        Self {
            capacity,
            rows: HashMap::new(),
            overflow: fresh.clone(),
            fresh,
            purged: None,
        }
    }

    pub(super) fn row(&mut self, key: K, now: Instant) -> &mut Row {
        if self.rows.len() >= self.capacity && !self.rows.contains_key(&key) {
            self.purge(now);
            if self.rows.len() >= self.capacity {
                return &mut self.overflow;
            }
        }
        let fresh = || Box::new(self.fresh.clone());
        self.rows.entry(key).or_insert_with(fresh)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    fn purge(&mut self, now: Instant) {
        if self.purged.is_some_and(|at| now < at + PURGE_EVERY) {
            return;
        }
        self.purged = Some(now);
        self.rows.retain(|_, row| !row.is_full(now));
    }
}
