//! What the loop tells the sync task.

use libp2p::PeerId;

use super::{sync_task::SyncInput, task_link::TaskLink};
use crate::{
    network::{
        exchange::{Failure, RequestId, Token},
        identify::Head,
    },
    wire::{Busy, Credits, Message},
};

/// What a peer is told when a queue is full, in milliseconds.
const RETRY_AFTER_MS: u64 = 500;

/// The sending end.
pub(crate) type SyncLink = TaskLink<SyncInput>;

impl SyncLink {
    /// A peer accepted us (`first`) or moved its head.
    pub(crate) fn peer_head(&mut self, peer: PeerId, head: Head, first: bool) {
        self.keep(if first {
            SyncInput::PeerUp { peer, head }
        } else {
            SyncInput::PeerHead { peer, head }
        });
    }

    /// The last connection to a peer closed.
    pub(crate) fn peer_down(&mut self, peer: PeerId) {
        self.keep(SyncInput::PeerDown { peer });
    }

    /// A request of ours was answered, or will not be.
    pub(crate) fn response(
        &mut self,
        peer: PeerId,
        id: RequestId,
        result: Result<Message, Failure>,
    ) {
        self.keep(SyncInput::Response { peer, id, result });
    }

    /// A peer asks. What cannot be taken comes back with the answer to give.
    pub(crate) fn request(
        &mut self,
        peer: PeerId,
        message: Message,
        token: Token,
    ) -> Option<(Token, Message)> {
        match self.offer(SyncInput::Request {
            peer,
            message,
            token,
        }) {
            Err(SyncInput::Request { token, .. }) => Some((token, busy())),
            _ => None,
        }
    }
}

/// The answer of a node whose queue is full.
pub(crate) fn busy() -> Message {
    Message::Busy(Busy {
        retry_after_ms: RETRY_AFTER_MS,
        credits: Credits::INITIAL,
    })
}
