//! How fast a peer answers, measured from its answers alone.

use std::time::{Duration, Instant};

/// Weight of a new rate sample. Small enough to survive one hiccup, large enough that three answers
/// replace a wrong first impression.
const WEIGHT: f64 = 0.3;

/// Slowest rate that is told apart from none, bytes per second.
const FLOOR: f64 = 256.0;

/// Round-trip time and delivery rate of one peer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    rtt: Option<Duration>,
    /// Bytes per second.
    rate: Option<f64>,
    last_arrival: Option<Instant>,
}

impl Pace {
    /// Records an answer of `bytes` to a request sent at `sent`.
    ///
    /// The rate counts from the later of the sending and the previous arrival, so that answers
    /// queued behind each other on one link are not each charged for the whole queue.
    pub(super) fn sample(&mut self, bytes: u64, sent: Instant, now: Instant) {
        let elapsed = now.saturating_duration_since(sent);
        self.rtt = Some(match self.rtt {
            Some(rtt) if elapsed >= rtt => rtt + (elapsed - rtt) / 64,
            _ => elapsed,
        });
        let since = self.last_arrival.map_or(sent, |last| last.max(sent));
        self.last_arrival = Some(now);
        let busy = now.saturating_duration_since(since).as_secs_f64();
        // A tiny answer measures the round trip, not the link.
        if bytes < 4096 {
            return;
        }
        #[allow(clippy::cast_precision_loss)] // rates need no 53 bits
        let sample = bytes as f64 / busy.max(1e-4);
        self.rate = Some(match self.rate {
            Some(rate) => (rate + WEIGHT * (sample - rate)).max(FLOOR),
            None => sample.max(FLOOR),
        });
    }

    /// Records that an answer did not come in time.
    pub(super) fn failed(&mut self) {
        self.rate = self.rate.map(|rate| (rate / 2.0).max(FLOOR));
    }

    /// Bytes per second, once measured.
    pub(super) fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// When an answer of `bytes` should be here, once measured.
    pub(super) fn expected(&self, bytes: u64) -> Option<Duration> {
        #[allow(clippy::cast_precision_loss)]
        let transfer = bytes as f64 / self.rate?;
        Some(self.rtt? + Duration::from_secs_f64(transfer.min(3600.0)))
    }

    /// Bytes that keep the link of this peer busy for `time` beyond a round trip, once measured.
    pub(super) fn window(&self, time: Duration) -> Option<u64> {
        let seconds = (self.rtt? + time).as_secs_f64();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some((self.rate? * seconds) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn queued_answers_measure_the_link_and_not_the_queue() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        // 1 MB/s, two requests sent together: the second answer arrives behind the first.
        pace.sample(1_000_000, start, start + 1000 * MS);
        pace.sample(1_000_000, start, start + 2000 * MS);
        let rate = pace.rate().expect("measured");
        assert!((0.99e6..1.01e6).contains(&rate), "{rate}");
    }

    #[test]
    fn failures_halve_the_rate_and_answers_restore_it() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.sample(1_000_000, start, start + 1000 * MS);
        pace.failed();
        assert_eq!(pace.rate(), Some(5e5));
        for i in 1..20 {
            pace.sample(
                1_000_000,
                start + i * 1000 * MS,
                start + (i + 1) * 1000 * MS,
            );
        }
        assert!(pace.rate().expect("measured") > 0.95e6);
    }

    #[test]
    fn nothing_is_expected_of_a_peer_that_was_not_measured() {
        let mut pace = Pace::default();
        assert_eq!(pace.expected(1), None);
        let start = Instant::now();
        pace.sample(10, start, start + 5 * MS);
        assert_eq!((pace.rtt, pace.rate()), (Some(5 * MS), None));
    }
}
