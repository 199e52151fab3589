//! The upgrade inside a libp2p transport, with V1Lazy and yamux, in memory.

use std::pin::Pin;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt, future::poll_fn};
use libp2p::{
    Transport,
    core::{
        Endpoint,
        muxing::{StreamMuxer, StreamMuxerBox, StreamMuxerExt},
        transport::{Boxed, DialOpts, ListenerId, MemoryTransport, PortUse, TransportEvent},
        upgrade::Version,
    },
    yamux,
};

use super::*;
use crate::secure::testing::{node, watch};

fn transport(config: Config) -> Boxed<(PeerId, StreamMuxerBox)> {
    MemoryTransport::default()
        .upgrade(Version::V1Lazy)
        .authenticate(Upgrade::new(config))
        .multiplex(yamux::Config::default())
        .boxed()
}

/// Drives a connection until it yields a stream that `dial` says whether to open.
async fn stream(muxer: &mut StreamMuxerBox, dial: bool) -> libp2p::core::muxing::SubstreamBox {
    poll_fn(|cx| {
        let _ = Pin::new(&mut *muxer).poll(cx)?;
        let mut pinned = Pin::new(&mut *muxer);
        if dial {
            pinned.as_mut().poll_outbound(cx)
        } else {
            pinned.as_mut().poll_inbound(cx)
        }
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn the_upgrade_carries_yamux_streams_over_v1_lazy() {
    let (mut a, mut b) = (node(1), node(2));
    let (id_a, id_b) = (a.identity.peer_id(), b.identity.peer_id());
    let book = watch(&mut a);
    watch(&mut b);
    let mut listener = transport(b);
    let id = ListenerId::next();
    listener
        .listen_on(id, "/memory/0".parse().unwrap())
        .unwrap();
    let Some(TransportEvent::NewAddress { listen_addr, .. }) = listener.next().await else {
        panic!("no address")
    };
    let opts = DialOpts {
        role: Endpoint::Dialer,
        port_use: PortUse::New,
    };
    let dial = transport(a).dial(listen_addr, opts).unwrap();
    let accept = async {
        loop {
            if let Some(TransportEvent::Incoming { upgrade, .. }) = listener.next().await {
                return upgrade.await.unwrap();
            }
        }
    };
    let (server, client) = futures::join!(
        async {
            let (peer, mut muxer) = accept.await;
            let mut stream = stream(&mut muxer, false).await;
            let echo = async {
                let mut got = [0; 5];
                stream.read_exact(&mut got).await.unwrap();
                stream.write_all(&got).await.unwrap();
                stream.flush().await.unwrap();
            };
            drive(&mut muxer, echo).await;
            // The last bytes leave while the connection is polled; the client closes it.
            let closed = poll_fn(|cx| Pin::new(&mut muxer).poll(cx).map(Result::err));
            let _ = closed.await;
            peer
        },
        async {
            let (peer, mut muxer) = dial.await.unwrap();
            let mut stream = stream(&mut muxer, true).await;
            let mut got = [0; 5];
            let talk = async {
                stream.write_all(b"hello").await.unwrap();
                stream.flush().await.unwrap();
                stream.read_exact(&mut got).await.unwrap();
            };
            drive(&mut muxer, talk).await;
            assert_eq!(&got, b"hello");
            muxer.close().await.unwrap();
            peer
        }
    );
    assert_eq!((server, client), (id_a, id_b));
    assert!(book.lines().contains(&"confirmed".to_owned()));
}

/// Runs `work` while the connection is polled.
async fn drive(muxer: &mut StreamMuxerBox, work: impl Future<Output = ()>) {
    let connection = poll_fn(|cx| Pin::new(&mut *muxer).poll(cx).map(drop));
    futures::pin_mut!(work);
    let mut connection = connection;
    poll_fn(|cx| {
        let _ = Pin::new(&mut connection).poll(cx);
        work.as_mut().poll(cx)
    })
    .await;
}
