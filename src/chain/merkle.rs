//! The Merkle root over ids: leaf `SHA3-256(00 ‖ id)`, node `SHA3-256(01 ‖ left ‖ right)`, the last
//! node of an odd level doubled, zero for no items.
//!
//! # Security
//! Doubling the last node lets the list `[1..6, 5, 6]` share the root of `[1..6]`. Whoever accepts a
//! list for a root must therefore refuse one in which an id occurs twice (see `Block::check_body`).

use crate::{crypto::hash::sha3_256, ids::Hash32};

/// Root over `ids`, in their order.
#[must_use]
pub fn root(ids: &[Hash32]) -> Hash32 {
    let mut level: Vec<Hash32> = ids.iter().map(leaf).collect();
    while level.len() > 1 {
        let parents = level.len().div_ceil(2);
        for i in 0..parents {
            let left = level[2 * i];
            let right = level.get(2 * i + 1).copied().unwrap_or(left);
            level[i] = node(&left, &right);
        }
        level.truncate(parents);
    }
    level.first().copied().unwrap_or(Hash32::ZERO)
}

fn leaf(id: &Hash32) -> Hash32 {
    let mut input = [0; 33];
    input[1..].copy_from_slice(&id.0);
    sha3_256(&input)
}

fn node(left: &Hash32, right: &Hash32) -> Hash32 {
    let mut input = [1; 65];
    input[1..33].copy_from_slice(&left.0);
    input[33..].copy_from_slice(&right.0);
    sha3_256(&input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(bytes: &[u8]) -> Vec<Hash32> {
        bytes.iter().map(|b| Hash32([*b; 32])).collect()
    }

    #[test]
    fn agrees_with_the_vectors() {
        for (items, expected) in [
            (&[][..], "0".repeat(64)),
            (
                &[1],
                "29f8f87d926a90ecc02e336bbadc2e512c7b155497a6ca8b86a574593d2ea58d".into(),
            ),
            (
                &[1, 2],
                "bb7eaf44188f6bd1394e085b8e3d03ffafd19f84554f1747e7ebbe4098cca851".into(),
            ),
            (
                &[1, 2, 3],
                "8686c1d9d97cdc561d70aedd42a94fa807c3810e8fb6bf7bbf388bf5fdc8c763".into(),
            ),
        ] {
            assert_eq!(root(&ids(items)).to_string(), expected);
        }
    }

    #[test]
    fn doubling_the_last_node_lets_two_lists_share_a_root() {
        assert_eq!(
            root(&ids(&[1, 2, 3, 4, 5, 6])),
            root(&ids(&[1, 2, 3, 4, 5, 6, 5, 6]))
        );
    }
}
