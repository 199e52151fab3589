//! Swarms of one behaviour over memory and stock noise, and peers that speak raw substreams, for
//! the tests of this room. Whole nodes over the real channel meet in `tests/it/network.rs`.

use std::{future::poll_fn, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use libp2p::{
    Multiaddr, PeerId, Swarm, Transport,
    core::{
        Endpoint,
        muxing::{StreamMuxerBox, StreamMuxerExt, SubstreamBox},
        transport::{Boxed, DialOpts, ListenerId, MemoryTransport, PortUse, TransportEvent},
        upgrade::Version,
    },
    identity::Keypair,
    noise,
    swarm::{self, NetworkBehaviour, SwarmEvent},
    yamux,
};
use multistream_select::{Negotiated, dialer_select_proto, listener_select_proto};

pub(super) type Substream = Negotiated<SubstreamBox>;

fn transport(key: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)> {
    MemoryTransport::default()
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(key).unwrap())
        .multiplex(yamux::Config::default())
        .boxed()
}

pub(super) fn node<B: NetworkBehaviour>(behaviour: B) -> Swarm<B> {
    node_that(|_| behaviour)
}

/// A swarm of a behaviour that must know whose it is.
pub(super) fn node_that<B: NetworkBehaviour>(behaviour: impl FnOnce(PeerId) -> B) -> Swarm<B> {
    let key = Keypair::generate_ed25519();
    let config =
        swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(60));
    let me = key.public().to_peer_id();
    Swarm::new(transport(&key), behaviour(me), me, config)
}

pub(super) async fn listen<B: NetworkBehaviour>(swarm: &mut Swarm<B>) -> Multiaddr {
    swarm.listen_on("/memory/0".parse().unwrap()).unwrap();
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            return address;
        }
    }
}

/// The next event of the behaviour.
pub(super) async fn event<B: NetworkBehaviour>(swarm: &mut Swarm<B>) -> B::ToSwarm {
    loop {
        if let SwarmEvent::Behaviour(event) = swarm.select_next_some().await {
            return event;
        }
    }
}

/// Opens one substream of `protocol` to `address`, lets `speak` use it, and keeps the connection
/// until the test ends.
pub(super) fn dial_raw<F>(address: Multiaddr, protocol: &'static str, speak: F)
where
    F: FnOnce(Substream) -> BoxFuture<'static, ()> + Send + 'static,
{
    let mut transport = transport(&Keypair::generate_ed25519());
    let options = DialOpts {
        role: Endpoint::Dialer,
        port_use: PortUse::New,
    };
    let dial = transport.dial(address, options).unwrap();
    tokio::spawn(async move {
        let (_, mut muxer) = dial.await.unwrap();
        let stream = poll_fn(|cx| {
            let _ = muxer.poll_unpin(cx);
            muxer.poll_outbound_unpin(cx)
        });
        let stream = stream.await.unwrap();
        let speak = async {
            let version = multistream_select::Version::V1;
            let chosen = dialer_select_proto(stream, [protocol], version).await;
            speak(chosen.unwrap().1).await;
            std::future::pending::<()>().await;
        };
        futures::future::join(speak, drive(muxer)).await;
    });
}

async fn drive(mut muxer: StreamMuxerBox) {
    poll_fn(|cx| {
        let _ = muxer.poll_inbound_unpin(cx);
        let _ = muxer.poll_unpin(cx);
        std::task::Poll::Pending
    })
    .await
}

/// Listens, and lets `speak` use every substream of `protocol` that is opened; others are refused.
pub(super) async fn listen_raw<F>(protocol: &'static str, speak: F) -> Multiaddr
where
    F: Fn(Substream) -> BoxFuture<'static, ()> + Send + Sync + 'static,
{
    let mut transport = transport(&Keypair::generate_ed25519());
    let any = "/memory/0".parse().unwrap();
    transport.listen_on(ListenerId::next(), any).unwrap();
    let address = loop {
        match transport.select_next_some().await {
            TransportEvent::NewAddress { listen_addr, .. } => break listen_addr,
            _ => continue,
        }
    };
    tokio::spawn(async move {
        let upgrade = loop {
            if let TransportEvent::Incoming { upgrade, .. } = transport.select_next_some().await {
                break upgrade;
            }
        };
        let (_, mut muxer) = upgrade.await.unwrap();
        let mut streams = FuturesUnordered::new();
        loop {
            let inbound = poll_fn(|cx| {
                let _ = muxer.poll_unpin(cx);
                muxer.poll_inbound_unpin(cx)
            });
            tokio::select! {
                stream = inbound => {
                    let Ok(stream) = stream else { return };
                    let chosen = listener_select_proto(stream, [protocol]);
                    let speak = &speak;
                    streams.push(async move {
                        if let Ok((_, stream)) = chosen.await {
                            speak(stream).await;
                        }
                    }.boxed());
                }
                Some(()) = streams.next() => {}
            }
        }
    });
    address
}
