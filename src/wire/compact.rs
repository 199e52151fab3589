//! `GET_COMPACT`, `BLOCK_ANNOUNCE`, `GET_TX` and `TX_NOTFOUND`: a new block without what its receiver
//! has already.
//!
//! The items of a block are numbered through: its transactions in order, then its proofs.
//! `specs/gossip/compact-blocks.md` is the normative text.

use bytes::Bytes;

use super::{fields::Fields, tx::Txs};
use crate::{
    cbor::{CborError, Reader, Writer, validate},
    ids::Hash32,
    registry::{MAX_BLOCK_BYTES, MAX_BLOCK_ITEMS, MAX_GET_TX},
};

/// `GET_COMPACT`: announce this block to me.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetCompact {
    /// Hash of the block.
    pub block: Hash32,
}

impl GetCompact {
    pub(super) fn encode(self) -> Vec<u8> {
        encode_block(&self.block)
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        decode_block(payload).map(|block| Self { block })
    }
}

/// The payload of a `BLOCK_ANNOUNCE`, which is also what gossip carries on the topic `blocks`: one
/// canonical CBOR item. `gossip::compact::Announce` reads it, because its limits are the chain's.
pub(super) fn decode_announce(payload: Bytes) -> Result<Bytes, CborError> {
    validate(&payload)?;
    Ok(payload)
}

/// `GET_TX`: these items of this block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetTx {
    /// Hash of the block.
    pub block: Hash32,
    /// 1 to [`MAX_GET_TX`] numbers of items, strictly increasing, below [`MAX_BLOCK_ITEMS`].
    pub indexes: Vec<u32>,
    /// Most bytes of items wanted, at most [`MAX_BLOCK_BYTES`].
    pub max_bytes: u32,
}

impl GetTx {
    /// Length of its payload.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.encode().len()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(56 + 2 * self.indexes.len());
        out.map(3).uint(0).bytes(self.block.as_bytes());
        out.uint(1).array(self.indexes.len());
        let mut next = 0;
        for index in &self.indexes {
            // How many items are left out before this one: mostly a single byte.
            out.uint(u64::from(index.saturating_sub(next)));
            next = index.saturating_add(1);
        }
        out.uint(2).uint(self.max_bytes.into());
        out.finish()
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let block = Hash32(fields.required(0)?.fixed()?);
        let indexes = read_indexes(fields.required(1)?)?;
        let max_bytes =
            u32::try_from(fields.required(2)?.uint()?).map_err(|_| CborError::OutOfRange)?;
        fields.finish()?;
        if max_bytes as usize > MAX_BLOCK_BYTES {
            return Err(CborError::OutOfRange);
        }
        Ok(Self {
            block,
            indexes,
            max_bytes,
        })
    }
}

/// `TX_NOTFOUND`: the responder does not have this block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxNotFound {
    /// Hash of the block.
    pub block: Hash32,
}

impl TxNotFound {
    pub(super) fn encode(self) -> Vec<u8> {
        encode_block(&self.block)
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        decode_block(payload).map(|block| Self { block })
    }
}

/// What an answer to `GET_TX` may still hold.
#[derive(Debug)]
pub(super) struct TxRoom {
    count: usize,
    bytes: usize,
}

impl TxRoom {
    pub(super) fn of(request: &GetTx) -> Self {
        Self {
            count: request.indexes.len(),
            bytes: request.max_bytes as usize,
        }
    }

    /// Takes the items of one frame, or says that they are more than was asked for.
    pub(super) fn admit(&mut self, txs: &Txs) -> Option<()> {
        for tx in &txs.txs {
            self.count = self.count.checked_sub(1)?;
            self.bytes = self.bytes.checked_sub(tx.len())?;
        }
        Some(())
    }
}

fn read_indexes(reader: &mut Reader<'_>) -> Result<Vec<u32>, CborError> {
    let n = reader.array(MAX_GET_TX)?;
    if n == 0 {
        return Err(CborError::OutOfRange);
    }
    let mut next = 0u64;
    (0..n)
        .map(|_| {
            let index = next
                .checked_add(reader.uint()?)
                .filter(|index| *index < MAX_BLOCK_ITEMS as u64)
                .ok_or(CborError::OutOfRange)?;
            next = index + 1;
            u32::try_from(index).map_err(|_| CborError::OutOfRange)
        })
        .collect()
}

/// `{0: block}`.
fn encode_block(block: &Hash32) -> Vec<u8> {
    let mut out = Writer::with_capacity(40);
    out.map(1).uint(0).bytes(block.as_bytes());
    out.finish()
}

fn decode_block(payload: &[u8]) -> Result<Hash32, CborError> {
    let mut fields = Fields::new(payload)?;
    let block = Hash32(fields.required(0)?.fixed()?);
    fields.finish()?;
    Ok(block)
}

#[cfg(test)]
#[path = "compact_tests.rs"]
mod tests;
