//! How applications send.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{AsyncRead, io::Cursor};
use libp2p::PeerId;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc::error::TrySendError, oneshot},
    time::timeout,
};

use super::{
    Refusal,
    receiver::{self, Messages, RegisterError},
    shared::{Link, Shared, Stats},
};
use crate::{gossip::direct::is_kind, registry::MAX_DIRECT_PAYLOAD};

/// What a message costs of the queue besides its bytes, so that empty ones are bounded, too.
const OVERHEAD: usize = 128;

/// Sends direct messages, and registers who receives them. Clones share one state.
#[derive(Clone, Debug)]
pub struct Sender {
    pub(super) shared: Arc<Shared>,
}

impl Sender {
    /// Sends a message and waits until the peer's application has it. Above 1 MiB it is streamed.
    /// Never dials.
    ///
    /// # Errors
    /// See [`SendError`]. After [`SendError::Deadline`] and [`SendError::Disconnected`] the peer
    /// may have it.
    pub async fn send(
        &self,
        peer: PeerId,
        kind: &str,
        payload: impl Into<Bytes>,
    ) -> Result<Receipt, SendError> {
        let (payload, limit) = (payload.into(), self.shared.config.deadline);
        if payload.len() > MAX_DIRECT_PAYLOAD {
            // Its own stall time bounds it; how long it takes depends on the line.
            return self.queue(peer, kind, payload).await?.await;
        }
        let send = async { self.queue(peer, kind, payload).await?.await };
        timeout(limit, send)
            .await
            .unwrap_or(Err(SendError::Deadline))
    }

    /// Waits for room in the peer's queue and returns a future of the receipt, so that the next
    /// message can be queued before this one is acknowledged.
    ///
    /// # Errors
    /// Nothing was queued.
    pub async fn queue(
        &self,
        peer: PeerId,
        kind: &str,
        payload: impl Into<Bytes>,
    ) -> Result<Delivery, SendError> {
        let (link, payload) = (self.link(peer, kind)?, payload.into());
        if payload.len() > MAX_DIRECT_PAYLOAD {
            let (upload, delivery) = upload(kind, payload);
            let queued = link.uploads.send(upload).await;
            return queued
                .map(|()| delivery)
                .map_err(|_| SendError::NotConnected);
        }
        let room = Arc::clone(&link.room).acquire_many_owned(cost(&payload));
        let room = room.await.map_err(|_| SendError::NotConnected)?;
        let (outgoing, delivery) = outgoing(kind, payload, room);
        let queued = link.lane.send(outgoing).await;
        queued
            .map(|()| delivery)
            .map_err(|_| SendError::NotConnected)
    }

    /// As [`Sender::queue`], without waiting.
    ///
    /// # Errors
    /// [`SendError::QueueFull`] where `queue` would wait; nothing was queued.
    pub fn try_send(
        &self,
        peer: PeerId,
        kind: &str,
        payload: impl Into<Bytes>,
    ) -> Result<Delivery, SendError> {
        let (link, payload) = (self.link(peer, kind)?, payload.into());
        if payload.len() > MAX_DIRECT_PAYLOAD {
            let (upload, delivery) = upload(kind, payload);
            link.uploads.try_send(upload).map_err(refused)?;
            return Ok(delivery);
        }
        let room = Arc::clone(&link.room).try_acquire_many_owned(cost(&payload));
        let room = room.map_err(|_| SendError::QueueFull)?;
        let (outgoing, delivery) = outgoing(kind, payload, room);
        link.lane.try_send(outgoing).map_err(refused)?;
        Ok(delivery)
    }

    /// Streams `len` bytes of `source` and waits until the peer's application has them. Holds
    /// one chunk at a time.
    ///
    /// # Errors
    /// As [`Sender::send`]; also when `source` fails or ends early, or `len` is 0.
    pub async fn send_stream(
        &self,
        peer: PeerId,
        kind: &str,
        len: u64,
        source: impl AsyncRead + Send + 'static,
    ) -> Result<Receipt, SendError> {
        if len == 0 {
            return Err(SendError::Empty);
        }
        let link = self.link(peer, kind)?;
        let (reply, delivery) = delivery();
        let upload = Upload {
            kind: kind.into(),
            len,
            source: Box::pin(source),
            reply,
        };
        let queued = link.uploads.send(upload).await;
        queued.map_err(|_| SendError::NotConnected)?;
        delivery.await
    }

    /// Receives messages of `kind` from all peers. At most `capacity` of them, and
    /// [`Config::unread_bytes`](super::Config::unread_bytes), wait to be read; whoever sends more
    /// waits. Dropping the [`Messages`] ends the registration: the kind is refused again.
    ///
    /// # Errors
    /// The kind is no name, or taken.
    pub fn register(&self, kind: &str, capacity: usize) -> Result<Messages, RegisterError> {
        receiver::register(&self.shared, kind, capacity)
    }

