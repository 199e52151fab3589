//! The gossip task: judges what the mesh brings, asks for what is missing and answers for what is
//! here, beside the event loop.
//!
//! The engines of [`gossip`](crate::gossip) decide, this room does: it feeds them, turns what they
//! say into effects, and reads the store and the pool for them. Messages are judged here, one after
//! the other, so that the queue in front of this task is the only one; what takes longer than a
//! signature (bodies, imports) runs elsewhere and comes back as [`Done`].

mod apps;
mod blobs;
mod chain;
mod data;
mod heads;
mod local;
mod mesh;
mod reconcile;
mod serve;
mod shares;
mod tally;
mod telling;
#[cfg(test)]
mod tests;
mod txs;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hashlink::LruCache;
use libp2p::PeerId;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;

pub(crate) use self::local::{Gossip, GossipRequest};
pub use self::{blobs::BlobPublishError, local::PublishError};
use self::{
    data::Asked,
    heads::Heads,
    tally::{Lap, Tally},
};
use super::{
    effect::Effect,
    gossip_link::WaitingBytes,
    outbox::Outbox,
    sync_task::{Local, LocalError, Waiting},
};
use crate::{
    bloom::{BloomError, Salt},
    bucket::Bucket,
    chain::{BlobStore, Block, ChainStore, Genesis, Verifier, share::ShareVerifier},
    clock::{Clock, Now},
    gossip::{
        app::{App, Delivery},
        blobs::Blobs,
        buckets::{self, Buckets},
        compact,
        inventory::Inventory,
        reconcile as recon,
        seen::{self, SeenSet},
        shares::Shares,
        stats::Counters,
    },
    identity::{Delegations, NodeIdentity, Policy, PublicIdentity},
    ids::Hash32,
    network::{
        exchange::{Failure, RequestId, Token},
        identify::Head,
        pubsub::MessageId,
    },
    registry::Topic,
    report::{GossipReport, HeadReport},
    trust::Score,
    wire::Message,
};

/// Inputs that may wait. Those that hold a message of the mesh are bounded in bytes, too.
pub(crate) const INPUT_QUEUE: usize = 4096;

/// Results of other tasks that may wait.
const DONE_QUEUE: usize = 64;

/// Checked headers that are remembered until their block is here: twice as many as rebuilds.
const MAX_TIPS: usize = 64;

/// How often the engines are told the time at least.
const TICK: Duration = Duration::from_millis(250);

/// How often application messages whose life is over are looked for, which looks at all of them.
const EXPIRY: Duration = Duration::from_secs(1);

/// Application messages a subscriber may fall behind before it loses the oldest.
pub const DELIVERY_BACKLOG: usize = 4096;

/// Something the event loop tells the task.
#[derive(Debug)]
pub(crate) enum GossipInput {
    /// A message of the mesh, which waits for its verdict.
    Message {
        from: PeerId,
        id: MessageId,
        topic: Topic,
        payload: Bytes,
    },
    /// A peer accepted us.
    PeerUp {
        peer: PeerId,
        address: Option<IpAddr>,
        outbound: bool,
    },
    /// A peer claims a head just ahead of ours.
    PeerHead { peer: PeerId, head: Head },
    /// How far a peer is trusted by now.
    Trust { peer: PeerId, score: Score },
    /// A peer is gone.
    PeerDown { peer: PeerId },
    /// Our imported head moved.
    Head(Head),
    /// A request of ours was answered, or will not be.
    Response {
        peer: PeerId,
        id: RequestId,
        result: Result<Message, Failure>,
    },
    /// A peer asks.
    Request {
        peer: PeerId,
        message: Message,
        token: Token,
    },
    /// Identity keys that were asked for.
    Keys { keys: Vec<PublicIdentity> },
    /// A peer did not send them.
    NoKeys { peer: PeerId, wanted: Vec<Hash32> },
}

/// What another task has done for this one.
enum Done {
    /// A rebuilt block was imported, or refused.
    Imported(Box<Imported>),
    /// A block of our own, read for its announcement.
    Own(Box<Block>),
}

/// The import of a rebuilt block.
struct Imported {
    /// Whose announce it was rebuilt from.
    from: PeerId,
    block: Hash32,
    bytes: Bytes,
    result: Result<HeadReport, LocalError>,
}

/// What the task is made from.
pub(crate) struct Parts {
    pub(crate) identity: NodeIdentity,
    pub(crate) policy: Arc<Policy>,
    pub(crate) delegations: Arc<Delegations>,
    pub(crate) genesis: Genesis,
    pub(crate) store: Arc<dyn ChainStore>,
    pub(crate) verifier: Arc<dyn Verifier>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) share_verifier: Arc<dyn ShareVerifier>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) local: Local,
    pub(crate) limits: buckets::Limits,
    pub(crate) seen: seen::Config,
    pub(crate) reconcile: recon::Config,
    pub(crate) effects: mpsc::Sender<Effect>,
    pub(crate) seed: [u8; 32],
}

