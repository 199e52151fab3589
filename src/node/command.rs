//! What a [`Handle`](super::Handle) asks of the event loop.

use libp2p::{Multiaddr, PeerId};
use tokio::sync::oneshot;

use super::connections::{ConnectError, Reply};
use crate::report::{BanReport, MeshReport, PeerReport, PingReport};

/// Whom to ping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PingTarget {
    /// A connected peer.
    Peer(PeerId),
    /// Whoever answers at an address; connected to first.
    Address(Multiaddr),
}

/// A request to the event loop; the sender of the answer travels with it.
#[derive(Debug)]
pub(crate) enum Command {
    /// Dial and wait until the peer has accepted.
    Connect { address: Multiaddr, reply: Reply },
    /// Close every connection to a peer. Answers whether there was one.
    Disconnect {
        peer: PeerId,
        reply: oneshot::Sender<bool>,
    },
    /// Every connected peer.
    Peers {
        reply: oneshot::Sender<Vec<PeerReport>>,
    },
    /// The channel and round trip of a connected peer, once a round trip is measured.
    Ping {
        peer: PeerId,
        reply: oneshot::Sender<Result<PingReport, ConnectError>>,
    },
    /// Bans in force.
    Bans {
        reply: oneshot::Sender<Vec<BanReport>>,
    },
    /// Who is in the mesh of each topic.
    Meshes {
        reply: oneshot::Sender<Vec<MeshReport>>,
    },
}
