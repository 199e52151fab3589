//! What one node publishes reaches all.

use std::time::Duration;

use animica_p2p::{
    chain::miner::{MineRequest, Timestamps},
    node::Handle,
};

use crate::support::{
    address, assert_nobody_blamed, has_peer, mine, on_loopback, reaches, soon, start,
};

/// `n` nodes in a line: each dials the one before.
async fn line(n: usize) -> Vec<Handle> {
    let mut nodes: Vec<Handle> = Vec::new();
    for _ in 0..n {
        let mut builder = on_loopback();
        if let Some(last) = nodes.last() {
            builder = builder.bootstrap(address(last));
        }
        nodes.push(start(builder).await);
    }
    for node in &nodes {
        has_peer(node).await;
    }
    nodes
}

fn fresh(count: u64) -> MineRequest {
    MineRequest {
        timestamps: Timestamps::WallClock,
        ..MineRequest::blocks(count)
    }
}

#[tokio::test]
async fn a_signed_message_reaches_every_node_of_a_line_once() {
    let nodes = line(4).await;
    let mut inboxes: Vec<_> = nodes.iter().map(Handle::deliveries).collect();
    let life = Duration::from_secs(60);
    let sent = nodes[0].broadcast("news", "hello", life).await;
    let id = sent.expect("it can be published");
    for inbox in &mut inboxes[1..] {
        let delivery = soon("the message arrives", inbox.recv())
            .await
            .expect("runs");
        assert_eq!((delivery.id, &delivery.payload[..]), (id, &b"hello"[..]));
        let digest = delivery.sender.map(|(sender, _)| sender);
        assert!(digest.is_some());
    }
    let again = nodes[0].broadcast("news", "again", life).await;
    again.expect("it can be published");
    for inbox in &mut inboxes[1..] {
        let delivery = soon("the next arrives", inbox.recv()).await.expect("runs");
        assert_eq!(&delivery.payload[..], b"again", "nothing comes twice");
    }
    assert_nobody_blamed(&nodes.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_block_mined_on_one_node_is_imported_by_all() {
    let nodes = line(4).await;
    for _ in 0..3 {
        let head = mine(&nodes[0], fresh(1)).await;
        for node in &nodes[1..] {
            reaches(node, head).await;
        }
    }
    assert_nobody_blamed(&nodes.iter().collect::<Vec<_>>()).await;
    // They came as compact blocks, and were passed on.
    let accepted = |node: &Handle| {
        let topics = node.gossip().topics;
        topics
            .iter()
            .any(|t| t.topic == "blocks" && t.accepted >= 1)
    };
    let all = async {
        while !nodes[1..].iter().all(accepted) {
            tokio::task::yield_now().await;
        }
    };
    soon("announces are accepted", all).await;
}

#[tokio::test]
async fn transactions_reach_every_pool_and_leave_it_with_their_block() {
    let nodes = line(3).await;
    for n in 0..50u64 {
        let mut tx = animica_p2p::cbor::Writer::new();
        tx.map(1).uint(n).bytes(&[7; 200]);
        nodes[0].submit(&tx.finish()).expect("the pool has room");
    }
    let all_have = |count: usize| {
        let nodes = &nodes;
        async move {
            while nodes.iter().any(|n| n.waiting_transactions() != count) {
                tokio::task::yield_now().await;
            }
        }
    };
    soon("every pool has them", all_have(50)).await;
    let head = mine(&nodes[2], fresh(1)).await;
    for node in &nodes[..2] {
        reaches(node, head).await;
    }
    soon("no pool has them", all_have(0)).await;
    assert_nobody_blamed(&nodes.iter().collect::<Vec<_>>()).await;
}
