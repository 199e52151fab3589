//! Frames out of bytes as they arrive.

use super::{Frame, FrameError, FrameType, HEAD_LEN};

/// Room that an empty decoder keeps; more, which a large message left behind, is given back.
const KEEP: usize = 128 * 1024;

/// Collects bytes and gives the frames in them. Holds at most what was fed since the last frame
/// was incomplete: a frame and one read.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Where the next frame begins.
    at: usize,
}

impl Decoder {
    /// Adds bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > KEEP {
            self.buffer = Vec::new();
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, if all of it is here.
    ///
    /// # Errors
    /// What no honest peer writes; nothing after it means anything.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        let rest = &self.buffer[self.at..];
        let Some(head) = rest.first_chunk::<HEAD_LEN>() else {
            return Ok(None);
        };
        let (kind, len) = FrameType::of_head(*head)?;
        let end = HEAD_LEN + len;
        let Some(payload) = rest.get(HEAD_LEN..end) else {
            return Ok(None);
        };
        self.at += end;
        Frame::decode(kind, payload).map(Some)
    }

    /// Bytes that wait for the rest of their frame.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.at
    }
}
