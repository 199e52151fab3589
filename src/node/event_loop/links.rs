//! Connections as the swarm reports them: up, down, accepted, failed.

use libp2p::{
    Multiaddr, PeerId,
    core::ConnectedPoint,
    swarm::{ConnectionId, DialError, dial_opts::DialOpts},
};

use super::EventLoop;
use crate::{
    event::NodeEvent,
    network::{
        exchange::{Lane, Sequence},
        gate::bans::Subject,
        identify,
    },
    node::{conduct::Sanction, connections::Reply, failure, gossip_task::GossipInput},
    offence::Offence,
    report::Direction,
};

impl EventLoop {
    pub(super) fn tick(&mut self) {
        let now = self.clock.now().mono;
        self.connections.expire(now);
        self.part_with_unread(now);
        for address in self.bootstrap.due(now) {
            let opts = DialOpts::from(address.clone());
            let id = opts.connection_id();
            self.bootstrap.dialling(&address, id);
            self.start_dial(opts);
        }
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
        if endpoint.is_dialer() {
            self.bootstrap.connected(id, peer);
        }
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
        if !self.connections.closed(peer, id, &reason) {
            return;
        }
        self.bootstrap.disconnected(peer, self.clock.now().mono);
        self.tasks.sync.peer_down(peer);
        self.tasks.gossip.keep(GossipInput::PeerDown { peer });
        self.observers
            .emit(NodeEvent::PeerDisconnected { peer, reason });
    }

    pub(super) fn identified(&mut self, peer: PeerId, info: identify::Info) {
        let head = info.head;
        let now = self.clock.now().mono;
        let first = self
            .connections
            .identified(peer, info.agent.clone(), head.height, now);
        self.bootstrap.accepted(peer);
        self.heard_head(peer, head, first);
        if first {
            self.observers.emit(NodeEvent::PeerIdentified {
                peer,
                head_height: head.height,
                head_hash: head.hash,
                head_work: head.work,
                agent: info.agent,
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
        self.bootstrap.failed(id, ourselves, self.clock.now().mono);
        let (label, error) = failure::of_dial(error);
        self.connections.dial_failed(id, label, &error);
        self.observers
            .emit(NodeEvent::DialFailed { peer, label, error });
    }

    /// The one place where an offence has a consequence.
    pub(super) fn penalise(&mut self, peer: PeerId, offence: Offence, detail: String) {
        let subject = Subject::Peer(peer);
        if self.swarm.behaviour().gate.banned(&subject).is_some() {
            // What it sent before its connections closed. One ban is enough.
            self.observers.emit(NodeEvent::Offence {
                peer,
                offence,
                detail,
            });
            return;
        }
        let sanction = self.conduct.judge(peer, offence, self.clock.now().mono);
        let reason = format!("{offence}: {detail}");
        self.observers.emit(NodeEvent::Offence {
            peer,
            offence,
            detail,
        });
        match sanction {
            Sanction::Ban(duration) => {
                self.swarm
                    .behaviour_mut()
                    .gate
                    .ban(subject, reason, duration);
                self.observers.emit(NodeEvent::Banned {
                    peer,
                    offence,
                    duration,
                });
            }
            Sanction::Disconnect => {
                let _ = self.swarm.disconnect_peer_id(peer);
            }
        }
    }

    pub(super) fn listens(&mut self, address: Multiaddr) {
        self.listening.bound(address.clone());
        self.observers.emit(NodeEvent::Listening { address });
    }

    pub(super) fn listener_closed(&mut self, addresses: Vec<Multiaddr>, error: Option<String>) {
        for address in &addresses {
            self.listening.expired(address);
        }
        self.observers
            .emit(NodeEvent::ListenerClosed { addresses, error });
    }
}
