//! Counters of application messages.

use std::collections::BTreeMap;

use crate::{
    gossip::{Ignored, Verdict},
    offence::Offence,
};

/// Upper ends of the buckets of [`Delays`], in milliseconds; one more bucket has the rest.
pub const DELAY_BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 30_000];

/// What happened since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages of our own.
    pub originated: u64,
    /// Messages of others that were valid and new.
    pub delivered: u64,
    /// Messages that waited for a key.
    pub parked: u64,
    /// Messages of no use, by reason.
    pub ignored: BTreeMap<Ignored, u64>,
    /// Messages no honest peer sends, by offence.
    pub rejected: BTreeMap<Offence, u64>,
    /// How old messages of others were when they arrived, by our clock and the sender's.
    pub delays: Delays,
}

impl Stats {
    /// Messages seen before.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.ignored(Ignored::Duplicate)
    }

    /// Messages whose time had passed.
    #[must_use]
    pub fn expired(&self) -> u64 {
        self.ignored(Ignored::Stale)
    }

    /// Messages ignored for `reason`.
    #[must_use]
    pub fn ignored(&self, reason: Ignored) -> u64 {
        self.ignored.get(&reason).copied().unwrap_or_default()
    }

    pub(super) fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Accept => self.delivered += 1,
            Verdict::Ignore(reason) => *self.ignored.entry(*reason).or_default() += 1,
            Verdict::Reject { offence, .. } => *self.rejected.entry(*offence).or_default() += 1,
        }
    }
}

/// A histogram of milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// How many fell in each bucket, not cumulated.
    pub buckets: [u64; DELAY_BOUNDS_MS.len() + 1],
    /// How many there are.
    pub count: u64,
    /// Their sum in milliseconds.
    pub sum_ms: u64,
}

impl Delays {
    /// Adds one.
    pub fn record(&mut self, delay_ms: u64) {
        let bucket = DELAY_BOUNDS_MS.partition_point(|bound| *bound < delay_ms);
        self.buckets[bucket] += 1;
        self.count += 1;
        self.sum_ms = self.sum_ms.saturating_add(delay_ms);
    }
}
