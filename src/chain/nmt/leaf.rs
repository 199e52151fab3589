//! A leaf: namespace, length, data.

use crate::{crypto::hash::sha3_256_parts, ids::Hash32};

use super::{Namespace, ProofError};

/// Longest LEB128 form of a 32-bit length.
const MAX_LEB: usize = 5;

/// The encoded leaf: namespace, length of the data as LEB128, data.
#[must_use]
pub fn encode_leaf(namespace: Namespace, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + MAX_LEB + data.len());
    out.extend_from_slice(&namespace.0.to_be_bytes());
    write_leb(&mut out, data.len());
    out.extend_from_slice(data);
    out
}

/// Reads an encoded leaf. Lengths have their shortest form.
///
/// # Errors
/// It is none.
pub fn decode_leaf(leaf: &[u8]) -> Result<(Namespace, &[u8]), ProofError> {
    let (namespace, mut rest) = leaf.split_first_chunk::<4>().ok_or(ProofError::Leaf)?;
    let mut len = 0_usize;
    for place in 0..MAX_LEB {
        let (byte, after) = rest.split_first().ok_or(ProofError::Leaf)?;
        rest = after;
        len |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            // A last group of zero means that a shorter form exists.
            let shortest = *byte != 0 || place == 0;
            return if shortest && len == rest.len() {
                Ok((Namespace(u32::from_be_bytes(*namespace)), rest))
            } else {
                Err(ProofError::Leaf)
            };
        }
    }
    Err(ProofError::Leaf)
}

/// The hash of the leaf of `namespace` with this data.
#[must_use]
pub fn leaf_hash(namespace: Namespace, data: &[u8]) -> Hash32 {
    let mut len = Vec::with_capacity(MAX_LEB);
    write_leb(&mut len, data.len());
    let inner = sha3_256_parts(&[&len, data]);
    sha3_256_parts(&[&[0], &namespace.0.to_be_bytes(), &inner.0])
}

fn write_leb(out: &mut Vec<u8>, mut n: usize) {
    loop {
        let byte = (n & 0x7f) as u8;
        n >>= 7;
        if n == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}
