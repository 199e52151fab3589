//! The difficulty schedule: absolute, linear, anchored in genesis.

use crate::{
    chain::Genesis,
    ids::{Height, Theta},
};

/// µ-nats of one halving time: `floor(10^6 · ln 2)`.
const LN2_MICRO: i128 = 693_147;

/// The Θ that a child of the block at `parent_height` with `parent_time` (UNIX seconds) must have.
///
/// `clamp(Θa + floor(693147 · (T·Δh - Δt) / τ), min, max)`, with Δh and Δt counted from genesis and
/// the floor toward minus infinity. A chain that is τ seconds ahead of its schedule is twice as hard
/// to extend; errors of single timestamps do not accumulate. The result depends on the parent
/// alone, so a header branch is checked without looking further back.
#[must_use]
pub fn next_theta(genesis: &Genesis, parent_height: Height, parent_time: u64) -> Theta {
    let (anchor, params) = (genesis.header(), genesis.params());
    let blocks = i128::from(parent_height.0) - i128::from(anchor.height.0);
    let elapsed = i128::from(parent_time) - i128::from(anchor.timestamp);
    // At most 2^20 · (2^64 · 2^17 + 2^65): far from the end of i128.
    let ahead = i128::from(params.spacing_s) * blocks - elapsed;
    let step = (LN2_MICRO * ahead).div_euclid(i128::from(params.tau_s));
    let theta = (i128::from(anchor.theta.0) + step).clamp(
        i128::from(params.theta_min.0),
        i128::from(params.theta_max.0),
    );
    // The clamp left it within two u64.
    Theta(u64::try_from(theta).unwrap_or(params.theta_max.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ChainId;

    fn genesis(chain: ChainId) -> Genesis {
        Genesis::of_chain(chain).expect("a preset")
    }

    fn after(chain: ChainId, blocks: u64, seconds: u64) -> u64 {
        let genesis = genesis(chain);
        let time = genesis.header().timestamp + seconds;
        next_theta(&genesis, Height(blocks), time).0
    }

    #[test]
    fn agrees_with_the_vector() {
        assert_eq!(after(ChainId::TESTNET, 100, 260), 11_930_685);
    }

    #[test]
    fn on_schedule_theta_stays_and_it_moves_a_halving_per_tau() {
        assert_eq!(after(ChainId::MAINNET, 0, 0), 16_000_000);
        assert_eq!(after(ChainId::MAINNET, 500, 1000), 16_000_000);
        assert_eq!(after(ChainId::MAINNET, 300, 0), 16_693_147);
        assert_eq!(after(ChainId::MAINNET, 0, 600), 15_306_853);
    }

    #[test]
    fn rounds_toward_minus_infinity_and_clamps() {
        // 693147 / 600 = 1155.245
        assert_eq!(after(ChainId::MAINNET, 1, 1), 16_001_155);
        assert_eq!(after(ChainId::MAINNET, 0, 1), 15_998_844);
        assert_eq!(after(ChainId::DEVNET, u64::MAX, 0), 12_000_000);
        assert_eq!(after(ChainId::DEVNET, 0, u64::MAX / 2), 1_000_000);
    }
}
