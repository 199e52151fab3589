//! The loop's end of the queue to the sync task.
//!
//! The loop never waits for it. What must not be lost (peers, answers) waits in a backlog, which
//! the number of peers and of our own requests bounds; what a remote asks is refused with `BUSY`.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use libp2p::PeerId;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::sync_task::SyncInput;
use crate::{
    network::{
        exchange::{Failure, RequestId, Token},
        identify::Head,
    },
    wire::{Busy, Credits, Message},
};

/// What a peer is told when the queue is full, in milliseconds.
const RETRY_AFTER_MS: u64 = 500;

/// The sending end.
#[derive(Debug)]
pub(crate) struct SyncLink {
    inputs: mpsc::Sender<SyncInput>,
    backlog: VecDeque<SyncInput>,
    refused: Arc<AtomicU64>,
}

impl SyncLink {
    /// Sends to `inputs`; counts refusals in `refused`.
    pub(crate) fn new(inputs: mpsc::Sender<SyncInput>, refused: Arc<AtomicU64>) -> Self {
        Self {
            inputs,
            backlog: VecDeque::new(),
            refused,
        }
    }

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
        match self.inputs.try_send(SyncInput::Request {
            peer,
            message,
            token,
        }) {
            Ok(()) => None,
            Err(TrySendError::Full(input) | TrySendError::Closed(input)) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                let SyncInput::Request { token, .. } = input else {
                    return None;
                };
                let busy = Busy {
                    retry_after_ms: RETRY_AFTER_MS,
                    credits: Credits::INITIAL,
                };
                Some((token, Message::Busy(busy)))
            }
        }
    }

    /// Hands over what waits, as far as there is room.
    pub(crate) fn flush(&mut self) {
        while let Some(input) = self.backlog.pop_front() {
            if let Err(TrySendError::Full(input)) = self.inputs.try_send(input) {
                self.backlog.push_front(input);
                return;
            }
        }
    }

    fn keep(&mut self, input: SyncInput) {
        self.backlog.push_back(input);
        self.flush();
    }
}
