//! Content on its way to the stream.
//!
//! One buffer holds, in this order: bytes already sent, sealed records, and the record that is
//! being filled. Content is copied once, into the place where it is sealed and sent from.

use std::mem;

use super::CloseCode;
use crate::{
    registry::MAX_RECORD_CONTENT,
    secure::record::{OVERHEAD, PREFIX_LEN, Sealer},
};

/// Sealed bytes above which a write first waits for the stream: two full records. Larger only
/// hides a slow peer behind memory; smaller makes a write that fills several records wait between
/// them.
const FULL: usize = 2 * (MAX_RECORD_CONTENT + OVERHEAD);

/// Buffer that is kept over a rest: pings and small requests need no more.
const SMALL: usize = 512;

/// Bursts below this size do not need the buffer of a large one.
const BUSY: usize = 4 * 1024;

/// After so many small bursts in a row a large buffer is given back.
const QUIET: u8 = 4;

pub(super) struct Writer {
    sealer: Sealer,
    buf: Vec<u8>,
    /// Bytes at the front that the stream has taken.
    sent: usize,
    /// Where the record that is being filled starts.
    filling: Option<usize>,
    close_code: CloseCode,
    closed: bool,
    burst: usize,
    quiet: u8,
}

impl Writer {
    pub(super) fn new(sealer: Sealer) -> Self {
        Self {
            sealer,
            buf: Vec::new(),
            sent: 0,
            filling: None,
            close_code: CloseCode::Normal,
            closed: false,
            burst: 0,
            quiet: 0,
        }
    }

    pub(super) fn set_close_code(&mut self, code: CloseCode) {
        self.close_code = code;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn ratchets(&self) -> u64 {
        self.sealer.ratchets()
    }

    /// Whether sealed records should leave before more is pushed.
    pub(super) fn is_full(&self) -> bool {
        self.filling.unwrap_or(self.buf.len()) >= FULL
    }

    /// Takes as much of `data` as the record that is being filled has room for.
    pub(super) fn push(&mut self, data: &[u8]) -> usize {
        if data.is_empty() {
            return 0;
        }
        let at = match self.filling {
            Some(at) => at,
            None => {
                let at = self.buf.len();
                self.buf
                    .reserve(data.len().min(MAX_RECORD_CONTENT) + OVERHEAD);
                self.buf.extend([0; PREFIX_LEN]);
                self.filling = Some(at);
                at
            }
        };
        let content = self.buf.len() - at - PREFIX_LEN;
        let n = data.len().min(MAX_RECORD_CONTENT - content);
        self.buf.extend_from_slice(&data[..n]);
        if content + n == MAX_RECORD_CONTENT {
            self.seal();
        }
        n
    }

    /// Seals the record that is being filled.
    pub(super) fn seal(&mut self) {
        if let Some(at) = self.filling.take() {
            self.sealer.data(&mut self.buf, at);
        }
    }

    /// Seals what there is and the close record behind it, once.
    pub(super) fn close(&mut self) {
        self.seal();
        if !mem::replace(&mut self.closed, true) {
            self.sealer.close(&mut self.buf, self.close_code);
        }
    }

    /// Sealed bytes that the stream has not taken.
    pub(super) fn pending(&self) -> &[u8] {
        &self.buf[self.sent..self.filling.unwrap_or(self.buf.len())]
    }

    /// The stream has taken `n` bytes of [`Writer::pending`].
    pub(super) fn sent(&mut self, n: usize) {
        self.sent += n;
        self.burst = self.burst.saturating_add(n);
        if self.sent == self.buf.len() {
            self.buf.clear();
            self.sent = 0;
        }
    }

    /// Everything is sent and flushed.
    pub(super) fn rest(&mut self) {
        self.quiet = if mem::take(&mut self.burst) < BUSY {
            self.quiet.saturating_add(1)
        } else {
            0
        };
        if self.quiet >= QUIET && self.buf.is_empty() && self.buf.capacity() > SMALL {
            self.buf = Vec::new();
        }
    }

    /// Bytes of memory behind the pointer.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buf.capacity()
    }
}
