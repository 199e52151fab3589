//! The row of a record on disk: `[1, own, place | null, record]`, canonical CBOR, the record as a
//! byte string. Its key is that of the record.

use bytes::Bytes;

use super::{Entry, Place, Source};
use crate::{
    cbor::{CborError, Reader, Writer},
    dht::{Key, Record, RecordError, Verified},
    registry::MAX_DHT_RECORD_BYTES,
};

const VERSION: u64 = 1;

/// Why a row is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// Its key is no key.
    #[error("a row of the hash table lies under a key that does not have 32 bytes")]
    Key,
    /// Not the canonical CBOR of a row.
    #[error("not a row of the hash table: {0}")]
    Malformed(#[from] CborError),
    /// A version this build does not know.
    #[error("version {0} of a row of the hash table is unknown")]
    Version(u64),
    /// Its record is none, or belongs under another key.
    #[error(transparent)]
    Record(#[from] RecordError),
}

pub(super) fn encode(entry: &Entry) -> Vec<u8> {
    let mut out = Writer::with_capacity(entry.record.as_bytes().len() + 24);
    out.array(4).uint(VERSION).bool(entry.is_own());
    match entry.source {
        Source::Held(Some(Place(place))) => out.uint(place),
        _ => out.null(),
    };
    out.bytes(entry.record.as_bytes());
    out.finish()
}

pub(super) fn decode(key: &Key, row: &[u8]) -> Result<(Verified, Source), RowError> {
    let mut reader = Reader::new(row);
    reader.array_of(4)?;
    let version = reader.uint()?;
    if version != VERSION {
        return Err(RowError::Version(version));
    }
    let own = reader.bool()?;
    let place = if reader.take_null()? {
        None
    } else {
        Some(Place(reader.uint()?))
    };
    let bytes = reader.bytes_max(MAX_DHT_RECORD_BYTES)?;
    reader.finish()?;
    let record = Record::decode(Bytes::copy_from_slice(bytes))?;
    if record.key() != *key {
        return Err(RecordError::OtherKey.into());
    }
    let source = if own {
        Source::Own
    } else {
        Source::Held(place)
    };
    Ok((Verified::remembered(record), source))
}
