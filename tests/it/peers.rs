//! Whole nodes that find, judge and remember each other over loopback.

mod clocks;
mod conduct;
mod lineup;
mod places;
mod restart;
mod seeds;
mod table;
mod trust;

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use animica_p2p::{
    PeerId,
    bucket::Rate,
    clock::{Clock as _, SystemClock},
    node::{Builder, Handle, PeeringConfig},
    peers::slots,
};
use futures::{StreamExt as _, future::join_all, stream};

use crate::support::{address, on_loopback, soon, start};

/// Small figures, so that few nodes are a network, and a quick hand.
fn plan() -> slots::Config {
    slots::Config {
        min_peers: 3,
        target_peers: 5,
        max_peers: 20,
        target_outbound: 3,
        max_outbound: 8,
        max_inbound: 16,
        surplus: 3,
        dials: Rate {
            per_second: 16,
            burst: 64,
        },
        ..slots::Config::default()
    }
}

/// A node that looks around.
fn open() -> PeeringConfig {
    PeeringConfig {
        plan: plan(),
        ..PeeringConfig::open()
    }
}

/// Such a node on loopback that starts from `others`.
fn looking(others: &[&Handle]) -> Builder {
    let builder = on_loopback().peering(open());
    let starts = others.iter().map(|node| address(node));
    starts.fold(builder, Builder::bootstrap)
}

/// `count` nodes; all but the first start from its address and those of `others`.
async fn start_all(
    count: usize,
    others: &[&Handle],
    config: impl Fn() -> PeeringConfig,
) -> Vec<Handle> {
    let first = start(looking(others).peering(config())).await;
    let starts: Vec<_> = others.iter().copied().chain([&first]).collect();
    let rest = (1..count).map(|_| start(looking(&starts).peering(config())));
    let mut nodes: Vec<_> = stream::iter(rest).buffered(16).collect().await;
    nodes.push(first);
    nodes
}

fn now_ms() -> u64 {
    SystemClock.now().wall_ms
}

/// For whoever wants the figures: `ANIMICA_P2P_SHOW_TIMES=1 cargo test … -- --nocapture`.
#[allow(clippy::print_stderr)]
fn took(what: &str, since: Instant) {
    if std::env::var_os("ANIMICA_P2P_SHOW_TIMES").is_some() {
        eprintln!("{what}: {:?}", since.elapsed());
    }
}

/// Asks every few milliseconds until there is an answer.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            pause.tick().await;
            if let Some(found) = ask().await {
                return found;
            }
        }
    };
    soon(what, found).await
}

/// Who has a place at a node.
async fn peers(node: &Handle) -> HashSet<PeerId> {
    let rows = node.peers().await.expect("runs").into_iter();
    let placed = rows.filter(|row| row.slot.is_some());
    let ids = placed.map(|row| row.peer_id.parse());
    ids.map(|id| id.expect("an id")).collect()
}

async fn is_connected(node: &Handle, peer: PeerId) -> bool {
    peers(node).await.contains(&peer)
}

/// Waits until `node` is connected to `peer`, or not any more.
async fn becomes_connected(node: &Handle, peer: PeerId, wanted: bool) {
    until("a connection comes or goes", async || {
        (is_connected(node, peer).await == wanted).then_some(())
    })
    .await;
}

/// Waits until both are connected and have said who they are.
async fn meet(a: &Handle, b: &Handle) {
    for (node, other) in [(a, b), (b, a)] {
        let id = other.peer_id().to_string();
        until("both have said who they are", async || {
            let rows = node.peers().await.expect("runs");
            rows.iter()
                .find(|p| p.peer_id == id && p.head_height.is_some())
                .map(drop)
        })
        .await;
    }
}

/// Whom each of `nodes` is connected to, among them.
async fn graph(nodes: &[Handle]) -> HashMap<PeerId, HashSet<PeerId>> {
    let rows = nodes
        .iter()
        .map(|n| async { (n.peer_id(), peers(n).await) });
    let mut graph: HashMap<_, _> = join_all(rows).await.into_iter().collect();
    let all: HashSet<_> = graph.keys().copied().collect();
    for peers in graph.values_mut() {
        peers.retain(|p| all.contains(p));
    }
    graph
}

/// Whether everybody can be reached from anybody, whichever side sees the connection.
fn is_one(graph: &HashMap<PeerId, HashSet<PeerId>>) -> bool {
    let mut both = graph.clone();
    for (peer, others) in graph {
        for other in others {
            both.entry(*other).or_default().insert(*peer);
        }
    }
    let mut reached = HashSet::new();
    let mut next: Vec<_> = both.keys().take(1).copied().collect();
    while let Some(peer) = next.pop() {
        if reached.insert(peer) {
            next.extend(&both[&peer]);
        }
    }
    reached.len() == both.len()
}
