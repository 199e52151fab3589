//! How large a difference is, before it decodes.

use crate::wire::Symbol;

/// Estimates how many items are left in `cells`, the difference of two sequences of symbols.
///
/// Symbol `i` holds each item with probability p = 2/(2+i), ours counted −1 and the peer's 1. All
/// are in symbol 0, so its count is their sum D; the counts of the others scatter around p·D with
/// the variance n·p·(1−p), where n is how many there are. The mean over m symbols is off by
/// sqrt(2/m) of n: 18 % for 64. Never less than |D|.
///
/// Only the requester's choice of how many symbols to ask for next depends on it, so it may use
/// floats.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]
pub(super) fn estimate(cells: &[Symbol]) -> usize {
    let Some((first, rest)) = cells.split_first() else {
        return 0;
    };
    let sum = f64::from(first.count as i16);
    let scatter = |(i, cell): (usize, &Symbol)| {
        let p = 2.0 / (3.0 + i as f64);
        (f64::from(cell.count as i16) - p * sum).powi(2) / (p * (1.0 - p))
    };
    let total: f64 = rest.iter().enumerate().map(scatter).sum();
    (total / rest.len().max(1) as f64).max(sum.abs()).ceil() as usize
}
