//! `GET_HEADERS` and `HEADERS`.

use bytes::Bytes;

use super::{
    control::Credits,
    fields::{Fields, hashes, slices},
};
use crate::{
    cbor::{CborError, Reader, Writer},
    ids::{Hash32, Height, Work},
    registry::{MAX_HEADER_BYTES, MAX_HEADERS, MAX_LOCATOR},
};

/// `GET_HEADERS`: the headers after the first of these hashes that is on your best header chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetHeaders {
    /// Newest first, 1 to 32 hashes; ends in genesis, so that one always matches.
    pub locator: Vec<Hash32>,
    /// Most headers wanted, 0 to 2048; 0 asks for the tip alone.
    pub max: u32,
}

impl GetHeaders {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(16 + 34 * self.locator.len());
        out.map(2).uint(0).array(self.locator.len());
        for hash in &self.locator {
            out.bytes(hash.as_bytes());
        }
        out.uint(1).uint(self.max.into());
        out.finish()
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let locator = hashes(fields.required(0)?, MAX_LOCATOR)?;
        let max = u32::try_from(fields.required(1)?.uint()?).map_err(|_| CborError::OutOfRange)?;
        fields.finish()?;
        if max as usize > MAX_HEADERS {
            return Err(CborError::OutOfRange);
        }
        Ok(Self { locator, max })
    }
}

/// The best header of the peer that answers, read before its headers were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TipClaim {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: Hash32,
    /// Work of its chain up to and with it. A claim until its headers have shown it.
    pub work: Work,
}

impl TipClaim {
    fn write(&self, out: &mut Writer) {
        out.array(3)
            .uint(self.height.0)
            .bytes(self.hash.as_bytes())
            .bytes(&self.work.0.to_be_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_of(3)?;
        Ok(Self {
            height: Height(reader.uint()?),
            hash: Hash32(reader.fixed()?),
            work: Work(u128::from_be_bytes(reader.fixed()?)),
        })
    }
}

/// `HEADERS`: a run of headers, each the child of the one before, the first the child of a hash of
/// the locator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// What the responder grants from now on.
    pub credits: Credits,
    /// The responder's best header.
    pub tip: TipClaim,
    /// Height of the responder's imported head: it has the bodies of its chain up to here.
    pub blocks: Height,
    /// Encoded headers, oldest first; empty where the responder has none after the match.
    pub headers: Vec<Bytes>,
}

impl Headers {
    pub(super) fn encode(&self) -> Vec<u8> {
        let size: usize = self.headers.iter().map(|h| h.len() + 3).sum();
        let mut out = Writer::with_capacity(size + 96);
        out.map(4).uint(0);
        self.credits.write(&mut out);
        out.uint(1);
        self.tip.write(&mut out);
        out.uint(2).uint(self.blocks.0);
        out.uint(3).array(self.headers.len());
        for header in &self.headers {
            out.bytes(header);
        }
        out.finish()
    }

    pub(super) fn decode(payload: &Bytes) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let credits = Credits::read(fields.required(0)?)?;
        let tip = TipClaim::read(fields.required(1)?)?;
        let blocks = Height(fields.required(2)?.uint()?);
        let headers = slices(fields.required(3)?, payload, MAX_HEADERS, MAX_HEADER_BYTES)?;
        fields.finish()?;
        Ok(Self {
            credits,
            tip,
            blocks,
            headers,
        })
    }
}
