//! A token bucket.

use std::time::Instant;

use super::Rate;

/// Tokens that refill with time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    rate: Rate,
    tokens: f64,
    at: Option<Instant>,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(rate: Rate) -> Self {
        Self {
            rate,
            tokens: f64::from(rate.burst),
            at: None,
        }
    }

    /// Takes one token, if `keep` would remain.
    pub(super) fn spend(&mut self, now: Instant, keep: u32) -> bool {
        self.refill(now);
        let enough = self.tokens >= f64::from(keep) + 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }

    /// Whether nothing was spent that has not come back.
    pub(super) fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens >= f64::from(self.rate.burst)
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
