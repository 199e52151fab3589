//! Which symbols a key is part of: the mapping of the rateless IBLT (Yang, Gilad and Alizadeh,
//! "Practical Rateless Set Reconciliation", SIGCOMM 2024, section 4.2), in integers only, so that
//! every language repeats it.
//!
//! Symbol `i` contains a key with probability 2/(2+i). From the index `i` the next one is
//! `i + ceil((i + 3/2)·(2^32 − s)/s)`, where `s` is `1 + floor(sqrt(z))` of a 64-bit draw `z`: the
//! paper's inverse of the distribution of gaps, with the root of the draw rounded to 32 bits. A gap
//! of 0, which one draw in 2^31 gives, counts as 1. The draws are SplitMix64 seeded with the key.

use crate::{registry::MAX_SKETCH_INDEX, wire::ShortKey};

/// Step of SplitMix64.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Where the indexes of a key end.
#[allow(clippy::cast_possible_truncation)] // 2^15
pub(super) const END: u32 = MAX_SKETCH_INDEX as u32;

/// The indexes of one key, in increasing order, the first of which is 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapping {
    state: u64,
    index: u32,
}

impl Mapping {
    pub(super) fn new(key: ShortKey) -> Self {
        Self {
            state: key.0,
            index: 0,
        }
    }

    /// The current index, [`END`] when there is none.
    pub(super) fn index(&self) -> u32 {
        self.index
    }

    /// Goes to the next index.
    pub(super) fn advance(&mut self) {
        let index = u64::from(self.index);
        let root = self.draw().isqrt() + 1;
        // Below 2^17 · 2^32.
        let gap = ((2 * index + 3) * ((1 << 32) - root)).div_ceil(2 * root);
        let next = index + gap.max(1);
        self.index = u32::try_from(next).map_or(END, |next| next.min(END));
    }

    /// Whether `index` is among the indexes from the current one on.
    pub(super) fn reaches(mut self, index: u32) -> bool {
        while self.index < index {
            self.advance();
        }
        self.index == index
    }

    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        let z = self.state;
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indexes(key: u64) -> impl Iterator<Item = u32> {
        let mut mapping = Mapping::new(ShortKey(key));
        std::iter::from_fn(move || {
            let index = mapping.index();
            mapping.advance();
            (index < END).then_some(index)
        })
    }

    #[test]
    fn starts_at_zero_increases_and_ends() {
        for key in [0, 1, u64::MAX, GAMMA.wrapping_neg()] {
            let all: Vec<u32> = indexes(key).collect();
            assert_eq!(all[0], 0);
            assert!(all.is_sorted_by(|a, b| a < b), "{key}");
            assert!(all.len() < 200, "{} indexes", all.len());
        }
        let mut ended = Mapping {
            state: 0,
            index: END,
        };
        ended.advance();
        assert_eq!(ended.index(), END);
    }

    #[test]
    fn symbol_i_contains_a_key_with_probability_two_by_two_plus_i() {
        const KEYS: u64 = 20_000;
        let mut hits = [0_u32; 64];
        for key in 0..KEYS {
            for index in indexes(key).take_while(|i| *i < 64) {
                hits[index as usize] += 1;
            }
        }
        for (i, hits) in hits.iter().enumerate() {
            let expected = KEYS as f64 * 2.0 / (2.0 + i as f64);
            let off = (f64::from(*hits) - expected).abs();
            assert!(off <= 5.0 * expected.sqrt(), "{i}: {hits} for {expected}");
        }
    }
}
