//! The library's grip on a running node.

mod dht;
mod gossip;
mod messages;
mod peers;

use std::{
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{
    LocalError,
    command::{Command, PingTarget},
    connections::ConnectError,
    gossip_link::{MAX_WAITING_BYTES, WaitingBytes},
    gossip_task::{Gossip, GossipInput},
    peering::{Peering, PeeringInput, PeeringRequest},
    readiness,
    sessions::Sessions,
    sync_task::{Local, SyncInput, Waiting},
    topology,
};
use crate::{
    chain::{BlobStore, ChainStore, miner::MineRequest},
    event::NodeEvent,
    ids::{ChainId, Hash32},
    network::{direct, pubsub},
    report::{
        BanReport, GossipReport, HeadReport, MineReport, PeerReport, PeeringReport, PingReport,
        QueueReport, Readiness, StatsReport, StatusReport, SyncReport,
    },
    telemetry::{GossipLevels, Levels, Telemetry},
};

/// Bytes of the store on disk, asked when metrics are.
pub(super) type Sizes = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A running node. Clones are cheap and share it; the node stops when [`Handle::shutdown`] is
/// called or the last clone is dropped.
#[derive(Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
}

/// What every clone shares.
pub(super) struct Shared {
    pub(super) peer_id: PeerId,
    pub(super) chain_id: ChainId,
    pub(super) genesis: Hash32,
    pub(super) policy_root: Hash32,
    pub(super) kem: String,
    pub(super) started: Instant,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) listens: bool,
    pub(super) bootstraps: bool,
    pub(super) store: Arc<dyn ChainStore>,
    pub(super) sizes: Sizes,
    pub(super) direct: direct::Sender,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) inputs: mpsc::Sender<SyncInput>,
    pub(super) refused: Arc<AtomicU64>,
    pub(super) gossip_inputs: mpsc::Sender<GossipInput>,
    pub(super) gossip_refused: Arc<AtomicU64>,
    pub(super) gossip_waiting: WaitingBytes,
    pub(super) copies: Arc<pubsub::Copies>,
    pub(super) local: Local,
    pub(super) waiting: Arc<Waiting>,
    pub(super) gossip: Gossip,
    pub(super) peering: Peering,
    pub(super) peering_report: watch::Receiver<PeeringReport>,
    pub(super) peering_inputs: mpsc::Sender<PeeringInput>,
    pub(super) peering_refused: Arc<AtomicU64>,
    pub(super) blobs: Arc<dyn BlobStore>,
    pub(super) gossip_report: watch::Receiver<GossipReport>,
    pub(super) message_ttl: Duration,
    pub(super) topology: Option<topology::Shared>,
    pub(super) events: broadcast::Sender<NodeEvent>,
    pub(super) addresses: watch::Receiver<Vec<Multiaddr>>,
    pub(super) sync: watch::Receiver<SyncReport>,
    pub(super) store_failing: watch::Receiver<Option<String>>,
    pub(super) metrics_url: OnceLock<String>,
    pub(super) stop: CancellationToken,
    pub(super) stopped: watch::Receiver<bool>,
}

impl Shared {
    fn queues(&self) -> Vec<QueueReport> {
        vec![
            depth("commands", &self.commands, 0),
            depth(
                "sync_inputs",
                &self.inputs,
                self.refused.load(Ordering::Relaxed),
            ),
            depth(
                "gossip_inputs",
                &self.gossip_inputs,
                self.gossip_refused.load(Ordering::Relaxed),
            ),
            depth(
                "peering_inputs",
                &self.peering_inputs,
                self.peering_refused.load(Ordering::Relaxed),
            ),
            QueueReport {
                name: "gossip_bytes".to_owned(),
                depth: self.gossip_waiting.bytes(),
                capacity: MAX_WAITING_BYTES,
                dropped: self.gossip_waiting.refused(),
            },
            depth("gossip_requests", self.gossip.requests(), 0),
            depth("peering_requests", self.peering.requests(), 0),
        ]
    }
}

fn depth<T>(name: &str, queue: &mpsc::Sender<T>, dropped: u64) -> QueueReport {
    let capacity = queue.max_capacity();
    QueueReport {
        name: name.to_owned(),
        depth: capacity - queue.capacity(),
        capacity,
        dropped,
    }
}

