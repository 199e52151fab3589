//! Canonical CBOR written from the words of the specification, and fields of the vectors.

use animica_p2p::ids::Hash32;
use serde_json::Value;

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

pub(crate) fn hash(value: &Value) -> Hash32 {
    value.as_str().unwrap().parse().unwrap()
}

pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// Canonical CBOR of a head: the spec's shortest form.
pub(crate) fn head(major: u8, n: u64) -> Vec<u8> {
    let m = major << 5;
    match n {
        0..24 => vec![m | n as u8],
        24..0x100 => vec![m | 24, n as u8],
        0x100..0x1_0000 => [vec![m | 25], (n as u16).to_be_bytes().to_vec()].concat(),
        0x1_0000..0x1_0000_0000 => [vec![m | 26], (n as u32).to_be_bytes().to_vec()].concat(),
        _ => [vec![m | 27], n.to_be_bytes().to_vec()].concat(),
    }
}

pub(crate) fn uint(n: u64) -> Vec<u8> {
    head(0, n)
}

pub(crate) fn bstr(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len() as u64), bytes.to_vec()].concat()
}

pub(crate) fn tstr(text: &str) -> Vec<u8> {
    [head(3, text.len() as u64), text.as_bytes().to_vec()].concat()
}

/// A map with keys 1, 2, 3, …
pub(crate) fn map(values: &[Vec<u8>]) -> Vec<u8> {
    let mut out = head(5, values.len() as u64);
    for (i, value) in values.iter().enumerate() {
        out.extend(uint(i as u64 + 1));
        out.extend(value);
    }
    out
}

pub(crate) fn array(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len() as u64), items.concat()].concat()
}
