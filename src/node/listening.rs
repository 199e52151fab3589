//! Where the node listens, and which addresses it tells people to dial.

use std::{collections::HashSet, io, time::Duration};

use futures::StreamExt as _;
use libp2p::{
    Multiaddr, PeerId, Swarm,
    multiaddr::Protocol,
    swarm::{NetworkBehaviour, SwarmEvent},
};
use tokio::sync::watch;

use super::{StartError, ports};

/// How long `start` waits for the first address of each listener. Binding is immediate; this only
/// bounds how long the list of interfaces may take.
const DEADLINE: Duration = Duration::from_secs(1);

/// Most events kept that come before the listeners are ready: neighbours that answer, peers that
/// connect. With more the start waits no longer.
const MAX_EARLY: usize = 1024;

/// Bound addresses and those the operator announces.
#[derive(Debug)]
pub(crate) struct Listening {
    me: PeerId,
    announced: Vec<Multiaddr>,
    confirmed: Vec<Multiaddr>,
    bound: Vec<Multiaddr>,
    dialable: watch::Sender<Vec<Multiaddr>>,
}

impl Listening {
    /// Nothing bound yet; `announced` are shown first.
    pub(crate) fn new(
        me: PeerId,
        announced: Vec<Multiaddr>,
    ) -> (Self, watch::Receiver<Vec<Multiaddr>>) {
        let (dialable, seen) = watch::channel(Vec::new());
        let this = Self {
            me,
            announced,
            confirmed: Vec::new(),
            bound: Vec::new(),
            dialable,
        };
        this.publish();
        (this, seen)
    }

    /// Checks that every address is free, binds them all and waits for the first the system reports
    /// of each. What else happens meanwhile is returned: nobody will say it again.
    pub(crate) async fn open<B: NetworkBehaviour>(
        &mut self,
        swarm: &mut Swarm<B>,
        wanted: &[Multiaddr],
    ) -> Result<Vec<SwarmEvent<B::ToSwarm>>, StartError> {
        for address in wanted {
            if let Some(Err(error)) = ports::tcp(address).map(ports::check_free) {
                return Err(StartError::Listen {
                    address: address.clone(),
                    in_use: error.kind() == io::ErrorKind::AddrInUse,
                    error: error.to_string(),
                });
            }
        }
        let mut open = HashSet::new();
        for address in wanted {
            let id = swarm
                .listen_on(address.clone())
                .map_err(|error| StartError::listen(address, &error))?;
            open.insert(id);
        }
        let mut early = Vec::new();
        let deadline = tokio::time::sleep(DEADLINE);
        tokio::pin!(deadline);
        while !open.is_empty() && early.len() < MAX_EARLY {
            let event = tokio::select! {
                event = swarm.select_next_some() => event,
                () = &mut deadline => break,
            };
            match event {
                SwarmEvent::NewListenAddr {
                    listener_id,
                    address,
                } => {
                    open.remove(&listener_id);
                    self.bound(address);
                }
                SwarmEvent::ListenerClosed {
                    listener_id,
                    addresses,
                    reason: Err(error),
                } if open.remove(&listener_id) => {
                    let address = addresses
                        .first()
                        .or(wanted.first())
                        .cloned()
                        .unwrap_or_else(Multiaddr::empty);
                    return Err(StartError::Listen {
                        address,
                        in_use: false,
                        error: error.to_string(),
                    });
                }
                other => early.push(other),
            }
        }
        Ok(early)
    }

    /// A listener is bound to `address`.
    pub(crate) fn bound(&mut self, address: Multiaddr) {
        if !self.bound.contains(&address) {
            self.bound.push(address);
            self.publish();
        }
    }

    /// A listener is gone from `address`.
    pub(crate) fn expired(&mut self, address: &Multiaddr) {
        self.bound.retain(|a| a != address);
        self.publish();
    }

    /// Peers see this node at these addresses.
    pub(crate) fn confirmed(&mut self, addresses: Vec<Multiaddr>) {
        if self.confirmed != addresses {
            self.confirmed = addresses;
            self.publish();
        }
    }

