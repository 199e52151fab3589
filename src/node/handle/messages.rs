//! Direct messages to and from connected peers.

use std::future::Future;

use bytes::Bytes;
use futures::AsyncRead;
use libp2p::PeerId;

use super::Handle;
use crate::{
    network::direct::{self, Inbound, Messages, Receipt, RegisterError, SendError},
    node::messages::{self, Registration},
};

impl Handle {
    /// Sends a message to a connected peer and waits until its application has it. Messages of up
    /// to 1 MiB arrive in the order in which they are sent here; longer ones are streamed beside
    /// them.
    ///
    /// # Errors
    /// Why there is no receipt; see [`SendError`].
    pub async fn send(
        &self,
        peer: PeerId,
        kind: &str,
        payload: impl Into<Bytes>,
    ) -> Result<Receipt, SendError> {
        self.shared.direct.send(peer, kind, payload).await
    }

    /// Streams `len` bytes of `source` to a connected peer without holding them in memory.
    ///
    /// # Errors
    /// Why there is no receipt; see [`SendError`].
    pub async fn send_stream(
        &self,
        peer: PeerId,
        kind: &str,
        len: u64,
        source: impl AsyncRead + Send + 'static,
    ) -> Result<Receipt, SendError> {
        let direct = &self.shared.direct;
        direct.send_stream(peer, kind, len, source).await
    }

    /// The sender itself: queue many messages before their receipts, refuse instead of waiting,
    /// read counters.
    #[must_use]
    pub fn direct(&self) -> &direct::Sender {
        &self.shared.direct
    }

    /// Receives messages of `kind` from every peer. At most `capacity` messages and 16 MiB wait to
    /// be read. Nothing is dropped when they do: senders get no receipts, their windows of 1024
    /// messages fill, then their queues, and their callers wait or get
    /// [`SendError::QueueFull`] and [`SendError::Deadline`]. A peer's messages of other kinds wait
    /// behind it, other peers do not.
    ///
    /// # Errors
    /// The kind is no name (1 to 64 bytes without control characters), or has a handler.
    pub fn register_handler(&self, kind: &str, capacity: usize) -> Result<Messages, RegisterError> {
        self.shared.direct.register(kind, capacity)
    }

    /// As [`Handle::register_handler`], with a closure that is called with one message after the
    /// other. Needs a tokio runtime.
    ///
    /// # Errors
    /// The kind is no name, or has a handler.
    pub fn on_message<H, F>(
        &self,
        kind: &str,
        capacity: usize,
        handler: H,
    ) -> Result<Registration, RegisterError>
    where
        H: FnMut(Inbound) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let messages = self.register_handler(kind, capacity)?;
        Ok(messages::run(messages, handler, self.shared.stop.clone()))
    }
}
