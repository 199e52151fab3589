//! When to ask which source again.

use std::time::{Duration, Instant};

use rand::RngExt as _;

use crate::clock::Rng;

/// Time between two visits of a source that answers (the original's figure).
pub(super) const REFRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// How far a wait is stretched or shortened, so that nodes that started together do not ask
/// together (the original's figure).
const JITTER: f64 = 0.2;

/// First wait after a failure; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(60);

/// Longest wait after failures: a publisher that comes back is found within about an hour.
const LAST_RETRY: Duration = Duration::from_secs(60 * 60);

/// When each of some sources is due, by its number.
#[derive(Clone, Debug)]
pub struct Schedule {
    refresh: Duration,
    sources: Vec<Visit>,
}

#[derive(Clone, Copy, Debug)]
struct Visit {
    /// `None` while somebody is asking.
    due: Option<Instant>,
    failures: u32,
}

impl Schedule {
    /// `count` sources, all due at once, then every `refresh`.
    #[must_use]
    pub fn new(count: usize, refresh: Duration, now: Instant) -> Self {
        let visit = Visit {
            due: Some(now),
            failures: 0,
        };
        Self {
            refresh,
            sources: vec![visit; count],
        }
    }

    /// The sources that are due. Each stays out of the answer until [`answered`](Self::answered) or
    /// [`failed`](Self::failed) says how it went.
    pub fn take_due(&mut self, now: Instant) -> Vec<usize> {
        let is_due = |visit: &Visit| visit.due.is_some_and(|due| due <= now);
        let sources = self.sources.iter_mut().enumerate();
        sources
            .filter(|(_, visit)| is_due(visit))
            .map(|(number, visit)| {
                visit.due = None;
                number
            })
            .collect()
    }

    /// When the next source is due, if none is being asked before.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.sources.iter().filter_map(|visit| visit.due).min()
    }

    /// A source answered. A list that ends in `expires_in` is asked for again at half of that at the
    /// latest, but not within a minute.
    pub fn answered(
        &mut self,
        number: usize,
        expires_in: Option<Duration>,
        now: Instant,
        rng: &mut Rng,
    ) {
        let renew = expires_in.map_or(self.refresh, |left| (left / 2).max(FIRST_RETRY));
        let wait = jittered(self.refresh.min(renew), rng);
        if let Some(visit) = self.sources.get_mut(number) {
            visit.failures = 0;
            visit.due = now.checked_add(wait);
        }
    }

    /// A source did not answer, or with something that was refused.
    pub fn failed(&mut self, number: usize, now: Instant, rng: &mut Rng) {
        if let Some(visit) = self.sources.get_mut(number) {
            let doubled = FIRST_RETRY * 2u32.pow(visit.failures.min(10));
            visit.failures = visit.failures.saturating_add(1);
            let wait = doubled.min(LAST_RETRY).min(self.refresh);
            visit.due = now.checked_add(jittered(wait, rng));
        }
    }

    /// Makes every source due that is not being asked: whoever has no peers left does not wait for
    /// tomorrow.
    pub fn hurry(&mut self, now: Instant) {
        for visit in &mut self.sources {
            visit.due = visit.due.map(|due| due.min(now));
        }
    }
}

fn jittered(wait: Duration, rng: &mut Rng) -> Duration {
    wait.mul_f64(rng.random_range(1.0 - JITTER..1.0 + JITTER))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn wait(schedule: &Schedule, now: Instant) -> f64 {
        schedule.next().unwrap().duration_since(now).as_secs_f64()
    }

    #[test]
    fn asks_everybody_once_and_again_after_a_day_or_so() {
        let (start, mut rng) = (Instant::now(), Rng::seed_from_u64(3));
        let mut schedule = Schedule::new(3, REFRESH, start);
        assert_eq!(schedule.take_due(start), [0, 1, 2]);
        assert_eq!(schedule.take_due(start), [0usize; 0]);
        assert_eq!(schedule.next(), None);
        let mut waits = Vec::new();
        for _ in 0..50 {
            schedule.answered(1, None, start, &mut rng);
            waits.push(wait(&schedule, start) / 3600.0);
        }
        assert!(waits.iter().all(|h| (19.2..=28.8).contains(h)), "{waits:?}");
        assert!(waits.iter().any(|h| *h < 22.0) && waits.iter().any(|h| *h > 26.0));
        assert_eq!(schedule.take_due(start + REFRESH * 2), [1]);
    }

    #[test]
    fn a_list_that_ends_soon_is_renewed_before() {
        let (start, mut rng) = (Instant::now(), Rng::seed_from_u64(3));
        let mut schedule = Schedule::new(1, REFRESH, start);
        schedule.take_due(start);
        schedule.answered(0, Some(MINUTE * 100), start, &mut rng);
        assert!((2400.0..=3600.0).contains(&wait(&schedule, start)));
        schedule.answered(0, Some(Duration::ZERO), start, &mut rng);
        assert!((48.0..=72.0).contains(&wait(&schedule, start)));
    }

    #[test]
    fn failures_back_off_to_an_hour_and_are_forgotten() {
        let (start, mut rng) = (Instant::now(), Rng::seed_from_u64(3));
        let mut schedule = Schedule::new(1, REFRESH, start);
        schedule.take_due(start);
        let mut waits = Vec::new();
        for _ in 0..40 {
            schedule.failed(0, start, &mut rng);
            waits.push(wait(&schedule, start));
        }
        assert!((48.0..=72.0).contains(&waits[0]));
        assert!((96.0..=144.0).contains(&waits[1]));
        assert!((2880.0..=4320.0).contains(&waits[39]));
        schedule.answered(0, None, start, &mut rng);
        schedule.failed(0, start, &mut rng);
        assert!((48.0..=72.0).contains(&wait(&schedule, start)));
        schedule.hurry(start);
        assert_eq!(schedule.take_due(start), [0]);
        schedule.hurry(start);
        assert_eq!(schedule.take_due(start), [0usize; 0]);
        schedule.failed(99, start, &mut rng);
    }
}
