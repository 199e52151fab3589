//! The micro-target of a share: easier than a block by the logarithm of the shares wanted per
//! block, exact in integers.

use std::num::NonZeroU32;

use crate::ids::Theta;

use super::exp;

/// Θ of a share where a block needs `theta` and `per_block` shares are wanted for each: `Θ -
/// round(10^6 · ln K)`, at least 0 and below Θ. Rule S1 of the original.
#[must_use]
pub fn share_theta(theta: Theta, per_block: NonZeroU32) -> Theta {
    let easier = theta.0.saturating_sub(log_micro(per_block));
    Theta(easier.min(theta.0.saturating_sub(1)))
}

/// `round(10^6 · ln k)`, at most 22 180 710.
///
/// The result `r` is the largest for which `e^((r - 1/2) / 10^6) < k`, that is
/// `e^((2r - 1) / 10^6) < k²`. Powers of e are irrational, so `2^32 · e^x < n` holds for an integer
/// `n` exactly if the floor of the left side, which [`exp::growth_32`] gives, is below `n`.
fn log_micro(k: NonZeroU32) -> u64 {
    let square = u128::from(k.get()).pow(2) << 32;
    let below = |r: u32| exp::growth_32(2 * r - 1) < square;
    // `below` holds for 1..=r and for nothing above.
    let (mut low, mut high) = (0, exp::MAX / 2);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if below(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    u64::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(theta: u64, k: u32) -> u64 {
        share_theta(Theta(theta), NonZeroU32::new(k).unwrap()).0
    }

    #[test]
    fn micro_targets_are_the_published_ones() {
        for (k, expected) in [(16, 13_227_411), (64, 11_841_117), (256, 10_454_823)] {
            assert_eq!(share(16_000_000, k), expected, "{k}");
        }
    }

    #[test]
    fn a_share_is_easier_than_a_block_and_never_below_nothing() {
        assert_eq!(share(16_000_000, 1), 15_999_999);
        assert_eq!(share(2_000_000, 16), 0);
        assert_eq!(share(1, 1), 0);
        assert_eq!(share(0, 1), 0);
        assert_eq!(share(64_000_000, u32::MAX), 64_000_000 - 22_180_710);
    }

    #[test]
    fn logarithms_round_like_the_second_implementation() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/vectors/shares.json")).unwrap();
        let list = all["logarithms"].as_array().unwrap();
        assert!(list.len() > 100);
        for entry in list {
            let k = entry["k"].as_u64().unwrap() as u32;
            let expected = entry["micro"].as_u64().unwrap();
            assert_eq!(log_micro(NonZeroU32::new(k).unwrap()), expected, "{k}");
        }
    }
}
