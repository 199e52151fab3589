//! Reads the map of a message: known integer keys in order, unknown keys skipped, so that a later
//! version may add some. Everything, known or not, must be canonical.

use std::cmp::Ordering;

use bytes::Bytes;

use crate::{
    cbor::{CborError, Reader},
    ids::Hash32,
};

/// A cursor over the entries of one map.
pub(super) struct Fields<'a> {
    reader: Reader<'a>,
    left: usize,
    last: &'a [u8],
    /// A key that was read while looking for a smaller one.
    pending: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// At the first entry of the map that `payload` is.
    pub(super) fn new(payload: &'a [u8]) -> Result<Self, CborError> {
        let mut reader = Reader::new(payload);
        let left = reader.map(MAX_KEYS)?;
        Ok(Self {
            reader,
            left,
            last: &[],
            pending: None,
        })
    }

    fn next_key(&mut self) -> Result<Option<&'a [u8]>, CborError> {
        if let Some(key) = self.pending.take() {
            return Ok(Some(key));
        }
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let key = self.reader.item()?;
        if self.last >= key {
            return Err(CborError::KeyOrder);
        }
        self.last = key;
        Ok(Some(key))
    }

    /// The reader at the value of `key` (below 24), `None` if the map does not have it. Keys are
    /// asked for in increasing order.
    pub(super) fn optional(&mut self, key: u8) -> Result<Option<&mut Reader<'a>>, CborError> {
        while let Some(found) = self.next_key()? {
            match found.cmp([key].as_slice()) {
                Ordering::Less => drop(self.reader.item()?),
                Ordering::Equal => return Ok(Some(&mut self.reader)),
                Ordering::Greater => {
                    self.pending = Some(found);
                    break;
                }
            }
        }
        Ok(None)
    }

    /// The reader at the value of `key`, which the message must have.
    pub(super) fn required(&mut self, key: u8) -> Result<&mut Reader<'a>, CborError> {
        self.optional(key)?.ok_or(CborError::WrongKey)
    }

    /// Skips what is left and checks that nothing follows the map.
    pub(super) fn finish(mut self) -> Result<(), CborError> {
        while self.next_key()?.is_some() {
            self.reader.item()?;
        }
        self.reader.finish()
    }
}

/// Most keys of a message, known and unknown: bounds the work of skipping.
const MAX_KEYS: usize = 32;

/// An array of at most `max` hashes, at least one.
pub(super) fn hashes(reader: &mut Reader<'_>, max: usize) -> Result<Vec<Hash32>, CborError> {
    let n = reader.array(max)?;
    if n == 0 {
        return Err(CborError::OutOfRange);
    }
    (0..n).map(|_| reader.fixed().map(Hash32)).collect()
}

/// An array of at most `max` byte strings of at most `each` bytes, as slices of `payload`.
pub(super) fn slices(
    reader: &mut Reader<'_>,
    payload: &Bytes,
    max: usize,
    each: usize,
) -> Result<Vec<Bytes>, CborError> {
    let n = reader.array(max)?;
    (0..n).map(|_| slice(reader, payload, each)).collect()
}

/// A byte string of at most `max` bytes, as a slice of `payload`.
pub(super) fn slice(
    reader: &mut Reader<'_>,
    payload: &Bytes,
    max: usize,
) -> Result<Bytes, CborError> {
    let bytes = reader.bytes_max(max)?;
    let end = reader.position();
    Ok(payload.slice(end - bytes.len()..end))
}
