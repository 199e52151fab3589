//! `TX`: transactions.

use bytes::Bytes;

use super::fields::{Fields, slices};
use crate::{
    cbor::{CborError, Writer},
    registry::{MAX_GET_TX, MAX_SHARE_BYTES},
};

/// `TX`: the transactions asked for, or the items of a block, in the order of the request. An answer
/// may consist of several of these frames; [`super::Answer`] folds them into one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Txs {
    /// Encoded transactions, and proofs where items of a block were asked for.
    pub txs: Vec<Bytes>,
}

impl Txs {
    pub(super) fn encode(&self) -> Vec<u8> {
        encode_objects(&self.txs)
    }

    pub(super) fn decode(payload: &Bytes) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let txs = slices(fields.required(0)?, payload, MAX_GET_TX, MAX_SHARE_BYTES)?;
        fields.finish()?;
        Ok(Self { txs })
    }
}

/// `{0: [bytes]}`, the shape of `TX` and `SHARE`.
pub(super) fn encode_objects(objects: &[Bytes]) -> Vec<u8> {
    let size: usize = objects.iter().map(|object| object.len() + 5).sum();
    let mut out = Writer::with_capacity(size + 8);
    out.map(1).uint(0).array(objects.len());
    for object in objects {
        out.bytes(object);
    }
    out.finish()
}
