//! What a [`Handle`](crate::node::Handle) asks of the peering task.

use std::time::Duration;

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, oneshot};

use crate::{
    ids::Hash32,
    node::{ConnectError, Stopped},
    peers::ban::Subject,
    report::{
        BanReport, DhtPutReport, DhtStatsReport, DhtValueReport, DiscoveryReport, ExplainReport,
        KnownPeerReport, PeerReport, SignedPingReport, TrustEventReport, TrustReport, UnbanReport,
    },
};

/// Why a request about peers could not be met.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PeeringError {
    /// The address does not say whose it is.
    #[error("{0} does not end in /p2p/PEER_ID")]
    NoPeerId(Multiaddr),
    /// The request is about this node itself.
    #[error("that is this node itself")]
    Ourselves,
    /// Reserved peers are never banned.
    #[error("{0} is reserved; unreserve it first (`peer reserve {0} --off`)")]
    Reserved(PeerId),
    /// The peer is in no list and not connected.
    #[error("{0} is not known")]
    Unknown(PeerId),
    /// There is no connection to the peer.
    #[error("not connected to {0}")]
    NotConnected(PeerId),
    /// A score is a number from 0 to 1.
    #[error("a score is a number from 0 to 1, not {0}")]
    Score(f64),
    /// Addresses that a whole test network shares are not banned, nor what has no group.
    #[error("{0} is shared by peers that have nothing to do with each other")]
    Shared(String),
    /// The address of a reserved peer.
    #[error("a reserved peer listens at {0}; unreserve it first (`peer reserve PEER --off`)")]
    Spared(String),
    /// The duration of a ban.
    #[error("a ban lasts 1 second to 365 days")]
    Duration,
    /// The book is full and nothing in it may go.
    #[error("the address book does not take it: {0}")]
    Book(String),
    /// The other side did not do what was asked.
    #[error("the peer did not answer as it should: {0}")]
    Peer(String),
    /// The peer could not be connected to first.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Nothing could be read or written.
    #[error(transparent)]
    Store(#[from] crate::peers::PeerStoreError),
    /// The node is shutting down or gone.
    #[error("the node is not running any more")]
    Stopped,
}

impl From<Stopped> for PeeringError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// Why the hash table did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DhtError {
    /// A reader would refuse the record.
    #[error("no node would take the record: {0}")]
    Refused(String),
    /// Nobody who is connected takes part.
    #[error("no connected peer takes part in the hash table")]
    NoPeers,
    /// The record is stored here and no other node confirmed it.
    #[error("the record is stored here, and no other node confirmed it ({0})")]
    NotReplicated(String),
    /// No valid record under this key.
    #[error("no value under this key")]
    NotFound,
    /// It took too long.
    #[error("no answer within the time of a lookup")]
    Timeout,
    /// The store refuses: nothing was acknowledged.
    #[error(transparent)]
    Store(#[from] crate::peers::PeerStoreError),
    /// The node is shutting down or gone.
    #[error("the node is not running any more")]
    Stopped,
}

impl From<Stopped> for DhtError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// With whom the list of trusted peers is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareWith {
    /// Every node, by gossip.
    Network,
    /// One connected peer.
    Peer(PeerId),
    /// Ask a connected peer for its list instead.
    Ask(PeerId),
}

/// Which value of the hash table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DhtKey {
    /// What an author wrote under a key; nobody else can write there.
    Authored {
        /// The author; `None`: this node.
        author: Option<PeerId>,
        /// The key, 1 to 64 bytes.
        key: Vec<u8>,
    },
    /// The value with this hash.
    Content(Hash32),
}

type Answer<T> = oneshot::Sender<T>;

/// A request; the sender of the answer travels with it.
#[derive(Debug)]
pub(crate) enum PeeringRequest {
    Known {
        limit: usize,
        reply: Answer<Vec<KnownPeerReport>>,
    },
    /// Add trust and place to rows of connected peers.
    Annotate {
        rows: Vec<PeerReport>,
        reply: Answer<Vec<PeerReport>>,
    },
    Explain {
        peer: PeerId,
        reply: Answer<ExplainReport>,
    },
    Add {
        address: Multiaddr,
        reply: Answer<Result<PeerId, PeeringError>>,
    },
    Remove {
        peer: PeerId,
        reply: Answer<bool>,
    },
    Ban {
        subject: Subject,
        lasts: Duration,
        reason: String,
        reply: Answer<Result<BanReport, PeeringError>>,
    },
    Unban {
        subject: Subject,
        reply: Answer<UnbanReport>,
    },
    Reserve {
        peer: PeerId,
        address: Option<Multiaddr>,
        on: bool,
        reply: Answer<Result<(), PeeringError>>,
    },
    SetTrust {
        peer: PeerId,
        score: f64,
        reply: Answer<Result<TrustReport, PeeringError>>,
    },
    Prefer {
        peer: PeerId,
        on: bool,
        reply: Answer<Result<(), PeeringError>>,
    },
    Trust {
        peer: PeerId,
        reply: Answer<Option<TrustReport>>,
    },
    TrustTop {
        count: usize,
        min: f64,
        reply: Answer<Vec<TrustReport>>,
    },
    TrustEvents {
        peer: Option<PeerId>,
        count: usize,
        reply: Answer<Result<Vec<TrustEventReport>, PeeringError>>,
    },
    ShareTrust {
        with: ShareWith,
        reply: Answer<Result<usize, PeeringError>>,
    },
    SignedPing {
        peer: PeerId,
        reply: Answer<Result<SignedPingReport, PeeringError>>,
    },
    Discovery {
        reply: Answer<DiscoveryReport>,
    },
    DhtPut {
        key: Option<Vec<u8>>,
        value: Option<Bytes>,
        ttl: Duration,
        reply: Answer<Result<DhtPutReport, DhtError>>,
    },
    DhtGet {
        key: DhtKey,
        reply: Answer<Result<DhtValueReport, DhtError>>,
    },
    DhtStats {
        reply: Answer<DhtStatsReport>,
    },
}

/// The requesting end.
#[derive(Clone, Debug)]
pub(crate) struct Peering(mpsc::Sender<PeeringRequest>);

impl Peering {
    pub(crate) fn new(requests: mpsc::Sender<PeeringRequest>) -> Self {
        Self(requests)
    }

    /// For the depth of its queue.
    pub(crate) fn requests(&self) -> &mpsc::Sender<PeeringRequest> {
        &self.0
    }

    pub(crate) async fn ask<R>(
        &self,
        request: impl FnOnce(Answer<R>) -> PeeringRequest,
    ) -> Result<R, Stopped> {
        let (reply, answer) = oneshot::channel();
        let sent = self.0.send(request(reply)).await;
        sent.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}
