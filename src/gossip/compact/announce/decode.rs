//! From bytes to an announce that agrees with itself and with the limits of its chain.

use bytes::Bytes;

use super::{super::SHORT_ID_LEN, Announce, AnnounceError, item_len};
use crate::{
    cbor::Reader,
    chain::{Header, Params},
    ids::Hash32,
    registry::{
        MAX_HEADER_BYTES, MAX_PREFILLED, MAX_PREFILLED_BYTES, MAX_SHARE_BYTES, MAX_TX_BYTES,
    },
};

impl Announce {
    /// Reads exactly one announce of a chain with these parameters. Header, short ids and items are
    /// slices of `payload`; every length is checked before anything is allocated, and no more than
    /// the list of the items in full is.
    ///
    /// # Errors
    /// What is wrong with it. The header's rules are not judged here.
    pub fn decode(payload: &Bytes, params: &Params) -> Result<Self, AnnounceError> {
        let max = Self::max_bytes(params);
        if payload.len() > max {
            let bytes = payload.len();
            return Err(AnnounceError::TooLarge { bytes, max });
        }
        let mut r = Reader::new(payload);
        r.map_of(5)?;
        r.key(0)?;
        let header_bytes = payload.slice_ref(r.bytes_max(MAX_HEADER_BYTES)?);
        let header = Header::decode(&header_bytes).map_err(AnnounceError::Header)?;
        r.key(1)?;
        let salt = r.uint()?;
        r.key(2)?;
        r.array_of(3)?;
        let txs = count("transactions", r.uint()?, params.max_txs)?;
        let proofs = count("proofs", r.uint()?, params.max_proofs)?;
        let block_bytes = r.uint()?;
        r.key(3)?;
        let short_ids = payload.slice_ref(r.bytes()?);
        r.key(4)?;
        let prefilled = read_prefilled(&mut r, payload, txs, proofs)?;
        r.finish()?;
        let mut announce = Self {
            header,
            header_bytes,
            salt,
            txs,
            proofs,
            block_bytes: 0,
            short_ids,
            prefilled,
        };
        announce.check_counts()?;
        announce.block_bytes = announce.check_block_bytes(block_bytes, params)?;
        Ok(announce)
    }

    fn check_counts(&self) -> Result<(), AnnounceError> {
        let expected = SHORT_ID_LEN * (self.items() - self.prefilled.len());
        if self.short_ids.len() != expected {
            let got = self.short_ids.len();
            return Err(AnnounceError::ShortIds { expected, got });
        }
        let empty = |root: &Hash32| *root == Hash32::ZERO;
        if empty(&self.header.txs_root) != (self.txs == 0)
            || empty(&self.header.proofs_root) != (self.proofs == 0)
        {
            return Err(AnnounceError::Roots);
        }
        Ok(())
    }

    fn check_block_bytes(&self, got: u64, params: &Params) -> Result<usize, AnnounceError> {
        let full: usize = self.prefilled.iter().map(|(_, i)| item_len(i.len())).sum();
        // An item that is not here has at least one byte and its head.
        let least = self.frame_bytes() + full + 2 * (self.items() - self.prefilled.len());
        usize::try_from(got)
            .ok()
            .filter(|bytes| (least..=params.max_block_bytes).contains(bytes))
            .ok_or(AnnounceError::BlockBytes {
                got,
                items: self.items(),
            })
    }
}

/// Longest item with this number in a block of `txs` transactions.
fn max_item(number: usize, txs: usize) -> usize {
    if number < txs {
        MAX_TX_BYTES
    } else {
        MAX_SHARE_BYTES
    }
}

fn count(what: &'static str, got: u64, max: usize) -> Result<usize, AnnounceError> {
    usize::try_from(got)
        .ok()
        .filter(|count| *count <= max)
        .ok_or(AnnounceError::Count { what, got, max })
}

fn read_prefilled(
    r: &mut Reader<'_>,
    payload: &Bytes,
    txs: usize,
    proofs: usize,
) -> Result<Vec<(u32, Bytes)>, AnnounceError> {
    let n = r.array(MAX_PREFILLED.min(txs + proofs))?;
    let (mut next, mut left) = (0, MAX_PREFILLED_BYTES);
    let mut out = Vec::with_capacity(n);
    for at in 0..n {
        let bad = AnnounceError::Prefilled { at };
        r.array_of(2)?;
        let number = u32::try_from(r.uint()?).map_err(|_| bad.clone())?;
        let item = r.bytes()?;
        let place = number as usize;
        let fits = place < txs + proofs && item.len() <= left.min(max_item(place, txs));
        if number < next || !fits || item.is_empty() {
            return Err(bad);
        }
        next = number + 1;
        left -= item.len();
        out.push((number, payload.slice_ref(item)));
    }
    Ok(out)
}
