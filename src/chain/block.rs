//! The block: header, transactions, proofs.

use bytes::Bytes;

use crate::{
    cbor::{CborError, Reader, Writer, head_len},
    ids::Hash32,
    registry::{MAX_BLOCK_BYTES, MAX_PROOFS},
};

use super::{
    BodyError, Header, Params, ProofEnvelope, check_tx, merkle, object_id, params::MAX_TXS,
};

/// A block: the CBOR map `{txs: [bytes], header: map, proofs: [bytes]}`, in this key order. Its id is
/// the hash of its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// Encoded transactions.
    pub txs: Vec<Bytes>,
    /// Encoded proof envelopes.
    pub proofs: Vec<Bytes>,
}

impl Block {
    /// The canonical CBOR.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut w = Writer::with_capacity(self.encoded_len());
        w.map(3).text("txs");
        write_items(&mut w, &self.txs);
        w.text("header").raw(&self.header.encode());
        w.text("proofs");
        write_items(&mut w, &self.proofs);
        w.finish().into()
    }

    /// Reads exactly one block. Transactions and proofs are slices of `bytes`, not copies.
    ///
    /// # Errors
    /// Longer than the largest block of any chain, or not the canonical CBOR of a block. What it
    /// carries is judged by [`Block::check_body`].
    pub fn decode(bytes: Bytes) -> Result<Self, BodyError> {
        if bytes.len() > MAX_BLOCK_BYTES {
            return Err(BodyError::TooLarge {
                bytes: bytes.len(),
                max: MAX_BLOCK_BYTES,
            });
        }
        let mut r = Reader::new(&bytes);
        r.map_of(3)?;
        r.text_key("txs")?;
        let txs = read_items(&mut r, &bytes, MAX_TXS)?;
        r.text_key("header")?;
        let header = Header::decode(r.item()?).map_err(BodyError::Header)?;
        r.text_key("proofs")?;
        let proofs = read_items(&mut r, &bytes, MAX_PROOFS)?;
        r.finish()?;
        Ok(Self {
            header,
            txs,
            proofs,
        })
    }

    /// Length of [`Block::encode`].
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        // The map head and the keys: 1 + 4 + 7 + 7.
        19 + items_len(&self.txs) + self.header.encode().len() + items_len(&self.proofs)
    }

    /// The hash of the header.
    #[must_use]
    pub fn hash(&self) -> Hash32 {
        self.header.hash()
    }

    /// The ids of the transactions, in order.
    #[must_use]
    pub fn tx_ids(&self) -> Vec<Hash32> {
        self.txs.iter().map(|tx| object_id(tx)).collect()
    }

    /// The ids of the proofs, in order.
    #[must_use]
    pub fn proof_ids(&self) -> Vec<Hash32> {
        self.proofs.iter().map(|proof| object_id(proof)).collect()
    }

    /// Checks the body against the limits of its chain and against its header, cheapest first:
    /// counts and size, the form of every item, then ids, duplicates and roots.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check_body(&self, params: &Params) -> Result<(), BodyError> {
        self.check_limits(params)?;
        for (index, tx) in self.txs.iter().enumerate() {
            check_tx(tx).map_err(|error| BodyError::Tx { index, error })?;
        }
        for (index, proof) in self.proofs.iter().enumerate() {
            ProofEnvelope::decode(proof).map_err(|error| BodyError::Proof { index, error })?;
        }
        self.check_roots()
    }

    /// Checks only that the body is the one its header commits to.
    ///
    /// Where [`Block::check_body`] fails and this does not, no other body can save the header: the
    /// block is invalid for ever. Where this fails too, another peer may have the right body.
    ///
    /// # Errors
    /// An item occurs twice or a root differs.
    pub fn check_roots(&self) -> Result<(), BodyError> {
        let (txs, proofs) = (self.tx_ids(), self.proof_ids());
        if has_duplicate(&txs) {
            return Err(BodyError::DuplicateTx);
        }
        if has_duplicate(&proofs) {
            return Err(BodyError::DuplicateProof);
        }
        if merkle::root(&txs) != self.header.txs_root {
            return Err(BodyError::TxsRoot);
        }
        if merkle::root(&proofs) != self.header.proofs_root {
            return Err(BodyError::ProofsRoot);
        }
        Ok(())
    }

    fn check_limits(&self, params: &Params) -> Result<(), BodyError> {
        if self.txs.len() > params.max_txs {
            return Err(BodyError::TooManyTxs {
                count: self.txs.len(),
                max: params.max_txs,
            });
        }
        if self.proofs.len() > params.max_proofs {
            return Err(BodyError::TooManyProofs {
                count: self.proofs.len(),
                max: params.max_proofs,
            });
        }
        let bytes = self.encoded_len();
        if bytes > params.max_block_bytes {
            return Err(BodyError::TooLarge {
                bytes,
                max: params.max_block_bytes,
            });
        }
        Ok(())
    }
}

fn write_items(w: &mut Writer, items: &[Bytes]) {
    w.array(items.len());
    for item in items {
        w.bytes(item);
    }
}

fn read_items(r: &mut Reader<'_>, all: &Bytes, max: usize) -> Result<Vec<Bytes>, CborError> {
    let count = r.array(max)?;
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(all.slice_ref(r.bytes()?));
    }
    Ok(items)
}

fn items_len(items: &[Bytes]) -> usize {
    let heads: usize = items.iter().map(|item| head_len(item.len() as u64)).sum();
    let bytes: usize = items.iter().map(Bytes::len).sum();
    head_len(items.len() as u64) + heads + bytes
}

fn has_duplicate(ids: &[Hash32]) -> bool {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
