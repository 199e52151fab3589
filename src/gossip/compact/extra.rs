//! Transactions that left the pool a short while ago and may still be in the next block.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;

use super::Known;
use crate::ids::Hash32;

/// What an entry costs beside its bytes: id, pointers and places in two tables.
const ENTRY_BYTES: usize = 160;

/// Removed, refused and reorganised transactions, first in, first out. Bounded in bytes, not in
/// number: post-quantum transactions are twenty times as long as others.
#[derive(Debug)]
pub struct ExtraPool {
    max_bytes: usize,
    order: VecDeque<(Hash32, Bytes)>,
    ids: HashSet<Hash32>,
    bytes: usize,
}

impl ExtraPool {
    /// An empty pool of at most `max_bytes`, overhead included.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            order: VecDeque::new(),
            ids: HashSet::new(),
            bytes: 0,
        }
    }

    /// Keeps a copy of a transaction; the oldest make room. One that is kept already keeps its place,
    /// and one that is longer than the whole pool is not taken.
    pub fn insert(&mut self, id: Hash32, tx: &[u8]) {
        let cost = tx.len() + ENTRY_BYTES;
        if cost > self.max_bytes || !self.ids.insert(id) {
            return;
        }
        self.bytes += cost;
        // Copied: the caller's bytes may be a slice of a whole block.
        self.order.push_back((id, Bytes::copy_from_slice(tx)));
        while self.bytes > self.max_bytes {
            let Some((id, tx)) = self.order.pop_front() else {
                break;
            };
            self.ids.remove(&id);
            self.bytes -= tx.len() + ENTRY_BYTES;
        }
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// What they cost, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Known for ExtraPool {
    fn visit(&self, see: &mut dyn FnMut(&Hash32, &Bytes)) {
        self.order.iter().for_each(|(id, tx)| see(id, tx));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> Hash32 {
        Hash32([n; 32])
    }

    fn ids(pool: &ExtraPool) -> Vec<u8> {
        let mut out = Vec::new();
        pool.visit(&mut |id, _| out.push(id.0[0]));
        out
    }

    #[test]
    fn the_oldest_make_room_and_bytes_are_the_bound() {
        let mut pool = ExtraPool::new(3 * (1000 + ENTRY_BYTES));
        for n in 0..5 {
            pool.insert(id(n), &[n; 1000]);
        }
        assert_eq!(ids(&pool), [2, 3, 4]);
        pool.insert(id(5), &[0; 2000]);
        assert_eq!(ids(&pool), [4, 5]);
        assert!(pool.bytes() <= 3 * (1000 + ENTRY_BYTES));
    }

    #[test]
    fn repeats_and_giants_change_nothing() {
        let mut pool = ExtraPool::new(10_000);
        pool.insert(id(1), &[1; 100]);
        pool.insert(id(2), &[1; 100]);
        pool.insert(id(1), &[1; 100]);
        pool.insert(id(3), &[1; 10_000]);
        assert_eq!(ids(&pool), [1, 2]);
        assert_eq!(pool.bytes(), 2 * (100 + ENTRY_BYTES));
    }

    #[test]
    fn a_kept_transaction_does_not_hold_the_block_it_came_from() {
        let block = Bytes::from(vec![7; 4000]);
        let mut pool = ExtraPool::new(10_000);
        pool.insert(id(1), &block.slice(..10));
        assert!(block.is_unique());
    }
}
