//! Makes records.

use super::{
    KeyLimits, MAX_RECORD_CONTENT, PREFIX_LEN, SEALED_EXTRA, TYPE_CLOSE, TYPE_DATA,
    keys::DirectionKey,
};
use crate::{
    crypto::{aead::AeadAlg, secret::Secret},
    secure::CloseCode,
};

/// Seals the records of one direction, in place in the caller's buffer.
pub struct Sealer(DirectionKey);

impl Sealer {
    /// Starts a direction with its first traffic secret.
    #[must_use]
    pub fn new(aead: AeadAlg, secret: Secret<32>) -> Self {
        Self::with_limits(aead, secret, KeyLimits::PROTOCOL)
    }

    /// [`Sealer::new`] with other limits, which only a test can agree on with its other end.
    #[must_use]
    pub fn with_limits(aead: AeadAlg, secret: Secret<32>, limits: KeyLimits) -> Self {
        Self(DirectionKey::new(aead, secret, limits))
    }

    /// Makes a data record of what follows `at` in `buf`: four bytes for the prefix and
    /// 1 to 65 536 bytes of content.
    ///
    /// # Panics
    /// There is less or more behind `at`; the caller counts what it appends.
    pub fn data(&mut self, buf: &mut Vec<u8>, at: usize) {
        let content = buf.len() - at - PREFIX_LEN;
        assert!((1..=MAX_RECORD_CONTENT).contains(&content));
        self.finish(buf, at, content, TYPE_DATA);
    }

    /// Appends a close record.
    pub fn close(&mut self, buf: &mut Vec<u8>, code: CloseCode) {
        let at = buf.len();
        buf.extend([0; PREFIX_LEN]);
        if let Some(code) = code.code() {
            buf.extend(code.to_be_bytes());
        }
        let content = buf.len() - at - PREFIX_LEN;
        self.finish(buf, at, content, TYPE_CLOSE);
    }

    fn finish(&mut self, buf: &mut Vec<u8>, at: usize, content: usize, kind: u8) {
        let len = u32::try_from(content + SEALED_EXTRA).expect("content is at most 65 536 bytes");
        let prefix = len.to_be_bytes();
        buf[at..at + PREFIX_LEN].copy_from_slice(&prefix);
        buf.push(kind);
        let (key, counter) = self.0.next(content);
        let tag = key.seal(counter, &prefix, &mut buf[at + PREFIX_LEN..]);
        buf.extend(tag);
    }

    /// How often the key was replaced.
    #[must_use]
    pub fn ratchets(&self) -> u64 {
        self.0.ratchets()
    }
}
