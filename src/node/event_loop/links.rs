//! Connections as the swarm reports them: up, down, accepted, failed.

use std::time::Duration;

use libp2p::{
    Multiaddr, PeerId,
    core::ConnectedPoint,
    swarm::{ConnectionId, DialError, dial_opts::DialOpts},
};

use tracing::warn;

use super::EventLoop;
use crate::{
    event::NodeEvent,
    network::{
        exchange::{Lane, Sequence},
        identify,
    },
    node::{connections::Reply, failure, gossip_task::GossipInput, peering::PeeringInput},
    offence::Offence,
    peers::{
        ban::{Author, Sentence, Subject},
        conduct::Sanction,
    },
    report::Direction,
};

impl EventLoop {
    pub(super) fn tick(&mut self) {
        let now = self.clock.now().mono;
        self.connections.expire(now);
        self.part_with_unread(now);
        self.tasks.peering.sum(now);
        self.tend();
        self.observers.sessions.count_bytes();
        let mut sequence = Sequence::default();
        for lane in Lane::ALL {
            let exchange = self.lane(*lane);
            let (traffic, of_lane) = (exchange.take_traffic(), exchange.sequence());
            sequence.gaps += of_lane.gaps;
            sequence.repeats += of_lane.repeats;
            self.observers.count(traffic);
        }
        self.observers.count_gaps(sequence);
    }

    /// A ping came back, or did not.
    pub(super) fn pinged(&mut self, peer: PeerId, rtt: Option<Duration>) {
        let Some(rtt) = rtt else {
            return self.tasks.peering.keep(PeeringInput::PingLost { peer });
        };
        self.connections.measured(&peer, rtt, self.clock.now().mono);
        self.tasks.peering.keep(PeeringInput::Rtt { peer, rtt });
        self.observers.emit(NodeEvent::Rtt { peer, rtt });
    }

    /// Dials; a refusal that comes at once is reported like one that comes later.
    pub(super) fn start_dial(&mut self, opts: DialOpts) {
        let (id, peer) = (opts.connection_id(), opts.get_peer_id());
        if let Err(error) = self.swarm.dial(opts) {
            self.dial_failed(id, peer, &error);
        }
    }

    /// Dials for a caller that waits until the peer has accepted.
    pub(super) fn connect(&mut self, address: Multiaddr, reply: Reply) {
        let opts = DialOpts::from(address);
        self.connections
            .wait(opts.connection_id(), reply, self.clock.now().mono);
        self.start_dial(opts);
    }

    pub(super) fn established(&mut self, peer: PeerId, id: ConnectionId, endpoint: ConnectedPoint) {
        let now = self.clock.now().mono;
        let direction = if endpoint.is_dialer() {
            Direction::Outbound
        } else {
            Direction::Inbound
        };
        let address = endpoint.get_remote_address().clone();
        let borrowed = self.swarm.behaviour().dht.is_borrowed(id);
        self.tasks.peering.keep(PeeringInput::Established {
            peer,
            id,
            direction,
            address: address.clone(),
            borrowed,
        });
        let session = self.observers.sessions.of(&peer, direction);
        let first =
            self.connections
                .established(peer, id, direction, address.clone(), session, now);
        if first {
            self.observers.emit(NodeEvent::PeerConnected {
                peer,
                direction,
                address,
            });
        }
    }

    pub(super) fn closed(&mut self, peer: PeerId, id: ConnectionId, reason: String) {
        let reason = self.connections.parting(&peer).unwrap_or(reason);
        let last = self.connections.closed(peer, id, &reason);
        self.tasks
            .peering
            .keep(PeeringInput::Closed { peer, id, last });
        if !last {
            return;
        }
        self.tasks.sync.peer_down(peer);
        self.tasks.gossip.keep(GossipInput::PeerDown { peer });
        self.observers
            .emit(NodeEvent::PeerDisconnected { peer, reason });
    }

