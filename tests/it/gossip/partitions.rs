//! Nodes that were apart, or came late, get what they missed by reconciliation.

use std::{collections::BTreeSet, time::Duration};

use animica_p2p::node::Handle;

use super::{made, scene::has_listeners};
use crate::support::{address, assert_nobody_blamed, on_loopback, soon, start};

const LIFE: Duration = Duration::from_secs(600);

/// Two connected nodes with `count` transactions and as many messages of their own.
async fn group(name: &str, first: u64, count: u64) -> [Handle; 2] {
    let a = start(on_loopback()).await;
    let b = start(on_loopback().bootstrap(address(&a))).await;
    has_listeners(&a, 1).await;
    has_listeners(&b, 1).await;
    for n in first..first + count {
        let node = if n % 2 == 0 { &a } else { &b };
        node.submit(&made::tx(n, 100)).expect("the pool has room");
        let sent = node.broadcast("news", format!("{name} {n}"), LIFE).await;
        sent.expect("it can be published");
    }
    [a, b]
}

async fn recent(node: &Handle) -> BTreeSet<Vec<u8>> {
    let recent = node.recent("news").await.expect("runs");
    recent.into_iter().map(|m| m.payload.to_vec()).collect()
}

/// Waits until every node has `count` transactions and as many recent messages.
async fn converge(nodes: &[&Handle], count: usize) {
    for node in nodes {
        let all = async {
            while node.waiting_transactions() < count || recent(node).await.len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        soon("the nodes converge", all).await;
        assert_eq!(node.waiting_transactions(), count);
    }
    let first = recent(nodes[0]).await;
    assert_eq!(first.len(), count);
    for node in nodes {
        assert_eq!(recent(node).await, first);
    }
}

#[tokio::test]
async fn two_groups_that_were_apart_converge_over_one_connection() {
    let left = group("left", 0, 30).await;
    let right = group("right", 100, 20).await;
    converge(&[&left[0], &left[1]], 30).await;
    converge(&[&right[0], &right[1]], 20).await;
    let joined = right[0].connect(address(&left[0]));
    soon("the groups are joined", joined)
        .await
        .expect("accepted");
    let all = [&left[0], &left[1], &right[0], &right[1]];
    converge(&all, 50).await;
    assert_nobody_blamed(&all).await;
}

#[tokio::test]
async fn a_late_joiner_gets_the_messages_that_still_live() {
    let early = start(on_loopback()).await;
    for n in 0..20 {
        let sent = early.broadcast("news", format!("early {n}"), LIFE).await;
        sent.expect("it can be published");
    }
    let unsigned = early.broadcast_unsigned("news", "anonymous", LIFE).await;
    unsigned.expect("it can be published");
    let short = Duration::from_millis(1);
    let sent = early.broadcast("news", "gone", short).await;
    sent.expect("it can be published");
    let late = start(on_loopback().bootstrap(address(&early))).await;
    let mut inbox = late.deliveries();
    let mut arrived = BTreeSet::new();
    while arrived.len() < 21 {
        let delivery = soon("an early message arrives", inbox.recv()).await;
        let delivery = delivery.expect("runs");
        assert!(arrived.insert(delivery.payload), "nothing comes twice");
    }
    assert!(!arrived.contains(&b"gone"[..]), "its time has passed");
    assert_eq!(recent(&late).await.len(), 21);
    assert_nobody_blamed(&[&early, &late]).await;
}
