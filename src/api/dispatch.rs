//! From requests to the node: what the control socket and the HTTP faces stand on.

use std::sync::Arc;

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    archive,
    code::{ErrorCode, Failure},
    control::{Control, Progress, Request},
    inspect,
    subject::subject,
};
use crate::{
    chain::{Genesis, Verifier, miner::MineRequest},
    clock::{Clock, SystemClock},
    node::{Handle, PingTarget, config::Address},
    report::MineReport,
    telemetry::escaped,
};

#[cfg(feature = "http")]
mod faces;
mod gossip;
mod import;
mod messages;
mod peers;
mod values;

/// Blocks mined between two progress steps.
const MINE_STEP: u64 = 512;

/// Bytes mined between two progress steps, bounding what one import holds in memory.
const MINE_STEP_BYTES: u64 = 16 * 1024 * 1024;

/// Answers requests for one node.
#[derive(Clone)]
pub struct Dispatcher {
    handle: Handle,
    genesis: Genesis,
    verifier: Arc<dyn Verifier>,
}

impl Dispatcher {
    /// For the node behind `handle`, which verifies with `verifier`.
    #[must_use]
    pub fn new(handle: Handle, genesis: Genesis, verifier: Arc<dyn Verifier>) -> Self {
        Self {
            handle,
            genesis,
            verifier,
        }
    }

    async fn answer(&self, request: Request, progress: Progress) -> Result<Value, Failure> {
        let node = &self.handle;
        match request {
            Request::Status => value(&node.status().await?),
            Request::Stats => value(&node.stats().await?),
            Request::SyncStatus => value(&node.sync_status()),
            Request::Ready => value(&node.readiness().await?),
            Request::PeerList => value(&node.peers().await?),
            Request::PeerConnect { addr } => {
                let addr = multiaddr(&addr)?;
                self.not_ourselves(&addr)?;
                value(&node.connect(addr).await?)
            }
            Request::PeerDisconnect { peer } => self.disconnect(&peer).await,
            Request::PeerShow { peer } => self.show_peer(&peer).await,
            Request::PeerExplain { peer } => value(&node.explain(peer_id(&peer)?).await?),
            Request::PeerKnown { limit } => self.known_peers(limit).await,
            Request::PeerAdd { addr } => self.add_peer(&addr).await,
            Request::PeerRemove { peer } => self.remove_peer(&peer).await,
            Request::PeerBan {
                subject: who,
                secs,
                reason,
            } => self.ban(&who, secs, reason).await,
            Request::PeerUnban { subject: who } => value(&node.unban(subject(&who)?).await?),
            Request::PeerBans => value(&node.bans().await?),
            Request::PeerTrust { peer, score, off } => self.trust_peer(&peer, score, off).await,
            Request::PeerReserve { target, off } => self.reserve(&target, off).await,
            Request::TrustShow { peer } => self.show_trust(&peer).await,
            Request::TrustEvents { peer, limit } => self.trust_events(peer.as_deref(), limit).await,
            Request::TrustTop { count } => self.most_trusted(count).await,
            Request::TrustShare { peer, ask } => self.share_trust(peer.as_deref(), ask).await,
            Request::DiscoveryStatus => value(&node.discovery().await?),
            Request::DhtPut {
                key,
                value: text,
                ttl_s,
            } => self.put(key, &text, ttl_s).await,
            Request::DhtGet {
                key,
                author,
                content,
            } => self.get(&key, author.as_deref(), content).await,
            Request::DhtDelete { key } => self.delete(key).await,
            Request::DhtStats => value(&node.dht_stats().await?),
            Request::PingSigned { target } => {
                let target = self.other(&target)?;
                value(&node.signed_ping(target).await?)
            }
            Request::Ping { target } => {
                let target = self.other(&target)?;
                value(&node.ping(target).await?)
            }
            Request::ChainHead => value(&node.head()),
            Request::ChainShow { at } => {
                let store = Arc::clone(node.store());
                blocking(move || value(&inspect::show(&*store, &at)?)).await
            }
            Request::ChainMine(request) => self.mine(request, &progress).await,
            Request::ChainVerify => self.verify(progress).await,
            Request::ChainExport(request) => {
                let (store, genesis) = (Arc::clone(node.store()), self.genesis.clone());
                blocking(move || {
                    let mut step = |done, total| progress.step(done, total);
                    value(&archive::export(&*store, &genesis, &request, &mut step)?)
                })
                .await
            }
            Request::ChainImport { path } => {
                value(&import::run(node, &self.genesis, path, &progress).await?)
            }
            Request::PublishTxs(request) => self.publish_txs(request, &progress).await,
            Request::PublishTx { tx } => self.publish_tx(&tx).await,
            Request::PublishShare { share } => self.publish_share(&share).await,
            Request::PublishBlob(request) => self.publish_blob(request).await,
            Request::PublishApp(request) => self.publish_app(request).await,
            Request::Send(request) => self.send_direct(request, &progress).await,
            Request::Mempool => self.mempool(false),
            Request::MempoolIds => self.mempool(true),
            Request::GossipStats => self.gossip_stats(),
            Request::GossipMesh => value(&node.meshes().await?),
            Request::Messages(request) => self.messages(&request, &progress).await,
        }
    }