    /// The bound addresses.
    pub(crate) fn addresses(&self) -> &[Multiaddr] {
        &self.bound
    }

    fn publish(&self) {
        let mut out: Vec<Multiaddr> = Vec::new();
        let elsewhere = self.announced.iter().chain(&self.confirmed);
        for address in elsewhere.chain(&self.bound) {
            let full = match address.iter().last() {
                Some(Protocol::P2p(_)) => address.clone(),
                _ => address.clone().with(Protocol::P2p(self.me)),
            };
            if !out.contains(&full) {
                out.push(full);
            }
        }
        // Another machine can use anything but loopback: those come last.
        out.sort_by_key(is_loopback);
        self.dialable.send_replace(out);
    }
}

fn is_loopback(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        task::{Context, Poll},
    };

    use libp2p::{
        Transport as _,
        core::{Endpoint, transport::MemoryTransport, transport::PortUse, upgrade::Version},
        identity::Keypair,
        noise,
        swarm::{
            self, ConnectionDenied, ConnectionId, FromSwarm, THandlerInEvent, ToSwarm,
            dummy::ConnectionHandler,
        },
        yamux,
    };

    use super::*;

    /// Has something to say as soon as it is asked.
    struct Early(Vec<u8>);

    impl NetworkBehaviour for Early {
        type ConnectionHandler = ConnectionHandler;
        type ToSwarm = u8;

        fn handle_established_inbound_connection(
            &mut self,
            _: ConnectionId,
            _: PeerId,
            _: &Multiaddr,
            _: &Multiaddr,
        ) -> Result<ConnectionHandler, ConnectionDenied> {
            Ok(ConnectionHandler)
        }

        fn handle_established_outbound_connection(
            &mut self,
            _: ConnectionId,
            _: PeerId,
            _: &Multiaddr,
            _: Endpoint,
            _: PortUse,
        ) -> Result<ConnectionHandler, ConnectionDenied> {
            Ok(ConnectionHandler)
        }

        fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

        fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: Infallible) {
            match event {}
        }

        fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<u8, THandlerInEvent<Self>>> {
            let next = self.0.pop().map(ToSwarm::GenerateEvent);
            next.map_or(Poll::Pending, Poll::Ready)
        }
    }

    #[tokio::test]
    async fn what_happens_before_the_listeners_are_ready_is_kept() {
        let key = Keypair::generate_ed25519();
        let me = key.public().to_peer_id();
        let transport = MemoryTransport::default()
            .upgrade(Version::V1Lazy)
            .authenticate(noise::Config::new(&key).unwrap())
            .multiplex(yamux::Config::default())
            .boxed();
        let config = swarm::Config::with_tokio_executor();
        let mut swarm = Swarm::new(transport, Early(vec![2, 1]), me, config);
        let (mut listening, seen) = Listening::new(me, Vec::new());
        let wanted = ["/memory/0".parse().unwrap()];
        let early = listening.open(&mut swarm, &wanted).await.unwrap();
        let said = early.iter().filter_map(|event| match event {
            SwarmEvent::Behaviour(said) => Some(*said),
            _ => None,
        });
        assert_eq!(said.collect::<Vec<_>>(), [1, 2]);
        assert_eq!(seen.borrow().len(), 1, "it listens");
    }

    #[test]
    fn dialable_addresses_end_in_the_peer_id_and_put_loopback_last() {
        let me = PeerId::random();
        let parse = |s: &str| s.parse::<Multiaddr>().expect("valid");
        let (mut listening, seen) = Listening::new(me, vec![parse("/dns4/node.example/tcp/1")]);
        listening.bound(parse("/ip4/127.0.0.1/tcp/2"));
        listening.bound(parse("/ip4/10.0.0.1/tcp/2"));
        let text: Vec<_> = seen.borrow().iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                format!("/dns4/node.example/tcp/1/p2p/{me}"),
                format!("/ip4/10.0.0.1/tcp/2/p2p/{me}"),
                format!("/ip4/127.0.0.1/tcp/2/p2p/{me}"),
            ]
        );
        listening.expired(&parse("/ip4/10.0.0.1/tcp/2"));
        assert_eq!(seen.borrow().len(), 2);
    }
}
