//! Time and randomness, injected: engines never ask the operating system for either.
//!
//! Monotonic time drives every timeout; wall-clock time only fills in and judges timestamps, so a
//! stepping wall clock can neither fire nor hold back a timer.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic instant, for timeouts and rates.
    pub mono: Instant,
    /// Milliseconds since the UNIX epoch, for timestamps.
    pub wall_ms: u64,
}

impl Now {
    /// Whole seconds since the UNIX epoch, the unit of header timestamps.
    #[must_use]
    pub fn wall_secs(&self) -> u64 {
        self.wall_ms / 1000
    }
}

/// Where a node reads the time.
pub trait Clock: Send + Sync + 'static {
    /// Both clocks at this moment.
    fn now(&self) -> Now;
}

/// The clocks of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Now {
            mono: Instant::now(),
            wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// A clock moved by hand, for tests and simulation. Clones share the same time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Now>>);

impl ManualClock {
    /// A clock that stands at `wall_ms` until it is moved.
    #[must_use]
    pub fn at_wall_ms(wall_ms: u64) -> Self {
        Self(Arc::new(Mutex::new(Now {
            mono: Instant::now(),
            wall_ms,
        })))
    }

    /// Moves both clocks forward together.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now.mono += by;
        now.wall_ms = now
            .wall_ms
            .saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX));
    }

    /// Steps the wall clock alone, as an operator or NTP would.
    pub fn step_wall_to_ms(&self, wall_ms: u64) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .wall_ms = wall_ms;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pseudo-random generator that engines use for jitter, choice and salts: seeded, so that a
/// simulation repeats. Key material never comes from it (see `crypto`).
pub type Rng = rand::rngs::StdRng;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stepping_the_wall_clock_leaves_monotonic_time_alone() {
        let clock = ManualClock::at_wall_ms(10_000);
        let before = clock.now();
        clock.step_wall_to_ms(1);
        assert_eq!(clock.now().mono, before.mono);
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.now().wall_ms, 2_001);
        assert_eq!(clock.now().mono - before.mono, Duration::from_secs(2));
    }
}
