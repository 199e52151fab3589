//! What the integration tests share: nodes, deadlines, events.

pub(crate) mod dns_server;
pub(crate) mod puppet;
pub(crate) mod tmpfs;

use std::time::Duration;

use animica_p2p::{
    Multiaddr,
    chain::miner::MineRequest,
    event::NodeEvent,
    ids::Hash32,
    node::{Builder, Handle, Node},
};
use futures::StreamExt as _;
use libp2p::{
    Swarm,
    swarm::{NetworkBehaviour, SwarmEvent},
};

/// How long anything may take in a test, far beyond what it does take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Awaits `future` within the deadline.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(output) => output,
        Err(_) => panic!("not within {DEADLINE:?}: {what}"),
    }
}

/// Set in the process of a test that runs alone.
const ALONE: &str = "ANIMICA_P2P_TEST_ALONE";

/// Runs the test `name` in a process of its own, where no other test takes memory. False in that
/// process; true in the one that asked, which has nothing more to do.
pub(crate) async fn is_run_alone(name: &'static str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return false;
    }
    let mut command = std::process::Command::new(std::env::current_exe().expect("it runs"));
    command
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, name);
    let run = tokio::task::spawn_blocking(move || command.output());
    let out = soon(name, run).await.expect("no panic").expect("it starts");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    true
}

/// A builder that listens on loopback, at a port of the system's choice.
pub(crate) fn on_loopback() -> Builder {
    Node::builder().listen(TCP.parse().expect("valid"))
}

/// Loopback, at a port of the system's choice.
pub(crate) const TCP: &str = "/ip4/127.0.0.1/tcp/0";

/// Listens, and returns the address with the peer id.
pub(crate) async fn listen(swarm: &mut Swarm<impl NetworkBehaviour>, on: &str) -> Multiaddr {
    swarm.listen_on(on.parse().unwrap()).unwrap();
    let me = *swarm.local_peer_id();
    let listening = async {
        loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                return address.with_p2p(me).unwrap();
            }
        }
    };
    soon("it listens", listening).await
}

/// A started node with everything at its default.
pub(crate) async fn start(builder: Builder) -> Handle {
    soon("a node starts", builder.start())
        .await
        .expect("a node starts")
}

/// The first address of a node.
pub(crate) fn address(node: &Handle) -> Multiaddr {
    node.addresses().first().expect("it listens").clone()
}

/// Mines `count` blocks and returns the new head.
pub(crate) async fn mine(node: &Handle, request: MineRequest) -> Hash32 {
    let report = soon("blocks are mined", node.mine(request)).await;
    report.expect("the devnet can be mined").head.hash
}

/// Waits until `node` has imported `head`.
pub(crate) async fn reaches(node: &Handle, head: Hash32) {
    let mut events = node.subscribe();
    let reached = async {
        while node.head().hash != head {
            // A lagging subscriber only means that more has happened.
            if let Err(tokio::sync::broadcast::error::RecvError::Closed) = events.recv().await {
                panic!("the node stopped before it reached {head}");
            }
        }
    };
    soon("a head is reached", reached).await;
}

/// Waits for an event that `wanted` picks.
pub(crate) async fn event<T>(
    events: &mut tokio::sync::broadcast::Receiver<NodeEvent>,
    what: &str,
    mut wanted: impl FnMut(NodeEvent) -> Option<T>,
) -> T {
    let found = async {
        loop {
            match events.recv().await {
                Ok(event) => {
                    if let Some(found) = wanted(event) {
                        return found;
                    }
                }
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => panic!("the node stopped"),
            }
        }
    };
    soon(what, found).await
}

/// Waits until `node` has a peer that has accepted it.
pub(crate) async fn has_peer(node: &Handle) {
    let mut events = node.subscribe();
    let mut seen = Vec::new();
    let accepted = async {
        // The event may have come before the subscription, so the table is asked, too.
        while node
            .peers()
            .await
            .expect("runs")
            .iter()
            .all(|p| p.head_height.is_none())
        {
            match events.recv().await {
                Err(tokio::sync::broadcast::error::RecvError::Closed) => {
                    panic!("the node stopped");
                }
                event => seen.push(event),
            }
        }
    };
    if tokio::time::timeout(DEADLINE, accepted).await.is_err() {
        let peers = node.peers().await;
        panic!("no peer accepts within {DEADLINE:?}; peers {peers:?}; events {seen:?}");
    }
}

/// No node of a test may think badly of an honest one.
pub(crate) async fn assert_nobody_blamed(nodes: &[&Handle]) {
    for node in nodes {
        let stats = node.stats().await.expect("runs");
        assert_eq!(stats.offences, 0, "offences at {}", node.peer_id());
        assert!(stats.bans.is_empty(), "bans at {}", node.peer_id());
    }
}
