//! Points in time as people read them: absolute in UTC, and from now.

use super::screen::duration;
use crate::clock::{Clock, SystemClock};

/// Days from 0000-03-01, where the years of this calendar begin, to 1970-01-01.
const EPOCH_DAYS: u64 = 719_468;

/// Days in 400 years.
const ERA_DAYS: u64 = 146_097;

/// Milliseconds since the UNIX epoch, now.
pub(super) fn now_ms() -> u64 {
    SystemClock.now().wall_ms
}

/// `2026-07-31 14:03:11 UTC (in 52 min 3 s)`.
pub(super) fn moment(ms: u64, now_ms: u64) -> String {
    format!("{} ({})", utc(ms), from_now(ms, now_ms))
}

/// `in 52 min 3 s`, `3 s ago`, `now`.
pub(super) fn from_now(ms: u64, now_ms: u64) -> String {
    match (ms / 1000, now_ms / 1000) {
        (then, now) if then > now => format!("in {}", duration(then - now)),
        (then, now) if then < now => format!("{} ago", duration(now - then)),
        _ => "now".to_owned(),
    }
}

/// `2026-07-31 14:03:11 UTC`, by the Gregorian calendar.
fn utc(ms: u64) -> String {
    let seconds = ms / 1000;
    let (days, rest) = (seconds / 86_400 + EPOCH_DAYS, seconds % 86_400);
    let (era, day) = (days / ERA_DAYS, days % ERA_DAYS);
    // Each fourth year is a day longer, but not each hundredth.
    let year = (day - day / 1460 + day / 36_524 - day / (ERA_DAYS - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // From March on months have 31, 30, 31, 30, 31 days, and again.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, turn) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year + turn;
    let (h, m, s) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (1_709_164_800, "2024-02-29 00:00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(utc(seconds * 1000), text);
        }
        // What a peer says may be anything.
        assert!(utc(u64::MAX).ends_with("UTC"));
    }

    #[test]
    fn distances_go_both_ways() {
        assert_eq!(from_now(61_000, 1_000), "in 1 min 0 s");
        assert_eq!(from_now(1_000, 4_500), "3 s ago");
        assert_eq!(from_now(1_900, 1_000), "now");
    }
}
