//! The end that listens.

use std::{sync::mpsc, thread, time::Instant};

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _, future::poll_fn};
use libp2p::{
    Multiaddr, Transport as _,
    core::{
        muxing::{StreamMuxerBox, StreamMuxerExt as _},
        transport::{ListenerId, TransportEvent},
    },
};

use super::{kind::Kind, runtime};

/// A listening end on its own thread: accepts everything, and reads every stream to its end.
pub(super) struct Server {
    pub(super) address: Multiaddr,
    /// One message per connection whose handshake finished on this side.
    pub(super) accepted: mpsc::Receiver<Instant>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(kind: Kind) -> Self {
        let (address_tx, address) = mpsc::channel();
        let (accepted_tx, accepted) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = thread::spawn(move || {
            runtime().block_on(async move {
                tokio::select! {
                    () = serve(kind, address_tx, accepted_tx) => {}
                    _ = stopped => {}
                }
            });
        });
        let address = address.recv().expect("the server listens");
        Self {
            address,
            accepted,
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(thread::JoinHandle::join);
    }
}

async fn serve(kind: Kind, address: mpsc::Sender<Multiaddr>, accepted: mpsc::Sender<Instant>) {
    let mut transport = kind.transport();
    let any = "/ip4/127.0.0.1/tcp/0".parse().expect("valid");
    transport
        .listen_on(ListenerId::next(), any)
        .expect("loopback can be listened on");
    while let Some(event) = transport.next().await {
        match event {
            TransportEvent::NewAddress { listen_addr, .. } => drop(address.send(listen_addr)),
            TransportEvent::Incoming { upgrade, .. } => {
                let accepted = accepted.clone();
                tokio::spawn(async move {
                    let Ok((_, muxer)) = upgrade.await else {
                        return;
                    };
                    let _ = accepted.send(Instant::now());
                    sink(muxer).await;
                });
            }
            _ => {}
        }
    }
}

/// Accepts streams and reads them; answers the end of each with one byte.
pub(super) async fn sink(mut muxer: StreamMuxerBox) {
    loop {
        let next = poll_fn(|cx| {
            if let std::task::Poll::Ready(Err(e)) = muxer.poll_unpin(cx) {
                return std::task::Poll::Ready(Err(e));
            }
            muxer.poll_inbound_unpin(cx)
        });
        let Ok(mut stream) = next.await else { return };
        tokio::spawn(async move {
            let mut buffer = vec![0; 256 * 1024];
            while matches!(stream.read(&mut buffer).await, Ok(n) if n > 0) {}
            let _ = stream.write_all(&[1]).await;
            let _ = stream.close().await;
        });
    }
}
