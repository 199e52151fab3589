//! Blocks that arrived before their parents, kept for a while.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use bytes::Bytes;

use super::config::{ORPHAN_BYTES, ORPHAN_TTL, ORPHANS};
use crate::ids::Hash32;

/// Blocks by parent, bounded in number, bytes and time. When one bound is passed the oldest goes.
#[derive(Debug, Default)]
pub struct Orphans {
    /// Oldest first.
    order: VecDeque<(Instant, Hash32, Hash32)>,
    /// By parent, then by hash.
    blocks: BTreeMap<(Hash32, Hash32), Bytes>,
    bytes: usize,
}

impl Orphans {
    /// Keeps `block`, whose hash and parent are given. A block that is kept already keeps its place.
    pub fn insert(&mut self, parent: Hash32, hash: Hash32, block: Bytes, now: Instant) {
        self.expire(now);
        if block.len() > ORPHAN_BYTES || self.blocks.contains_key(&(parent, hash)) {
            return;
        }
        self.bytes += block.len();
        self.blocks.insert((parent, hash), block);
        self.order.push_back((now, parent, hash));
        while self.blocks.len() > ORPHANS || self.bytes > ORPHAN_BYTES {
            self.drop_oldest();
        }
    }

    /// Takes the blocks whose parent is `parent`, now that it is there.
    pub fn take_children(&mut self, parent: &Hash32) -> Vec<Bytes> {
        let range = (*parent, Hash32::ZERO)..=(*parent, Hash32([0xff; 32]));
        let taken: Vec<Bytes> = self
            .blocks
            .extract_if(range, |_, _| true)
            .map(|e| e.1)
            .collect();
        self.bytes -= taken.iter().map(Bytes::len).sum::<usize>();
        if !taken.is_empty() {
            self.order.retain(|(_, p, _)| p != parent);
        }
        taken
    }

    /// The parents that are waited for.
    pub fn parents(&self) -> impl Iterator<Item = &Hash32> {
        self.blocks.keys().map(|(parent, _)| parent)
    }

    /// Drops what has waited too long.
    pub fn expire(&mut self, now: Instant) {
        while self
            .order
            .front()
            .is_some_and(|(since, ..)| *since + ORPHAN_TTL <= now)
        {
            self.drop_oldest();
        }
    }

    /// Blocks that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    fn drop_oldest(&mut self) {
        if let Some((_, parent, hash)) = self.order.pop_front()
            && let Some(block) = self.blocks.remove(&(parent, hash))
        {
            self.bytes -= block.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u16) -> Hash32 {
        let mut out = [0; 32];
        out[..2].copy_from_slice(&n.to_be_bytes());
        Hash32(out)
    }

    #[test]
    fn children_are_found_by_their_parent_once() {
        let (mut orphans, now) = (Orphans::default(), Instant::now());
        for n in 1..=3 {
            orphans.insert(hash(9), hash(n), Bytes::from(vec![0; 10]), now);
            orphans.insert(hash(9), hash(n), Bytes::from(vec![0; 10]), now);
        }
        orphans.insert(hash(8), hash(4), Bytes::new(), now);
        assert_eq!(orphans.take_children(&hash(9)).len(), 3);
        assert_eq!(orphans.take_children(&hash(9)).len(), 0);
        assert_eq!(
            (orphans.len(), orphans.bytes, orphans.order.len()),
            (1, 0, 1)
        );
    }

    #[test]
    fn number_bytes_and_time_are_bounded() {
        let (mut orphans, now) = (Orphans::default(), Instant::now());
        for n in 0..1000 {
            orphans.insert(hash(n), hash(n), Bytes::new(), now);
        }
        assert_eq!(orphans.len(), ORPHANS);
        for n in 0..10 {
            orphans.insert(hash(n), hash(n), Bytes::from(vec![0; 4_000_000]), now);
        }
        assert!(orphans.bytes <= ORPHAN_BYTES);
        orphans.insert(
            hash(1),
            hash(1),
            Bytes::from(vec![0; ORPHAN_BYTES + 1]),
            now,
        );
        orphans.expire(now + ORPHAN_TTL);
        assert!(orphans.is_empty());
        assert_eq!((orphans.bytes, orphans.order.len()), (0, 0));
    }
}
