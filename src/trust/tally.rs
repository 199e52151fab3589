//! What a peer did, in numbers: valid and invalid messages, answers, time connected.

use std::time::Duration;

use super::event::Column;

/// Messages the valid ratio looks back on: above it both counts are halved, so that old merits do
/// not hide new faults.
const MESSAGES: u32 = 1024;

/// Requests the responsiveness looks back on, in the same way.
const REQUESTS: u32 = 256;

/// Time the uptime share looks back on, in the same way. Days, because a peer that is away every
/// night is of use every day.
const UPTIME: i64 = 7 * 24 * 60 * 60 * 1000;

/// Weight of what is not known yet in the uptime share: five minutes up and five down.
const PRIOR: f64 = 5.0 * 60.0 * 1000.0;

/// Round-trip time that halves the responsiveness.
const SLOW_MS: f64 = 1000.0;

/// Share of a new sample in the mean round-trip time.
const RTT_GAIN: f64 = 0.125;

/// Longest round-trip time noted.
const MAX_RTT: Duration = Duration::from_secs(60);

/// Numbers about one peer. Times are milliseconds on the engine's own monotonic scale.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) valid: u32,
    pub(super) invalid: u32,
    pub(super) answered: u32,
    pub(super) missed: u32,
    /// Mean round-trip time in milliseconds; 0 before the first sample.
    pub(super) rtt_ms: f64,
    pub(super) up: i64,
    pub(super) known: i64,
    /// Until when `up` and `known` are right; `None` before the first interaction.
    pub(super) accrued: Option<i64>,
    pub(super) connected: bool,
}

impl Tally {
    #[inline]
    pub(super) fn count(&mut self, column: Column) {
        match column {
            Column::Valid => bump(&mut self.valid, &mut self.invalid, MESSAGES),
            Column::Invalid => bump(&mut self.invalid, &mut self.valid, MESSAGES),
            Column::Answered => bump(&mut self.answered, &mut self.missed, REQUESTS),
            Column::Missed => bump(&mut self.missed, &mut self.answered, REQUESTS),
            Column::Other => {}
        }
    }

    pub(super) fn sample(&mut self, rtt: Duration) {
        let ms = rtt.min(MAX_RTT).as_secs_f64() * 1000.0;
        self.rtt_ms = if self.rtt_ms == 0.0 {
            ms
        } else {
            self.rtt_ms + RTT_GAIN * (ms - self.rtt_ms)
        };
    }

    /// Time connected and time known, at `t`.
    pub(super) fn times(&self, t: i64) -> (i64, i64) {
        let passed = self.accrued.map_or(0, |from| (t - from).max(0));
        let up = if self.connected { passed } else { 0 };
        let (mut up, mut known) = (self.up + up, self.known.saturating_add(passed));
        while known > UPTIME {
            (up, known) = (up / 2, known / 2);
        }
        (up, known)
    }

    /// Brings the times up to `t`, from when on the peer is connected, or not.
    pub(super) fn accrue(&mut self, t: i64, connected: bool) {
        (self.up, self.known) = self.times(t);
        self.accrued = Some(t);
        self.connected = connected;
    }

    pub(super) fn valid_ratio(&self) -> f64 {
        ratio(self.valid, self.invalid)
    }

    pub(super) fn responsiveness(&self) -> f64 {
        ratio(self.answered, self.missed) * SLOW_MS / (SLOW_MS + self.rtt_ms)
    }

    pub(super) fn uptime(&self, t: i64) -> f64 {
        let (up, known) = self.times(t);
        (up as f64 + PRIOR) / (known as f64 + 2.0 * PRIOR)
    }
}

#[inline]
fn bump(one: &mut u32, other: &mut u32, window: u32) {
    *one += 1;
    if *one + *other > window {
        (*one, *other) = (*one / 2, *other / 2);
    }
}

/// Share of `good`, drawn towards one half while there is little: Laplace's rule.
fn ratio(good: u32, bad: u32) -> f64 {
    (f64::from(good) + 1.0) / (f64::from(good) + f64::from(bad) + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stranger_every_ratio_is_one_half() {
        let tally = Tally::default();
        let all = [tally.valid_ratio(), tally.responsiveness(), tally.uptime(9)];
        assert_eq!(all, [0.5; 3]);
    }

    #[test]
    fn old_merits_do_not_hide_new_faults() {
        let mut tally = Tally::default();
        (0..1_000_000).for_each(|_| tally.count(Column::Valid));
        assert!(tally.valid_ratio() > 0.99);
        (0..1_000).for_each(|_| tally.count(Column::Invalid));
        assert!(tally.valid_ratio() < 0.5, "{}", tally.valid_ratio());
    }

    #[test]
    fn slow_answers_are_worth_less_than_fast_ones_and_more_than_none() {
        let of = |ms: u64, column: Column| {
            let mut tally = Tally::default();
            for _ in 0..50 {
                tally.count(column);
                tally.sample(Duration::from_millis(ms));
            }
            tally.responsiveness()
        };
        assert!(of(10, Column::Answered) > of(400, Column::Answered));
        assert!(of(400, Column::Answered) > of(400, Column::Missed));
        assert!(of(u64::MAX, Column::Answered) > 0.0);
    }

    #[test]
    fn uptime_is_the_share_of_the_time_it_is_known() {
        let hour = 3_600_000;
        let mut tally = Tally::default();
        tally.accrue(0, true);
        tally.accrue(10 * hour, false);
        let share = tally.uptime(20 * hour);
        assert!((share - 0.5).abs() < 0.01, "{share}");
        assert!(tally.uptime(100 * 24 * hour) < 0.1);
        assert!(tally.uptime(i64::MAX / 4) > 0.0);
    }
}
