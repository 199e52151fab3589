//! `GET_PEERS`, `PEERS`, `DISCONNECT` and `TRUSTED_PEERS_REQUEST`.

use std::time::Duration;

use bytes::Bytes;

use super::fields::{Fields, slices};
use crate::{
    cbor::{CborError, Reader, Writer},
    registry::{
        MAX_GOODBYE_RETRY_MS, MAX_PEERS_BYTES, MAX_PEERS_RECORDS, MAX_RECORD_BYTES,
        MAX_TRUST_ENTRIES,
    },
};

/// `GET_PEERS`: whom do you know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetPeers {
    /// Most records wanted, 1 to 32.
    pub max: u32,
}

impl GetPeers {
    pub(super) fn encode(self) -> Vec<u8> {
        encode_max(self.max)
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        let max = decode_max(payload, MAX_PEERS_RECORDS)?;
        Ok(Self { max })
    }
}

/// `PEERS`: node records, each as it was signed by the node it is of. Whether they verify is for
/// whoever takes them up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peers {
    /// At most 32, of at most 24 KiB each and 256 KiB together.
    pub records: Vec<Bytes>,
}

impl Peers {
    pub(super) fn encode(&self) -> Vec<u8> {
        let total: usize = self.records.iter().map(|r| r.len() + 5).sum();
        let mut out = Writer::with_capacity(total + 8);
        out.map(1).uint(0).array(self.records.len());
        for record in &self.records {
            out.bytes(record);
        }
        out.finish()
    }

    pub(super) fn decode(payload: &Bytes) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let reader = fields.required(0)?;
        let records = slices(reader, payload, MAX_PEERS_RECORDS, MAX_RECORD_BYTES)?;
        fields.finish()?;
        if records.iter().map(Bytes::len).sum::<usize>() > MAX_PEERS_BYTES {
            return Err(CborError::OutOfRange);
        }
        Ok(Self { records })
    }
}

/// `DISCONNECT`: goodbye, with a reason. The sender closes the connection when the receipt is there
/// or has not come in time; the receiver need not do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// The reason, a code of `peers::Goodbye`; others may come with later versions.
    pub code: u32,
    /// After how many milliseconds it makes sense to come back, at most a day; 0 where the sender
    /// does not say.
    pub retry_after_ms: u64,
}

impl Disconnect {
    /// A goodbye that says when to come back, or at most that it is a day.
    #[must_use]
    pub fn new(code: u32, retry_after: Duration) -> Self {
        let millis = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
        Self {
            code,
            retry_after_ms: millis.min(MAX_GOODBYE_RETRY_MS),
        }
    }

    pub(super) fn encode(self) -> Vec<u8> {
        let mut out = Writer::with_capacity(24);
        out.map(2).uint(0).uint(self.code.into());
        out.uint(1).uint(self.retry_after_ms);
        out.finish()
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let code = u32::try_from(fields.required(0)?.uint()?);
        let code = code.map_err(|_| CborError::OutOfRange)?;
        let retry_after_ms = fields.required(1)?.uint()?;
        fields.finish()?;
        if retry_after_ms > MAX_GOODBYE_RETRY_MS {
            return Err(CborError::OutOfRange);
        }
        Ok(Self {
            code,
            retry_after_ms,
        })
    }
}

/// `TRUSTED_PEERS_REQUEST`: whom do you trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedPeersRequest {
    /// Most entries wanted, 1 to 20. A wish: the statement is signed once for all who ask, so it
    /// may have more.
    pub max: u32,
}

impl TrustedPeersRequest {
    pub(super) fn encode(self) -> Vec<u8> {
        encode_max(self.max)
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        let max = decode_max(payload, MAX_TRUST_ENTRIES)?;
        Ok(Self { max })
    }
}

/// `{0: max}`, the shape of both requests.
fn encode_max(max: u32) -> Vec<u8> {
    let mut out = Writer::with_capacity(8);
    out.map(1).uint(0).uint(max.into());
    out.finish()
}

fn decode_max(payload: &[u8], limit: usize) -> Result<u32, CborError> {
    let mut fields = Fields::new(payload)?;
    let max = wanted(fields.required(0)?, limit)?;
    fields.finish()?;
    Ok(max)
}

fn wanted(reader: &mut Reader<'_>, limit: usize) -> Result<u32, CborError> {
    let max = u32::try_from(reader.uint()?).map_err(|_| CborError::OutOfRange)?;
    if (1..=limit).contains(&(max as usize)) {
        Ok(max)
    } else {
        Err(CborError::OutOfRange)
    }
}

#[cfg(test)]
#[path = "peers_tests.rs"]
mod tests;
