//! What is counted for each peer, bounded: a row at rest is the same as none and makes room.

use std::{collections::HashMap, time::Instant};

use libp2p::PeerId;

/// State that comes to rest when its peer leaves it alone.
pub(super) trait Row {
    /// That of a peer never heard of.
    fn fresh() -> Self;

    /// Whether it says no more than a fresh one.
    fn at_rest(&mut self, now: Instant) -> bool;
}

/// At most `capacity` rows. They outlive connections: whoever comes back finds them as they were.
#[derive(Debug)]
pub(super) struct Rows<T> {
    capacity: usize,
    rows: HashMap<PeerId, T>,
}

impl<T: Row> Rows<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            rows: HashMap::new(),
        }
    }

    /// The row of `peer`. `None` where it has none and no row is at rest: then the peer is to be
    /// refused, for to forget a row would be to forgive it.
    pub(super) fn of(&mut self, peer: PeerId, now: Instant) -> Option<&mut T> {
        if self.rows.len() >= self.capacity && !self.rows.contains_key(&peer) {
            self.rows.retain(|_, row| !row.at_rest(now));
            if self.rows.len() >= self.capacity {
                return None;
            }
        }
        Some(self.rows.entry(peer).or_insert_with(T::fresh))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}
