//! How long things take to travel: a histogram of fixed size.

use std::time::Duration;

use crate::report::DelayReport;

/// Upper ends of the buckets of [`Delays`], in milliseconds; one more bucket has the rest.
pub const DELAY_BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 30_000];

/// A histogram of delays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// How many fell in each bucket, not cumulated.
    pub buckets: [u64; DELAY_BOUNDS_MS.len() + 1],
    /// How many there are.
    pub count: u64,
    /// Their sum.
    pub sum: Duration,
}

impl Delays {
    /// Adds one.
    pub fn record(&mut self, delay: Duration) {
        let bucket = DELAY_BOUNDS_MS.partition_point(|ms| Duration::from_millis(*ms) < delay);
        self.buckets[bucket] += 1;
        self.count += 1;
        self.sum = self.sum.saturating_add(delay);
    }

    /// For whoever prints it.
    #[must_use]
    pub fn report(&self) -> DelayReport {
        DelayReport {
            count: self.count,
            sum_ms: self.sum.as_secs_f64() * 1000.0,
            bounds_ms: DELAY_BOUNDS_MS.to_vec(),
            buckets: self.buckets.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_falls_in_the_first_bucket_that_is_not_below_it() {
        let mut delays = Delays::default();
        for micros in [1_000, 1_001, 30_000_000, 30_000_001] {
            delays.record(Duration::from_micros(micros));
        }
        let report = delays.report();
        assert_eq!((report.buckets[0], report.buckets[1]), (1, 1));
        assert_eq!((report.buckets[11], report.buckets[12]), (1, 1));
        assert_eq!(report.buckets.len(), report.bounds_ms.len() + 1);
        assert_eq!(report.count, 4);
        assert!((report.sum_ms - 60_002.002).abs() < 1e-6);
    }
}
