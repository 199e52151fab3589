//! What was seen before: which ids were validated lately, so that nothing is validated, stored or
//! passed on twice.
//!
//! Two layers. An exact table of the newest ids, and behind it a Bloom filter in generations for
//! older ones. An id goes in only when its message was found valid ([`SeenSet::insert`]), so an
//! invalid message can never make us deaf to a valid one. Rejected content is therefore validated
//! again when it comes again; its sender is punished for it instead.
//!
//! # What a false positive costs
//!
//! The filter takes one new id in [`Config::rate`]⁻¹ for known, and its message is ignored. That
//! loses nothing for good: every generation of every node has a salt of its own, so the neighbours
//! take the same message and announce it; transactions, shares and blobs come back by INV or
//! reconciliation, application messages by reconciliation, headers and blocks by sync, all of
//! which ask exact stores and not this set. [`Seen::Probably`] lets a caller that has such a store
//! at hand ask it at once.
//!
//! # What is remembered, and for how long
//!
//! A generation ends after half the window or half the window's count of ids, and three are kept.
//! So an id is remembered until two more have ended behind its own: when each was ended by time,
//! at least the window, and when each was ended by count, at least the window's count of later
//! ids. Never longer than one and a half windows, or a transaction that left the pool could not
//! come back.
//!
//! # What it costs
//!
//! With the defaults 393 KiB of bits and at most [`Config::exact`] exact ids of about 100 bytes,
//! 2 MiB in all, whatever is sent. A look-up is one hash table probe and three hashes.

use std::{
    collections::{VecDeque, hash_map::RandomState},
    time::{Duration, Instant},
};

use hashlink::LruCache;

use crate::{
    bloom::{BloomError, BloomFilter, Salt},
    ids::Hash32,
    report::SeenReport,
};

/// Generations of the filter that are kept. Two would remember an id for between half a window
/// and one; more would divide the rate further for little.
const GENERATIONS: u32 = 3;

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Ids in the exact table. More costs 100 bytes each; fewer leaves more to the filter.
    pub exact: usize,
    /// How long an id is remembered at least, if fewer than [`Config::ids`] follow it. Ten
    /// minutes, the original's figure: a message that still travels after that would be stale.
    pub window: Duration,
    /// How many later ids an id is remembered for at least, if they come within
    /// [`Config::window`]. 100 000, the original's figure: 166 new messages a second.
    pub ids: u64,
    /// Share of new ids that the filter may take for known. 1e-4, the original's figure.
    pub rate: f64,
}

/// Whether an id was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was not.
    New,
    /// It was.
    Exact,
    /// It was, or the filter errs.
    Probably,
}

/// The ids of messages that were validated lately.
#[derive(Debug)]
pub struct SeenSet {
    config: Config,
    salt: Salt,
    exact: LruCache<Hash32, Instant, RandomState>,
    /// Oldest first, never empty.
    filters: VecDeque<BloomFilter>,
    begun: Option<Instant>,
    counters: Counters,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    rotations: u64,
    new: u64,
    exact: u64,
    probable: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            exact: 16_384,
            window: Duration::from_secs(10 * 60),
            ids: 100_000,
            rate: 1e-4,
        }
    }
}

impl Config {
    /// How long a generation takes at most.
    fn span(&self) -> Duration {
        self.window / (GENERATIONS - 1)
    }

    /// An empty generation. Together they have the rate.
    fn generation(&self, salt: Salt) -> Result<BloomFilter, BloomError> {
        let ids = self.ids.div_ceil(u64::from(GENERATIONS - 1));
        BloomFilter::new(ids, self.rate / f64::from(GENERATIONS), salt)
    }
}

impl SeenSet {
    /// Nothing seen yet. `salt` must be known to nobody else, or ids could be made that the filter
    /// confuses.
    ///
    /// # Errors
    /// The count of ids or the rate is not one a filter can have.
    pub fn new(config: Config, salt: Salt) -> Result<Self, BloomError> {
        Ok(Self {
            exact: LruCache::with_hasher(config.exact, RandomState::new()),
            filters: VecDeque::from([config.generation(salt.child(0))?]),
            begun: None,
            counters: Counters::default(),
            config,
            salt,
        })
    }

    /// Whether `id` was inserted lately.
    pub fn check(&mut self, id: &Hash32, now: Instant) -> Seen {
        self.rotate_by_time(now);
        let keep = self.config.span() * GENERATIONS;
        let seen = match self.exact.get(id) {
            Some(at) if now.saturating_duration_since(*at) < keep => Seen::Exact,
            Some(_) => {
                self.exact.remove(id);
                self.ask_filters(id)
            }
            None => self.ask_filters(id),
        };
        match seen {
            Seen::New => self.counters.new += 1,
            Seen::Exact => self.counters.exact += 1,
            Seen::Probably => self.counters.probable += 1,
        }
        seen
    }

    /// Remembers `id`, whose message was found valid.
    pub fn insert(&mut self, id: Hash32, now: Instant) {
        self.rotate_by_time(now);
        if self.newest().is_full() {
            self.rotate(now);
        }
        self.newest().add(&id.0);
        if self.config.exact > 0 {
            self.exact.insert(id, now);
        }
    }

    /// What it holds and what it was asked.
    #[must_use]
    pub fn stats(&self) -> SeenReport {
        SeenReport {
            exact: self.exact.len(),
            exact_capacity: self.config.exact,
            filtered: self.filters.iter().map(BloomFilter::len).sum(),
            generations: self.filters.len(),
            rotations: self.counters.rotations,
            filter_bytes: self.filters.iter().map(BloomFilter::memory_bytes).sum(),
            new: self.counters.new,
            duplicates_exact: self.counters.exact,
            duplicates_probable: self.counters.probable,
        }
    }

    fn ask_filters(&self, id: &Hash32) -> Seen {
        if self.filters.iter().rev().any(|f| f.contains(&id.0)) {
            Seen::Probably
        } else {
            Seen::New
        }
    }

    fn newest(&mut self) -> &mut BloomFilter {
        self.filters.back_mut().expect("there is always a filter")
    }

    fn rotate_by_time(&mut self, now: Instant) {
        let span = self.config.span();
        let begun = *self.begun.get_or_insert(now);
        let mut passed = now.saturating_duration_since(begun);
        for _ in 0..GENERATIONS {
            if passed < span {
                return;
            }
            self.rotate(now - (passed - span));
            passed -= span;
        }
        // Longer than all of them: whatever the time of the last, it begins now.
        self.begun = Some(now);
    }

    /// Begins a generation.
    fn rotate(&mut self, now: Instant) {
        self.counters.rotations += 1;
        let salt = self.salt.child(self.counters.rotations);
        let fresh = self.config.generation(salt);
        self.filters
            .push_back(fresh.expect("a filter of this size was made before"));
        if self.filters.len() > GENERATIONS as usize {
            self.filters.pop_front();
        }
        self.begun = Some(now);
    }
}

#[cfg(test)]
mod tests;
