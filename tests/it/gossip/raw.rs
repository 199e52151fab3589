//! A peer that writes the router's frames by hand.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use animica_p2p::{Multiaddr, PeerId, network::identify, node::Handle};
use futures::{
    AsyncReadExt as _, AsyncWriteExt as _, FutureExt as _, StreamExt as _, future::BoxFuture,
};
use libp2p::{
    Stream, StreamProtocol, Swarm,
    core::{Endpoint, transport::PortUse, upgrade::ReadyUpgrade},
    swarm::{
        self, ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
        NetworkBehaviour, SubstreamProtocol, THandlerInEvent, ToSwarm, handler::ConnectionEvent,
    },
};
use tokio::sync::{Mutex, mpsc};

use super::{
    puppet::transport,
    rpc::{fields, read_varint, varint},
};
use crate::support::{TCP, listen, soon};

const PROTOCOL: StreamProtocol = StreamProtocol::new("/meshsub/1.1.0");

/// The peer. It is gone when this is dropped.
pub(super) struct RawPeer {
    pub(super) id: PeerId,
    address: Multiaddr,
    frames: mpsc::Sender<Vec<u8>>,
    /// Frames with IHAVE that came.
    pub(super) ihaves: Arc<AtomicU64>,
    _running: mpsc::Sender<()>,
}

/// What it speaks.
#[derive(NetworkBehaviour)]
#[behaviour(prelude = "libp2p::swarm::derive_prelude")]
struct Spoken {
    identify: identify::Behaviour,
    router: Router,
}

impl RawPeer {
    /// A peer that `node` has accepted.
    pub(super) async fn beside(node: &Handle) -> Self {
        let (identity, transport, identify) = transport();
        let id = identity.peer_id();
        // Room for little, so that whoever writes notices who does not read.
        let (frames, queue) = mpsc::channel(4);
        let ihaves = Arc::new(AtomicU64::new(0));
        let spoken = Spoken {
            identify: identify::Behaviour::new(identify),
            router: Router {
                frames: Arc::new(Mutex::new(queue)),
                ihaves: Arc::clone(&ihaves),
            },
        };
        let config = swarm::Config::with_tokio_executor()
            .with_idle_connection_timeout(Duration::from_secs(3600));
        let mut swarm = Swarm::new(transport, spoken, id, config);
        let address = listen(&mut swarm, TCP).await;
        let (running, mut stop) = mpsc::channel::<()>(1);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = swarm.select_next_some() => {}
                    _ = stop.recv() => return,
                }
            }
        });
        let peer = Self {
            id,
            address,
            frames,
            ihaves,
            _running: running,
        };
        peer.meets(node).await;
        peer
    }

    pub(super) async fn meets(&self, node: &Handle) {
        let accepted = soon("it is accepted", node.connect(self.address.clone())).await;
        accepted.expect("it is accepted");
    }

    /// Writes frames until they are written or nobody reads any more. Says which.
    pub(super) async fn write(&self, frames: impl IntoIterator<Item = Vec<u8>>) -> bool {
        for frame in frames {
            let taken = self.frames.send(frame);
            match tokio::time::timeout(Duration::from_secs(5), taken).await {
                Ok(Ok(())) => {}
                _ => return false,
            }
        }
        true
    }

    /// Waits until `count` frames with IHAVE have come.
    pub(super) async fn hears_ihaves(&self, count: u64) {
        let heard = async {
            while self.ihaves.load(Ordering::Relaxed) < count {
                tokio::task::yield_now().await;
            }
        };
        soon("the heart beats", heard).await;
    }
}

/// One substream to every peer, opened again when the other side breaks it.
struct Router {
    frames: Arc<Mutex<mpsc::Receiver<Vec<u8>>>>,
    ihaves: Arc<AtomicU64>,
}

impl Router {
    fn handler(&self) -> Wires {
        Wires {
            frames: Arc::clone(&self.frames),
            ihaves: Arc::clone(&self.ihaves),
            wanted: true,
            running: VecDeque::new(),
        }
    }
}

impl NetworkBehaviour for Router {
    type ConnectionHandler = Wires;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Wires, ConnectionDenied> {
        Ok(self.handler())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Wires, ConnectionDenied> {
        Ok(self.handler())
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: Infallible) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

struct Wires {
    frames: Arc<Mutex<mpsc::Receiver<Vec<u8>>>>,
    ihaves: Arc<AtomicU64>,
    /// A substream is to be opened.
    wanted: bool,
    /// Substreams; true when one of ours broke.
    running: VecDeque<BoxFuture<'static, bool>>,
}

impl ConnectionHandler for Wires {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ())
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Infallible>> {
        for _ in 0..self.running.len() {
            let mut running = self.running.pop_front().expect("counted");
            match running.poll_unpin(cx) {
                Poll::Ready(broken) => self.wanted |= broken,
                Poll::Pending => self.running.push_back(running),
            }
        }
        if std::mem::take(&mut self.wanted) {
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ()),
            });
        }
        Poll::Pending
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedOutbound(opened) => {
                let frames = Arc::clone(&self.frames);
                let running = write(opened.protocol, frames).map(|()| true);
                self.running.push_back(running.boxed());
            }
            ConnectionEvent::FullyNegotiatedInbound(opened) => {
                let ihaves = Arc::clone(&self.ihaves);
                let running = read(opened.protocol, ihaves).map(|()| false);
                self.running.push_back(running.boxed());
            }
            // It does not speak with us any more.
            ConnectionEvent::DialUpgradeError(_) => {
                if let Ok(mut frames) = self.frames.try_lock() {
                    frames.close();
                }
            }
            _ => {}
        }
    }
}

/// Writes frames until the substream breaks.
async fn write(mut stream: Stream, frames: Arc<Mutex<mpsc::Receiver<Vec<u8>>>>) {
    let mut frames = frames.lock().await;
    while let Some(frame) = frames.recv().await {
        let mut bytes = varint(frame.len() as u64);
        bytes.extend(frame);
        if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
    std::future::pending().await
}

/// Reads frames to their end, and counts what the tests wait for.
async fn read(mut stream: Stream, ihaves: Arc<AtomicU64>) {
    let (mut buffer, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(n) = stream.read(&mut chunk).await {
        if n == 0 {
            return;
        }
        buffer.extend_from_slice(&chunk[..n]);
        while let Some((len, head)) = read_varint(&buffer)
            && buffer.len() >= head + len as usize
        {
            let rest = buffer.split_off(head + len as usize);
            let has_ihave = fields(&buffer[head..])
                .filter(|(tag, _)| *tag == 3)
                .any(|(_, control)| fields(control).any(|(tag, _)| tag == 1));
            ihaves.fetch_add(u64::from(has_ihave), Ordering::Relaxed);
            buffer = rest;
        }
    }
}
