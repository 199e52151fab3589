//! What a chain fixes beside its genesis header: spacing, schedule, bounds of Θ, sizes.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{ChainId, Theta},
    registry::{MAX_BLOCK_BYTES, MAX_PROOFS},
};

use super::poies::MAX_THETA;

/// Most transactions in a block of any chain: devnet's figure, from the original's parameters. With
/// [`MAX_BLOCK_BYTES`] it bounds what decoding a block may allocate.
pub(super) const MAX_TXS: usize = 60_000;

/// Longest block spacing, seconds. With it the schedule stays far inside 128-bit integers.
pub(super) const MAX_SPACING_S: u64 = 86_400;

/// Longest halving time of the schedule, seconds: about 31 years.
pub(super) const MAX_TAU_S: u64 = 1_000_000_000;

/// The rules of a chain that its headers do not say. Every node of the chain has the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Intended seconds between blocks (T).
    pub spacing_s: u64,
    /// Seconds of deviation from the schedule that halve or double the work of a block (τ).
    pub tau_s: u64,
    /// Least Θ, µ-nats.
    pub theta_min: Theta,
    /// Largest Θ, µ-nats.
    pub theta_max: Theta,
    /// Longest encoded block, bytes.
    pub max_block_bytes: usize,
    /// Most transactions in a block.
    pub max_txs: usize,
    /// Most proofs in a block.
    pub max_proofs: usize,
}

/// Parameters no chain can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {got}, it must be in {min}..={max}")]
pub struct ParamsError {
    /// Which one.
    pub name: &'static str,
    /// Its value.
    pub got: u64,
    /// The least it may be.
    pub min: u64,
    /// The most it may be.
    pub max: u64,
}

impl Params {
    /// The parameters of main, test and development network; any other chain gets devnet's.
    #[must_use]
    pub fn of_chain(chain: ChainId) -> Self {
        let (theta_min, theta_max, millions) = match chain {
            ChainId::MAINNET => (8_000_000, 32_000_000, 2),
            ChainId::TESTNET => (6_000_000, 24_000_000, 3),
            _ => (1_000_000, 12_000_000, 4),
        };
        Self {
            spacing_s: 2,
            tau_s: 600,
            theta_min: Theta(theta_min),
            theta_max: Theta(theta_max),
            max_block_bytes: millions * 1_000_000,
            max_txs: 20_000 * (millions - 1),
            max_proofs: MAX_PROOFS,
        }
    }

    /// Checks that the arithmetic and the limits of this build cover these parameters.
    ///
    /// # Errors
    /// The first one that is out of range.
    pub fn check(&self) -> Result<(), ParamsError> {
        let within = |name, got, min, max| {
            if (min..=max).contains(&got) {
                Ok(())
            } else {
                Err(ParamsError {
                    name,
                    got,
                    min,
                    max,
                })
            }
        };
        within("spacing_s", self.spacing_s, 1, MAX_SPACING_S)?;
        within("tau_s", self.tau_s, 1, MAX_TAU_S)?;
        within("theta_max", self.theta_max.0, 0, MAX_THETA.0)?;
        within("theta_min", self.theta_min.0, 0, self.theta_max.0)?;
        let sizes = [
            ("max_block_bytes", self.max_block_bytes, MAX_BLOCK_BYTES),
            ("max_txs", self.max_txs, MAX_TXS),
            ("max_proofs", self.max_proofs, MAX_PROOFS),
        ];
        // A block holds at least its header.
        let least = |name| u64::from(name == "max_block_bytes") * 1024;
        sizes
            .into_iter()
            .try_for_each(|(name, got, max)| within(name, got as u64, least(name), max as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_networks_have_their_published_limits() {
        let of = |chain| {
            let p = Params::of_chain(chain);
            assert_eq!(p.check(), Ok(()));
            (p.max_block_bytes, p.max_txs, p.theta_min.0, p.theta_max.0)
        };
        assert_eq!(
            of(ChainId::MAINNET),
            (2_000_000, 20_000, 8_000_000, 32_000_000)
        );
        assert_eq!(
            of(ChainId::TESTNET),
            (3_000_000, 40_000, 6_000_000, 24_000_000)
        );
        assert_eq!(
            of(ChainId::DEVNET),
            (4_000_000, 60_000, 1_000_000, 12_000_000)
        );
    }

    #[test]
    fn refuses_parameters_outside_the_arithmetic() {
        let good = Params::of_chain(ChainId::DEVNET);
        for bad in [
            Params {
                tau_s: 0,
                ..good.clone()
            },
            Params {
                theta_max: Theta(64_000_001),
                ..good.clone()
            },
            Params {
                theta_min: Theta(12_000_001),
                ..good.clone()
            },
            Params {
                max_txs: MAX_TXS + 1,
                ..good.clone()
            },
            Params {
                max_block_bytes: 0,
                ..good.clone()
            },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
