//! Direct messages over all connections.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandlerInEvent, ToSwarm,
    },
};

use super::{Config, Event, Handler, Sender, shared::Shared};
use crate::{gossip::direct::FrameError, ids::ChainId, registry::Protocol};

/// The behaviour. It only hands queues to connections and faults to the event loop.
pub struct Behaviour {
    protocol: StreamProtocol,
    shared: Arc<Shared>,
    faults: VecDeque<Event>,
}

impl Behaviour {
    /// The protocol of `chain`.
    #[must_use]
    pub fn new(chain: ChainId, config: Config) -> Self {
        let protocol = StreamProtocol::try_from_owned(Protocol::DIRECT.on(chain))
            .expect("registry names start with a slash");
        Self {
            protocol,
            shared: Arc::new(Shared::new(config)),
            faults: VecDeque::new(),
        }
    }

    /// Sends over the connections of this behaviour.
    #[must_use]
    pub fn sender(&self) -> Sender {
        Sender {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Whether messages of a connected peer are taken, until it disconnects.
    pub fn serve(&mut self, peer: &PeerId, on: bool) {
        self.shared.serve(peer, on);
    }

    fn handler(&self, peer: PeerId, id: ConnectionId) -> Handler {
        let queues = self.shared.connect(peer, id);
        Handler::new(
            peer,
            self.protocol.clone(),
            queues,
            Arc::clone(&self.shared),
        )
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(self.handler(peer, id))
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(self.handler(peer, id))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ConnectionClosed(closed) = event {
            self.shared.disconnect(closed.peer_id, closed.connection_id);
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        fault: FrameError,
    ) {
        self.faults.push_back(Event::Offence {
            peer,
            connection,
            offence: fault.offence(),
            detail: format!("direct: {fault}"),
        });
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        // Only a handler's event adds to it, after which the swarm polls again.
        match self.faults.pop_front() {
            Some(event) => Poll::Ready(ToSwarm::GenerateEvent(event)),
            None => Poll::Pending,
        }
    }
}
