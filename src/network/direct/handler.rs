//! One connection's substreams of direct messages, all driven here.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use libp2p::{
    PeerId, Stream, StreamProtocol,
    core::upgrade::ReadyUpgrade,
    swarm::{
        ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol,
        handler::ConnectionEvent,
    },
};
use tokio::sync::mpsc;

use super::{
    inbound,
    lane::{self, End},
    sender::{Outgoing, SendError, Upload},
    shared::{Account, Queues, Shared},
    upload,
};
use crate::gossip::direct::FrameError;

/// Substreams of the peer beyond its streams: the one for whole messages, and one that replaces it
/// while the old one ends.
const LANES: usize = 2;

/// The handler of one connection.
pub struct Handler {
    peer: PeerId,
    protocol: StreamProtocol,
    shared: Arc<Shared>,
    account: Arc<Account>,
    lane: Lane,
    uploads: mpsc::Receiver<Upload>,
    opening: Option<Opening>,
    running: FuturesUnordered<BoxFuture<'static, Done>>,
    inbound: usize,
    uploading: usize,
    faults: VecDeque<FrameError>,
}

type Event = ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, (), FrameError>;

/// The substream for whole messages.
enum Lane {
    /// None; the queue is looked at here.
    Idle(mpsc::Receiver<Outgoing>),
    /// One is being opened or runs and has the queue.
    Busy,
}

/// What the substream being opened is for; one is opened at a time.
enum Opening {
    Lane(Outgoing, mpsc::Receiver<Outgoing>),
    Upload(Upload),
}

/// A substream that ended.
enum Done {
    Lane(mpsc::Receiver<Outgoing>, Result<(), FrameError>),
    Upload(Result<(), FrameError>),
    Inbound(Result<(), FrameError>),
}

impl Handler {
    pub(super) fn new(
        peer: PeerId,
        protocol: StreamProtocol,
        queues: Queues,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            peer,
            protocol,
            shared,
            account: queues.account,
            lane: Lane::Idle(queues.lane),
            uploads: queues.uploads,
            opening: None,
            running: FuturesUnordered::new(),
            inbound: 0,
            uploading: 0,
            faults: VecDeque::new(),
        }
    }

    fn done(&mut self, done: Done) {
        let result = match done {
            Done::Lane(queue, result) => {
                self.lane = Lane::Idle(queue);
                result
            }
            Done::Upload(result) => {
                self.uploading -= 1;
                result
            }
            Done::Inbound(result) => {
                self.inbound -= 1;
                result
            }
        };
        self.faults.extend(result.err());
    }

    /// Looks for something to open a substream for.
    fn poll_opening(&mut self, cx: &mut Context<'_>) -> Option<Opening> {
        if let Lane::Idle(queue) = &mut self.lane
            && let Poll::Ready(Some(first)) = queue.poll_recv(cx)
            && let Lane::Idle(queue) = std::mem::replace(&mut self.lane, Lane::Busy)
        {
            return Some(Opening::Lane(first, queue));
        }
        if self.uploading < self.shared.config.streams
            && let Poll::Ready(Some(upload)) = self.uploads.poll_recv(cx)
        {
            self.uploading += 1;
            return Some(Opening::Upload(upload));
        }
        None
    }

    fn opened(&mut self, mut stream: Stream) {
        stream.ignore_for_keep_alive();
        let shared = Arc::clone(&self.shared);
        let running = match self.opening.take() {
            Some(Opening::Lane(first, mut queue)) => async move {
                let ended = match lane::run(stream, first, &mut queue, &shared).await {
                    Err(End::Fault(error)) => Err(error),
                    Ok(()) | Err(End::Io(_)) => Ok(()),
                };
                Done::Lane(queue, ended)
            }
            .boxed(),
            Some(Opening::Upload(upload)) => {
                async move { Done::Upload(upload::run(stream, upload, &shared).await) }.boxed()
            }
            None => return,
        };
        self.running.push(running);
    }

    fn not_opened(&mut self, error: &SendError) {
        match self.opening.take() {
            Some(Opening::Lane(first, queue)) => {
                self.lane = Lane::Idle(queue);
                let _ = first.reply.send(Err(error.clone()));
            }
            Some(Opening::Upload(upload)) => {
                self.uploading -= 1;
                let _ = upload.reply.send(Err(error.clone()));
            }
            None => {}
        }
    }

    fn arrived(&mut self, mut stream: Stream) {
        // Over the limit it is dropped; its messages fail at the sender.
        if self.inbound >= self.shared.config.streams + LANES {
            return;
        }
        stream.ignore_for_keep_alive();
        self.inbound += 1;
        let (shared, account) = (Arc::clone(&self.shared), Arc::clone(&self.account));
        let peer = self.peer;
        let running =
            async move { Done::Inbound(inbound::run(stream, peer, &shared, &account).await) };
        self.running.push(running.boxed());
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = std::convert::Infallible;
    type ToBehaviour = FrameError;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), ())
    }

    fn on_behaviour_event(&mut self, event: Self::FromBehaviour) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        while let Poll::Ready(Some(done)) = self.running.poll_next_unpin(cx) {
            self.done(done);
        }
        if let Some(fault) = self.faults.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(fault));
        }
        if self.opening.is_none() {
            self.opening = self.poll_opening(cx);
            if self.opening.is_some() {
                let upgrade = ReadyUpgrade::new(self.protocol.clone());
                return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                    protocol: SubstreamProtocol::new(upgrade, ()),
                });
            }
        }
        Poll::Pending
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(inbound) => self.arrived(inbound.protocol),
            ConnectionEvent::FullyNegotiatedOutbound(outbound) => self.opened(outbound.protocol),
            ConnectionEvent::DialUpgradeError(failed) => self.not_opened(&match failed.error {
                StreamUpgradeError::NegotiationFailed => SendError::Unsupported,
                _ => SendError::Disconnected,
            }),
            _ => {}
        }
    }
}