/// The node is shutting down or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node is not running any more")]
pub struct Stopped;

impl From<Stopped> for ConnectError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl Handle {
    /// This node's PeerId.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.shared.peer_id
    }

    /// The chain it speaks.
    #[must_use]
    pub fn chain_id(&self) -> ChainId {
        self.shared.chain_id
    }

    /// The store, for reading headers and blocks. Calls block the thread for the time of a disk
    /// read; use the blocking pool from async code.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn ChainStore> {
        &self.shared.store
    }

    /// The metrics of this node; [`Handle::metrics_text`] encodes them with current levels.
    #[must_use]
    pub fn telemetry(&self) -> &Arc<Telemetry> {
        &self.shared.telemetry
    }

    /// Dialable addresses, each ending in this node's `/p2p/…`.
    #[must_use]
    pub fn addresses(&self) -> Vec<Multiaddr> {
        self.shared.addresses.borrow().clone()
    }

    /// Events from now on. A subscriber that falls more than [`EVENT_BACKLOG`](super::EVENT_BACKLOG) events behind
    /// loses the oldest and is told how many (`RecvError::Lagged`).
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<NodeEvent> {
        self.shared.events.subscribe()
    }

    /// Dials `address` and waits until the peer has accepted: handshake, first record, identify.
    ///
    /// # Errors
    /// Why it did not come to that; see [`ConnectError`].
    pub async fn connect(&self, address: Multiaddr) -> Result<PeerReport, ConnectError> {
        self.ask(|reply| Command::Connect { address, reply })
            .await?
    }

    /// Closes every connection to `peer`. False if there was none.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn disconnect(&self, peer: PeerId) -> Result<bool, Stopped> {
        self.ask(|reply| Command::Disconnect { peer, reply }).await
    }

    /// Every connected peer.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn peers(&self) -> Result<Vec<PeerReport>, Stopped> {
        let rows = self.ask(|reply| Command::Peers { reply }).await?;
        self.annotated(rows).await
    }

    /// Rows with what only the peering task knows.
    async fn annotated(&self, rows: Vec<PeerReport>) -> Result<Vec<PeerReport>, Stopped> {
        let annotate = |reply| PeeringRequest::Annotate { rows, reply };
        self.shared.peering.ask(annotate).await
    }

    /// Bans in force.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn bans(&self) -> Result<Vec<BanReport>, Stopped> {
        self.ask(|reply| Command::Bans { reply }).await
    }

    /// The peer that is meant, and whether the connection to it is new.
    async fn reach(&self, target: PingTarget) -> Result<(PeerId, bool), ConnectError> {
        match target {
            PingTarget::Peer(peer) => Ok((peer, false)),
            PingTarget::Address(address) => {
                let report = self.connect(address).await?;
                let peer = report.peer_id.parse().map_err(|_| ConnectError::Stopped)?;
                Ok((peer, true))
            }
        }
    }

    /// The channel to a peer and the round trip over it. An address is connected to first; a
    /// connected peer answers with its latest measurement.
    ///
    /// # Errors
    /// The peer is not connected and cannot be dialled, or does not answer.
    pub async fn ping(&self, target: PingTarget) -> Result<PingReport, ConnectError> {
        let (peer, fresh_connection) = self.reach(target).await?;
        let report = self.ask(|reply| Command::Ping { peer, reply }).await??;
        Ok(PingReport {
            fresh_connection,
            ..report
        })
    }

    /// Where sync stands.
    #[must_use]
    pub fn sync_status(&self) -> SyncReport {
        self.shared.sync.borrow().clone()
    }

    /// Where sync stands, to be watched: each receiver sees the latest report.
    #[must_use]
    pub fn watch_sync(&self) -> watch::Receiver<SyncReport> {
        self.shared.sync.clone()
    }

    /// Mines blocks on the current head and imports them like blocks of a peer.
    ///
    /// # Errors
    /// What the miner or the import refused.
    pub async fn mine(&self, request: MineRequest) -> Result<MineReport, LocalError> {
        let report = self.shared.local.mine(request).await?;
        self.tell_head(report.head.hash).await;
        Ok(report)
    }

    /// Verifies and imports blocks that did not come from a peer, parents first.
    ///
    /// # Errors
    /// What the verification or the store refused; blocks before it stay imported.
    pub async fn import(&self, blocks: Vec<Bytes>) -> Result<HeadReport, LocalError> {
        let before = self.head().hash;
        let head = self.shared.local.import(blocks).await?;
        if head.hash != before {
            self.tell_head(head.hash).await;
        }
        Ok(head)
    }

    /// Transactions that wait for a block.
    #[must_use]
    pub fn waiting_transactions(&self) -> usize {
        self.shared.waiting.len()
    }

    /// The imported head.
    #[must_use]
    pub fn head(&self) -> HeadReport {
        let tip = self.shared.store.tips().blocks;
        HeadReport {
            height: tip.height,
            hash: tip.hash,
            work: tip.work,
        }
    }

    /// What the node tells about itself.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn status(&self) -> Result<StatusReport, Stopped> {
        let shared = &self.shared;
        Ok(StatusReport {
            peer_id: shared.peer_id.to_string(),
            addresses: self.addresses().iter().map(ToString::to_string).collect(),
            chain_id: shared.chain_id,
            genesis: shared.genesis,
            head: self.head(),
            peers: self.peers().await?.len(),
            sync: self.sync_status(),
            metrics: shared.metrics_url.get().cloned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: shared.started.elapsed().as_secs(),
            policy_root: shared.policy_root,
            kem: shared.kem.clone(),
            data_dir: shared.data_dir.as_ref().map(|d| d.display().to_string()),
        })
    }

    /// Counters since the start.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn stats(&self) -> Result<StatsReport, Stopped> {
        self.shared.sessions.count_bytes();
        let mut stats = self.shared.telemetry.stats();
        stats.uptime_s = self.shared.started.elapsed().as_secs();
        stats.bans = self.bans().await?;
        stats.store_bytes = (self.shared.sizes)();
        Ok(stats)
    }

    /// Whether the node is ready to serve, criterion by criterion.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn readiness(&self) -> Result<Readiness, Stopped> {
        let peers = self.peers().await?.len();
        Ok(readiness::judge(&readiness::Facts {
            listeners: self.addresses().len(),
            listen_wanted: self.shared.listens,
            peers,
            bootstrap: self.shared.bootstraps,
            sync: self.sync_status(),
            store_failing: self.shared.store_failing.borrow().clone(),
            queues: self.shared.queues(),
        }))
    }

    /// `/metrics`: every family, with levels as of now.
    ///
    /// # Errors
    /// The node is not running any more.
    pub async fn metrics_text(&self) -> Result<String, Stopped> {
        let shared = &self.shared;
        shared.sessions.count_bytes();
        shared.telemetry.update(Levels {
            sync: self.sync_status(),
            bans: self.bans().await?.len(),
            store_bytes: (shared.sizes)(),
            queues: shared.queues(),
            gossip: GossipLevels {
                report: self.gossip(),
                meshes: self.meshes().await?,
                pool: self.mempool(),
                blob_store: shared.blobs.usage(),
                direct: shared.direct.stats(),
            },
            peering: shared.peering_report.borrow().clone(),
        });
        Ok(shared.telemetry.encode())
    }

    /// Says where `/metrics` is served, for `status`. The first call wins.
    pub fn set_metrics_url(&self, url: String) {
        let _ = self.shared.metrics_url.set(url);
    }

    /// Resolves when the node has stopped, for whatever reason.
    pub async fn stopped(&self) {
        let mut stopped = self.shared.stopped.clone();
        // An error means the loop is gone without saying so, which is stopped, too.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }

    /// Stops the node: no new connections, open ones closed, the store flushed. Returns when it is
    /// done, within [`SHUTDOWN_DEADLINE`](super::SHUTDOWN_DEADLINE).
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.stopped().await;
    }

    async fn ask<R>(
        &self,
        command: impl FnOnce(oneshot::Sender<R>) -> Command,
    ) -> Result<R, Stopped> {
        let (reply, answer) = oneshot::channel();
        let send = self.shared.commands.send(command(reply));
        send.await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