    /// Whom to ping: a peer, or an address that is not our own.
    fn other(&self, target: &str) -> Result<PingTarget, Failure> {
        let target = ping_target(target)?;
        if let PingTarget::Address(addr) = &target {
            self.not_ourselves(addr)?;
        }
        Ok(target)
    }

    /// The swarm drops its own addresses before it dials and then knows none; say what happened.
    fn not_ourselves(&self, addr: &Multiaddr) -> Result<(), Failure> {
        let bare = |a: &Multiaddr| -> Multiaddr {
            a.iter()
                .filter(|p| !matches!(p, Protocol::P2p(_)))
                .collect()
        };
        if !self
            .handle
            .addresses()
            .iter()
            .any(|own| bare(own) == bare(addr))
        {
            return Ok(());
        }
        Err(Failure::new(
            ErrorCode::PeerRefused,
            format!("{addr} is the address of this node itself"),
        )
        .hint("with several nodes, --data-dir says which one is meant"))
    }

    async fn disconnect(&self, peer: &str) -> Result<Value, Failure> {
        let peer = peer_id(peer)?;
        if self.handle.disconnect(peer).await? {
            return Ok(json!({"disconnected": true}));
        }
        Err(
            Failure::new(ErrorCode::PeerUnknown, format!("{peer} is not connected"))
                .hint("`animica-p2p peer list` shows who is"),
        )
    }

    /// In steps, so that the client sees progress and can go away.
    async fn mine(&self, request: MineRequest, progress: &Progress) -> Result<Value, Failure> {
        let block_bytes = (request.txs as u64).saturating_mul(request.tx_bytes as u64);
        let step = (MINE_STEP_BYTES / block_bytes.max(1)).clamp(1, MINE_STEP);
        let mut report = MineReport {
            count: 0,
            head: self.handle.head(),
            seconds: 0.0,
        };
        while report.count < request.count {
            let mut part = request.clone();
            part.count = step.min(request.count - report.count);
            match self.handle.mine(part).await {
                Ok(mined) => {
                    report.count += mined.count;
                    report.head = mined.head;
                    report.seconds += mined.seconds;
                }
                Err(e) => {
                    let mut failure = Failure::from(e);
                    if report.count > 0 {
                        let done = format!("mined {} of {} blocks", report.count, request.count);
                        failure.message = format!("{done}, then: {}", failure.message);
                    }
                    return Err(failure);
                }
            }
            progress.tell(report.count, Some(request.count));
        }
        value(&report)
    }

    async fn verify(&self, progress: Progress) -> Result<Value, Failure> {
        let (store, genesis) = (Arc::clone(self.handle.store()), self.genesis.clone());
        let verifier = Arc::clone(&self.verifier);
        blocking(move || {
            let mut step = |done, total| progress.step(done, total);
            let now_s = SystemClock.now().wall_secs();
            value(&inspect::verify(
                &*store, &genesis, &*verifier, now_s, &mut step,
            )?)
        })
        .await
    }
}

impl Control for Dispatcher {
    async fn handle(&self, request: Request, progress: Progress) -> Result<Value, Failure> {
        self.answer(request, progress).await
    }
}

fn value<T: Serialize>(report: &T) -> Result<Value, Failure> {
    serde_json::to_value(report).map_err(|e| Failure::new(ErrorCode::Failed, e.to_string()))
}

/// Runs what waits for the disk beside the event loop.
async fn blocking<T: Send + 'static>(
    f: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(f)
        .await
        .unwrap_or_else(|e| Err(Failure::new(ErrorCode::Failed, e.to_string())))
}

fn multiaddr(text: &str) -> Result<Multiaddr, Failure> {
    let bad = |message: String| Failure::new(ErrorCode::BadRequest, message);
    let address = Address::parse(text).map_err(|e| bad(e.to_string()))?;
    address
        .multiaddr()
        .cloned()
        .ok_or_else(|| bad(format!("`{address}`: this version has no transport for it")))
}

fn peer_id(text: &str) -> Result<PeerId, Failure> {
    text.parse().map_err(|_| {
        let message = format!("`{}` is not a peer id", escaped(text));
        Failure::new(ErrorCode::BadRequest, message)
    })
}

fn ping_target(text: &str) -> Result<PingTarget, Failure> {
    match text.parse::<PeerId>() {
        Ok(peer) => Ok(PingTarget::Peer(peer)),
        Err(_) => multiaddr(text).map(PingTarget::Address),
    }
}
