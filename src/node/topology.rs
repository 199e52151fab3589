//! Who is connected to whom: nodes that share it publish the list of their neighbours, and keep the
//! lists of others for a while.
//!
//! [`Topology`] is the collection, a value; [`run`] publishes and listens. Lists are signed
//! application messages about [`TOPIC`], so a list is its sender's word for its own connections and
//! nobody else's. Whether a neighbour says the same is for the reader to compare. Opt-in, because a
//! map of the network helps whoever wants to cut it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    command::Command,
    gossip_task::{Gossip, GossipRequest},
};
use crate::{
    cbor::{CborError, Reader, Writer},
    clock::{Clock, Now},
    event::NodeEvent,
    gossip::app::{Content, Delivery, Refused},
    identity::{digest_from_peer_id, peer_id_from_digest},
    ids::Hash32,
    report::{NodeReport, TopologyReport},
};

/// What the lists are about.
pub(super) const TOPIC: &str = "animica/topology";

/// Most neighbours in a list: 4 KB. Nodes with more name these many of them.
const MAX_NEIGHBOURS: usize = 128;

/// Most nodes whose lists are kept: 4 MB. While it is full others are not taken in, or whoever has
/// many identities could push out those that are known.
const MAX_NODES: usize = 1024;

/// Between two lists of a node whose neighbours stay.
const INTERVAL: Duration = Duration::from_secs(60);

/// From a change of neighbours to the list that tells it: a start brings many at once.
const SETTLE: Duration = Duration::from_secs(1);

/// The least time between two lists, however often neighbours change.
const MIN_GAP: Duration = Duration::from_secs(5);

/// How long a list counts: two may be lost.
const LIFE: Duration = Duration::from_secs(3 * 60);

/// The lists of nodes that share them.
#[derive(Debug, Default)]
pub(super) struct Topology(HashMap<Hash32, Node>);

#[derive(Debug)]
struct Node {
    neighbours: Vec<Hash32>,
    created_ms: u64,
    arrived: Instant,
    /// How old the list was when it arrived, by two clocks.
    delay: Duration,
}

/// The collection and the clock that says how old its lists are.
#[derive(Clone)]
pub(super) struct Shared {
    topology: Arc<Mutex<Topology>>,
    clock: Arc<dyn Clock>,
}

/// What the task is made from.
pub(super) struct Parts {
    pub(super) me: Hash32,
    pub(super) shared: Shared,
    pub(super) gossip: Gossip,
    pub(super) commands: mpsc::Sender<Command>,
    /// Subscribed to before the node runs, so that no neighbour is missed.
    pub(super) events: broadcast::Receiver<NodeEvent>,
}

impl Topology {
    /// Takes in the list that `sender` made at `created_ms` and that was under way for `delay`,
    /// unless a newer one of it is here.
    ///
    /// # Errors
    /// It is no list.
    pub(super) fn hear(
        &mut self,
        sender: Hash32,
        payload: &[u8],
        created_ms: u64,
        delay: Duration,
        now: Instant,
    ) -> Result<(), CborError> {
        let neighbours = decode(payload)?;
        self.expire(now);
        let known = self.0.get(&sender);
        let room = known.is_some() || self.0.len() < MAX_NODES;
        if room && delay < LIFE && known.is_none_or(|known| known.created_ms < created_ms) {
            let node = Node {
                neighbours,
                created_ms,
                arrived: now,
                delay,
            };
            self.0.insert(sender, node);
        }
        Ok(())
    }

    /// Every list that still counts, ordered by PeerId.
    pub(super) fn report(&self, now: Instant) -> TopologyReport {
        let alive = self.0.iter().filter(|(_, node)| node.age(now) < LIFE);
        let name = |digest: &Hash32| peer_id_from_digest(*digest).to_string();
        let mut nodes: Vec<NodeReport> = alive
            .map(|(digest, node)| NodeReport {
                peer_id: name(digest),
                neighbours: node.neighbours.iter().map(name).collect(),
                age_s: node.age(now).as_secs(),
            })
            .collect();
        nodes.sort_by(|a, b| a.peer_id.cmp(&b.peer_id));
        TopologyReport { nodes }
    }

    fn expire(&mut self, now: Instant) {
        self.0.retain(|_, node| node.age(now) < LIFE);
    }
}

impl Node {
    fn age(&self, now: Instant) -> Duration {
        self.delay + now.saturating_duration_since(self.arrived)
    }
}

