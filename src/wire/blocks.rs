//! `GET_BLOCKS`, `BLOCKS` and `NOTFOUND`.

use bytes::Bytes;

use super::{
    control::Credits,
    fields::{Fields, hashes, slices},
};
use crate::{
    cbor::{CborError, Writer},
    ids::Hash32,
    registry::{MAX_BLOCK_BYTES, MAX_BLOCKS, MAX_BLOCKS_BYTES},
};

/// `GET_BLOCKS`: these blocks, in this order, as far as `max_bytes` reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetBlocks {
    /// 1 to 1024 block hashes.
    pub hashes: Vec<Hash32>,
    /// Most bytes of blocks wanted, at most 4 MiB; the first block is sent even if it is larger.
    pub max_bytes: u32,
}

impl GetBlocks {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(16 + 34 * self.hashes.len());
        write_hashes(&mut out, &self.hashes);
        out.uint(1).uint(self.max_bytes.into());
        out.finish()
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let hashes = hashes(fields.required(0)?, MAX_BLOCKS)?;
        let max_bytes =
            u32::try_from(fields.required(1)?.uint()?).map_err(|_| CborError::OutOfRange)?;
        fields.finish()?;
        if max_bytes as usize > MAX_BLOCKS_BYTES {
            return Err(CborError::OutOfRange);
        }
        Ok(Self { hashes, max_bytes })
    }
}

/// `BLOCKS`: some of the blocks asked for, in the order of the request.
///
/// An answer may consist of several of these frames and end in one `NOTFOUND`; what is in neither
/// was left out for size and may be asked for again. [`super::Answer`] folds them into one value, so
/// `missing` is empty in every single frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// What the responder grants from now on.
    pub credits: Credits,
    /// Encoded blocks.
    pub blocks: Vec<Bytes>,
    /// Hashes the responder does not have (from the `NOTFOUND` that ended the answer).
    pub missing: Vec<Hash32>,
}

impl Blocks {
    pub(super) fn encode(&self) -> Vec<u8> {
        let size: usize = self.blocks.iter().map(|b| b.len() + 5).sum();
        let mut out = Writer::with_capacity(size + 32);
        out.map(2).uint(0);
        self.credits.write(&mut out);
        out.uint(1).array(self.blocks.len());
        for block in &self.blocks {
            out.bytes(block);
        }
        out.finish()
    }

    pub(super) fn decode(payload: &Bytes) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let credits = Credits::read(fields.required(0)?)?;
        let blocks = slices(fields.required(1)?, payload, MAX_BLOCKS, MAX_BLOCK_BYTES)?;
        fields.finish()?;
        Ok(Self {
            credits,
            blocks,
            missing: Vec::new(),
        })
    }
}

/// `NOTFOUND`: hashes of the request that the responder does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// What the responder grants from now on.
    pub credits: Credits,
    /// 1 to 1024 hashes.
    pub hashes: Vec<Hash32>,
}

impl NotFound {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(32 + 34 * self.hashes.len());
        write_hashes(&mut out, &self.hashes);
        out.uint(1);
        self.credits.write(&mut out);
        out.finish()
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let hashes = hashes(fields.required(0)?, MAX_BLOCKS)?;
        let credits = Credits::read(fields.required(1)?)?;
        fields.finish()?;
        Ok(Self { credits, hashes })
    }
}

/// The head of a map of two whose first entry is `0: hashes`.
fn write_hashes(out: &mut Writer, hashes: &[Hash32]) {
    out.map(2).uint(0).array(hashes.len());
    for hash in hashes {
        out.bytes(hash.as_bytes());
    }
}
