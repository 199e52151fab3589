//! The filter that grows.

use super::{BloomError, BloomFilter, BloomStats, MAX_BYTES, MIN_RATE, Salt, filter::Shape, form};

/// Each layer holds twice what the one before does.
const GROWTH: u64 = 2;

/// Each layer has this share of the rate of the one before, the first `1 - TIGHTENING` of the
/// whole, so that all together never exceed it. Almeida, Baquero, Preguiça and Hutchison
/// (Scalable Bloom Filters, 2007) find 0.8 to 0.9 best for this growth.
const TIGHTENING: f64 = 0.8;

/// Most layers: the first could hold one item and the last two thousand million.
pub(super) const MAX_LAYERS: usize = 32;

/// A Bloom filter that grows with what is added and keeps its false-positive rate.
///
/// A series of [`BloomFilter`]s, each twice as large and stricter than the one before. It grows up
/// to a size given at its creation and then refuses what is new, so that neither the rate nor the
/// memory is ever exceeded.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalableBloomFilter {
    capacity: u64,
    rate: f64,
    salt: Salt,
    max_bytes: usize,
    layers: Vec<BloomFilter>,
}

impl ScalableBloomFilter {
    /// An empty filter that begins with room for `capacity` items, takes at most `rate` of what
    /// was never added for known however much is added, and has at most `max_bytes` of bits.
    ///
    /// # Errors
    /// The capacity is 0, the rate is outside [`MIN_RATE`] to [`super::MAX_RATE`] or leaves the
    /// first layer less than [`MIN_RATE`], or the first layer exceeds `max_bytes` or
    /// [`MAX_BYTES`].
    pub fn new(capacity: u64, rate: f64, max_bytes: usize, salt: Salt) -> Result<Self, BloomError> {
        Shape::of(capacity, rate)?;
        let max_bytes = max_bytes.min(MAX_BYTES);
        let (_, first_rate) = layer_size(capacity, rate, 0).ok_or(BloomError::Rate)?;
        Shape::of(capacity, first_rate)?.check(max_bytes)?;
        let first = BloomFilter::new(capacity, first_rate, salt)?;
        Ok(Self::with(capacity, rate, salt, max_bytes, vec![first]))
    }

    pub(super) fn with(
        capacity: u64,
        rate: f64,
        salt: Salt,
        max_bytes: usize,
        layers: Vec<BloomFilter>,
    ) -> Self {
        Self {
            capacity,
            rate,
            salt,
            max_bytes,
            layers,
        }
    }

    /// Adds `key`. `false` if it was, or seemed to be, in the filter before.
    ///
    /// # Errors
    /// [`BloomError::Full`]: the key is new and the filter may not grow. Nothing changed.
    pub fn add(&mut self, key: &[u8]) -> Result<bool, BloomError> {
        // All layers share the salt, so one hash serves them all.
        let hash = self.salt.hash(key);
        if self.contains_hash(hash) {
            return Ok(false);
        }
        if self.last().is_full() {
            let layer = self.grow()?;
            self.layers.push(layer);
        }
        let last = self.layers.last_mut().expect("a filter has a first layer");
        last.add_hash(hash);
        Ok(true)
    }

    /// Whether `key` was added. Never `false` for one that was; `true` for at most about the
    /// target rate of those that were not.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.contains_hash(self.salt.hash(key))
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

    /// Most bytes of bits it grows to.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Distinct items added, but for those that it took for known.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.layers.iter().map(BloomFilter::len).sum()
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory its bits take.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.layers.iter().map(BloomFilter::memory_bytes).sum()
    }

    /// What it holds and how well it can tell, over all layers.
    #[must_use]
    pub fn stats(&self) -> BloomStats {
        let each: Vec<_> = self.layers.iter().map(BloomFilter::stats).collect();
        let bits: u64 = each.iter().map(|s| s.bits).sum();
        let ones: u64 = self.layers.iter().map(BloomFilter::ones).sum();
        BloomStats {
            capacity: each.iter().map(|s| s.capacity).sum(),
            items: self.len(),
            bits,
            hashes: self.last().hashes(),
            layers: each.len() as u32,
            fill_ratio: ones as f64 / bits as f64,
            estimated_rate: 1.0 - each.iter().map(|s| 1.0 - s.estimated_rate).product::<f64>(),
            memory_bytes: self.memory_bytes() as u64,
        }
    }

    /// The form of `specs/gossip/filters.md`: 43 bytes and, for each layer, 13 bytes and its bits.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        form::write_scalable(self)
    }

    /// Reads what [`ScalableBloomFilter::to_bytes`] wrote. Memory is taken only for bits that are
    /// there, and a filter that could grow above `max_bytes` is refused.
    ///
    /// # Errors
    /// What is wrong with the form, by name.
    pub fn from_bytes(bytes: &[u8], max_bytes: usize) -> Result<Self, BloomError> {
        form::read_scalable(bytes, max_bytes.min(MAX_BYTES))
    }

    pub(super) fn first_capacity(&self) -> u64 {
        self.capacity
    }

    pub(super) fn layers(&self) -> &[BloomFilter] {
        &self.layers
    }

    fn last(&self) -> &BloomFilter {
        self.layers.last().expect("a filter has a first layer")
    }

    fn contains_hash(&self, hash: u64) -> bool {
        // Newest first: it holds half of everything.
        self.layers.iter().rev().any(|l| l.contains_hash(hash))
    }

    /// The next layer, if there is room for it.
    fn grow(&self) -> Result<BloomFilter, BloomError> {
        let (capacity, rate) =
            layer_size(self.capacity, self.rate, self.layers.len()).ok_or(BloomError::Full)?;
        let left = self.max_bytes.saturating_sub(self.memory_bytes());
        let fits = |shape: Shape| shape.check(left);
        Shape::of(capacity, rate)
            .and_then(fits)
            .map_err(|_| BloomError::Full)?;
        BloomFilter::new(capacity, rate, self.salt).map_err(|_| BloomError::Full)
    }
}

/// Capacity and rate of layer `n` of a filter, `None` if it may not have that many.
pub(super) fn layer_size(capacity: u64, rate: f64, n: usize) -> Option<(u64, f64)> {
    if n >= MAX_LAYERS {
        return None;
    }
    let capacity = capacity.checked_mul(GROWTH.pow(n as u32))?;
    let rate = (0..n).fold(rate * (1.0 - TIGHTENING), |rate, _| rate * TIGHTENING);
    (rate >= MIN_RATE).then_some((capacity, rate))
}
