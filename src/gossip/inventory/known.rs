//! What a peer knows, remembered within 32 KiB.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::wire::Item;

/// Bits of one generation: 16 KiB.
const BITS: u64 = 1 << 17;

/// Bits per item: the best number for the ratio of [`BITS`] and [`CAPACITY`], all but one.
const HASHES: u64 = 14;

/// Items of one generation. With both generations full, an item the peer does not know passes for
/// known with a probability of `2 (1 - e^(-14 · 6000 / 2^17))^14`, below 10^-4; it then hears of it
/// from others, whose filters have other salts.
const CAPACITY: usize = 6000;

/// A Bloom filter of two generations: when the young one is full the old one is dropped, so the last
/// 6000 items are always remembered and no more than 12 000.
///
/// Salted, so that nobody can choose ids that pass for known.
#[derive(Clone, Debug)]
pub(super) struct Known {
    young: Box<[u64]>,
    old: Box<[u64]>,
    added: usize,
    salt: (u64, u64),
}

impl Known {
    pub(super) fn new(salt: (u64, u64)) -> Self {
        let empty = || vec![0; (BITS / 64) as usize].into_boxed_slice();
        Self {
            young: empty(),
            old: empty(),
            added: 0,
            salt,
        }
    }

    pub(super) fn insert(&mut self, item: &Item) {
        if has(&self.young, self.bits(item)) {
            return;
        }
        if self.added == CAPACITY {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.fill(0);
            self.added = 0;
        }
        for bit in self.bits(item) {
            self.young[(bit / 64) as usize] |= 1 << (bit % 64);
        }
        self.added += 1;
    }

    pub(super) fn contains(&self, item: &Item) -> bool {
        has(&self.young, self.bits(item)) || has(&self.old, self.bits(item))
    }

    /// Positions of an item, by double hashing (Kirsch and Mitzenmacher).
    fn bits(&self, item: &Item) -> impl Iterator<Item = u64> + use<> {
        let hash = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (self.salt, salt, item).hash(&mut hasher);
            hasher.finish()
        };
        let (start, step) = (hash(0), hash(1) | 1);
        (0..HASHES).map(move |i| start.wrapping_add(i.wrapping_mul(step)) % BITS)
    }
}

fn has(generation: &[u64], mut bits: impl Iterator<Item = u64>) -> bool {
    bits.all(|bit| generation[(bit / 64) as usize] & (1 << (bit % 64)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::Hash32, wire::ItemKind};

    fn item(n: usize) -> Item {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&n.to_le_bytes());
        Item {
            kind: ItemKind::Tx,
            id: Hash32(id),
        }
    }

    #[test]
    fn remembers_the_last_generation_and_forgets_those_before() {
        let mut known = Known::new((1, 2));
        (0..3 * CAPACITY).for_each(|n| known.insert(&item(n)));
        assert!((2 * CAPACITY..3 * CAPACITY).all(|n| known.contains(&item(n))));
        let old = (0..CAPACITY).filter(|n| known.contains(&item(*n))).count();
        assert!(old < 10, "{old} of the first generation");
    }

    #[test]
    fn takes_the_unknown_for_known_less_often_than_stated() {
        let mut known = Known::new((3, 4));
        (0..2 * CAPACITY).for_each(|n| known.insert(&item(n)));
        let strangers = 200_000;
        let wrong = (0..strangers).filter(|n| known.contains(&item(1_000_000 + n)));
        let wrong = wrong.count();
        assert!(wrong < strangers / 10_000, "{wrong} of {strangers}");
    }

    #[test]
    fn another_salt_errs_about_other_items() {
        let (mut a, mut b) = (Known::new((1, 2)), Known::new((1, 3)));
        for n in 0..2 * CAPACITY {
            a.insert(&item(n));
            b.insert(&item(n));
        }
        let both = (0..200_000)
            .map(|n| item(1_000_000 + n))
            .filter(|item| a.contains(item) && b.contains(item));
        assert_eq!(both.count(), 0);
    }
}
