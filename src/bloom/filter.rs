//! The filter of fixed size.

use std::fmt;

use super::{BloomError, BloomStats, MAX_BYTES, MAX_RATE, MIN_RATE, Salt, form};

/// A Bloom filter for a number of items and a false-positive rate, over byte strings.
///
/// More items than its capacity may be added; the rate rises ([`BloomFilter::stats`] says how far).
#[derive(Clone, PartialEq)]
pub struct BloomFilter {
    capacity: u64,
    rate: f64,
    salt: Salt,
    items: u64,
    bits: fastbloom::BloomFilter,
}

/// The size that a capacity and a rate ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Words of 64 bits.
    pub(super) words: u64,
    /// Hashes per item.
    pub(super) hashes: u32,
}

impl BloomFilter {
    /// An empty filter for `capacity` items that takes at most `rate` of all others for known.
    ///
    /// # Errors
    /// The capacity is 0, the rate is outside [`MIN_RATE`] to [`MAX_RATE`], or the filter would
    /// take more than [`MAX_BYTES`].
    pub fn new(capacity: u64, rate: f64, salt: Salt) -> Result<Self, BloomError> {
        let shape = Shape::of(capacity, rate)?;
        shape.check(MAX_BYTES)?;
        let words = vec![0; shape.words as usize];
        Ok(Self::with(capacity, rate, salt, 0, words, shape.hashes))
    }

    pub(super) fn with(
        capacity: u64,
        rate: f64,
        salt: Salt,
        items: u64,
        words: Vec<u64>,
        hashes: u32,
    ) -> Self {
        Self {
            capacity,
            rate,
            salt,
            items,
            bits: fastbloom::BloomFilter::from_vec(words)
                .seed(&u128::from_be_bytes(salt.0))
                .hashes(hashes),
        }
    }

    /// Adds `key`. `false` if it was, or seemed to be, in the filter before.
    pub fn add(&mut self, key: &[u8]) -> bool {
        self.add_hash(self.salt.hash(key))
    }

    /// Whether `key` was added. Never `false` for one that was; `true` for about the target rate
    /// of those that were not.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.contains_hash(self.salt.hash(key))
    }

    pub(super) fn add_hash(&mut self, hash: u64) -> bool {
        let new = !self.bits.insert_hash(hash);
        self.items += u64::from(new);
        new
    }

    pub(super) fn contains_hash(&self, hash: u64) -> bool {
        self.bits.contains_hash(hash)
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.bits.clear();
        self.items = 0;
    }

    /// Items up to which the target rate holds.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The target false-positive rate.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The salt it was made with.
    #[must_use]
    pub fn salt(&self) -> Salt {
        self.salt
    }

    /// Distinct items added, but for those that it took for known.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.items
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Whether it holds as many items as it was made for.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.items >= self.capacity
    }

    /// Bytes of memory its bits take.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.bits.num_bits() / 8
    }

    /// What it holds and how well it can tell. Counts all bits, so it is not for hot paths.
    #[must_use]
    pub fn stats(&self) -> BloomStats {
        let bits = self.bits.num_bits() as u64;
        let fill_ratio = self.ones() as f64 / bits as f64;
        let hashes = self.bits.num_hashes();
        BloomStats {
            capacity: self.capacity,
            items: self.items,
            bits,
            hashes,
            layers: 1,
            fill_ratio,
            estimated_rate: fastbloom::expected_false_pos(hashes, fill_ratio),
            memory_bytes: self.memory_bytes() as u64,
        }
    }

    /// The form of `specs/gossip/filters.md`: 47 bytes and the bits.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        form::write_plain(self)
    }

    /// Reads what [`BloomFilter::to_bytes`] wrote. Memory is taken only after the length of
    /// `bytes` was found to be what the form says, and never more than `max_bytes` of bits.
    ///
    /// # Errors
    /// What is wrong with the form, by name.
    pub fn from_bytes(bytes: &[u8], max_bytes: usize) -> Result<Self, BloomError> {
        form::read_plain(bytes, max_bytes.min(MAX_BYTES))
    }

    pub(super) fn ones(&self) -> u64 {
        self.words().iter().map(|w| u64::from(w.count_ones())).sum()
    }

    pub(super) fn words(&self) -> &[u64] {
        self.bits.as_slice()
    }

    pub(super) fn hashes(&self) -> u32 {
        self.bits.num_hashes()
    }
}

impl Shape {
    /// The textbook size: m = -n ln p / (ln 2)^2 bits, rounded up to words, and k = m/n ln 2.
    pub(super) fn of(capacity: u64, rate: f64) -> Result<Self, BloomError> {
        if capacity == 0 {
            return Err(BloomError::Capacity);
        }
        if !(MIN_RATE..=MAX_RATE).contains(&rate) {
            return Err(BloomError::Rate);
        }
        // At least one bit per item: what exceeds the cap by this alone need not be computed.
        if capacity / 8 > MAX_BYTES as u64 {
            return Err(BloomError::TooLarge {
                bytes: capacity / 8,
                max: MAX_BYTES as u64,
            });
        }
        let items = capacity as usize;
        let words = fastbloom::optimal_size(items, rate).div_ceil(64);
        Ok(Self {
            words: words as u64,
            hashes: fastbloom::optimal_hashes(words * 64, items),
        })
    }

    pub(super) fn bytes(self) -> u64 {
        self.words * 8
    }

    pub(super) fn check(self, max: usize) -> Result<(), BloomError> {
        if self.bytes() > max as u64 {
            return Err(BloomError::TooLarge {
                bytes: self.bytes(),
                max: max as u64,
            });
        }
        Ok(())
    }

    /// Whether a form may have this size where `self` is expected. Logarithms differ in their last
    /// digit between machines, which can move either figure by one.
    pub(super) fn admits(self, words: u64, hashes: u32) -> bool {
        words >= 1
            && hashes >= 1
            && self.words.abs_diff(words) <= 1
            && self.hashes.abs_diff(hashes) <= 1
    }
}

impl fmt::Debug for BloomFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BloomFilter")
            .field("capacity", &self.capacity)
            .field("rate", &self.rate)
            .field("items", &self.items)
            .field("bytes", &self.memory_bytes())
            .finish_non_exhaustive()
    }
}
