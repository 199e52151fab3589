//! Reads records.

use super::{
    KeyLimits, MAX_LEN, MIN_LEN, PREFIX_LEN, RecordError, SEALED_EXTRA, TYPE_CLOSE, TYPE_DATA,
    keys::DirectionKey,
};
use crate::{
    crypto::{aead::AeadAlg, secret::Secret},
    secure::CloseCode,
};

/// Opens the records of one direction, in place in the caller's buffer.
pub struct Opener {
    key: DirectionKey,
    closed: bool,
}

/// What was in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// So many bytes of content, which follow the prefix.
    Data(usize),
    /// The direction has ended.
    Close(CloseCode),
}

impl Opener {
    /// Starts a direction with its first traffic secret.
    #[must_use]
    pub fn new(aead: AeadAlg, secret: Secret<32>) -> Self {
        Self::with_limits(aead, secret, KeyLimits::PROTOCOL)
    }

    /// [`Opener::new`] with other limits, which only a test can agree on with its other end.
    #[must_use]
    pub fn with_limits(aead: AeadAlg, secret: Secret<32>, limits: KeyLimits) -> Self {
        Self {
            key: DirectionKey::new(aead, secret, limits),
            closed: false,
        }
    }

    /// Length of the whole record that starts with `buf`, `None` while its prefix is incomplete.
    /// To be asked before anything is allocated for the record.
    ///
    /// # Errors
    /// No record has that length.
    pub fn record_len(buf: &[u8]) -> Result<Option<usize>, RecordError> {
        let Some(prefix) = buf.first_chunk::<PREFIX_LEN>() else {
            return Ok(None);
        };
        let len = u32::from_be_bytes(*prefix);
        match usize::try_from(len) {
            Ok(n) if (MIN_LEN..=MAX_LEN).contains(&n) => Ok(Some(PREFIX_LEN + n)),
            _ => Err(RecordError::Length(len)),
        }
    }

    /// Opens `record`, exactly one record with its prefix.
    ///
    /// # Errors
    /// It is not the next record. The session cannot go on.
    pub fn open(&mut self, record: &mut [u8]) -> Result<Opened, RecordError> {
        if self.closed {
            return Err(RecordError::AfterClose);
        }
        let total = Self::record_len(record)?;
        let Some((prefix, sealed)) = record
            .split_first_chunk_mut::<PREFIX_LEN>()
            .filter(|(prefix, sealed)| total == Some(prefix.len() + sealed.len()))
        else {
            return Err(RecordError::Seal);
        };
        let content = sealed.len() - SEALED_EXTRA;
        let (key, counter) = self.key.next(content);
        key.open(counter, prefix, sealed)
            .map_err(|_| RecordError::Seal)?;
        match sealed[content] {
            TYPE_DATA if content == 0 => Err(RecordError::Empty),
            TYPE_DATA => Ok(Opened::Data(content)),
            TYPE_CLOSE => {
                let code = CloseCode::from_content(&sealed[..content])
                    .ok_or(RecordError::Close(content))?;
                self.closed = true;
                Ok(Opened::Close(code))
            }
            other => Err(RecordError::Type(other)),
        }
    }

    /// How often the key was replaced.
    #[must_use]
    pub fn ratchets(&self) -> u64 {
        self.key.ratchets()
    }
}
