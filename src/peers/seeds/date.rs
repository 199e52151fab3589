//! Moments as lists and keys write them: RFC 3339 in UTC, or a day.

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Milliseconds since the UNIX epoch of `YYYY-MM-DDTHH:MM:SS[.fraction](Z|+00:00)`.
pub(super) fn moment(text: &str) -> Option<u64> {
    let text = text
        .strip_suffix('Z')
        .or_else(|| text.strip_suffix("+00:00"))?;
    let (date, time) = text.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = time.split(':');
    let mut part = |below: u64| {
        parts
            .next()
            .and_then(|p| digits(p, 2))
            .filter(|n| *n < below)
    };
    let (hours, minutes, seconds) = (part(24)?, part(60)?, part(60)?);
    if parts.next().is_some() || !(1..=9).contains(&fraction.len()) {
        return None;
    }
    let mut millis = fraction.to_owned();
    digits(&millis, fraction.len())?;
    millis.push_str("000");
    let millis = digits(&millis[..3], 3)?;
    let seconds = (hours * 60 + minutes) * 60 + seconds;
    Some(day(date)? + seconds * 1000 + millis)
}

/// Milliseconds since the UNIX epoch at which the day `YYYY-MM-DD` begins.
pub(super) fn day(text: &str) -> Option<u64> {
    let mut parts = text.split('-');
    let year = parts.next().and_then(|p| digits(p, 4))?;
    let month = parts.next().and_then(|p| digits(p, 2))?;
    let date = parts.next().and_then(|p| digits(p, 2))?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [
        31,
        28 + u64::from(leap),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let before = usize::try_from(month.checked_sub(1)?).ok()?;
    let length = *lengths.get(before)?;
    if parts.next().is_some() || year < 1970 || !(1..=length).contains(&date) {
        return None;
    }
    let past = year - 1;
    let leap_days = |y: u64| y / 4 - y / 100 + y / 400;
    let days = (year - 1970) * 365 + leap_days(past) - leap_days(1969);
    let days = days + lengths[..before].iter().sum::<u64>() + date - 1;
    Some(days * DAY_MS)
}

/// `YYYY-MM-DDTHH:MM:SSZ` of a moment; the last that can be written is in the year 9999.
pub(super) fn text(ms: u64) -> String {
    let (days, seconds) = (ms / DAY_MS, ms % DAY_MS / 1000);
    // Years of 365.2425 days, off by one at most, corrected from above.
    let mut year = (1971 + days / 146_097 * 400 + days % 146_097 * 400 / 146_097).min(9999);
    let begins = |year: u64| day(&format!("{year:04}-01-01")).unwrap_or_default() / DAY_MS;
    while begins(year) > days {
        year -= 1;
    }
    let month = (1..=12u64)
        .rev()
        .find(|m| day(&format!("{year:04}-{m:02}-01")).is_some_and(|d| d / DAY_MS <= days))
        .unwrap_or(1);
    let first = day(&format!("{year:04}-{month:02}-01")).unwrap_or_default() / DAY_MS;
    let date = (days - first + 1).min(31);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{date:02}T{hours:02}:{minutes:02}:{seconds:02}Z")
}

/// A number of exactly `len` decimal digits.
fn digits(text: &str, len: usize) -> Option<u64> {
    let all = text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_others_write() {
        // `date -u -d … +%s`
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2024-03-01T00:00:00+00:00", 1_709_251_200),
            ("2026-07-15T12:34:56.789Z", 1_784_118_896),
            ("6239-01-01T00:00:00Z", 134_716_608_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(moment(&super::text(seconds * 1000)), Some(seconds * 1000));
            assert_eq!(moment(text).map(|ms| ms / 1000), Some(seconds), "{text}");
        }
        assert_eq!(moment("1970-01-01T00:00:00.5Z"), Some(500));
        assert_eq!(moment("1970-01-01T00:00:00.123456789Z"), Some(123));
        assert_eq!(day("1970-01-02"), Some(DAY_MS));
    }

    #[test]
    fn refuses_what_is_no_moment() {
        for wrong in [
            "",
            "2026-07-15",
            "2026-07-15T12:34:56",
            "2026-07-15T12:34:56+02:00",
            "2026-07-15T24:00:00Z",
            "2026-07-15T12:60:00Z",
            "2026-07-15T12:34:60Z",
            "2026-07-15T12:34Z",
            "2026-07-15T12:34:56.Z",
            "2026-07-15T12:34:56.1234567890Z",
            "2026-07-15T12:34:56.é0Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "1969-12-31T00:00:00Z",
            "+026-01-01T00:00:00Z",
            "2026-07-15t12:34:56z",
        ] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(seconds in 0..253_402_300_800u64) {
            prop_assert_eq!(moment(&text(seconds * 1000)), Some(seconds * 1000));
        }

        #[test]
        fn no_number_is_too_large_to_write(ms in any::<u64>()) {
            prop_assert!(moment(&text(ms)).is_some());
        }
    }
}