/// The ends that others hold.
pub(crate) struct Ends {
    pub(crate) inputs: mpsc::Sender<GossipInput>,
    pub(crate) waiting: WaitingBytes,
    pub(crate) gossip: Gossip,
    pub(crate) report: watch::Receiver<GossipReport>,
    pub(crate) task: tokio::task::JoinHandle<()>,
}

/// Starts the task on the current runtime. It ends when `stop` is cancelled.
///
/// # Errors
/// The seen-set cannot be made: its figures are none that a filter can have.
pub(crate) fn spawn(parts: Parts, stop: CancellationToken) -> Result<Ends, BloomError> {
    let (inputs, input_rx) = mpsc::channel(INPUT_QUEUE);
    let (done_tx, done) = mpsc::channel(DONE_QUEUE);
    let (deliveries, _) = broadcast::channel(DELIVERY_BACKLOG);
    let (gossip, requests) = local::channel(deliveries.clone(), &parts.limits);
    let (report_tx, report) = watch::channel(GossipReport::default());
    let waiting = WaitingBytes::default();
    let now = parts.clock.now();
    let salt = Salt(parts.seed[8..24].try_into().expect("sixteen of 32 bytes"));
    let number = u64::from_be_bytes(parts.seed[..8].try_into().expect("eight of 32 bytes"));
    let mut task = GossipTask {
        seen: SeenSet::new(parts.seen, salt.child(1))?,
        spread: SeenSet::new(parts.seen, salt.child(2))?,
        buckets: Buckets::new(&parts.limits),
        counters: Counters::default(),
        tally: Tally::default(),
        lap: None,
        next_tick: now.mono,
        app: App::new(
            crate::gossip::app::Config::default(),
            parts.genesis.chain_id(),
            parts.genesis.hash(),
        ),
        app_ids: HashMap::new(),
        parked: HashMap::new(),
        expiry: now.mono + EXPIRY,
        compact: compact::Engine::new(compact::engine::Config::default()),
        tips: LruCache::new(MAX_TIPS),
        announces: HashMap::new(),
        heads: Heads::default(),
        favoured: Vec::new(),
        inventory: Inventory::new(crate::gossip::inventory::Limits::default(), number),
        shares: Shares::new(
            crate::gossip::shares::Limits::default(),
            Arc::clone(&parts.share_verifier),
        ),
        blobs: Blobs::new(crate::gossip::blobs::Limits::default(), salt.child(3).0),
        recon: recon::Engine::new(parts.reconcile.clone(), parts.seed, now),
        recon_server: recon::Server::new(recon::Limits::default()),
        peers: HashMap::new(),
        asked: HashMap::new(),
        next_id: 0,
        // Salts of announces are public, so they must not lead back to those of filters.
        salt: u64::from_be_bytes(salt.child(4).0[..8].try_into().expect("eight of 16 bytes")),
        outbox: Outbox::new(parts.effects.clone()),
        done: done_tx,
        deliveries,
        report: report_tx,
        waiting: waiting.clone(),
        parts,
    };
    task.follow_head(task.parts.store.tips().blocks.hash);
    let task = tokio::spawn(task.run(input_rx, done, requests, stop));
    Ok(Ends {
        inputs,
        waiting,
        gossip,
        report,
        task,
    })
}

/// What is known of a connected peer.
struct Peer {
    address: Option<IpAddr>,
    /// Its requests.
    requests: Bucket,
}

struct GossipTask {
    parts: Parts,
    /// Messages that were found valid.
    seen: SeenSet,
    /// Transactions that have travelled, so that peers probably have them.
    spread: SeenSet,
    buckets: Buckets,
    counters: Counters,
    tally: Tally,
    /// The message of the mesh that is being judged.
    lap: Option<Lap>,
    next_tick: Instant,
    app: App,
    /// Ids of recent application messages by the hash of their bytes: those that `app` keeps, and
    /// for up to [`EXPIRY`] those it no longer does.
    app_ids: HashMap<Hash32, Hash32>,
    /// Messages of the mesh whose verdict waits for the sender's key, by who brought them and the
    /// hash of their bytes. Each is parked in `app`, which bounds their number and time.
    parked: HashMap<(PeerId, Hash32), MessageId>,
    expiry: Instant,
    compact: compact::Engine,
    /// Where the last checked headers lead, by their hash.
    tips: LruCache<Hash32, Head>,
    /// Announces of blocks whose verdict depends on the block, at most one of a peer and block.
    /// `compact` bounds those it rebuilds from; the others are being imported, and their headers
    /// have shown their work.
    announces: HashMap<(PeerId, Hash32), (MessageId, usize)>,
    heads: Heads,
    /// Peers in high-bandwidth mode that the router knows of.
    favoured: Vec<PeerId>,
    inventory: Inventory,
    shares: Shares,
    blobs: Blobs,
    recon: recon::Engine,
    recon_server: recon::Server,
    /// Connected peers, which the gate bounds.
    peers: HashMap<PeerId, Peer>,
    /// Requests that the exchange has not answered or given up; the engines bound them per peer.
    asked: HashMap<RequestId, Asked>,
    next_id: u64,
    salt: u64,
    outbox: Outbox,
    done: mpsc::Sender<Done>,
    deliveries: broadcast::Sender<Delivery>,
    report: watch::Sender<GossipReport>,
    waiting: WaitingBytes,
}

