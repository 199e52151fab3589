//! Records: `u32be len || AEAD(content || u8 type)`, the length bytes being the associated data.
//!
//! One [`Sealer`] and one [`Opener`] per direction, in place, without a socket. Keys ratchet after
//! 2^20 records or 2^34 bytes of content, which both ends count alike, so nothing announces it.

mod keys;
mod open;
mod seal;

pub use keys::KeyLimits;
pub use open::{Opened, Opener};
pub use seal::Sealer;

use crate::{crypto::aead::TAG_LEN, registry::MAX_RECORD_CONTENT};

/// Length of the prefix, in bytes.
pub const PREFIX_LEN: usize = 4;

/// Bytes that a record adds to its content: prefix, type and tag.
pub const OVERHEAD: usize = PREFIX_LEN + 1 + TAG_LEN;

/// Type byte of data.
const TYPE_DATA: u8 = 0x17;
/// Type byte of a close.
const TYPE_CLOSE: u8 = 0x00;

/// What the length prefix counts besides the content: type and tag.
const SEALED_EXTRA: usize = 1 + TAG_LEN;
/// Least value of the length prefix: a close record without a code.
const MIN_LEN: usize = SEALED_EXTRA;
/// Largest value of the length prefix.
const MAX_LEN: usize = MAX_RECORD_CONTENT + SEALED_EXTRA;

/// Why received bytes are not the next record. Each is fatal to the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The length prefix is outside what a record can have.
    #[error("a record claims {0} bytes")]
    Length(u32),
    /// The record does not authenticate: changed, repeated, reordered, or one is missing.
    #[error("a record does not authenticate")]
    Seal,
    /// A type that does not exist.
    #[error("a record has type {0}")]
    Type(u8),
    /// A data record without content.
    #[error("a data record is empty")]
    Empty,
    /// A close record whose content is neither nothing nor a code.
    #[error("a close record has {0} bytes of content")]
    Close(usize),
    /// A record behind the close record.
    #[error("a record follows the close record")]
    AfterClose,
}

impl RecordError {
    /// The metric label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Length(_) => "record_length",
            Self::Seal => "record_seal",
            Self::Type(_) => "record_type",
            Self::Empty => "record_empty",
            Self::Close(_) => "record_close",
            Self::AfterClose => "record_after_close",
        }
    }
}

#[cfg(test)]
mod tests;
