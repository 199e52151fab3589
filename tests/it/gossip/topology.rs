//! Nodes that share their neighbours see the same picture.

use std::{collections::BTreeMap, time::Duration};

use animica_p2p::{node::Handle, report::MeshReport};

use crate::support::{address, assert_nobody_blamed, has_peer, on_loopback, soon, start};

/// Neighbours by node, as `node` sees them.
fn picture(node: &Handle) -> BTreeMap<String, Vec<String>> {
    let nodes = node.topology().nodes;
    nodes
        .into_iter()
        .map(|n| (n.peer_id, n.neighbours))
        .collect()
}

/// Waits until every one of `nodes` sees `expected`.
async fn all_see(nodes: &[&Handle], expected: &BTreeMap<String, Vec<String>>) {
    let agree = async {
        while nodes.iter().any(|node| picture(node) != *expected) {
            tokio::task::yield_now().await;
        }
    };
    soon("all see who is connected to whom", agree).await;
}

fn drawn(edges: &[(&Handle, &[&Handle])]) -> BTreeMap<String, Vec<String>> {
    let name = |node: &Handle| node.peer_id().to_string();
    let lines = edges.iter().map(|(node, neighbours)| {
        // In the order of the digests, which is that of the bytes of the PeerIds.
        let mut ids: Vec<_> = neighbours.iter().map(|n| n.peer_id()).collect();
        ids.sort_by_key(|id| id.to_bytes());
        (name(node), ids.iter().map(ToString::to_string).collect())
    });
    lines.collect()
}

#[tokio::test]
async fn three_nodes_in_a_line_all_see_the_line() {
    let sharing = || on_loopback().share_topology(true);
    let a = start(sharing()).await;
    let b = start(sharing().bootstrap(address(&a))).await;
    let c = start(sharing().bootstrap(address(&b))).await;
    for node in [&a, &b, &c] {
        has_peer(node).await;
    }
    let line = drawn(&[(&a, &[&b]), (&b, &[&a, &c]), (&c, &[&b])]);
    all_see(&[&a, &b, &c], &line).await;
    assert!(a.topology().nodes.iter().all(|node| node.age_s < 60));
    assert_nobody_blamed(&[&a, &b, &c]).await;
}

#[tokio::test]
async fn a_node_that_does_not_share_says_and_collects_nothing() {
    let quiet = start(on_loopback()).await;
    let bootstrap = address(&quiet);
    let a = start(
        on_loopback()
            .share_topology(true)
            .bootstrap(bootstrap.clone()),
    )
    .await;
    let b = start(on_loopback().share_topology(true).bootstrap(bootstrap)).await;
    // The quiet node passes on what the others say.
    let known = drawn(&[(&a, &[&quiet]), (&b, &[&quiet])]);
    all_see(&[&a, &b], &known).await;
    assert!(quiet.topology().nodes.is_empty());
}

#[tokio::test]
async fn what_is_no_list_of_neighbours_is_not_collected() {
    let sharing = start(on_loopback().share_topology(true)).await;
    let liar = start(on_loopback().bootstrap(address(&sharing))).await;
    has_peer(&liar).await;
    has_peer(&sharing).await;
    let heard = async {
        let listens = |node: &MeshReport| node.topic == "app" && node.listeners > 0;
        while !liar.meshes().await.expect("runs").iter().any(listens) {
            tokio::task::yield_now().await;
        }
    };
    soon("the peer listens", heard).await;
    let (mut inbox, life) = (sharing.deliveries(), Duration::from_secs(60));
    for (topic, payload) in [("animica/topology", "everybody"), ("news", "after it")] {
        let sent = liar.broadcast(topic, payload, life).await;
        sent.expect("any payload can be signed");
    }
    let first = soon("the second arrives", inbox.recv())
        .await
        .expect("runs");
    assert_eq!(first.topic, "news", "the first is not delivered");
    let nodes = sharing.topology().nodes;
    assert!(
        nodes
            .iter()
            .all(|n| n.peer_id == sharing.peer_id().to_string())
    );
    assert_nobody_blamed(&[&sharing, &liar]).await;
}
