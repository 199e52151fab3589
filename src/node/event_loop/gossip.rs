//! Gossip and requests as the swarm reports them, and what tasks want done about them.

use std::time::Instant;

use bytes::Bytes;
use libp2p::{PeerId, gossipsub};
use tracing::debug;

use super::EventLoop;
use crate::{
    event::NodeEvent,
    gossip::{Ignored, Verdict},
    network::{
        exchange::{self, Failure, Lane, RequestId, Token},
        identify::Head,
        pubsub::{self, MessageId},
    },
    node::{connections::Parting, gossip_task::GossipInput, peering::PeeringInput},
    offence::Offence,
    peers::Goodbye,
    registry::Topic,
    wire::{ErrorCode, Message},
};

/// Blocks that a head may be ahead of ours and still arrive as a compact block.
const NEAR: u64 = 2;

impl EventLoop {
    pub(super) fn lane(&mut self, lane: Lane) -> &mut exchange::Behaviour {
        self.swarm.behaviour_mut().lane(lane)
    }

    /// A peer asks. One in a cool-down is served nothing while its connections close; its goodbye
    /// is heard.
    pub(super) fn asked(&mut self, lane: Lane, peer: PeerId, message: Message, token: Token) {
        if let Message::Disconnect(goodbye) = &message {
            let reason = Goodbye::from_code(goodbye.code);
            self.connections.part(&peer, Parting::Told(reason));
        } else if self.swarm.behaviour().trust.is_cooling(&peer) {
            let code = ErrorCode::BadRequest;
            self.lane(lane).respond(token, Message::Error { code });
            return;
        }
        let refused = match lane {
            Lane::Sync => self.tasks.sync.request(peer, message, token),
            Lane::Data => self.tasks.gossip.request(peer, message, token),
            Lane::Peers | Lane::Trust | Lane::Ping => {
                self.tasks.peering.request(lane, peer, message, token)
            }
        };
        if let Some((token, busy)) = refused {
            self.lane(lane).respond(token, busy);
        }
    }

    /// A request of ours was answered, or will not be.
    pub(super) fn answered(
        &mut self,
        lane: Lane,
        peer: PeerId,
        id: RequestId,
        result: Result<Message, Failure>,
    ) {
        self.tasks.peering.answered(peer, &result);
        match lane {
            Lane::Sync => self.tasks.sync.response(peer, id, result),
            Lane::Data => self.tasks.gossip.response(peer, id, result),
            Lane::Peers | Lane::Trust | Lane::Ping => {
                let input = PeeringInput::Response { peer, id, result };
                self.tasks.peering.keep(input);
            }
        }
    }

    pub(super) fn route_pubsub(&mut self, event: pubsub::Event) {
        match event {
            pubsub::Event::Message {
                propagation_source: from,
                message_id: id,
                message,
            } => {
                let Some(topic) = self.tasks.gossip.topics().topic(&message.topic) else {
                    // The router lets no other topic pass.
                    return;
                };
                let gossip = &mut self.tasks.gossip;
                let queued = gossip.message(from, id.clone(), topic, message.data);
                self.copies.handed_up(topic, queued);
                if !queued {
                    self.judge(&id, from, Verdict::Ignore(Ignored::Full));
                }
            }
            pubsub::Event::SlowPeer {
                peer_id,
                failed_messages,
            } => self.observers.emit(NodeEvent::SlowPeer {
                peer: peer_id,
                dropped: failed_messages.priority + failed_messages.non_priority,
            }),
            gossipsub::Event::GossipsubNotSupported { .. }
            | gossipsub::Event::Subscribed { .. }
            | gossipsub::Event::Unsubscribed { .. } => {}
        }
    }

    /// Says what becomes of a message, and blames who sent it if that is due.
    pub(super) fn judge(&mut self, id: &MessageId, from: PeerId, verdict: Verdict) {
        pubsub::verdict(&mut self.swarm.behaviour_mut().pubsub, id, &from, &verdict);
        match verdict {
            Verdict::Accept => self.tasks.peering.valid(from),
            Verdict::Ignore(_) => {}
            Verdict::Reject { offence, detail } => self.penalise(from, offence, detail),
        }
    }

    /// Disconnects whom the router does not read any more: it would only keep a place. What the
    /// router remembers of an earlier connection is not held against a peer twice.
    pub(super) fn part_with_unread(&mut self, now: Instant) {
        for peer in pubsub::unread(&self.swarm.behaviour().pubsub) {
            if !self
                .conduct
                .breached_within(&peer, pubsub::SCORE_MEMORY, now)
            {
                let detail = "its score in the mesh is too low for it to be read".to_owned();
                self.penalise(peer, Offence::MeshAbuse, detail);
            }
        }
    }

    /// Publishes. What cannot go out now reaches peers by reconciliation, INV or sync.
    pub(super) fn publish(&mut self, topic: Topic, payload: Bytes) {
        let name = self.tasks.gossip.topics().name(topic);
        let router = &mut self.swarm.behaviour_mut().pubsub;
        if let Err(error) = pubsub::publish(router, name, payload.into()) {
            debug!(topic = topic.leaf(), why = error.label(), "not published");
        }
    }

    /// The imported head moved.
    pub(super) fn announce(&mut self, head: Head) {
        self.swarm.behaviour_mut().identify.set_head(head);
        self.tasks.gossip.keep(GossipInput::Head(head));
    }

    /// A peer said where it stands. A head just ahead of ours is probably on its way as a compact
    /// block: the gossip task waits for that before it has sync fetch the whole block.
    pub(super) fn heard_head(&mut self, peer: PeerId, head: Head, first: bool) {
        let ours = self.swarm.behaviour().identify.head().height;
        if first {
            let (address, outbound) = self.connections.place(&peer);
            self.tasks.gossip.keep(GossipInput::PeerUp {
                peer,
                address,
                outbound,
            });
        }
        let near = !first && head.height > ours && head.height.0 - ours.0 <= NEAR;
        if !near || !self.tasks.gossip.peer_head(peer, head) {
            self.tasks.sync.peer_head(peer, head, first);
        }
    }
}
