//! Identify over all connections: what we say, and what the swarm learns from what we hear.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol,
    core::{ConnectedPoint, Endpoint, transport::PortUse},
    multiaddr::Protocol as Part,
    swarm::{
        ConnectionDenied, ConnectionId, ExternalAddresses, FromSwarm, ListenAddresses,
        NetworkBehaviour, NotifyHandler, THandlerInEvent, ToSwarm,
    },
};
use tokio::time::{Sleep, sleep};

use super::{
    Config, Event, Head, Info, MAX_CANDIDATES,
    candidates::candidates,
    handler::{Handler, Heard, Local},
};
use crate::registry::Protocol;

/// The behaviour. Its state is bounded by the connections that exist.
pub struct Behaviour {
    local: Arc<Local>,
    push_interval: Duration,
    listen: ListenAddresses,
    external: ExternalAddresses,
    /// What is told instead of what the swarm knows.
    announced: Option<Vec<Multiaddr>>,
    connections: HashMap<ConnectionId, Connection>,
    /// `local` changed since it was last handed to the handlers.
    changed: bool,
    /// Until this ends nothing is pushed.
    pause: Option<Pin<Box<Sleep>>>,
    events: VecDeque<ToSwarm<Event, Arc<Local>>>,
    waker: Option<Waker>,
}

/// What is known of one connection.
struct Connection {
    peer: PeerId,
    /// We dialled from a port that is not one of our listeners', so the port the peer sees says
    /// nothing about where we can be reached.
    ephemeral_port: bool,
    relayed: bool,
    candidates: u8,
    observed: Option<Multiaddr>,
    info: Option<Box<Info>>,
}

impl Behaviour {
    /// Identify as `config` says, with an empty head until [`Behaviour::set_head`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        let protocol = Protocol::IDENTIFY.on(config.chain_id);
        Self {
            local: Arc::new(Local {
                protocol: StreamProtocol::try_from_owned(protocol)
                    .expect("registry names start with a slash"),
                agent: config.agent,
                chain_id: config.chain_id,
                genesis: config.genesis,
                policy_root: config.policy_root,
                addresses: Vec::new(),
                head: Head::default(),
                timeout: config.timeout,
            }),
            push_interval: config.push_interval,
            listen: ListenAddresses::default(),
            external: ExternalAddresses::default(),
            announced: None,
            connections: HashMap::new(),
            changed: false,
            pause: None,
            events: VecDeque::new(),
            waker: None,
        }
    }

    /// Says from now on that this is our head, to peers already connected after at most the push
    /// interval.
    pub fn set_head(&mut self, head: Head) {
        if self.local.head != head {
            Arc::make_mut(&mut self.local).head = head;
            self.wake();
        }
    }

    /// Tells these addresses from now on, whatever the swarm listens on.
    pub fn set_addresses(&mut self, addresses: Vec<Multiaddr>) {
        if self.local.addresses != addresses {
            Arc::make_mut(&mut self.local)
                .addresses
                .clone_from(&addresses);
            self.wake();
        }
        self.announced = Some(addresses);
    }

    /// The head we announce.
    #[must_use]
    pub fn head(&self) -> Head {
        self.local.head
    }

    /// What `peer` said last, on any of its connections.
    #[must_use]
    pub fn info(&self, peer: &PeerId) -> Option<&Info> {
        let mut of_peer = self.connections.values().filter(|c| c.peer == *peer);
        of_peer.find_map(|c| c.info.as_deref())
    }

    fn wake(&mut self) {
        self.changed = true;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn connected(&mut self, id: ConnectionId, peer: PeerId, endpoint: &ConnectedPoint) {
        let ephemeral_port = match endpoint {
            ConnectedPoint::Dialer { port_use, .. } => *port_use == PortUse::New,
            ConnectedPoint::Listener { .. } => false,
        };
        let connection = Connection {
            peer,
            ephemeral_port,
            relayed: endpoint.is_relayed(),
            candidates: 0,
            observed: None,
            info: None,
        };
        self.connections.insert(id, connection);
    }

    fn received(&mut self, id: ConnectionId, info: Box<Info>) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let peer = connection.peer;
        let before = connection.info.replace(info.clone());
        let known: HashSet<_> = before.iter().flat_map(|i| i.addresses.iter()).collect();
        for address in info.addresses.iter().filter(|a| !known.contains(a)) {
            let address = address.clone();
            let event = ToSwarm::NewExternalAddrOfPeer {
                peer_id: peer,
                address,
            };
            self.events.push_back(event);
        }
        let mut seen_at = Vec::new();
        if let Some(observed) = &info.observed_addr
            && !connection.relayed
            && connection.observed.as_ref() != Some(observed)
            && connection.candidates < MAX_CANDIDATES
        {
            connection.candidates += 1;
            connection.observed = Some(observed.clone());
            let translate = connection.ephemeral_port;
            seen_at = candidates(observed, translate, self.listen.iter());
            let events = seen_at.iter().cloned();
            self.events
                .extend(events.map(ToSwarm::NewExternalAddrCandidate));
        }
        let event = Event::Received {
            peer,
            connection: id,
            first: before.is_none(),
            seen_at,
            info,
        };
        self.events.push_back(ToSwarm::GenerateEvent(event));
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(Handler::new(peer, remote.clone(), Arc::clone(&self.local)))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        // Dialled addresses end in /p2p, which is not part of where the peer is.
        let mut remote = remote.clone();
        if matches!(remote.iter().last(), Some(Part::P2p(_))) {
            remote.pop();
        }
        Ok(Handler::new(peer, remote, Arc::clone(&self.local)))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        let changed = self.listen.on_swarm_event(&event) | self.external.on_swarm_event(&event);
        if changed && self.announced.is_none() {
            let mut seen = HashSet::new();
            let all = self.external.iter().chain(self.listen.iter());
            let all = all.filter(|a| seen.insert((*a).clone())).cloned().collect();
            Arc::make_mut(&mut self.local).addresses = all;
            self.wake();
        }
        match event {
            FromSwarm::ConnectionEstablished(e) => {
                self.connected(e.connection_id, e.peer_id, e.endpoint);
            }
            FromSwarm::ConnectionClosed(e) => {
                self.connections.remove(&e.connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, heard: Heard) {
        let event = match heard {
            Heard::Info(info) => return self.received(id, info),
            Heard::Offence(offence, detail) => Event::Refused {
                peer,
                connection: id,
                offence,
                detail,
            },
            Heard::Failure(detail) => Event::Failed {
                peer,
                connection: id,
                detail,
            },
        };
        self.events.push_back(ToSwarm::GenerateEvent(event));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        if let Some(pause) = &mut self.pause
            && pause.as_mut().poll(cx).is_ready()
        {
            self.pause = None;
        }
        if self.changed && self.pause.is_none() {
            self.changed = false;
            for (id, connection) in &self.connections {
                self.events.push_back(ToSwarm::NotifyHandler {
                    peer_id: connection.peer,
                    handler: NotifyHandler::One(*id),
                    event: Arc::clone(&self.local),
                });
            }
            let mut pause = Box::pin(sleep(self.push_interval));
            // Polled at once, so that its end wakes this task.
            if pause.as_mut().poll(cx).is_pending() {
                self.pause = Some(pause);
            }
        }
        if let Some(event) = self.events.pop_front() {
            return Poll::Ready(event);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
