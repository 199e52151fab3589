//! Frames on a byte stream.

use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{
    registry::MAX_HELLO_BYTES,
    secure::{
        FrameType, HandshakeError,
        frame::{HEADER_LEN, frame_len},
    },
};

/// Room for what may follow a frame in the same read: the first records of an initiator.
const AHEAD: usize = 1024;

/// How long the last words wait for the peer to hear them. A close over unread bytes resets the
/// connection and can overtake them.
const LINGER: Duration = Duration::from_secs(1);

/// Most bytes thrown away in that time.
const LINGER_BYTES: usize = 64 * 1024;

/// A byte stream that carries frames, and what was read ahead of them.
pub(super) struct Frames<C> {
    io: C,
    buf: Vec<u8>,
    received: u64,
    sent: u64,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Frames<C> {
    pub(super) fn new(io: C) -> Self {
        Self {
            io,
            buf: Vec::new(),
            received: 0,
            sent: 0,
        }
    }

    /// The next frame, which must be of type `expected`. Its length is judged before room is made
    /// for it.
    pub(super) async fn next(&mut self, expected: FrameType) -> Result<Vec<u8>, HandshakeError> {
        loop {
            let want = match frame_len(&self.buf, expected)? {
                Some(len) if len <= self.buf.len() => {
                    let rest = self.buf.split_off(len);
                    self.received += len as u64;
                    return Ok(std::mem::replace(&mut self.buf, rest));
                }
                Some(len) => len + AHEAD,
                None => HEADER_LEN + MAX_HELLO_BYTES,
            };
            let have = self.buf.len();
            self.buf.resize(want, 0);
            let read = self.io.read(&mut self.buf[have..]).await;
            self.buf.truncate(have + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                return Err(HandshakeError::Eof { awaited: expected });
            }
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), HandshakeError> {
        self.io.write_all(bytes).await?;
        self.io.flush().await?;
        self.sent += bytes.len() as u64;
        Ok(())
    }

    /// Sends `bytes` as the last thing on this stream and gives the peer a moment to read them.
    pub(super) async fn farewell(&mut self, bytes: &[u8]) {
        let work = async {
            self.send(bytes).await.ok()?;
            self.io.close().await.ok()?;
            let mut left = LINGER_BYTES;
            let mut sink = [0; 1024];
            while left > 0 {
                match self.io.read(&mut sink).await {
                    Ok(n) if n > 0 => left = left.saturating_sub(n),
                    _ => break,
                }
            }
            Some(())
        };
        let _ = tokio::time::timeout(LINGER, work).await;
    }
}

impl<C> Frames<C> {
    /// Bytes of frames received and sent.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.received, self.sent)
    }

    /// The stream, and the bytes that came behind the last frame.
    pub(super) fn into_parts(self) -> (C, Vec<u8>) {
        (self.io, self.buf.as_slice().to_vec())
    }
}
