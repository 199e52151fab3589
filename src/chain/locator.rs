//! The locator: a few hashes that let a peer find where two chains part.

use crate::{
    ids::{Hash32, Height},
    registry::MAX_LOCATOR,
};

use super::{At, ChainStore, StoreError, StoredHeader, Which};

/// Consecutive heights at the start of a locator. A shallow fork is found exactly.
const DENSE: usize = 10;

/// The heights of a locator from `tip` down: ten consecutive, then gaps that double, always ending
/// in genesis, at most [`MAX_LOCATOR`].
#[must_use]
pub fn heights(tip: Height) -> Vec<Height> {
    let mut out = vec![tip];
    let (mut at, mut step) = (tip.0, 1u64);
    while at > 0 {
        if out.len() >= DENSE {
            step = step.saturating_mul(2);
        }
        at = if out.len() + 1 == MAX_LOCATOR {
            0
        } else {
            at.saturating_sub(step)
        };
        out.push(Height(at));
    }
    out
}

/// The locator of a path of a store, newest first.
///
/// # Errors
/// The store cannot be read.
pub fn locator(
    store: &(impl ChainStore + ?Sized),
    chain: Which,
) -> Result<Vec<Hash32>, StoreError> {
    let tips = store.tips();
    let tip = match chain {
        Which::BestHeaders => tips.headers,
        Which::Blocks => tips.blocks,
    };
    let mut out = Vec::with_capacity(MAX_LOCATOR);
    for height in heights(tip.height) {
        // A path may be cut between two reads; what is left of it is still a locator.
        out.extend(store.header(chain.at(height))?.map(|header| header.hash));
    }
    Ok(out)
}

/// The highest header of a path of the store that `locator` names: where the asker's chain and
/// this one part. `None` if it names nothing of it, not even genesis.
///
/// # Errors
/// The store cannot be read.
pub fn common(
    store: &(impl ChainStore + ?Sized),
    chain: Which,
    locator: &[Hash32],
) -> Result<Option<StoredHeader>, StoreError> {
    for hash in locator.iter().take(MAX_LOCATOR) {
        let Some(known) = store.header(At::Hash(*hash))? else {
            continue;
        };
        let here = store.header(chain.at(known.height))?;
        if here.is_some_and(|here| here.hash == *hash) {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tip: u64) -> Vec<u64> {
        heights(Height(tip)).into_iter().map(|h| h.0).collect()
    }

    #[test]
    fn agrees_with_the_vector() {
        let mut expected: Vec<u64> = (991..=1000).rev().collect();
        expected.extend([989, 985, 977, 961, 929, 865, 737, 481, 0]);
        assert_eq!(of(1000), expected);
    }

    #[test]
    fn always_ends_in_genesis_and_within_the_limit() {
        assert_eq!(of(0), [0]);
        assert_eq!(of(3), [3, 2, 1, 0]);
        assert_eq!(of(9).len(), 10);
        for tip in [10, 11, 12, 1 << 20, 1 << 40, u64::MAX] {
            let heights = of(tip);
            assert_eq!(heights.last(), Some(&0));
            assert!(heights.len() <= MAX_LOCATOR, "{tip}");
            assert!(heights.windows(2).all(|w| w[0] > w[1]));
        }
    }
}
