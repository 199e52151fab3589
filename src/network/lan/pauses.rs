//! How long mDNS rests after a flood.

use std::time::Duration;

/// First pause. Long enough that a flood costs next to nothing, short enough that one burst hardly
/// shows.
pub const FIRST_PAUSE: Duration = Duration::from_secs(10);

/// Longest pause; pauses double up to it.
pub const LAST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// Whoever listened so long without a flood begins again with the first pause.
pub const QUIET: Duration = Duration::from_secs(5 * 60);

/// Pauses that double.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    first: Duration,
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self::beginning_with(FIRST_PAUSE)
    }
}

impl Pauses {
    pub(super) fn beginning_with(first: Duration) -> Self {
        Self { first, next: first }
    }

    /// How long to pause after a flood that came when mDNS had listened for `listened`.
    pub(super) fn after(&mut self, listened: Duration) -> Duration {
        if listened >= QUIET {
            self.next = self.first;
        }
        let pause = self.next;
        self.next = (pause * 2).min(LAST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_five_minutes_and_begin_anew_after_quiet() {
        let mut pauses = Pauses::default();
        let busy = Duration::from_secs(1);
        let lengths: Vec<u64> = (0..8).map(|_| pauses.after(busy).as_secs()).collect();
        assert_eq!(lengths, [10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(pauses.after(QUIET - busy).as_secs(), 300);
        assert_eq!(pauses.after(QUIET).as_secs(), 10);
        assert_eq!(pauses.after(busy).as_secs(), 20);
    }
}
