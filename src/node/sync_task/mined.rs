//! Ids of the transactions that blocks took lately.

use hashlink::LinkedHashSet;

use crate::ids::Hash32;

/// Ids that are remembered: more than a pool holds, about 10 MB. What the pool of a peer that has
/// not imported the block yet gives back after it left ours is among them.
pub(super) const CAPACITY: usize = 131_072;

/// The ids, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Mined(LinkedHashSet<Hash32>);

impl Mined {
    /// A block has it. Where there is no room, the one that came first goes.
    pub(super) fn insert(&mut self, id: Hash32) {
        self.0.insert(id);
        if self.0.len() > CAPACITY {
            self.0.pop_front();
        }
    }

    /// The block that has it was left behind.
    pub(super) fn forget(&mut self, id: &Hash32) {
        self.0.remove(id);
    }

    pub(super) fn contains(&self, id: &Hash32) -> bool {
        self.0.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room() {
        let id = |n: usize| crate::crypto::hash::sha3_256(&n.to_be_bytes());
        let mut mined = Mined::default();
        for n in 0..=CAPACITY {
            mined.insert(id(n));
        }
        assert!(!mined.contains(&id(0)) && mined.contains(&id(1)));
        assert!(mined.contains(&id(CAPACITY)));
        mined.forget(&id(CAPACITY));
        assert!(!mined.contains(&id(CAPACITY)));
    }
}
