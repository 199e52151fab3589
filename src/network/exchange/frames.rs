//! One frame on a substream: read with its length checked first, written without waiting for ever.

use std::{io, time::Duration};

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::{
    registry::MessageId,
    wire::{Frame, FrameHeader, HEADER_LEN, WireError},
};

/// Bytes of the first write of a frame: what yamux sends in one piece. The header goes with the
/// payload's beginning, because alone it would cost a record and a system call.
const FIRST_WRITE: usize = 16 * 1024;

/// How many bytes must pass within the stall timeout.
const STALL_CHUNK: usize = 64 * 1024;

/// What reading a frame gave.
pub(super) enum Read {
    /// A frame, its payload not yet looked at.
    Frame(Frame),
    /// The end of the stream, between two frames.
    End,
    /// Not a frame that belongs here.
    Refused(WireError),
}

/// Reads a frame, if its id is one that `takes` accepts.
pub(super) async fn read<T>(io: &mut T, takes: fn(MessageId) -> bool) -> io::Result<Read>
where
    T: AsyncRead + Unpin + Send,
{
    let mut header = [0; HEADER_LEN];
    let mut filled = 0;
    while filled < HEADER_LEN {
        match io.read(&mut header[filled..]).await? {
            0 if filled == 0 => return Ok(Read::End),
            0 => return Ok(Read::Refused(WireError::Truncated)),
            n => filled += n,
        }
    }
    let header = match FrameHeader::decode(&header) {
        Ok(header) if takes(header.id) => header,
        Ok(header) => return Ok(Read::Refused(WireError::OutOfPlace(header.id))),
        Err(e) => return Ok(Read::Refused(e)),
    };
    let mut payload = vec![0; header.len as usize];
    match io.read_exact(&mut payload).await {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            return Ok(Read::Refused(WireError::Truncated));
        }
        Err(e) => return Err(e),
    }
    Ok(match Frame::from_parts(header, Bytes::from(payload)) {
        Ok(frame) => Read::Frame(frame),
        Err(e) => Read::Refused(e),
    })
}

/// Writes `frame`, unless the peer takes no more than [`STALL_CHUNK`] within `stall`.
pub(super) async fn write<T>(io: &mut T, frame: &Frame, stall: Duration) -> io::Result<()>
where
    T: AsyncWrite + Unpin + Send,
{
    let cut = frame.payload.len().min(FIRST_WRITE - HEADER_LEN);
    let mut first = Vec::with_capacity(HEADER_LEN + cut);
    first.extend(frame.header().encode());
    first.extend(&frame.payload[..cut]);
    timeout(stall, io.write_all(&first)).await??;
    for chunk in frame.payload[cut..].chunks(STALL_CHUNK) {
        timeout(stall, io.write_all(chunk)).await??;
    }
    Ok(())
}

/// Whether `id` may open an exchange.
pub(super) fn is_request(id: MessageId) -> bool {
    matches!(
        id,
        MessageId::GetHeaders | MessageId::GetBlocks | MessageId::DaGet
    )
}

/// Whether `id` may be part of an answer.
pub(super) fn is_answer(id: MessageId) -> bool {
    !is_request(id)
}
