//! Useful-work arithmetic: the target of a difficulty, the work it stands for, and the schedule that
//! sets it. Integers only, exact on every machine.
//!
//! A draw is a uniform number below `2^256`. It meets Θ if it is at most `floor(2^256 · e^-Θ) - 1`,
//! so a trial succeeds with probability `e^-Θ` and a block takes `e^Θ` trials. Work is therefore
//! `e^Θ`, in units of `2^-32` trials, and never Θ, whose sum would favour many easy blocks.

mod exp;
mod schedule;
mod share;

use crate::ids::{Hash32, Theta, Work};

pub use schedule::next_theta;
pub use share::share_theta;

/// Largest Θ that a genesis may allow. Larger could not be met by any hardware, and the work of one
/// header would not fit 125 bits.
pub const MAX_THETA: Theta = Theta(exp::MAX as u64);

/// The largest draw that meets `theta`, big-endian: `floor(2^256 · e^(-Θ/10^6)) - 1`.
///
/// Above [`MAX_THETA`] it is zero; no schedule demands that.
#[must_use]
pub fn target(theta: Theta) -> [u8; 32] {
    let mut out = [0xff; 32];
    if theta.0 == 0 {
        return out;
    }
    let Some(x) = in_range(theta) else {
        return [0; 32];
    };
    let mut borrow = true;
    for (chunk, limb) in out.rchunks_exact_mut(8).zip(exp::decay_256(x)) {
        let (limb, under) = limb.overflowing_sub(u64::from(borrow));
        borrow = under;
        chunk.copy_from_slice(&limb.to_be_bytes());
    }
    out
}

/// Whether `draw` meets `theta`.
#[must_use]
pub fn meets(draw: &Hash32, theta: Theta) -> bool {
    draw.0 <= target(theta) && theta <= MAX_THETA
}

/// The work that a header of difficulty `theta` stands for: `floor(2^32 · e^(Θ/10^6))`, saturating
/// at that of [`MAX_THETA`].
#[must_use]
pub fn work(theta: Theta) -> Work {
    if theta.0 == 0 {
        return Work(1 << 32);
    }
    Work(exp::growth_32(in_range(theta).unwrap_or(exp::MAX)))
}

/// Draws that a miner needs on average, rounded down: `e^(Θ/10^6)`.
#[must_use]
pub fn expected_trials(theta: Theta) -> u128 {
    work(theta).0 >> 32
}

fn in_range(theta: Theta) -> Option<u32> {
    u32::try_from(theta.0).ok().filter(|x| *x <= exp::MAX)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
