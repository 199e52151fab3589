//! Bloom filters: sets that answer "surely not" or "probably", in a few bits per item.
//!
//! [`BloomFilter`] has a fixed size, [`ScalableBloomFilter`] grows by layers and keeps its rate.
//! The bits are those of the crate `fastbloom`; here are sizes, salts, statistics and a form that
//! another machine can read. Nothing here draws randomness: the caller gives the [`Salt`], and a
//! filter with the same salt and keys is the same everywhere. Whoever knows the salt can choose
//! keys that collide, so a filter that judges what strangers send has a salt they do not know.
//!
//! `specs/gossip/filters.md` has sizes, hashing and form.

mod filter;
mod form;
mod scalable;

pub use filter::BloomFilter;
pub use scalable::ScalableBloomFilter;

use std::hash::{BuildHasher, Hasher};

use serde::{Deserialize, Serialize};

/// Most bytes of bits that one filter may have, over all its layers: 5.6 million items at 1e-5.
/// Larger sets need another design, and a typing error in a capacity should not take the memory of
/// a machine.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Lowest false-positive rate of a filter or a layer. Bits are derived from 64 bits of hash, which
/// sets with millions of items begin to share below this.
pub const MIN_RATE: f64 = 1e-12;

/// Highest false-positive rate of a filter. Above it a filter says nothing worth its bits.
pub const MAX_RATE: f64 = 0.5;

/// The key of a filter's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

/// What a filter holds and how well it can tell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BloomStats {
    /// Items up to which the target rate holds.
    pub capacity: u64,
    /// Distinct items added, but for those that the filter took for known.
    pub items: u64,
    /// Bits of all layers.
    pub bits: u64,
    /// Hashes per item; of a scalable filter, those of its last layer.
    pub hashes: u32,
    /// Layers; 1 for a plain filter.
    pub layers: u32,
    /// Share of the bits that are set, 0 to 1.
    pub fill_ratio: f64,
    /// False-positive rate to expect of the bits as they are, 0 to 1.
    pub estimated_rate: f64,
    /// Bytes of memory the bits take.
    pub memory_bytes: u64,
}

/// Why a filter cannot be made, read or extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BloomError {
    /// The capacity is 0.
    #[error("a filter needs a capacity of at least 1")]
    Capacity,
    /// The rate is not a number from [`MIN_RATE`] to [`MAX_RATE`].
    #[error("a false-positive rate must lie between 1e-12 and 0.5")]
    Rate,
    /// It would take more bytes than allowed.
    #[error("a filter of {bytes} B exceeds the {max} B allowed")]
    TooLarge {
        /// What it would take.
        bytes: u64,
        /// What is allowed.
        max: u64,
    },
    /// A scalable filter has reached its largest size. What it holds stays there.
    #[error("the filter has reached its largest size")]
    Full,
    /// The form has a version that this build does not read.
    #[error("version {0} of the form of a filter is not known")]
    Version(u8),
    /// The form is that of another kind of filter, or of none.
    #[error("kind {0} is not the kind of filter expected")]
    Kind(u8),
    /// The form is shorter or longer than it says.
    #[error("the form of a filter is shorter or longer than it says")]
    Length,
    /// Bits and hashes are not those of the capacity and rate, or the layers not those of a filter
    /// that grew.
    #[error("the size of a filter is not that of its capacity and rate")]
    Shape,
    /// The number of items cannot have set the bits that are set.
    #[error("the bits of a filter are not those of as many items as it claims")]
    Items,
}

impl Salt {
    /// The `n`th salt derived from this one, for filters that must not share their false
    /// positives.
    #[must_use]
    pub fn child(self, n: u64) -> Self {
        let mut salt = [0; 16];
        for (half, out) in salt.chunks_exact_mut(8).enumerate() {
            let mut input = [0; 9];
            input[..8].copy_from_slice(&n.to_be_bytes());
            input[8] = u8::from(half != 0);
            out.copy_from_slice(&self.hash(&input).to_be_bytes());
        }
        Self(salt)
    }

    /// SipHash-1-3 of `key`. Its bytes are written as they are: `Hash for [u8]` would write their
    /// number in the machine's own word, and the filter would mean nothing on another machine.
    fn hash(self, key: &[u8]) -> u64 {
        let mut hasher = fastbloom::DefaultHasher::seeded(&self.0).build_hasher();
        hasher.write(key);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests;