impl GossipTask {
    async fn run(
        mut self,
        mut inputs: mpsc::Receiver<GossipInput>,
        mut done: mpsc::Receiver<Done>,
        mut requests: mpsc::Receiver<GossipRequest>,
        stop: CancellationToken,
    ) {
        self.tell();
        loop {
            let wake = self.wake();
            tokio::select! {
                () = stop.cancelled() => break,
                Some(input) = inputs.recv() => self.input(input),
                Some(done) = done.recv() => self.done(done),
                Some(request) = requests.recv() => self.request(request),
                () = tokio::time::sleep_until(wake.into()) => self.tick(),
            }
            self.collect();
            if self.outbox.flush().await.is_err() {
                break;
            }
        }
    }

    fn now(&self) -> Now {
        self.parts.clock.now()
    }

    fn input(&mut self, input: GossipInput) {
        match input {
            GossipInput::Message {
                from,
                id,
                topic,
                payload,
            } => self.message(from, id, topic, payload),
            GossipInput::PeerUp {
                peer,
                address,
                outbound,
            } => self.peer_up(peer, address, outbound),
            GossipInput::PeerHead { peer, head } => {
                let due = self.now().mono + heads::PATIENCE;
                self.heads.heard(peer, head, due);
            }
            GossipInput::Trust { peer, score } => self.inventory.trust(&peer, score),
            GossipInput::PeerDown { peer } => self.peer_down(peer),
            GossipInput::Head(head) => self.head_moved(head),
            GossipInput::Response { peer, id, result } => self.answered(peer, id, result),
            GossipInput::Request {
                peer,
                message,
                token,
            } => self.serve(peer, message, token),
            GossipInput::Keys { keys } => self.got_keys(&keys),
            GossipInput::NoKeys { peer, wanted } => self.got_no_keys(peer, &wanted),
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Imported(imported) => self.imported(*imported),
            Done::Own(block) => self.announce_block(&block),
        }
    }

    /// When something is due.
    fn wake(&self) -> Instant {
        let due = [
            self.compact.deadline(),
            self.inventory.next_timeout(),
            Some(self.recon.next_timeout()),
            self.heads.next_due(),
            Some(self.next_tick),
        ];
        due.into_iter().flatten().min().unwrap_or(self.next_tick)
    }

    fn tick(&mut self) {
        let now = self.now();
        self.next_tick = now.mono + TICK;
        let known = self.known();
        let outputs = self.compact.tick(&known, now.mono);
        self.compact_outputs(outputs);
        self.inventory.tick(now.mono);
        self.recon_tick(now);
        for (peer, head) in self.heads.take_due(now.mono) {
            self.outbox.push(Effect::Follow { peer, head });
        }
        let high: Vec<PeerId> = self.compact.high_bandwidth().copied().collect();
        if high != self.favoured {
            self.favoured.clone_from(&high);
            self.outbox.push(Effect::Favour { peers: high });
        }
        if self.expiry <= now.mono {
            self.expiry = now.mono + EXPIRY;
            self.app.expire(now);
            self.forget_app_ids(now);
        }
        self.tell();
    }

    fn peer_up(&mut self, peer: PeerId, address: Option<IpAddr>, outbound: bool) {
        let requests = Bucket::new(data::REQUESTS);
        self.peers.insert(peer, Peer { address, requests });
        self.inventory.up(peer, outbound);
        self.blobs.join(peer);
        let now = self.now();
        self.recon.peer_up(peer, now);
    }

    /// What the peer brought and is being imported keeps its verdict: it is passed on if it is valid.
    fn peer_down(&mut self, peer: PeerId) {
        let now = self.now();
        self.peers.remove(&peer);
        self.heads.forget(&peer);
        self.asked.retain(|_, asked| *asked.peer() != peer);
        self.inventory.down(&peer, now.mono);
        self.blobs.leave(&peer);
        self.recon.peer_down(&peer);
        self.recon_server.peer_down(&peer);
        let known = self.known();
        let outputs = self.compact.on_gone(peer, &known, now.mono);
        self.compact_outputs(outputs);
    }

    /// What the engines want done since the last turn.
    fn collect(&mut self) {
        self.settle_dropped();
        self.inventory_outputs();
        self.blob_outputs();
        self.recon_actions();
    }
}
