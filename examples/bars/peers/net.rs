//! Real nodes in one process that all begin with the address of one of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use animica_p2p::{
    Multiaddr, PeerId,
    chain::Genesis,
    clock::Rng,
    ids::ChainId,
    node::{Handle, Node, PeeringConfig},
    peers::slots,
    report::Direction,
    storage::{DataDir, Options, Store},
};
use futures::future::join_all;
use rand::{SeedableRng as _, seq::IndexedRandom as _};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::process::{runtime, start};

/// How often the nodes are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A node that is running.
pub(crate) struct Member {
    pub(crate) handle: Handle,
    pub(crate) id: PeerId,
    dir: TempDir,
}

/// The nodes. Those that are to die live in a runtime of their own, which is dropped with all its
/// tasks and sockets: nobody says goodbye.
pub(crate) struct Net {
    pub(crate) living: Vec<Member>,
    doomed: Vec<Member>,
    hell: Option<Runtime>,
    bootstrap: PeerId,
    plan: slots::Config,
}

/// What one look at the nodes shows.
pub(crate) struct Look {
    /// Nodes at their target: as many peers as they want, or as many of their own choice as they may
    /// have.
    pub(crate) at_target: usize,
    /// Nodes that have dialled as many peers as they want to.
    pub(crate) dialled: usize,
    /// Fewest peers of a node.
    pub(crate) fewest: usize,
    /// Most peers of a node, as its plan counts them.
    pub(crate) most: usize,
    /// Most connected peers, those included that a query of the hash table borrowed.
    pub(crate) most_connected: usize,
    /// Connections with peers that run no longer, of all nodes: nobody has noticed yet.
    pub(crate) stale: usize,
    /// Whether there is a way between any two.
    pub(crate) connected: bool,
}

impl Net {
    /// Starts `n` nodes with this plan; `doomed` of them, drawn by `seed`, can be killed.
    pub(crate) async fn start(n: usize, doomed: usize, plan: &slots::Config, seed: u64) -> Self {
        let mut rng = Rng::seed_from_u64(seed);
        let numbers = Vec::from_iter(0..n);
        let doomed: BTreeSet<usize> = numbers.sample(&mut rng, doomed).copied().collect();
        let hell = runtime();
        let spawn = |number: usize, bootstrap: Option<Multiaddr>| {
            let plan = plan.clone();
            let node = async move { member(bootstrap, plan).await };
            if doomed.contains(&number) {
                hell.spawn(node)
            } else {
                tokio::spawn(node)
            }
        };
        let first = spawn(0, None).await.expect("starts");
        let (bootstrap, address) = (first.id, first.handle.addresses()[0].clone());
        let others = join_all((1..n).map(|number| spawn(number, Some(address.clone())))).await;
        let others = others.into_iter().map(|node| node.expect("starts"));
        let all = std::iter::once(first).chain(others).enumerate();
        let (dead, living): (Vec<_>, Vec<_>) = all.partition(|(number, _)| doomed.contains(number));
        let members = |of: Vec<(usize, Member)>| of.into_iter().map(|(_, m)| m).collect();
        Self {
            living: members(living),
            doomed: members(dead),
            hell: Some(hell),
            bootstrap,
            plan: plan.clone(),
        }
    }

    /// All nodes that run.
    pub(crate) fn members(&self) -> Vec<&Member> {
        self.living.iter().chain(&self.doomed).collect()
    }

    /// Looks until `done` says so, and gives the seconds that took since `begin`; `None` where it does not
    /// come within the time. `seen` sees every look.
    pub(crate) async fn until(
        &self,
        begin: Instant,
        within: Duration,
        mut seen: impl FnMut(&Look),
        done: impl Fn(&Look) -> bool,
    ) -> Option<f64> {
        loop {
            let look = self.look().await;
            let passed = begin.elapsed();
            seen(&look);
            if done(&look) {
                return Some(passed.as_secs_f64());
            }
            if passed > within {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What there is now, among those that run.
    pub(crate) async fn look(&self) -> Look {
        let members = self.members();
        let ids: BTreeMap<String, usize> = members
            .iter()
            .enumerate()
            .map(|(at, m)| (m.id.to_string(), at))
            .collect();
        let bootstrap = self.bootstrap.to_string();
        let mut look = Look {
            at_target: 0,
            dialled: 0,
            fewest: usize::MAX,
            most: 0,
            most_connected: 0,
            stale: 0,
            connected: false,
        };
        let mut edges: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); members.len()];
        for (at, member) in members.iter().enumerate() {
            let peers = member.handle.peers().await.expect("runs");
            let counts = member.handle.discovery().await.expect("runs");
            let alive = peers.iter().filter_map(|p| ids.get(&p.peer_id));
            let alive: BTreeSet<usize> = alive.copied().collect();
            let asked = peers
                .iter()
                .filter(|p| p.direction == Direction::Outbound && p.peer_id == bootstrap);
            let total = counts.inbound + counts.outbound;
            let chosen = counts.outbound.saturating_sub(asked.count());
            look.most = look.most.max(total);
            look.most_connected = look.most_connected.max(peers.len());
            look.stale += peers.len() - alive.len();
            look.fewest = look.fewest.min(alive.len()).min(total);
            let there = total >= self.plan.target_peers || chosen >= self.plan.max_outbound;
            look.at_target += usize::from(there);
            look.dialled += usize::from(counts.outbound >= self.plan.target_outbound);
            for other in alive {
                edges[at].insert(other);
                edges[other].insert(at);
            }
        }
        let (mut reached, mut next) = (BTreeSet::new(), vec![0]);
        while let Some(at) = next.pop() {
            if reached.insert(at) {
                next.extend(edges[at].iter().copied());
            }
        }
        look.connected = reached.len() == members.len();
        look
    }

    /// Kills those that are to die, at once and without a word.
    pub(crate) fn kill(&mut self) {
        if let Some(hell) = self.hell.take() {
            hell.shutdown_background();
        }
        for member in self.doomed.drain(..) {
            // Its tasks may still write to it for a moment.
            drop(member.dir.keep());
        }
    }

    /// Ends the nodes.
    pub(crate) async fn stop(mut self) {
        join_all(self.members().iter().map(|m| m.handle.shutdown())).await;
        self.kill();
    }
}

/// A node as `animica-p2p listen` runs one: what it knows about peers is durable.
async fn member(bootstrap: Option<Multiaddr>, plan: slots::Config) -> Member {
    let dir = tempfile::tempdir().expect("a directory");
    let genesis = Genesis::of_chain(ChainId::DEVNET).expect("a preset");
    let data = DataDir::open(dir.path()).expect("a directory of ours");
    let store = Store::open(data, &genesis, &Options::default()).expect("a store of ours");
    let mut peering = PeeringConfig::open();
    peering.plan = plan;
    let any = "/ip4/127.0.0.1/tcp/0".parse().expect("valid");
    let builder = Node::builder()
        .listen(any)
        .peering(peering)
        .peer_store(std::sync::Arc::clone(store.peers()) as _);
    let builder = match bootstrap {
        Some(address) => builder.bootstrap(address),
        None => builder,
    };
    let handle = start(builder).await;
    let id = handle.peer_id();
    Member { handle, id, dir }
}