    /// Counters since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.counters.read()
    }

    fn link(&self, peer: PeerId, kind: &str) -> Result<Link, SendError> {
        if !is_kind(kind) {
            return Err(SendError::Kind);
        }
        self.shared.link(&peer).ok_or(SendError::NotConnected)
    }
}

/// Proof that a message was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// From the writing of the message to its receipt.
    pub took: Duration,
}

/// The receipt of a queued message, once it is there. Dropping it sends the message all the same,
/// if it is written already.
#[derive(Debug)]
#[must_use = "a message whose delivery nobody awaits is dropped while it is queued"]
pub struct Delivery(oneshot::Receiver<Result<Receipt, SendError>>);

impl Future for Delivery {
    type Output = Result<Receipt, SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // A connection that closes takes the other end with it.
        let answer = Pin::new(&mut self.0).poll(cx);
        answer.map(|answer| answer.unwrap_or(Err(SendError::Disconnected)))
    }
}

/// Why a message was not delivered, as far as this side knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There is no connection to the peer. It has nothing.
    #[error("not connected to that peer")]
    NotConnected,
    /// The peer does not speak the protocol. It has nothing.
    #[error("the peer does not take direct messages")]
    Unsupported,
    /// Its queue here is full. It has nothing.
    #[error("the queue to that peer is full; wait for receipts")]
    QueueFull,
    /// The kind is no name. Nothing was sent.
    #[error("a kind of message is 1 to 64 bytes without control characters")]
    Kind,
    /// A stream of no bytes. Nothing was sent.
    #[error("a stream has at least one byte; send an empty message instead")]
    Empty,
    /// The peer's application did not take it.
    #[error(transparent)]
    Refused(Refusal),
    /// No receipt in time. The peer may have it.
    #[error("no receipt in time; the peer may have the message")]
    Deadline,
    /// The connection or its substream ended first. The peer may have it.
    #[error("disconnected before the receipt; the peer may have the message")]
    Disconnected,
    /// What was to be streamed could not be read. The peer has the beginning.
    #[error("what was to be streamed could not be read: {0}")]
    Source(String),
}

impl SendError {
    /// The stable label, for metrics and scripts.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::Unsupported => "unsupported",
            Self::QueueFull => "queue_full",
            Self::Kind => "kind",
            Self::Empty => "empty",
            Self::Refused(Refusal::NoHandler) => "no_handler",
            Self::Refused(Refusal::TooLarge) => "too_large",
            Self::Refused(Refusal::Busy) => "busy",
            Self::Refused(_) => "refused",
            Self::Deadline => "deadline",
            Self::Disconnected => "disconnected",
            Self::Source(_) => "source",
        }
    }
}

impl From<io::Error> for SendError {
    fn from(_: io::Error) -> Self {
        Self::Disconnected
    }
}

/// A whole message in the queue.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) kind: Arc<str>,
    pub(super) payload: Bytes,
    pub(super) reply: Reply,
    pub(super) room: OwnedSemaphorePermit,
}

/// Where its receipt goes.
pub(super) type Reply = oneshot::Sender<Result<Receipt, SendError>>;

/// A message that waits for its receipt.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) reply: Reply,
    pub(super) written: Instant,
    pub(super) _room: OwnedSemaphorePermit,
}

/// A message to be streamed.
pub(super) struct Upload {
    pub(super) kind: Arc<str>,
    pub(super) len: u64,
    pub(super) source: Pin<Box<dyn AsyncRead + Send>>,
    pub(super) reply: Reply,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upload({}, {} bytes)", self.kind, self.len)
    }
}

fn delivery() -> (Reply, Delivery) {
    let (reply, answer) = oneshot::channel();
    (reply, Delivery(answer))
}

fn outgoing(kind: &str, payload: Bytes, room: OwnedSemaphorePermit) -> (Outgoing, Delivery) {
    let (reply, delivery) = delivery();
    let kind = kind.into();
    let outgoing = Outgoing {
        kind,
        payload,
        reply,
        room,
    };
    (outgoing, delivery)
}

fn upload(kind: &str, payload: Bytes) -> (Upload, Delivery) {
    let (reply, delivery) = delivery();
    let upload = Upload {
        kind: kind.into(),
        len: payload.len() as u64,
        source: Box::pin(Cursor::new(payload)),
        reply,
    };
    (upload, delivery)
}

/// Of the semaphore: it counts in u32, and a payload has at most 1 MiB.
fn cost(payload: &Bytes) -> u32 {
    u32::try_from(payload.len() + OVERHEAD).unwrap_or(u32::MAX)
}

fn refused<T>(error: TrySendError<T>) -> SendError {
    match error {
        TrySendError::Full(_) => SendError::QueueFull,
        TrySendError::Closed(_) => SendError::NotConnected,
    }
}
