//! The substream on which we write whole messages and read their receipts.

use std::{
    io,
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use futures::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
    future::{Either, select},
};
use multistream_select::NegotiationError;
use tokio::sync::{Notify, mpsc};

use super::{
    sender::{Outgoing, Receipt, SendError, Ticket},
    shared::{Counters, Shared, count},
};
use crate::gossip::direct::{Decoder, Frame, FrameError, Outbox, encode_message_head};

/// Most messages taken from the queue at a time.
const BATCH: usize = 256;

/// Bytes gathered before they are written.
const GATHER: usize = 64 * 1024;

/// A payload from this length on is written from where it is instead of being gathered.
const UNGATHERED: usize = 16 * 1024;

/// Why a substream ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    /// The peer, its muxer or the line.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What no honest peer writes.
    #[error(transparent)]
    Fault(#[from] FrameError),
}

/// Writes `first` and then everything from `queue`, until the substream ends.
pub(super) async fn run<S>(
    stream: S,
    first: Outgoing,
    queue: &mut mpsc::Receiver<Outgoing>,
    shared: &Shared,
) -> Result<(), End>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let (mut reader, mut writer) = stream.split();
    let outbox = Mutex::new(Outbox::new(shared.config.window));
    let opened = Notify::new();
    let ended = {
        let write = pin!(write(&mut writer, first, queue, &outbox, &opened, shared));
        let read = pin!(read(&mut reader, &outbox, &opened, &shared.counters));
        match select(write, read).await {
            Either::Left((ended, _)) | Either::Right((ended, _)) => ended,
        }
    };
    let outbox = outbox.into_inner().unwrap_or_else(PoisonError::into_inner);
    let error = match &ended {
        Err(End::Io(e)) if is_unsupported(e) => SendError::Unsupported,
        _ => SendError::Disconnected,
    };
    for ticket in outbox.into_unacknowledged() {
        let _ = ticket.reply.send(Err(error.clone()));
    }
    ended
}

/// Whether the peer refused the protocol, which a lazily negotiated substream learns late.
pub(super) fn is_unsupported(error: &io::Error) -> bool {
    let inner = error.get_ref();
    let negotiation = inner.and_then(|e| e.downcast_ref::<NegotiationError>());
    matches!(negotiation, Some(NegotiationError::Failed))
}

async fn write(
    writer: &mut (impl AsyncWrite + Unpin),
    first: Outgoing,
    queue: &mut mpsc::Receiver<Outgoing>,
    outbox: &Mutex<Outbox<Ticket>>,
    opened: &Notify,
    shared: &Shared,
) -> Result<(), End> {
    let mut batch = vec![first];
    let mut out = Vec::new();
    loop {
        let written = Instant::now();
        for outgoing in batch.drain(..) {
            let Outgoing {
                kind,
                payload,
                reply,
                room,
            } = outgoing;
            // Whoever wanted it gave up while it was queued.
            if reply.is_closed() {
                continue;
            }
            count(&shared.counters.sent, 1);
            count(&shared.counters.sent_bytes, payload.len());
            let ticket = Ticket {
                reply,
                written,
                _room: room,
            };
            let seq = lock(outbox).push(ticket);
            encode_message_head(&mut out, seq, &kind, payload.len());
            if payload.len() < UNGATHERED {
                out.extend_from_slice(&payload);
            }
            if payload.len() >= UNGATHERED || out.len() >= GATHER {
                writer.write_all(&out).await?;
                out.clear();
            }
            if payload.len() >= UNGATHERED {
                writer.write_all(&payload).await?;
            }
        }
        writer.write_all(&out).await?;
        out.clear();
        writer.flush().await?;
        let room = loop {
            let room = lock(outbox).room();
            if room > 0 {
                break room;
            }
            // A receipt since then has left its permit.
            opened.notified().await;
        };
        if queue.recv_many(&mut batch, room.min(BATCH)).await == 0 {
            // The behaviour is gone, and the connection with it.
            return Ok(());
        }
    }
}

async fn read(
    reader: &mut (impl AsyncRead + Unpin),
    outbox: &Mutex<Outbox<Ticket>>,
    opened: &Notify,
    counters: &Counters,
) -> Result<(), End> {
    let mut decoder = Decoder::default();
    let mut bytes = vec![0; 4096];
    loop {
        let n = reader.read(&mut bytes).await?;
        if n == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        decoder.feed(&bytes[..n]);
        let now = Instant::now();
        while let Some(frame) = decoder.next_frame()? {
            let Frame::Ack(ack) = frame else {
                return Err(FrameError::OutOfPlace(frame.frame_type()).into());
            };
            lock(outbox).acknowledge(&ack, |ticket, refusal| {
                let answer = match refusal {
                    None => {
                        count(&counters.acknowledged, 1);
                        let took = now.saturating_duration_since(ticket.written);
                        Ok(Receipt { took })
                    }
                    Some(refusal) => {
                        count(&counters.refused, 1);
                        Err(SendError::Refused(refusal))
                    }
                };
                // Nobody may be waiting any more.
                let _ = ticket.reply.send(answer);
            })?;
            opened.notify_one();
        }
    }
}

fn lock(outbox: &Mutex<Outbox<Ticket>>) -> std::sync::MutexGuard<'_, Outbox<Ticket>> {
    outbox.lock().unwrap_or_else(PoisonError::into_inner)
}