    pub(super) fn identified(
        &mut self,
        peer: PeerId,
        info: Box<identify::Info>,
        seen_at: Vec<Multiaddr>,
    ) {
        let head = info.head;
        let now = self.clock.now().mono;
        let first = self
            .connections
            .identified(peer, info.agent.clone(), head.height, now);
        let agent = info.agent.clone();
        self.tasks.peering.keep(PeeringInput::Identified {
            peer,
            info,
            seen_at,
        });
        self.heard_head(peer, head, first);
        if first {
            self.observers.emit(NodeEvent::PeerIdentified {
                peer,
                head_height: head.height,
                head_hash: head.hash,
                head_work: head.work,
                agent,
            });
        }
    }

    pub(super) fn dial_failed(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        error: &DialError,
    ) {
        let ourselves = matches!(
            error,
            DialError::LocalPeerId { .. } | DialError::NoAddresses
        );
        let addresses = match error {
            DialError::Transport(tried) => {
                tried.iter().map(|(address, _)| address.clone()).collect()
            }
            DialError::WrongPeerId { address, .. } => vec![address.clone()],
            _ => Vec::new(),
        };
        self.tasks.peering.keep(PeeringInput::DialFailed {
            id,
            peer,
            addresses,
            misled: matches!(error, DialError::WrongPeerId { .. }),
            ourselves,
        });
        let (label, error) = failure::of_dial(error);
        self.connections.dial_failed(id, label, &error);
        self.observers
            .emit(NodeEvent::DialFailed { peer, label, error });
    }

    /// The one place where an offence has a consequence.
    pub(super) fn penalise(&mut self, peer: PeerId, offence: Offence, detail: String) {
        let subject = Subject::Peer(peer);
        self.observers.emit(NodeEvent::Offence {
            peer,
            offence,
            detail: detail.clone(),
        });
        if self.swarm.behaviour().gate.banned(&subject).is_some() {
            // What it sent before its connections closed. One ban is enough.
            return;
        }
        let (ip, _) = self.connections.place(&peer);
        let reserved = self.reserved.contains_key(&peer);
        let now = self.clock.now().mono;
        let judgement = self.conduct.judge(peer, ip, reserved, offence, now);
        match judgement.sanction {
            Sanction::Ban(duration) => {
                for subject in std::iter::once(subject).chain(judgement.along) {
                    self.swarm.behaviour_mut().gate.impose(Sentence {
                        subject,
                        reason: offence.to_string(),
                        evidence: detail.clone(),
                        by: Author::Offence(offence),
                        lasts: duration,
                    });
                }
                self.observers.emit(NodeEvent::Banned {
                    peer,
                    offence,
                    duration,
                });
            }
            Sanction::CoolDown(lasts) => {
                self.swarm.behaviour_mut().cool_down(peer, lasts);
                let _ = self.swarm.disconnect_peer_id(peer);
            }
            Sanction::Disconnect => {
                let _ = self.swarm.disconnect_peer_id(peer);
            }
            Sanction::Warn => {
                warn!(%peer, %offence, detail, "a reserved peer misbehaves; it is not banned");
            }
        }
        self.tasks.peering.keep(PeeringInput::Offence {
            peer,
            offence,
            detail,
            sanction: judgement.sanction,
        });
    }

    /// Tells the peering task where this node listens by now.
    pub(crate) fn tell_bound(&mut self) {
        let bound = self.listening.addresses().to_vec();
        self.tasks.peering.keep(PeeringInput::Listening { bound });
    }

    pub(super) fn listens(&mut self, address: Multiaddr) {
        self.listening.bound(address.clone());
        self.tell_bound();
        self.observers.emit(NodeEvent::Listening { address });
    }

    pub(super) fn listens_no_more(&mut self, address: &Multiaddr) {
        self.listening.expired(address);
        self.tell_bound();
    }

    pub(super) fn listener_closed(&mut self, addresses: Vec<Multiaddr>, error: Option<String>) {
        for address in &addresses {
            self.listening.expired(address);
        }
        self.tell_bound();
        self.observers
            .emit(NodeEvent::ListenerClosed { addresses, error });
    }
}
