//! Received bytes on their way to the caller.
//!
//! One buffer holds, in this order: content not yet delivered, records not yet opened, free space.
//! It grows while reads fill it and shrinks once they no longer do, so that an idle connection
//! keeps [`SMALL`] bytes and a busy one reads many records per system call.

use std::ops::Range;

use super::CloseCode;
use crate::secure::record::{Opened, Opener, PREFIX_LEN, RecordError};

/// Buffer of an idle connection: room for a ping and for the prefix of anything larger. Smaller
/// saves nothing that counts beside the keys; larger costs every idle peer.
const SMALL: usize = 1024;

/// Largest buffer, but for one record that does not fit the rest of it. Eight yamux frames per
/// system call; larger no longer paid in measurements, and leaves the second-level cache.
const LARGE: usize = 128 * 1024;

/// A buffer that a read filled to the end grows so many times.
const GROWTH: usize = 8;

/// Reads below this size do not need a buffer above [`SMALL`] times [`GROWTH`].
const BUSY: usize = 4 * 1024;

/// After so many small reads in a row that emptied the stream the buffer shrinks. Smaller would
/// shrink and grow within one transfer whose tail is short.
const QUIET: u8 = 4;

pub(super) struct Reader {
    opener: Opener,
    /// All of it is initialised; its length is the size of the buffer.
    buf: Vec<u8>,
    /// Opened content in `buf`.
    content: Range<usize>,
    /// Received bytes in `buf` that were not opened yet.
    sealed: Range<usize>,
    closed: bool,
    /// Whether the buffer was filled to its end by the last read.
    hungry: bool,
    quiet: u8,
}

/// What stood at the front of the received bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Less than a record.
    Incomplete,
    /// So many bytes of content, ready for [`Reader::take`].
    Data(usize),
    /// The peer's close.
    Closed(CloseCode),
}

impl Reader {
    /// `received` came behind the handshake.
    pub(super) fn new(opener: Opener, received: Vec<u8>) -> Self {
        Self {
            opener,
            content: 0..0,
            sealed: 0..received.len(),
            buf: received,
            closed: false,
            hungry: false,
            quiet: 0,
        }
    }

    /// Moves opened content to `out` and says how much.
    pub(super) fn take(&mut self, out: &mut [u8]) -> usize {
        let n = self.content.len().min(out.len());
        if n > 0 {
            let from = self.content.start;
            out[..n].copy_from_slice(&self.buf[from..from + n]);
            self.content.start += n;
        }
        n
    }

    /// Whether the peer has closed; then nothing more is read.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn ratchets(&self) -> u64 {
        self.opener.ratchets()
    }

    /// Opens the record at the front.
    pub(super) fn next(&mut self) -> Result<Next, RecordError> {
        let waiting = &mut self.buf[self.sealed.clone()];
        let len = match Opener::record_len(waiting)? {
            Some(len) if len <= waiting.len() => len,
            _ => return Ok(Next::Incomplete),
        };
        let opened = self.opener.open(&mut waiting[..len])?;
        let start = self.sealed.start;
        self.sealed.start += len;
        Ok(match opened {
            Opened::Data(content) => {
                self.content = start + PREFIX_LEN..start + PREFIX_LEN + content;
                Next::Data(content)
            }
            Opened::Close(code) => {
                self.closed = code == CloseCode::Normal;
                Next::Closed(code)
            }
        })
    }

    /// Free space behind the received bytes, at least what the record at the front lacks. To be
    /// called when nothing is left to take or open.
    pub(super) fn space(&mut self) -> &mut [u8] {
        let waiting = self.sealed.len();
        // `next` has refused a length that no record has.
        let record = Opener::record_len(&self.buf[self.sealed.clone()])
            .ok()
            .flatten()
            .unwrap_or(SMALL);
        let mut size = self.buf.len().max(SMALL);
        if self.hungry {
            size = (size * GROWTH).min(LARGE.max(self.buf.len()));
            self.hungry = false;
        }
        let size = size.max(record);
        let room = size - self.sealed.end;
        let fits = self.sealed.start + record <= size;
        if self.sealed.start > 0 && (waiting == 0 || !fits || room < size / 2) {
            self.buf.copy_within(self.sealed.clone(), 0);
            self.sealed = 0..waiting;
        }
        if self.buf.len() < size {
            self.buf.resize(size, 0);
        }
        &mut self.buf[self.sealed.end..]
    }

    /// `n` bytes were read into [`Reader::space`].
    pub(super) fn filled(&mut self, n: usize) {
        self.sealed.end += n;
        self.hungry = self.sealed.end == self.buf.len();
        if n >= BUSY {
            self.quiet = 0;
        }
    }

    /// The stream has nothing more for now.
    pub(super) fn rest(&mut self) {
        self.quiet = self.quiet.saturating_add(1);
        let empty = self.content.is_empty() && self.sealed.is_empty();
        if empty && self.quiet >= QUIET && self.buf.len() > SMALL {
            self.buf = Vec::new();
            self.sealed = 0..0;
            self.content = 0..0;
            self.hungry = false;
        }
    }

    /// Bytes of memory behind the pointer.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buf.capacity()
    }
}
