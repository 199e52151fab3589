//! What the behaviour, its handlers and every sender share.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use libp2p::{PeerId, swarm::ConnectionId};
use tokio::sync::{Semaphore, mpsc};

use super::{
    Config,
    receiver::Receiving,
    sender::{Outgoing, Upload},
};
use crate::{
    gossip::direct::{MAX_MESSAGE_FRAME, Pace},
    registry::MAX_DIRECT_WINDOW,
};

/// The one state behind them. Locks are held for a look-up, never while anybody waits.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    peers: Mutex<HashMap<PeerId, Peer>>,
    pub(super) handlers: RwLock<HashMap<Arc<str>, Receiving>>,
    /// Places of inbound streams.
    pub(super) streams: Arc<Semaphore>,
    pub(super) counters: Counters,
}

#[derive(Debug)]
struct Peer {
    account: Arc<Account>,
    links: Vec<Link>,
}

/// What all connections of a peer share.
#[derive(Debug)]
pub(super) struct Account {
    /// How fast it may send.
    pub(super) pace: Mutex<Pace>,
    /// Its messages are for nobody.
    refused: AtomicBool,
}

/// The way to one connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    id: ConnectionId,
    pub(super) lane: mpsc::Sender<Outgoing>,
    pub(super) uploads: mpsc::Sender<Upload>,
    /// Bytes that may still be queued.
    pub(super) room: Arc<Semaphore>,
}

/// The other end of a [`Link`], which its handler has.
#[derive(Debug)]
pub(super) struct Queues {
    pub(super) lane: mpsc::Receiver<Outgoing>,
    pub(super) uploads: mpsc::Receiver<Upload>,
    pub(super) account: Arc<Account>,
}

impl Shared {
    pub(super) fn new(mut config: Config) -> Self {
        config.queue = config.queue.max(1);
        config.window = config.window.clamp(1, MAX_DIRECT_WINDOW);
        config.queue_bytes = config.queue_bytes.max(2 * MAX_MESSAGE_FRAME);
        config.unread_bytes = config.unread_bytes.max(MAX_MESSAGE_FRAME);
        config.streams = config.streams.max(1);
        Self {
            config,
            peers: Mutex::default(),
            handlers: RwLock::default(),
            streams: Arc::new(Semaphore::new(config.streams_total)),
            counters: Counters::default(),
        }
    }

    /// A new connection. Links whose handler is gone (a connection that a later behaviour refused)
    /// go with the next one.
    pub(super) fn connect(&self, peer: PeerId, id: ConnectionId) -> Queues {
        let config = &self.config;
        let (lane, lane_rx) = mpsc::channel(config.queue);
        let (uploads, uploads_rx) = mpsc::channel(config.streams);
        let mut peers = self.peers();
        peers.retain(|_, p| {
            p.links.retain(|l| !l.lane.is_closed());
            !p.links.is_empty()
        });
        let peer = peers.entry(peer).or_insert_with(|| Peer {
            account: Arc::new(Account {
                pace: Mutex::new(Pace::new(config.rates)),
                refused: AtomicBool::new(false),
            }),
            links: Vec::new(),
        });
        peer.links.push(Link {
            id,
            lane,
            uploads,
            room: Arc::new(Semaphore::new(config.queue_bytes)),
        });
        Queues {
            lane: lane_rx,
            uploads: uploads_rx,
            account: Arc::clone(&peer.account),
        }
    }

    pub(super) fn disconnect(&self, peer: PeerId, id: ConnectionId) {
        let mut peers = self.peers();
        if let Some(entry) = peers.get_mut(&peer) {
            entry.links.retain(|l| l.id != id);
            if entry.links.is_empty() {
                peers.remove(&peer);
            }
        }
    }

    /// Takes messages of a connected peer, or none.
    pub(super) fn serve(&self, peer: &PeerId, on: bool) {
        if let Some(peer) = self.peers().get(peer) {
            peer.account.refused.store(!on, Ordering::Relaxed);
        }
    }

    /// The oldest connection to a peer: always the same one while it lasts, for the order.
    pub(super) fn link(&self, peer: &PeerId) -> Option<Link> {
        let peers = self.peers();
        let mut links = peers.get(peer)?.links.iter();
        links.find(|l| !l.lane.is_closed()).cloned()
    }

    /// Who receives `kind` of whom the account is.
    pub(super) fn receiving(&self, kind: &str, of: &Account) -> Option<(Arc<str>, Receiving)> {
        if of.refused.load(Ordering::Relaxed) {
            return None;
        }
        let handlers = self.handlers.read().unwrap_or_else(PoisonError::into_inner);
        let (kind, receiving) = handlers.get_key_value(kind)?;
        Some((Arc::clone(kind), receiving.clone()))
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<PeerId, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Messages and bytes of content since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages written, streamed ones included.
    pub sent: u64,
    /// Bytes of their content.
    pub sent_bytes: u64,
    /// Messages acknowledged and taken.
    pub acknowledged: u64,
    /// Messages acknowledged and not taken.
    pub refused: u64,
    /// Messages that arrived and were taken, streamed ones included.
    pub received: u64,
    /// Bytes of their content.
    pub received_bytes: u64,
    /// Messages that arrived for nobody.
    pub unwanted: u64,
    /// Times a peer was slowed down.
    pub paced: u64,
    /// Times a peer waited for a handler that was not ready.
    pub blocked: u64,
}

/// [`Stats`] while they grow.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) sent: AtomicU64,
    pub(super) sent_bytes: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) received_bytes: AtomicU64,
    pub(super) unwanted: AtomicU64,
    pub(super) paced: AtomicU64,
    pub(super) blocked: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> Stats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            sent: of(&self.sent),
            sent_bytes: of(&self.sent_bytes),
            acknowledged: of(&self.acknowledged),
            refused: of(&self.refused),
            received: of(&self.received),
            received_bytes: of(&self.received_bytes),
            unwanted: of(&self.unwanted),
            paced: of(&self.paced),
            blocked: of(&self.blocked),
        }
    }
}

/// Adds to a counter.
pub(super) fn count(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}
