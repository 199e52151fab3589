//! Token buckets: how often something may happen, with the time as an argument.
//!
//! `secure::budget` bounds the handshakes of strangers with them, `gossip` the messages of peers. A
//! caller that spends from several buckets at once asks all of them ([`Bucket::has`]) before it
//! takes from any, so that what one refuses drains none.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// A rate with a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Refill per second, at least 1.
    pub per_second: u32,
    /// What a full bucket holds, at least 1.
    pub burst: u32,
}

/// Tokens that refill with time.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    rate: Rate,
    tokens: f64,
    at: Option<Instant>,
}

impl Rate {
    /// How long an empty bucket takes to fill.
    #[must_use]
    pub fn refill(self) -> Duration {
        Duration::from_secs_f64(f64::from(self.burst) / f64::from(self.per_second.max(1)))
    }

    /// `factor` times this rate, with as many times the burst.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        Self {
            per_second: self.per_second.saturating_mul(factor),
            burst: self.burst.saturating_mul(factor),
        }
    }
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            tokens: f64::from(rate.burst),
            at: None,
        }
    }

    /// Takes one token, if `keep` would remain.
    pub fn spend(&mut self, now: Instant, keep: u32) -> bool {
        let enough = self.has(now, keep.saturating_add(1));
        if enough {
            self.take(1);
        }
        enough
    }

    /// Whether `tokens` are there. A bucket never has more than its burst, so more than that is
    /// never there: cap what one event may cost.
    pub fn has(&mut self, now: Instant, tokens: u32) -> bool {
        self.refill(now);
        self.tokens >= f64::from(tokens)
    }

    /// Takes `tokens`, which [`Bucket::has`] has just said are there.
    pub fn take(&mut self, tokens: u32) {
        self.tokens = (self.tokens - f64::from(tokens)).max(0.0);
    }

    /// How long until `tokens`, at most its burst, will be there.
    pub fn wait(&mut self, now: Instant, tokens: u32) -> Duration {
        self.refill(now);
        let lacking = (f64::from(tokens) - self.tokens).max(0.0);
        Duration::from_secs_f64(lacking / f64::from(self.rate.per_second.max(1)))
    }

    /// Whether nothing was spent that has not come back.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.has(now, self.rate.burst)
    }

    fn refill(&mut self, now: Instant) {
        let passed = self
            .at
            .map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.at = Some(self.at.map_or(now, |at| at.max(now)));
        let full = f64::from(self.rate.burst);
        self.tokens = (self.tokens + passed * f64::from(self.rate.per_second)).min(full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 1,
        burst: 2,
    };

    #[test]
    fn a_clock_that_steps_back_neither_refills_nor_drains() {
        let mut bucket = Bucket::new(RATE);
        let now = Instant::now() + Duration::from_secs(100);
        assert!(bucket.spend(now, 0) && bucket.spend(now, 0));
        assert!(!bucket.spend(now - Duration::from_secs(50), 0));
        assert!(!bucket.spend(now, 0));
        assert!(bucket.spend(now + Duration::from_secs(1), 0));
    }

    #[test]
    fn what_is_refused_costs_nothing() {
        let mut bucket = Bucket::new(RATE);
        let now = Instant::now();
        assert!(!bucket.has(now, 3));
        assert!(bucket.has(now, 2));
        bucket.take(2);
        assert!(!bucket.spend(now, 0));
        assert_eq!(RATE.refill(), Duration::from_secs(2));
        assert_eq!(bucket.wait(now, 2), Duration::from_secs(2));
        assert_eq!(bucket.wait(now + Duration::from_secs(9), 2), Duration::ZERO);
    }
}
