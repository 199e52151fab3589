//! Made-up transactions: canonical maps that nobody interprets.

use bytes::Bytes;

use crate::{
    cbor::{Writer, head_len},
    ids::Height,
};

/// Shortest made-up transaction: all its integers at their longest, and hardly any data.
pub const MIN_TX_BYTES: usize = 40;

/// Transaction `index` of the block at `height`: `{d: data, h: height, i: index, s: seed}`, of
/// `bytes` bytes. No two of a branch are equal, since height and index are in it.
pub(super) fn tx(seed: u64, height: Height, index: u64, bytes: usize) -> Bytes {
    let integers = [height.0, index, seed];
    let fixed: usize = 1 + 2 * 4 + integers.map(head_len).iter().sum::<usize>();
    let data = data(
        seed ^ height.0.rotate_left(32) ^ index.rotate_left(16),
        string_len(bytes.saturating_sub(fixed)),
    );
    let mut w = Writer::with_capacity(bytes);
    w.map(4).text("d").bytes(&data);
    for (key, value) in ["h", "i", "s"].into_iter().zip(integers) {
        w.text(key).uint(value);
    }
    w.finish().into()
}

/// Transaction `index` of those that `seed` stands for, of `bytes` bytes, for a pool. No block has
/// one, since none is mined at height 0.
#[must_use]
pub fn made_up_tx(seed: u64, index: u64, bytes: usize) -> Bytes {
    tx(seed, Height(0), index, bytes)
}

/// Length of the longest string that takes at most `room` bytes with its head.
fn string_len(room: usize) -> usize {
    // A head has 1, 2, 3, 5 or 9 bytes; where the head grows, one string less fits exactly.
    [1, 2, 3, 5]
        .into_iter()
        .map(|head| room.saturating_sub(head))
        .find(|len| head_len(*len as u64) + len <= room)
        .unwrap_or_default()
}

/// `len` bytes of the SplitMix64 generator, little-endian.
fn data(seed: u64, len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 7);
    let mut state = seed;
    while out.len() < len {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        out.extend((z ^ z >> 31).to_le_bytes());
    }
    out.truncate(len);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::check_tx;

    #[test]
    fn has_the_length_asked_for_or_up_to_two_bytes_less() {
        for bytes in (MIN_TX_BYTES..700).chain([65_530, 65_590, 65_600, 131_072]) {
            for n in [0, u64::MAX] {
                let tx = tx(n, Height(n), n, bytes);
                assert_eq!(check_tx(&tx), Ok(()));
                assert!((bytes - 2..=bytes).contains(&tx.len()), "{bytes}");
            }
        }
        assert_eq!(tx(1, Height(1), 0, 250).len(), 250);
    }
}
