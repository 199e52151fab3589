//! `e^-x` and `e^x` for `x` in µ-nats, exact after rounding down, with integers only.
//!
//! The *results* are the normative thing: `floor` of a real number. How they are reached is free.
//! Here, `e^-x` is a fraction of 320 bits, the product of three table entries, one for each digit
//! of `x` in the mixed base 512, 512, 256. Every step rounds down, so the fraction `p` satisfies
//! `p <= e^-x < p + 5 · 2^-320`. `floor(2^256 · e^-x)` is therefore the upper 256 bits of `p`
//! unless the lower 64 bits exceed `2^64 - 6`, which happens for no `x` in `1..=MAX` (all of them
//! were tried; see `scan` in the tests). The same holds for `2^32 · e^x = C · e^-(MAX - x)` with
//! `C = 2^32 · e^64`.

use std::sync::LazyLock;

/// Largest exponent, in µ-nats: 64 nats, beyond any difficulty that hashing could meet. Larger
/// would not let the work of one header fit 125 bits.
pub(super) const MAX: u32 = 64_000_000;

/// Limbs of a fraction, least significant first: 320 bits behind the point.
const LIMBS: usize = 5;

/// Limbs while the tables are made: 512 bits, so that no error of theirs reaches bit 320.
const WIDE: usize = 8;

/// Bits of a digit of `x`, least significant digit first.
const DIGIT_BITS: [u32; 3] = [9, 9, 8];

/// `floor(2^227 · e^64)`: `2^32 · e^64` with 195 bits behind the point.
const E64: Fraction = [
    0xe431_f178_b77e_08d6,
    0xdbbe_bc93_03b1_62bd,
    0x02a5_e95d_f1a5_59d8,
    0xe71e_ada7_6d81_8bab,
    0xa12c_c167_acbe_6902,
];

type Fraction = [u64; LIMBS];

static TABLES: LazyLock<[Vec<Fraction>; 3]> = LazyLock::new(|| {
    let mut unit = 1;
    DIGIT_BITS.map(|bits| {
        let table = table(unit, 1 << bits);
        unit <<= bits;
        table
    })
});

/// `floor(2^256 · e^(-x/10^6))` for `x` in `1..=MAX`, least significant limb first.
pub(super) fn decay_256(x: u32) -> [u64; 4] {
    let [_, a, b, c, d] = decay(x);
    [a, b, c, d]
}

/// `floor(2^32 · e^(x/10^6))` for `x` in `1..=MAX`.
pub(super) fn growth_32(x: u32) -> u128 {
    let [.., low, high] = mul(&E64, &decay(MAX - x));
    // 195 bits are behind the point: three limbs and three bits.
    (u128::from(low) | u128::from(high) << 64) >> 3
}

/// `e^(-x/10^6)` with 320 bits behind the point, too small by less than 5 units of the last.
fn decay(x: u32) -> Fraction {
    let [t0, t1, t2] = &*TABLES;
    let x = x as usize;
    let low = mul(&t0[x & 511], &t1[x >> 9 & 511]);
    mul(&low, &t2[x >> 18 & 255])
}

/// The upper half of the product.
fn mul(a: &Fraction, b: &Fraction) -> Fraction {
    let mut out = [0u64; 2 * LIMBS];
    for i in 0..LIMBS {
        let mut carry = 0;
        for j in 0..LIMBS {
            let t = u128::from(a[i]) * u128::from(b[j]) + u128::from(out[i + j]) + carry;
            out[i + j] = t as u64;
            carry = t >> 64;
        }
        out[i + LIMBS] = carry as u64;
    }
    let [.., a, b, c, d, e] = out;
    [a, b, c, d, e]
}

/// `e^(-i·unit/10^6)` for `i` below `len`, rounded down to 320 bits, with 1 as the largest fraction.
fn table(unit: u64, len: usize) -> Vec<Fraction> {
    let step = wide_decay(unit);
    let mut at = [u64::MAX; WIDE];
    let mut out = Vec::with_capacity(len);
    for _ in 0..len {
        let [.., a, b, c, d, e] = at;
        out.push([a, b, c, d, e]);
        at = wide_mul(&at, &step);
    }
    out
}

