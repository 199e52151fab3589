//! The router behind a bound on control messages.
//!
//! The router itself takes as many frames with 16 KiB of control messages as the link carries. It
//! keeps up to 10 000 ids of any length that a peer does not want, and searches the peer's queue for
//! each frame of them. What is over the bound is dropped unread: it costs an honest peer a hint.

use std::{
    collections::HashMap,
    hash::{Hash as _, Hasher},
    task::{Context, Poll},
    time::Instant,
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    gossipsub::{self, MaxCountSubscriptionFilter, WhitelistSubscriptionFilter},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm,
    },
};
use tracing::debug;

use super::OurTopics;
use crate::bucket::{Bucket, Rate};

/// The router as libp2p has it, for topics of ours only.
pub(super) type Router =
    gossipsub::Behaviour<OurTopics, MaxCountSubscriptionFilter<WhitelistSubscriptionFilter>>;

/// What a handler of the router tells it.
type Heard = THandlerOutEvent<Router>;

/// Bytes of control messages on one connection. A saturated peer announces 400 ids on each of nine
/// topics at every heartbeat, 144 KiB, and asks for as many. The rest is what a peer can have the
/// router keep: 3.5 MiB in the three seconds for which it does.
const CONTROL: Rate = Rate {
    per_second: 512 * 1024,
    burst: 2 * 1024 * 1024,
};

/// Added to the score of a peer whose announces led to the last new blocks: it is above all that
/// conduct earns, so that the mesh keeps the peer, and too little to make up for an invalid message.
const FAVOUR: f64 = 0.2;

/// The router. Besides its state there is a bucket for each connection, and why the peers connected
/// have the application's score that they have.
pub struct Behaviour {
    pub(super) router: Router,
    control: HashMap<ConnectionId, Bucket>,
    favoured: Vec<PeerId>,
    rated: HashMap<PeerId, f64>,
}

impl Behaviour {
    pub(super) fn new(router: Router) -> Self {
        Self {
            router,
            control: HashMap::new(),
            favoured: Vec::new(),
            rated: HashMap::new(),
        }
    }

    /// Favours `peers` and nobody else.
    pub(super) fn favour(&mut self, peers: &[PeerId]) {
        let before = std::mem::replace(&mut self.favoured, peers.to_vec());
        for peer in before.iter().chain(peers) {
            self.score(peer);
        }
    }

    /// Rates a peer, if it is connected.
    pub(super) fn rate(&mut self, peer: PeerId, score: f64) {
        if self.router.all_peers().any(|(known, _)| *known == peer) {
            self.rated.insert(peer, score);
            self.score(&peer);
        }
    }

    fn score(&mut self, peer: &PeerId) {
        let rated = self.rated.get(peer).copied().unwrap_or_default();
        let favour = self.favoured.contains(peer).then_some(FAVOUR);
        let score = rated + favour.unwrap_or_default();
        self.router.set_application_score(peer, score);
    }

    /// Takes the control messages out of what was heard, if there are too many.
    fn bound(&mut self, peer: &PeerId, id: ConnectionId, heard: &mut Heard, now: Instant) {
        let Heard::Message { rpc, .. } = heard else {
            return;
        };
        if rpc.control_msgs.is_empty() && rpc.subscriptions.is_empty() {
            return;
        }
        let mut length = Length(0);
        rpc.control_msgs.hash(&mut length);
        rpc.subscriptions.hash(&mut length);
        let bytes = u32::try_from(length.0).unwrap_or(u32::MAX);
        let bucket = self
            .control
            .entry(id)
            .or_insert_with(|| Bucket::new(CONTROL));
        if bucket.has(now, bytes) {
            bucket.take(bytes);
        } else {
            debug!(%peer, bytes, "too many control messages");
            rpc.control_msgs.clear();
            rpc.subscriptions.clear();
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = THandler<Router>;
    type ToSwarm = gossipsub::Event;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let router = &mut self.router;
        router.handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let router = &mut self.router;
        router.handle_established_outbound_connection(id, peer, remote, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ConnectionClosed(closed) = &event {
            self.control.remove(&closed.connection_id);
            if closed.remaining_established == 0 {
                self.rated.remove(&closed.peer_id);
            }
        }
        self.router.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        mut event: THandlerOutEvent<Self>,
    ) {
        self.bound(&peer, id, &mut event, Instant::now());
        self.router.on_connection_handler_event(peer, id, event);
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ToSwarm<gossipsub::Event, THandlerInEvent<Self>>> {
        self.router.poll(cx)
    }
}

/// Counts what is hashed: the router's control messages show their lengths in no other way. Every
/// string and list counts eight bytes more than it has, so that empty ids are not free.
struct Length(u64);

impl Hasher for Length {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len() as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use libp2p::{
        core::ConnectedPoint,
        gossipsub::MessageId,
        swarm::behaviour::{ConnectionClosed, ConnectionEstablished},
    };

    use super::*;
    use crate::{ids::ChainId, network::pubsub};

    #[test]
    fn a_favour_is_added_to_what_conduct_earns_and_both_end_apart() {
        let config = pubsub::Config::default();
        let set_up = pubsub::behaviour(&config, ChainId::DEVNET, Arc::default(), None);
        let mut router = set_up.expect("the defaults fit");
        let (peer, id) = (PeerId::random(), ConnectionId::new_unchecked(1));
        let place: Multiaddr = "/ip4/10.0.0.1/tcp/1".parse().expect("an address");
        let established = router.handle_established_inbound_connection(id, peer, &place, &place);
        assert!(established.is_ok());
        let endpoint = ConnectedPoint::Listener {
            local_addr: place.clone(),
            send_back_addr: place,
        };
        router.on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
            peer_id: peer,
            connection_id: id,
            endpoint: &endpoint,
            failed_addresses: &[],
            other_established: 0,
        }));
        let score = |router: &Behaviour| router.router.peer_score(&peer);
        router.rate(peer, -5.0);
        router.favour(&[peer]);
        assert_eq!(score(&router), Some(-5.0 + FAVOUR));
        router.rate(peer, -1.0);
        assert_eq!(score(&router), Some(-1.0 + FAVOUR));
        router.favour(&[]);
        assert_eq!(score(&router), Some(-1.0));
        router.on_swarm_event(FromSwarm::ConnectionClosed(ConnectionClosed {
            peer_id: peer,
            connection_id: id,
            endpoint: &endpoint,
            cause: None,
            remaining_established: 0,
        }));
        assert!(router.rated.is_empty());
        router.rate(PeerId::random(), 1.0);
        assert!(router.rated.is_empty(), "nobody who is not connected");
    }

    #[test]
    fn ids_count_with_their_length_and_empty_ones_too() {
        let length = |ids: &[MessageId]| {
            let mut length = Length(0);
            ids.hash(&mut length);
            length.finish()
        };
        let (long, empty) = (MessageId(vec![0; 16_000]), MessageId(Vec::new()));
        assert!(length(&[long]) >= 16_000);
        assert!(length(&vec![empty; 1000]) >= 8000);
    }
}
