//! A substream for one message that is streamed: we write, and read one receipt.

use std::{
    future::Future,
    io,
    pin::pin,
    time::{Duration, Instant},
};

use futures::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, FutureExt as _,
    future::{Either, select},
};
use tokio::time::timeout;

use super::{
    lane::{End, is_unsupported},
    sender::{Receipt, SendError, Upload},
    shared::{Shared, count},
};
use crate::{
    gossip::direct::{
        Ack, Decoder, Frame, FrameError, HEAD_LEN, Outbox, encode_chunk_head, encode_stream,
    },
    registry::MAX_DIRECT_CHUNK,
};

/// Streams `upload` and answers whoever waits for it. An error is a peer's fault.
pub(super) async fn run<S>(stream: S, upload: Upload, shared: &Shared) -> Result<(), FrameError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let (mut reader, mut writer) = stream.split();
    let stall = shared.config.stall;
    let (len, reply, begin) = (upload.len, upload.reply, Instant::now());
    let write = write(&mut writer, &upload.kind, len, upload.source, stall);
    let ended = exchange(write, receipt(&mut reader), stall).await;
    let answer = match ended {
        Ok(ack) => match ack.refused.first() {
            None => {
                count(&shared.counters.sent, 1);
                count(
                    &shared.counters.sent_bytes,
                    usize::try_from(len).unwrap_or(usize::MAX),
                );
                count(&shared.counters.acknowledged, 1);
                let took = begin.elapsed();
                Ok(Receipt { took })
            }
            Some((_, refusal)) => {
                count(&shared.counters.refused, 1);
                Err(SendError::Refused(*refusal))
            }
        },
        Err(Failure::Send(error)) => Err(error),
        Err(Failure::Fault(error)) => {
            let _ = reply.send(Err(SendError::Disconnected));
            return Err(error);
        }
    };
    let _ = reply.send(answer);
    Ok(())
}

/// Writes and waits for the receipt, which may come first: a refusal.
async fn exchange(
    write: impl Future<Output = Result<(), SendError>>,
    receipt: impl Future<Output = Result<Ack, End>>,
    stall: Duration,
) -> Result<Ack, Failure> {
    match select(pin!(write), pin!(receipt)).await {
        Either::Right((receipt, _)) => Ok(receipt?),
        Either::Left((Ok(()), receipt)) => match timeout(stall, receipt).await {
            Ok(receipt) => Ok(receipt?),
            Err(_) => Err(SendError::Deadline.into()),
        },
        // A peer that refuses and closes may make the write fail before its receipt is read.
        Either::Left((Err(error), receipt)) => match receipt.now_or_never() {
            Some(Ok(ack)) => Ok(ack),
            _ => Err(error.into()),
        },
    }
}

async fn write(
    writer: &mut (impl AsyncWrite + Unpin),
    kind: &str,
    len: u64,
    mut source: std::pin::Pin<Box<dyn AsyncRead + Send>>,
    stall: Duration,
) -> Result<(), SendError> {
    let mut buffer = Vec::new();
    encode_stream(&mut buffer, kind, len);
    within(stall, writer.write_all(&buffer)).await?;
    buffer.resize(HEAD_LEN + MAX_DIRECT_CHUNK, 0);
    let mut left = len;
    while left > 0 {
        let most = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(MAX_DIRECT_CHUNK);
        let read = source.read(&mut buffer[HEAD_LEN..HEAD_LEN + most]);
        let n = match timeout(stall, read).await {
            Ok(Ok(0)) => return Err(SendError::Source(format!("it ended {left} bytes early"))),
            Ok(Ok(n)) => n,
            Ok(Err(e)) => return Err(SendError::Source(e.to_string())),
            Err(_) => return Err(SendError::Source("it stalled".to_owned())),
        };
        buffer[..HEAD_LEN].copy_from_slice(&encode_chunk_head(n));
        within(stall, writer.write_all(&buffer[..HEAD_LEN + n])).await?;
        left -= n as u64;
    }
    within(stall, writer.flush()).await
}

async fn receipt(reader: &mut (impl AsyncRead + Unpin)) -> Result<Ack, End> {
    let mut outbox = Outbox::new(1);
    outbox.push(());
    let mut decoder = Decoder::default();
    let mut bytes = [0; 256];
    loop {
        let n = reader.read(&mut bytes).await?;
        if n == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        decoder.feed(&bytes[..n]);
        match decoder.next_frame()? {
            None => {}
            Some(Frame::Ack(ack)) => {
                outbox.acknowledge(&ack, |(), _| {})?;
                return Ok(ack);
            }
            Some(other) => return Err(FrameError::OutOfPlace(other.frame_type()).into()),
        }
    }
}

async fn within(
    stall: Duration,
    write: impl Future<Output = io::Result<()>>,
) -> Result<(), SendError> {
    match timeout(stall, write).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(SendError::Deadline),
    }
}

/// Why there is no receipt.
enum Failure {
    Send(SendError),
    Fault(FrameError),
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<End> for Failure {
    fn from(end: End) -> Self {
        match end {
            End::Io(e) if is_unsupported(&e) => Self::Send(SendError::Unsupported),
            End::Io(_) => Self::Send(SendError::Disconnected),
            End::Fault(error) => Self::Fault(error),
        }
    }
}