/// `e^(-micros/10^6)` with 512 bits behind the point, for `micros` in `1..2^20`: the power series,
/// `1 - x + x^2/2! - …`, until its terms vanish.
fn wide_decay(micros: u64) -> [u64; WIDE] {
    let mut term = [0; WIDE];
    // x = micros / 10^6, by long division.
    let mut rest = u128::from(micros);
    for limb in term.iter_mut().rev() {
        rest <<= 64;
        *limb = (rest / 1_000_000) as u64;
        rest %= 1_000_000;
    }
    // The sum is that of `1 - e^-x`, since 1 itself is no fraction.
    let mut sum = [0; WIDE];
    for n in 1u64.. {
        if term == [0; WIDE] {
            break;
        }
        if n % 2 == 1 {
            add(&mut sum, &term);
        } else {
            sub(&mut sum, &term);
        }
        div_small(&mut term, 1_000_000 * (n + 1));
        mul_small(&mut term, micros);
    }
    let mut out = [0; WIDE];
    sub(&mut out, &sum);
    out
}

fn wide_mul(a: &[u64; WIDE], b: &[u64; WIDE]) -> [u64; WIDE] {
    let mut out = [0u64; 2 * WIDE];
    for i in 0..WIDE {
        let mut carry = 0;
        for j in 0..WIDE {
            let t = u128::from(a[i]) * u128::from(b[j]) + u128::from(out[i + j]) + carry;
            out[i + j] = t as u64;
            carry = t >> 64;
        }
        out[i + WIDE] = carry as u64;
    }
    let [.., a, b, c, d, e, f, g, h] = out;
    [a, b, c, d, e, f, g, h]
}

fn add(a: &mut [u64; WIDE], b: &[u64; WIDE]) {
    let mut carry = false;
    for (a, b) in a.iter_mut().zip(b) {
        (*a, carry) = a.carrying_add(*b, carry);
    }
}

/// Modulo `2^512`.
fn sub(a: &mut [u64; WIDE], b: &[u64; WIDE]) {
    let mut borrow = false;
    for (a, b) in a.iter_mut().zip(b) {
        (*a, borrow) = a.borrowing_sub(*b, borrow);
    }
}

fn div_small(a: &mut [u64; WIDE], by: u64) {
    let mut rest = 0u128;
    for limb in a.iter_mut().rev() {
        rest = rest << 64 | u128::from(*limb);
        *limb = (rest / u128::from(by)) as u64;
        rest %= u128::from(by);
    }
}

fn mul_small(a: &mut [u64; WIDE], by: u64) {
    let mut carry = 0u128;
    for limb in a.iter_mut() {
        carry += u128::from(*limb) * u128::from(by);
        *limb = carry as u64;
        carry >>= 64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether rounding down the approximations gives the floors of the real numbers.
    fn unambiguous(x: u32) -> bool {
        let [low, ..] = decay(x);
        let work = mul(&E64, &decay(MAX - x));
        let fraction = [work[0], work[1], work[2], work[3] & 7];
        low < u64::MAX - 5
            && (fraction[0] < u64::MAX - 7 || fraction[1..] != [u64::MAX, u64::MAX, 7])
    }

    #[test]
    fn approximations_round_like_the_real_numbers() {
        for x in (1..=MAX).step_by(6_151).chain([1, 2, MAX - 1, MAX]) {
            assert!(unambiguous(x), "{x}");
        }
    }

    /// All 64 million: five minutes without optimisation, which is why it is not run every time.
    #[test]
    #[ignore = "long; run it after a change to this file"]
    fn scan() {
        for x in 1..=MAX {
            assert!(unambiguous(x), "{x}");
        }
    }

    #[test]
    fn the_constant_is_the_inverse_of_the_smallest_decay() {
        // 2^32 · e^64 · e^-64, rounded down twice.
        let [.., low, high] = mul(&E64, &decay(MAX));
        assert_eq!(
            (u128::from(low) | u128::from(high) << 64) >> 3,
            (1 << 32) - 1
        );
    }
}
