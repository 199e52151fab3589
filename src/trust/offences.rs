//! What each offence costs: one table.

use crate::offence::{Offence, Severity};

use super::Config;

/// How often an offence is put up with, beginning from the score of a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tolerance {
    /// Not once: the score falls to 0.
    None,
    /// Twice: 2 × `trust_penalty_invalid`.
    Low,
    /// Four times: `trust_penalty_invalid`.
    Middle,
    /// Eight times: half of `trust_penalty_invalid`.
    High,
}

impl Tolerance {
    /// What one offence adds to the score: at most 0.
    pub(super) fn delta(self, config: &Config) -> f64 {
        let penalty = config.trust_penalty_invalid;
        match self {
            // More than any score: what one lie costs does not depend on the figures.
            Self::None => -1.0,
            Self::Low => -2.0 * penalty,
            Self::Middle => -penalty,
            Self::High => -0.5 * penalty,
        }
    }

    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Middle => "middle",
            Self::High => "high",
        }
    }
}

/// How often `offence` is put up with. A lie never; of the breaches, what another version of the
/// protocol could do by honest mistake costs least.
#[must_use]
pub fn tolerance(offence: Offence) -> Tolerance {
    match offence {
        lie if lie.severity() == Severity::Lying => Tolerance::None,
        Offence::MeshAbuse | Offence::FalseWorkClaim => Tolerance::Low,
        Offence::UnknownMessage | Offence::UnknownFlags => Tolerance::High,
        _ => Tolerance::Middle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_offence_is_put_up_with_as_often_as_its_name_says() {
        let config = Config::default();
        for offence in Offence::ALL {
            let kind = tolerance(*offence);
            let times = match kind {
                Tolerance::None => 0,
                Tolerance::Low => 2,
                Tolerance::Middle => 4,
                Tolerance::High => 8,
            };
            let after = |n: f64| config.initial_trust_score + n * kind.delta(&config) + 1e-12;
            assert!(after(f64::from(times)) >= config.min_trust_threshold);
            assert!(after(f64::from(times) + 1.0) < config.min_trust_threshold);
            let is_lie = offence.severity() == Severity::Lying;
            assert_eq!(is_lie, kind == Tolerance::None, "{offence}");
        }
    }

    #[test]
    fn the_specification_has_the_same_table() {
        let spec = include_str!("../../specs/trust.md");
        for offence in Offence::ALL {
            let row = format!("| `{offence}` | {} |", tolerance(*offence).name());
            assert!(spec.contains(&row), "specs/trust.md lacks {row}");
        }
    }
}
