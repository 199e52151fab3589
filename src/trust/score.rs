//! Numbers that are what they say: a score in 0..=1, a magnitude in 0..=10, and how both are kept
//! in rows, which know no floats.

/// A number that is not one, or outside its range.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} is not a number from 0 to {1}")]
pub struct OutOfRange(pub f64, pub f64);

/// A score: finite, 0.0 to 1.0.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Score(f64);

impl Score {
    /// A score.
    ///
    /// # Errors
    /// NaN, infinite, negative or above 1.
    pub fn new(value: f64) -> Result<Self, OutOfRange> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(OutOfRange(value, 1.0))
        }
    }

    /// Its value.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// In whole thousandths, which have an order.
    #[must_use]
    pub fn thousandths(self) -> u32 {
        (self.0 * 1000.0).round() as u32
    }
}

/// How much of an event there was: its delta is multiplied by it. Finite, 0.0 to 10.0.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Magnitude(f64);

impl Magnitude {
    /// An ordinary event.
    pub const ONE: Self = Self(1.0);

    /// The most that counts. Larger would let one event outweigh every other.
    pub const MAX: f64 = 10.0;

    /// A magnitude; what is above [`Magnitude::MAX`] counts as that.
    ///
    /// # Errors
    /// NaN, infinite or negative.
    pub fn new(value: f64) -> Result<Self, OutOfRange> {
        if value.is_finite() && value >= 0.0 {
            Ok(Self(value.min(Self::MAX)))
        } else {
            Err(OutOfRange(value, Self::MAX))
        }
    }

    /// Its value.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Default for Magnitude {
    fn default() -> Self {
        Self::ONE
    }
}

/// Rows hold scores in units of 1e-9.
const NANO: f64 = 1e9;

/// Largest delta of a row, in units of 1e-9: a million times the whole range.
const MAX_DELTA: u64 = 1_000_000_000_000_000;

/// A score as it stands in a row.
pub(super) fn to_nano(score: f64) -> u64 {
    (score.clamp(0.0, 1.0) * NANO).round() as u64
}

/// The score a row holds.
pub(super) fn from_nano(nano: u64) -> Option<f64> {
    (nano <= NANO as u64).then(|| nano as f64 / NANO)
}

/// A signed delta as it stands in a row: twice its size, plus one if it is negative.
pub(super) fn delta_to_row(delta: f64) -> u64 {
    let size = ((delta.abs() * NANO).round() as u64).min(MAX_DELTA);
    size * 2 + u64::from(delta < 0.0 && size > 0)
}

/// The delta a row holds. Minus zero and what is too large are refused.
pub(super) fn delta_from_row(row: u64) -> Option<f64> {
    let (size, negative) = (row / 2, row % 2 == 1);
    if size > MAX_DELTA || (negative && size == 0) {
        return None;
    }
    let delta = size as f64 / NANO;
    Some(if negative { -delta } else { delta })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_score_and_no_magnitude() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.001] {
            assert!(Score::new(bad).is_err(), "{bad}");
            assert!(Magnitude::new(bad).is_err(), "{bad}");
        }
        assert!(Score::new(1.000_001).is_err());
        assert_eq!(Magnitude::new(1e300).unwrap().get(), Magnitude::MAX);
        assert_eq!(Magnitude::new(0.0).unwrap().get(), 0.0);
    }

    #[test]
    fn rows_hold_scores_and_deltas_to_a_billionth() {
        for score in [0.0, 0.1, 0.123_456_789, 0.5, 1.0] {
            assert_eq!(from_nano(to_nano(score)), Some(score));
        }
        assert_eq!(from_nano(1_000_000_001), None);
        for delta in [0.0, 0.001, -0.1, -0.123_456_789, 12.5] {
            assert_eq!(delta_from_row(delta_to_row(delta)), Some(delta));
        }
        assert_eq!(delta_from_row(1), None);
        assert_eq!(delta_from_row(u64::MAX), None);
        assert_eq!(delta_to_row(-1e-12), 0);
    }
}
