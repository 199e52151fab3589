//! The end of the loop: goodbyes first, then closed connections.

use std::{collections::HashSet, time::Duration};

use futures::{StreamExt as _, stream};
use libp2p::swarm::SwarmEvent;
use tokio::time::timeout;

use super::EventLoop;
use crate::{
    network::{
        self,
        exchange::{self, Answer, Lane, RequestId},
    },
    node::connections::Parting,
    peers::Goodbye,
    wire::{Disconnect, Flags, Message},
};

/// How long peers are given to read our goodbye. A receipt takes a round trip; a peer that needs
/// longer learns of the end, not of its reason.
const RECEIPTS: Duration = Duration::from_secs(1);

/// How long peers are given to close their side. With [`RECEIPTS`], well within the five seconds in
/// which a node has stopped.
const CLOSING: Duration = Duration::from_secs(1);

impl EventLoop {
    /// Tells every peer that this node stops, and closes the connections.
    ///
    /// Dropping the swarm would close them as well; closing politely first lets peers see an end
    /// instead of a truncation.
    pub(super) async fn farewell(&mut self) {
        let waiting = self.say_goodbye();
        let _ = timeout(RECEIPTS, self.receipts(waiting)).await;
        for peer in self.connections.peers() {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let _ = timeout(CLOSING, self.drain()).await;
    }

    /// Says goodbye to everybody who would understand. Returns the requests.
    fn say_goodbye(&mut self) -> HashSet<RequestId> {
        let reason = Goodbye::Shutdown;
        let hint = u64::try_from(reason.back_off().as_millis()).unwrap_or(u64::MAX);
        let mut sent = HashSet::new();
        // The peering task counts its own up from 0 on this lane: they never meet.
        let ids = (0..=u64::MAX).rev().map(RequestId);
        for (peer, id) in self.connections.accepted().into_iter().zip(ids) {
            self.connections.part(&peer, Parting::Said(reason));
            let message = Message::Disconnect(Disconnect {
                code: reason.code(),
                retry_after_ms: hint,
            });
            let flags = Flags {
                ack: true,
                ..Flags::default()
            };
            let lane = self.lane(Lane::Peers);
            lane.request_with(peer, id, message, flags);
            sent.insert(id);
        }
        sent
    }

    /// Lets the swarm work until every goodbye has its receipt, or never will.
    async fn receipts(&mut self, mut waiting: HashSet<RequestId>) {
        while !waiting.is_empty() {
            match self.swarm.select_next_some().await {
                SwarmEvent::Behaviour(network::Event::Exchange(Lane::Peers, event)) => {
                    match event {
                        exchange::Event::Response { id, .. }
                        | exchange::Event::Failed { id, .. } => {
                            waiting.remove(&id);
                        }
                        // Two nodes that stop at the same time do not wait for each other.
                        exchange::Event::Request {
                            message: Message::Disconnect(_),
                            token,
                            ..
                        } => {
                            let receipt = Answer::Stream(stream::empty().boxed());
                            self.lane(Lane::Peers).respond(token, receipt);
                        }
                        _ => {}
                    }
                }
                event @ SwarmEvent::ConnectionClosed { .. } => self.route(event),
                // What else comes is for nobody any more.
                _ => {}
            }
        }
    }

    /// Lets the swarm work until the last connection is closed.
    async fn drain(&mut self) {
        while self.connections.len() > 0 {
            let event = self.swarm.select_next_some().await;
            if let SwarmEvent::ConnectionClosed { .. } = event {
                self.route(event);
            }
        }
    }
}
