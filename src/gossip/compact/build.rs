//! The announcing side.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{Announce, SHORT_ID_LEN, ShortIds, announce::items};
use crate::{
    chain::{Block, object_id},
    ids::Hash32,
    registry::{MAX_PREFILLED, MAX_PREFILLED_BYTES},
};

/// Salts that are tried until no two short ids are equal. The largest block has such a pair with
/// one salt of 85 000, so the second is enough; what is left, receivers ask for by number.
const SALTS: u64 = 4;

/// The announce of `block`, which the caller has verified.
///
/// `salt` is random, or the first of a few that are tried. `prefill` are the numbers of the items
/// that the receivers are expected to miss (transactions first, then proofs), most wanted first: for
/// instance those this node did not have itself until the block arrived. As many go in full as
/// [`MAX_PREFILLED`] and [`MAX_PREFILLED_BYTES`] allow; numbers that the block does not have are
/// skipped.
#[must_use]
pub fn build(block: &Block, salt: u64, prefill: impl IntoIterator<Item = u32>) -> Announce {
    let full = choose(block, prefill);
    let header_bytes = Bytes::from(block.header.encode());
    let ids: Vec<Hash32> = (0u32..)
        .zip(items(block))
        .filter(|(number, _)| !full.contains(number))
        .map(|(_, item)| object_id(item))
        .collect();
    let named = |salt| short_ids(&ShortIds::new(&header_bytes, salt), &ids);
    let (mut salt, mut short_ids) = (salt, named(salt));
    for _ in 1..SALTS {
        if is_distinct(&short_ids) {
            break;
        }
        salt = salt.wrapping_add(1);
        short_ids = named(salt);
    }
    Announce {
        header: block.header.clone(),
        header_bytes,
        salt,
        txs: block.txs.len(),
        proofs: block.proofs.len(),
        block_bytes: block.encoded_len(),
        short_ids: short_ids.concat().into(),
        prefilled: (0u32..)
            .zip(items(block))
            .filter(|(number, _)| full.contains(number))
            .map(|(number, item)| (number, item.clone()))
            .collect(),
    }
}

fn choose(block: &Block, prefill: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
    let all: Vec<&Bytes> = items(block).collect();
    let (mut full, mut left) = (BTreeSet::new(), MAX_PREFILLED_BYTES);
    for number in prefill {
        if full.len() == MAX_PREFILLED {
            break;
        }
        let Some(item) = all.get(number as usize) else {
            continue;
        };
        if item.len() <= left && full.insert(number) {
            left -= item.len();
        }
    }
    full
}

fn short_ids(keys: &ShortIds, ids: &[Hash32]) -> Vec<[u8; SHORT_ID_LEN]> {
    ids.iter().map(|id| keys.of(id).to_bytes()).collect()
}

fn is_distinct(short_ids: &[[u8; SHORT_ID_LEN]]) -> bool {
    let mut sorted = short_ids.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair[0] != pair[1])
}