impl Shared {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            topology: Arc::default(),
            clock,
        }
    }

    pub(super) fn report(&self) -> TopologyReport {
        let now = self.clock.now().mono;
        self.topology().report(now)
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn topology(&self) -> MutexGuard<'_, Topology> {
        let locked = self.topology.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self, delivery: &Delivery) {
        let Some((sender, _)) = delivery.sender.filter(|_| delivery.topic == TOPIC) else {
            return;
        };
        let (delay, now) = (Duration::from_millis(delivery.delay_ms), self.now().mono);
        let created = delivery.created_ms;
        let mut topology = self.topology();
        // What is no list has been refused by the check.
        let _ = topology.hear(sender, &delivery.payload, created, delay, now);
    }
}

/// Publishes and collects until `stop` is cancelled.
pub(super) async fn run(mut parts: Parts, stop: CancellationToken) {
    let mut deliveries = parts.gossip.subscribe();
    let check = GossipRequest::Check {
        topic: TOPIC.to_owned(),
        check: Arc::new(is_list),
    };
    if parts.gossip.send(check).await.is_err() {
        return;
    }
    let mut schedule = Schedule::new(tokio::time::Instant::now());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            delivery = deliveries.recv() => match delivery {
                Ok(delivery) => parts.shared.heard(&delivery),
                // What was lost comes again within a minute.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
            event = parts.events.recv() => match event {
                Ok(NodeEvent::PeerIdentified { .. } | NodeEvent::PeerDisconnected { .. })
                | Err(broadcast::error::RecvError::Lagged(_)) => {
                    schedule.changed(tokio::time::Instant::now());
                }
                Ok(_) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
            () = tokio::time::sleep_until(schedule.due) => {
                if publish(&mut parts).await.is_none() {
                    return;
                }
                schedule.published(tokio::time::Instant::now());
            }
        }
    }
}

/// Tells the network who our neighbours are. `None` if the node stops.
async fn publish(parts: &mut Parts) -> Option<()> {
    let (reply, answer) = oneshot::channel();
    let command = Command::Peers { reply };
    parts.commands.send(command).await.ok()?;
    let peers = answer.await.ok()?;
    let accepted = peers.iter().filter(|peer| peer.head_height.is_some());
    let digests = accepted.filter_map(|peer| digest_from_peer_id(&peer.peer_id.parse().ok()?));
    let payload = encode(digests.collect());
    let created = parts.shared.now();
    {
        let mut topology = parts.shared.topology();
        let none = Duration::ZERO;
        topology
            .hear(parts.me, &payload, created.wall_ms, none, created.mono)
            .expect("what was just encoded is a list");
    }
    let topic = TOPIC.to_owned();
    let sent = parts.gossip.broadcast(topic, payload.into(), LIFE, true);
    if let Err(error) = sent.await {
        debug!(%error, "neighbours were not published");
    }
    Some(())
}

/// `{1: [digest, …]}`, in ascending order without duplicates, at most [`MAX_NEIGHBOURS`].
fn encode(mut digests: Vec<Hash32>) -> Vec<u8> {
    digests.sort_unstable();
    digests.dedup();
    digests.truncate(MAX_NEIGHBOURS);
    let mut out = Writer::new();
    out.map(1).uint(1).array(digests.len());
    for digest in &digests {
        out.bytes(digest.as_bytes());
    }
    out.finish()
}

fn decode(payload: &[u8]) -> Result<Vec<Hash32>, CborError> {
    let mut reader = Reader::new(payload);
    reader.map_of(1)?;
    reader.key(1)?;
    let count = reader.array(MAX_NEIGHBOURS)?;
    let mut digests = Vec::with_capacity(count);
    for _ in 0..count {
        let digest = Hash32(reader.fixed()?);
        if digests.last().is_some_and(|last| *last >= digest) {
            return Err(CborError::OutOfRange);
        }
        digests.push(digest);
    }
    reader.finish()?;
    Ok(digests)
}

/// What is no list is not passed on. Nobody is blamed: nodes that do not share the topology carry
/// anything.
fn is_list(content: &Content<'_>) -> Result<(), Refused> {
    match (content.sender, decode(content.payload)) {
        (Some(_), Ok(_)) => Ok(()),
        _ => Err(Refused::Useless),
    }
}

/// When to publish next.
struct Schedule {
    due: tokio::time::Instant,
    last: Option<tokio::time::Instant>,
    pending: bool,
}

impl Schedule {
    fn new(now: tokio::time::Instant) -> Self {
        Self {
            due: now + INTERVAL,
            last: None,
            pending: false,
        }
    }

    /// Neighbours changed at `now`.
    fn changed(&mut self, now: tokio::time::Instant) {
        if !self.pending {
            let allowed = self.last.map_or(now, |last| last + MIN_GAP);
            self.due = self.due.min(allowed.max(now + SETTLE));
            self.pending = true;
        }
    }

    fn published(&mut self, now: tokio::time::Instant) {
        *self = Self {
            due: now + INTERVAL,
            last: Some(now),
            pending: false,
        };
    }
}

#[cfg(test)]
mod tests;
