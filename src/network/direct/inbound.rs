//! A substream a peer opened: its first frame says whether it carries messages or one stream.

use std::{
    io,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::PeerId;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::{sleep, timeout},
};

use super::{
    lane::End,
    receiver::{Body, Chunks, Inbound, Receiving},
    shared::{Account, Shared, count},
};
use crate::gossip::direct::{Ack, Decoder, Frame, FrameError, Inbox, Refusal, encode_ack};

/// How long a peer may leave a new substream silent, and how long it may go on writing after a
/// refusal.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes read at a time.
const READ: usize = 32 * 1024;

/// Chunks of a stream that wait for its handler: a quarter of a MiB.
const CHUNKS: usize = 4;

/// Reads the substream until it ends. An error is a peer's fault.
pub(super) async fn run<S>(
    stream: S,
    peer: PeerId,
    shared: &Shared,
    account: &Account,
) -> Result<(), FrameError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let mut substream = Substream {
        stream,
        decoder: Decoder::default(),
        bytes: vec![0; READ],
        peer,
        shared,
        account,
    };
    match substream.serve().await {
        Ok(()) | Err(End::Io(_)) => Ok(()),
        Err(End::Fault(error)) => Err(error),
    }
}

struct Substream<'a, S> {
    stream: S,
    decoder: Decoder,
    bytes: Vec<u8>,
    peer: PeerId,
    shared: &'a Shared,
    account: &'a Account,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Substream<'_, S> {
    async fn serve(&mut self) -> Result<(), End> {
        loop {
            match self.decoder.next_frame()? {
                None => {
                    let more = timeout(PATIENCE, self.fill()).await;
                    more.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                }
                Some(Frame::Message { seq, kind, payload }) => {
                    let to = self.shared.receiving(kind, self.account);
                    let first = Arrived::new(seq, to, payload);
                    return self.messages(first).await;
                }
                Some(Frame::Stream { kind, len }) => {
                    let kind = kind.to_owned();
                    return self.stream(&kind, len).await;
                }
                Some(other) => return Err(FrameError::OutOfPlace(other.frame_type()).into()),
            }
        }
    }

    /// Whole messages, one after the other.
    async fn messages(&mut self, first: Arrived) -> Result<(), End> {
        let mut inbox = Inbox::default();
        let mut arrived = Some(first);
        loop {
            if let Some(message) = arrived.take() {
                inbox.expect(message.seq)?;
                let refusal = self.hand_over(message, &mut inbox).await?;
                inbox.settle(refusal);
                if inbox.is_due() {
                    self.acknowledge(&mut inbox).await?;
                }
            }
            arrived = match self.decoder.next_frame()? {
                Some(Frame::Message { seq, kind, payload }) => {
                    let to = self.shared.receiving(kind, self.account);
                    Some(Arrived::new(seq, to, payload))
                }
                Some(other) => return Err(FrameError::OutOfPlace(other.frame_type()).into()),
                None => {
                    self.acknowledge(&mut inbox).await?;
                    self.fill().await?;
                    None
                }
            };
        }
    }

    /// Gives a message to its handler, waiting for it if need be.
    async fn hand_over(
        &mut self,
        message: Arrived,
        inbox: &mut Inbox,
    ) -> Result<Option<Refusal>, End> {
        let len = message.payload.len();
        while let Some(wait) = self.pay(len) {
            self.acknowledge(inbox).await?;
            sleep(wait).await;
        }
        let Some((kind, receiving)) = message.to else {
            count(&self.shared.counters.unwanted, 1);
            return Ok(Some(Refusal::NoHandler));
        };
        let room = match receiving.try_room(len) {
            Some(room) => room,
            None => {
                self.blocked(inbox).await?;
                match receiving.room(len).await {
                    Ok(room) => room,
                    Err(_) => return Ok(Some(Refusal::HandlerGone)),
                }
            }
        };
        let inbound = Inbound {
            peer: self.peer,
            kind,
            body: Body::Whole(message.payload),
            _room: room,
        };
        let taken = match receiving.messages.try_send(inbound) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(inbound)) => {
                self.blocked(inbox).await?;
                receiving.messages.send(inbound).await.is_ok()
            }
        };
        if !taken {
            return Ok(Some(Refusal::HandlerGone));
        }
        self.received(len as u64);
        Ok(None)
    }

    /// One message in chunks.
    async fn stream(&mut self, kind: &str, len: u64) -> Result<(), End> {
        let receiving = self.shared.receiving(kind, self.account);
        let place = Arc::clone(&self.shared.streams).try_acquire_owned();
        let refusal = match (&receiving, &place) {
            _ if len > self.shared.config.max_stream => Some(Refusal::TooLarge),
            (None, _) => Some(Refusal::NoHandler),
            (_, Err(_)) => Some(Refusal::Busy),
            _ => None,
        };
        let (Some((kind, receiving)), None) = (receiving, refusal) else {
            count(&self.shared.counters.unwanted, 1);
            return self.refuse(refusal.unwrap_or(Refusal::Other)).await;
        };
        let (sender, chunks) = mpsc::channel(CHUNKS);
        // Its chunks are bounded by their own channel, so it costs nothing of the unread bytes.
        let Ok(room) = receiving.room(0).await else {
            return self.refuse(Refusal::HandlerGone).await;
        };
        let inbound = Inbound {
            peer: self.peer,
            kind,
            body: Body::Stream(Chunks {
                len,
                left: len,
                chunks,
            }),
            _room: room,
        };
        if receiving.messages.send(inbound).await.is_err() {
            return self.refuse(Refusal::HandlerGone).await;
        }
        let mut left = len;
        while left > 0 {
            let chunk = match self.decoder.next_frame()? {
                None => {
                    self.fill().await?;
                    continue;
                }
                Some(Frame::Chunk(chunk)) => Bytes::copy_from_slice(chunk),
                Some(other) => return Err(FrameError::OutOfPlace(other.frame_type()).into()),
            };
            let n = chunk.len();
            left = left.checked_sub(n as u64).ok_or(FrameError::StreamLength)?;
            while let Some(wait) = self.pay(n) {
                sleep(wait).await;
            }
            if sender.send(chunk).await.is_err() {
                return self.refuse(Refusal::HandlerGone).await;
            }
        }
        self.received(len);
        self.write_ack(&Ack {
            up_to: 1,
            refused: Vec::new(),
        })
        .await?;
        // The sender closes when it has read the receipt; dropping the substream could overtake it.
        self.drain().await
    }

    async fn refuse(&mut self, refusal: Refusal) -> Result<(), End> {
        let ack = Ack {
            up_to: 1,
            refused: vec![(1, refusal)],
        };
        self.write_ack(&ack).await?;
        self.drain().await
    }

    /// Discards what still comes, until the sender has seen the receipt.
    async fn drain(&mut self) -> Result<(), End> {
        let end = async { while self.fill_only().await.is_ok() {} };
        let _ = timeout(PATIENCE, end).await;
        Ok(())
    }

    async fn blocked(&mut self, inbox: &mut Inbox) -> Result<(), End> {
        count(&self.shared.counters.blocked, 1);
        self.acknowledge(inbox).await
    }

    fn received(&self, bytes: u64) {
        count(&self.shared.counters.received, 1);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        count(&self.shared.counters.received_bytes, bytes);
    }

    fn pay(&self, bytes: usize) -> Option<Duration> {
        let mut pace = self
            .account
            .pace
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let wait = pace.pay(bytes, Instant::now());
        if wait.is_some() {
            count(&self.shared.counters.paced, 1);
        }
        wait
    }

    async fn acknowledge(&mut self, inbox: &mut Inbox) -> Result<(), End> {
        match inbox.take_ack() {
            Some(ack) => self.write_ack(&ack).await,
            None => Ok(()),
        }
    }

    async fn write_ack(&mut self, ack: &Ack) -> Result<(), End> {
        let mut out = Vec::new();
        encode_ack(&mut out, ack);
        self.stream.write_all(&out).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// Reads more into the decoder.
    async fn fill(&mut self) -> Result<(), End> {
        let n = self.fill_only().await?;
        self.decoder.feed(&self.bytes[..n]);
        Ok(())
    }

    async fn fill_only(&mut self) -> io::Result<usize> {
        match self.stream.read(&mut self.bytes).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            n => Ok(n),
        }
    }
}

/// A whole message, out of the buffer it arrived in.
struct Arrived {
    seq: u64,
    to: Option<(Arc<str>, Receiving)>,
    payload: Bytes,
}

impl Arrived {
    /// Copies the payload: a slice would hold on to the whole buffer for as long as the
    /// application keeps the message.
    fn new(seq: u64, to: Option<(Arc<str>, Receiving)>, payload: &[u8]) -> Self {
        Self {
            seq,
            to,
            payload: Bytes::copy_from_slice(payload),
        }
    }
}
