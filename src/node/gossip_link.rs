//! What the loop tells the gossip task.
//!
//! Messages of the mesh are the one input that a remote can send without being asked: they wait
//! within a budget of bytes, and what does not fit is ignored, counted, and recovered later by
//! announcements or reconciliation.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use bytes::Bytes;
use libp2p::PeerId;

use super::{gossip_task::GossipInput, sync_link::busy, task_link::TaskLink};
use crate::{
    ids::ChainId,
    network::{
        exchange::{Failure, RequestId, Token},
        identify::Head,
        pubsub::{MessageId, Topics},
    },
    registry::Topic,
    wire::Message,
};

/// Bytes of messages that may wait for their verdict. At worst this much memory, twice: the router
/// keeps a copy until the verdict.
pub(crate) const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;

/// The sending end.
pub(crate) struct GossipLink {
    link: TaskLink<GossipInput>,
    waiting: WaitingBytes,
    topics: Topics,
}

/// Bytes of messages between the loop and the task.
#[derive(Clone, Debug, Default)]
pub(crate) struct WaitingBytes(Arc<Bytewise>);

#[derive(Debug, Default)]
struct Bytewise {
    waiting: AtomicUsize,
    refused: AtomicU64,
}

impl WaitingBytes {
    /// Whether `bytes` more may wait; if so they do.
    fn enter(&self, bytes: usize) -> bool {
        let enter = |now: usize| {
            let then = now.saturating_add(bytes);
            (then <= MAX_WAITING_BYTES).then_some(then)
        };
        let entered = self
            .0
            .waiting
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, enter)
            .is_ok();
        if !entered {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
        }
        entered
    }

    /// Bytes that wait now.
    pub(crate) fn bytes(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// Messages refused since the start because too many bytes waited.
    pub(crate) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// `bytes` wait no longer.
    pub(crate) fn leave(&self, bytes: usize) {
        self.0.waiting.fetch_sub(bytes, Ordering::AcqRel);
    }
}

impl GossipLink {
    pub(crate) fn new(link: TaskLink<GossipInput>, waiting: WaitingBytes, chain: ChainId) -> Self {
        Self {
            link,
            waiting,
            topics: Topics::of(chain),
        }
    }

    /// Our topics, and their names in the router.
    pub(crate) fn topics(&self) -> &Topics {
        &self.topics
    }

    /// Tells the task something that must not be lost.
    pub(crate) fn keep(&mut self, input: GossipInput) {
        self.link.keep(input);
    }

    /// Hands over what waits, as far as there is room.
    pub(crate) fn flush(&mut self) {
        self.link.flush();
    }

    /// A message of the mesh. False if there is no room for it.
    pub(crate) fn message(
        &mut self,
        from: PeerId,
        id: MessageId,
        topic: Topic,
        payload: Vec<u8>,
    ) -> bool {
        let bytes = payload.len();
        if !self.waiting.enter(bytes) {
            return false;
        }
        let offered = self.link.offer(GossipInput::Message {
            from,
            id,
            topic,
            payload: Bytes::from(payload),
        });
        if offered.is_err() {
            self.waiting.leave(bytes);
        }
        offered.is_ok()
    }

    /// A peer claims a head just ahead of ours. False if there is no room for it.
    pub(crate) fn peer_head(&self, peer: PeerId, head: Head) -> bool {
        let offered = self.link.offer(GossipInput::PeerHead { peer, head });
        offered.is_ok()
    }

    /// A request of ours was answered, or will not be.
    pub(crate) fn response(
        &mut self,
        peer: PeerId,
        id: RequestId,
        result: Result<Message, Failure>,
    ) {
        self.keep(GossipInput::Response { peer, id, result });
    }

    /// A peer asks. What cannot be taken comes back with the answer to give.
    pub(crate) fn request(
        &mut self,
        peer: PeerId,
        message: Message,
        token: Token,
    ) -> Option<(Token, Message)> {
        match self.link.offer(GossipInput::Request {
            peer,
            message,
            token,
        }) {
            Err(GossipInput::Request { token, .. }) => Some((token, busy())),
            _ => None,
        }
    }
}
