//! How applications receive.

use std::{
    pin::Pin,
    sync::{Arc, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::Stream;
use libp2p::PeerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::shared::Shared;
use crate::gossip::direct::is_kind;

/// A message from a peer.
#[derive(Debug)]
pub struct Inbound {
    /// Who sent it. The channel has authenticated it.
    pub peer: PeerId,
    /// The kind it was registered for.
    pub kind: Arc<str>,
    /// What it says.
    pub body: Body,
    /// Its bytes count as unread until it is dropped.
    pub(super) _room: OwnedSemaphorePermit,
}

impl Inbound {
    /// The content, unless it is streamed.
    #[must_use]
    pub fn payload(&self) -> Option<&Bytes> {
        match &self.body {
            Body::Whole(payload) => Some(payload),
            Body::Stream(_) => None,
        }
    }
}

/// The content of a message.
#[derive(Debug)]
pub enum Body {
    /// At most 1 MiB.
    Whole(Bytes),
    /// Any length the node takes, in pieces as they arrive.
    Stream(Chunks),
}

/// The content of a streamed message. The sender goes on only as it is read; dropping it before
/// its end refuses the message.
#[derive(Debug)]
pub struct Chunks {
    pub(super) len: u64,
    pub(super) left: u64,
    pub(super) chunks: mpsc::Receiver<Bytes>,
}

impl Chunks {
    /// Bytes in all, as the sender announced.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Always false: a stream has at least one byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The next piece, `None` after the last.
    ///
    /// # Errors
    /// The sender, its stream or its connection ended early.
    pub async fn next(&mut self) -> Option<Result<Bytes, Interrupted>> {
        if self.left == 0 {
            return None;
        }
        let Some(chunk) = self.chunks.recv().await else {
            let left = std::mem::take(&mut self.left);
            return Some(Err(Interrupted { left }));
        };
        self.left = self.left.saturating_sub(chunk.len() as u64);
        Some(Ok(chunk))
    }
}

/// A streamed message ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream ended {left} bytes early")]
pub struct Interrupted {
    /// Bytes that did not come.
    pub left: u64,
}

/// Messages of one kind, from all peers. Also a [`Stream`].
#[derive(Debug)]
pub struct Messages {
    kind: Arc<str>,
    messages: mpsc::Receiver<Inbound>,
    shared: Arc<Shared>,
}

impl Messages {
    /// The kind it was registered for.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The next message. Waits for as long as it takes.
    ///
    /// # Cancel safety
    /// No message is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<Inbound> {
        self.messages.recv().await
    }

    /// The next message, if one is here.
    pub fn try_recv(&mut self) -> Option<Inbound> {
        self.messages.try_recv().ok()
    }

    /// Messages that wait to be read.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.messages.len()
    }
}

impl Stream for Messages {
    type Item = Inbound;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Inbound>> {
        self.messages.poll_recv(cx)
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        let handlers = &self.shared.handlers;
        let mut handlers = handlers.write().unwrap_or_else(PoisonError::into_inner);
        handlers.remove(&self.kind);
    }
}

/// Why a kind cannot be received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// It is no name.
    #[error("a kind of message is 1 to 64 bytes without control characters")]
    Kind,
    /// Somebody receives it already.
    #[error("this kind of message has a handler already")]
    Taken,
}

/// The way to a handler.
#[derive(Clone, Debug)]
pub(super) struct Receiving {
    pub(super) messages: mpsc::Sender<Inbound>,
    pub(super) room: Arc<Semaphore>,
}

/// What stands before a handler that is not ready.
pub(super) struct Gone;

impl Receiving {
    /// Room for `bytes`, if it is there now.
    pub(super) fn try_room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.room);
        room.try_acquire_many_owned(permits(bytes)).ok()
    }

    /// Waits for room for `bytes`.
    pub(super) async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Gone> {
        let room = Arc::clone(&self.room).acquire_many_owned(permits(bytes));
        tokio::select! {
            room = room => room.map_err(|_| Gone),
            () = self.messages.closed() => Err(Gone),
        }
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

pub(super) fn register(
    shared: &Arc<Shared>,
    kind: &str,
    capacity: usize,
) -> Result<Messages, RegisterError> {
    if !is_kind(kind) {
        return Err(RegisterError::Kind);
    }
    let handlers = &shared.handlers;
    let mut handlers = handlers.write().unwrap_or_else(PoisonError::into_inner);
    if handlers.contains_key(kind) {
        return Err(RegisterError::Taken);
    }
    let (messages, receiver) = mpsc::channel(capacity.max(1));
    let kind: Arc<str> = kind.into();
    let receiving = Receiving {
        messages,
        room: Arc::new(Semaphore::new(shared.config.unread_bytes)),
    };
    handlers.insert(Arc::clone(&kind), receiving);
    Ok(Messages {
        kind,
        messages: receiver,
        shared: Arc::clone(shared),
    })
}
