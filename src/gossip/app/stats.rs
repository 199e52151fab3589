//! Counters of application messages.

use std::collections::BTreeMap;

use crate::{
    gossip::{Ignored, Verdict, delays::Delays},
    offence::Offence,
};

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
