//! Lengths of time as people write them.

use std::time::Duration;

/// Reads `30s`, `10m`, `1h`, `7d`, `2w`; a number alone is seconds.
///
/// # Errors
/// It is no length of time, or a longer one than can be counted.
pub(in crate::cli) fn span(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim_start() {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return Err("no length of time, such as 30s, 10m, 1h or 7d".to_owned()),
    };
    let number: u64 = match number.parse() {
        Ok(number) => number,
        Err(_) if number.is_empty() => {
            return Err("no length of time, such as 30s, 10m, 1h or 7d".to_owned());
        }
        Err(_) => return Err("too long".to_owned()),
    };
    let seconds = number.checked_mul(seconds);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "too long".to_owned())
}

/// The same from a second to `most` days.
pub(super) fn up_to_days(text: &str, most: u64) -> Result<Duration, String> {
    let span = span(text)?;
    if span.is_zero() {
        return Err("at least 1s".to_owned());
    }
    if span > Duration::from_secs(most * 86_400) {
        return Err(format!("at most {most}d"));
    }
    Ok(span)
}

/// A score.
pub(super) fn score(text: &str) -> Result<f64, String> {
    let score: Option<f64> = text.trim().parse().ok();
    // Not a number is in no range.
    let score = score.filter(|score| (0.0..=1.0).contains(score));
    score.ok_or_else(|| "a score is a number from 0 to 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_a_number_and_a_unit() {
        for (text, secs) in [
            ("30s", 30),
            ("90", 90),
            ("10m", 600),
            ("10 min", 600),
            ("1h", 3600),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("0s", 0),
        ] {
            assert_eq!(span(text), Ok(Duration::from_secs(secs)), "{text}");
        }
        for text in [
            "",
            "h",
            "-1h",
            "1.5h",
            "1h30m",
            "1y",
            "soon",
            "99999999999999999999s",
            "18446744073709551615w",
            "١h",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
        assert!(up_to_days("0", 7).is_err());
        assert!(up_to_days("7d", 7).is_ok());
        assert!(up_to_days("169h", 7).is_err());
    }

    #[test]
    fn a_score_is_a_number_from_0_to_1() {
        for text in ["nan", "NaN", "inf", "2.0", "-0.1", "much", ""] {
            assert!(score(text).is_err(), "{text}");
        }
        assert_eq!(score("1"), Ok(1.0));
        assert_eq!(score("0.25"), Ok(0.25));
    }
}
