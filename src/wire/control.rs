//! The small messages: credits, `BUSY`, `ACK`, `ERROR`; documents that travel alone.

use bytes::Bytes;

use super::fields::{Fields, slice};
use crate::{
    cbor::{CborError, Reader, Writer},
    registry::{MAX_BLOCKS_BYTES, MAX_CREDIT_BYTES, MAX_CREDIT_REQUESTS, MAX_RETRY_AFTER_MS},
};

/// What a serving peer lets the requester have outstanding from now on: at most `requests`
/// unanswered requests, asking for at most `bytes` of blocks together. Every answer renews it; before
/// the first answer [`Credits::INITIAL`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credits {
    /// Unanswered requests at a time, at least 1.
    pub requests: u32,
    /// Bytes of blocks asked for by unanswered requests together.
    pub bytes: u64,
}

impl Credits {
    /// What a requester may assume before it was told: enough to find out where a peer stands and
    /// to fetch one full answer.
    pub const INITIAL: Self = Self {
        requests: 2,
        bytes: MAX_BLOCKS_BYTES as u64,
    };

    pub(super) fn write(self, out: &mut Writer) {
        out.array(2).uint(self.requests.into()).uint(self.bytes);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_of(2)?;
        let requests = u32::try_from(reader.uint()?).map_err(|_| CborError::OutOfRange)?;
        let bytes = reader.uint()?;
        if !(1..=MAX_CREDIT_REQUESTS).contains(&requests) || bytes > MAX_CREDIT_BYTES {
            return Err(CborError::OutOfRange);
        }
        Ok(Self { requests, bytes })
    }
}

/// `BUSY`: ask again later. Never a reproach, and never a reason to punish who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// How long to wait, in milliseconds.
    pub retry_after_ms: u64,
    /// What may be outstanding afterwards.
    pub credits: Credits,
}

impl Busy {
    pub(super) fn encode(self) -> Vec<u8> {
        let mut out = Writer::with_capacity(32);
        out.map(2).uint(0).uint(self.retry_after_ms).uint(1);
        self.credits.write(&mut out);
        out.finish()
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let retry_after_ms = fields.required(0)?.uint()?;
        let credits = Credits::read(fields.required(1)?)?;
        fields.finish()?;
        if retry_after_ms > MAX_RETRY_AFTER_MS {
            return Err(CborError::OutOfRange);
        }
        Ok(Self {
            retry_after_ms,
            credits,
        })
    }
}

/// Why a request got `ERROR` instead of an answer. Codes outside the table read as
/// [`ErrorCode::Other`], so that a later version may add some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// Something failed on the responder's side.
    Internal,
    /// The request was refused: malformed, or over a limit.
    BadRequest,
    /// The responder does not serve this kind of request.
    Unsupported,
    /// The responder is shutting down.
    Closing,
    /// A code this version does not know.
    Other(u32),
}

impl ErrorCode {
    /// The number on the wire.
    #[must_use]
    pub fn to_u32(self) -> u32 {
        match self {
            Self::Internal => 1,
            Self::BadRequest => 2,
            Self::Unsupported => 3,
            Self::Closing => 4,
            Self::Other(code) => code,
        }
    }

    /// From the number on the wire.
    #[must_use]
    pub fn from_u32(code: u32) -> Self {
        match code {
            1 => Self::Internal,
            2 => Self::BadRequest,
            3 => Self::Unsupported,
            4 => Self::Closing,
            code => Self::Other(code),
        }
    }
}

/// `{0: number}`, the shape of `ACK` and `ERROR`.
pub(super) fn encode_number(number: u32) -> Vec<u8> {
    let mut out = Writer::with_capacity(8);
    out.map(1).uint(0).uint(number.into());
    out.finish()
}

/// Reads `{0: number}`.
pub(super) fn decode_number(payload: &[u8]) -> Result<u32, CborError> {
    let mut fields = Fields::new(payload)?;
    let number = fields.required(0)?.uint()?;
    fields.finish()?;
    u32::try_from(number).map_err(|_| CborError::OutOfRange)
}

/// `{0: bytes}`, the shape of the messages that carry one signed document.
pub(super) fn encode_document(document: &[u8]) -> Vec<u8> {
    let mut out = Writer::with_capacity(document.len() + 8);
    out.map(1).uint(0).bytes(document);
    out.finish()
}

/// Reads `{0: bytes}` of 1 to `max` bytes as a slice of `payload`.
pub(super) fn decode_document(payload: &Bytes, max: usize) -> Result<Bytes, CborError> {
    let mut fields = Fields::new(payload)?;
    let document = slice(fields.required(0)?, payload, max)?;
    fields.finish()?;
    if document.is_empty() {
        return Err(CborError::OutOfRange);
    }
    Ok(document)
}
