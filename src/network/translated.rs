//! libp2p's request-response under events of our own.

/// Implements `NetworkBehaviour` for a struct with the fields `inner`
/// (`request_response::Behaviour<$codec>`) and `events` (a `VecDeque<$event>`) and a method
/// `on_event` that turns events of the one into events of the other.
macro_rules! translated {
    ($behaviour:ty, $codec:ty, $event:ty) => {
        impl libp2p::swarm::NetworkBehaviour for $behaviour {
            type ConnectionHandler =
                libp2p::swarm::THandler<libp2p::request_response::Behaviour<$codec>>;
            type ToSwarm = $event;

            fn handle_established_inbound_connection(
                &mut self,
                id: libp2p::swarm::ConnectionId,
                peer: libp2p::PeerId,
                local: &libp2p::Multiaddr,
                remote: &libp2p::Multiaddr,
            ) -> Result<libp2p::swarm::THandler<Self>, libp2p::swarm::ConnectionDenied> {
                let inner = &mut self.inner;
                inner.handle_established_inbound_connection(id, peer, local, remote)
            }

            fn handle_established_outbound_connection(
                &mut self,
                id: libp2p::swarm::ConnectionId,
                peer: libp2p::PeerId,
                remote: &libp2p::Multiaddr,
                role: libp2p::core::Endpoint,
                port: libp2p::core::transport::PortUse,
            ) -> Result<libp2p::swarm::THandler<Self>, libp2p::swarm::ConnectionDenied> {
                let inner = &mut self.inner;
                inner.handle_established_outbound_connection(id, peer, remote, role, port)
            }

            fn on_swarm_event(&mut self, event: libp2p::swarm::FromSwarm<'_>) {
                self.inner.on_swarm_event(event);
            }

            fn on_connection_handler_event(
                &mut self,
                peer: libp2p::PeerId,
                id: libp2p::swarm::ConnectionId,
                event: libp2p::swarm::THandlerOutEvent<Self>,
            ) {
                self.inner.on_connection_handler_event(peer, id, event);
            }

            fn poll(
                &mut self,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<
                libp2p::swarm::ToSwarm<$event, libp2p::swarm::THandlerInEvent<Self>>,
            > {
                use std::task::Poll;

                use libp2p::swarm::ToSwarm;
                loop {
                    if let Some(event) = self.events.pop_front() {
                        return Poll::Ready(ToSwarm::GenerateEvent(event));
                    }
                    match self.inner.poll(cx) {
                        Poll::Ready(ToSwarm::GenerateEvent(event)) => self.on_event(event),
                        Poll::Ready(other) => {
                            return Poll::Ready(other.map_out(|_| unreachable!("matched above")));
                        }
                        Poll::Pending => return Poll::Pending,
                    }
                }
            }
        }
    };
}

pub(super) use translated;
