//! Figures of the store, for metrics and `stats`.

use std::time::Duration;

use super::known::Known;

/// How the store stands. Counters run since it was opened, except those of what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Whether the last write succeeded. `false` while the disk is full or fails; reads go on.
    pub healthy: bool,
    /// Bytes the database takes on the disk.
    pub database_bytes: u64,
    /// Bytes of the body segments.
    pub body_bytes: u64,
    /// Headers held, on every branch.
    pub headers: u64,
    /// Bodies held.
    pub bodies: u64,
    /// Body segments.
    pub segments: u32,
    /// Commits since the store was opened.
    pub commits: u64,
    /// Commits that failed since then.
    pub failures: u64,
    /// How long the last commit took, from the call until it was durable.
    pub last_commit: Duration,
    /// The longest commit since the store was opened.
    pub longest_commit: Duration,
}

impl StoreStats {
    /// Bytes on disk.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.database_bytes.saturating_add(self.body_bytes)
    }
}

/// What the statistics are made of.
#[derive(Debug)]
pub(super) struct Counters {
    pub(super) healthy: bool,
    known: Known,
    commits: u64,
    failures: u64,
    last: Duration,
    longest: Duration,
}

impl Counters {
    pub(super) fn new(known: &Known) -> Self {
        Self {
            healthy: true,
            known: *known,
            commits: 0,
            failures: 0,
            last: Duration::ZERO,
            longest: Duration::ZERO,
        }
    }

    pub(super) fn committed(&mut self, took: Duration, known: &Known) {
        self.healthy = true;
        self.known = *known;
        self.commits += 1;
        self.last = took;
        self.longest = self.longest.max(took);
    }

    pub(super) fn failed(&mut self) {
        self.healthy = false;
        self.failures += 1;
    }

    pub(super) fn report(&self, database_bytes: u64) -> StoreStats {
        StoreStats {
            healthy: self.healthy,
            database_bytes,
            body_bytes: self.known.body_bytes,
            headers: self.known.headers,
            bodies: self.known.bodies,
            segments: self
                .known
                .tail
                .map_or(0, |tail| tail.segment.saturating_add(1)),
            commits: self.commits,
            failures: self.failures,
            last_commit: self.last,
            longest_commit: self.longest,
        }
    }
}
