//! `/metrics` and `gossip` of whole nodes tell what happened.

use std::time::Duration;

use animica_p2p::{
    chain::{
        miner::{MineRequest, Timestamps},
        nmt::Namespace,
    },
    node::Handle,
    report::{GossipReport, TopicReport},
};

use crate::support::{
    address, assert_nobody_blamed, has_peer, mine, on_loopback, reaches, soon, start,
};

/// Two nodes, the second of which dialled the first.
async fn pair() -> (Handle, Handle) {
    let a = start(on_loopback()).await;
    let b = start(on_loopback().bootstrap(address(&a))).await;
    has_peer(&a).await;
    has_peer(&b).await;
    (a, b)
}

fn row(report: &GossipReport, topic: &str) -> TopicReport {
    let found = report.topics.iter().find(|row| row.topic == topic);
    found.cloned().unwrap_or_default()
}

/// Waits until the report of `node` is as wanted.
async fn told(what: &str, node: &Handle, wanted: impl Fn(&GossipReport) -> bool) -> GossipReport {
    let told = async {
        loop {
            let report = node.gossip();
            if wanted(&report) {
                return report;
            }
            tokio::task::yield_now().await;
        }
    };
    soon(what, told).await
}

/// Waits until a message of `node` would go to a peer.
async fn is_heard(node: &Handle) {
    let heard = async {
        loop {
            let meshes = node.meshes().await.expect("runs");
            if meshes.iter().all(|mesh| mesh.fanout == 1) {
                return;
            }
        }
    };
    soon("a peer listens", heard).await;
}

fn assert_lines(text: &str, lines: &[&str]) {
    for line in lines {
        let found = text.lines().any(|have| have == *line);
        let family = line.split(['{', ' ']).next().unwrap_or_default();
        let have: Vec<_> = text.lines().filter(|l| l.starts_with(family)).collect();
        assert!(found, "no `{line}`, but {have:#?}");
    }
}

#[tokio::test]
async fn messages_are_counted_where_they_were_made_and_where_they_arrived() {
    let (a, b) = pair().await;
    is_heard(&a).await;
    let mut inbox = b.deliveries();
    for payload in ["one", "two"] {
        let life = Duration::from_secs(60);
        let sent = a.broadcast("news", payload, life).await;
        sent.expect("it can be published");
        let delivery = soon("it arrives", inbox.recv()).await.expect("runs");
        assert_eq!(&delivery.payload[..], payload.as_bytes());
    }
    told("the sender's", &a, |r| r.app.originated == 2).await;
    let report = told("the receiver's", &b, |r| r.app.delivered == 2).await;
    let app = row(&report, "app");
    assert_eq!((app.received, app.accepted), (2, 2));
    assert_eq!(app.copies, 2 + app.duplicates);
    assert!(
        app.copy_bytes >= app.bytes_in && app.bytes_in > 2000,
        "{app:?}"
    );
    for layer in &app.layers {
        assert_eq!(layer.entered, 2, "{layer:?}");
        assert!(layer.nanoseconds > 0, "{layer:?}");
    }
    let of = |name: &str| {
        let layer = app.layers.iter().find(|layer| layer.layer == name);
        layer.expect("it is listed").nanoseconds
    };
    assert!(of("chain") > of("topic"), "signatures cost most: {app:?}");

    let sender = a.metrics_text().await.expect("runs");
    assert_lines(
        &sender,
        &[
            "p2p_gossip_published_total{topic=\"app\"} 2",
            "p2p_gossip_fanout{topic=\"app\"} 1",
            "p2p_gossip_listeners{topic=\"app\"} 1",
            "p2p_app_messages_total{event=\"originated\"} 2",
        ],
    );
    let receiver = b.metrics_text().await.expect("runs");
    let lines = [
        "p2p_gossip_received_total{topic=\"app\"} 2",
        "p2p_gossip_accepted_total{topic=\"app\"} 2",
        "p2p_gossip_layer_messages_total{topic=\"app\",layer=\"decode\"} 2",
        "p2p_app_messages_total{event=\"delivered\"} 2",
        "p2p_app_message_delay_seconds_count 2",
        "p2p_gossip_seen_ids{set=\"app_signed\",table=\"exact\"} 2",
        "p2p_queue_depth{queue=\"gossip_bytes\"} 0",
    ];
    assert_lines(&receiver, &lines);
    // The router's own families are there, too, and nothing names a peer.
    assert!(receiver.contains("libp2p_gossipsub_"), "{receiver}");
    for peer in [a.peer_id(), b.peer_id()] {
        assert!(!receiver.contains(&peer.to_string()));
    }
    assert_nobody_blamed(&[&a, &b]).await;
}

#[tokio::test]
async fn a_compact_block_shows_what_it_saved_and_how_long_it_took() {
    let (a, b) = pair().await;
    is_heard(&a).await;
    for n in 0..20u64 {
        let mut tx = animica_p2p::cbor::Writer::new();
        tx.map(1).uint(n).bytes(&[7; 500]);
        a.submit(&tx.finish()).expect("the pool has room");
    }
    let arrived = async {
        while b.waiting_transactions() < 20 {
            tokio::task::yield_now().await;
        }
    };
    soon("the pool of the other has them", arrived).await;
    let text = b.metrics_text().await.expect("runs");
    assert_lines(&text, &["p2p_pool_transactions 20"]);
    let request = MineRequest {
        timestamps: Timestamps::WallClock,
        ..MineRequest::blocks(1)
    };
    let head = mine(&a, request).await;
    reaches(&b, head).await;
    let report = told("a rebuilt block", &b, |r| r.compact.import.count == 1).await;
    let compact = &report.compact;
    assert_eq!((compact.blocks, compact.full), (1, 0));
    assert_eq!((compact.requested, compact.round_trips), (0, 0));
    assert_eq!(compact.hit_rate, Some(1.0));
    assert!(compact.items >= 20, "{compact:?}");
    assert!(compact.bytes_saved > 20 * 500 / 2, "{compact:?}");
    let text = b.metrics_text().await.expect("runs");
    let saved = format!("p2p_compact_bytes_saved_total {}", compact.bytes_saved);
    let lines = [
        "p2p_compact_blocks_total{result=\"rebuilt\"} 1",
        "p2p_compact_items_total{source=\"requested\"} 0",
        "p2p_compact_hit_rate 1.0",
        "p2p_compact_round_trips_total 0",
        "p2p_block_import_delay_seconds_count 1",
        "p2p_pool_transactions 0",
        &saved,
    ];
    assert_lines(&text, &lines);
    assert_nobody_blamed(&[&a, &b]).await;
}

#[tokio::test]
async fn transactions_are_told_once_whoever_they_come_from() {
    let (a, b) = pair().await;
    is_heard(&a).await;
    let (mut at_a, mut at_b) = (a.transactions(), b.transactions());
    let mut tx = animica_p2p::cbor::Writer::new();
    tx.map(1).uint(1).bytes(&[7; 100]);
    let tx = tx.finish();
    let id = a.submit(&tx).expect("the pool has room");
    for receiver in [&mut at_a, &mut at_b] {
        let told = soon("it is told", receiver.recv()).await.expect("runs");
        assert_eq!((told.id, told.bytes), (id, tx.len()));
    }
    assert_eq!(b.transaction(&id).as_deref(), Some(&tx[..]));
    assert!(a.submit(&tx).is_err(), "it is there already");
    assert!(at_a.try_recv().is_err() && at_b.try_recv().is_err());
}

#[tokio::test]
async fn a_blob_is_counted_by_its_holder_and_by_who_sampled_it() {
    let (a, b) = pair().await;
    is_heard(&a).await;
    let put = a.publish_blob(Namespace(7), vec![1; 3000]).await;
    put.expect("it can be stored");
    told("it was sampled", &b, |r| r.blobs.available == 1).await;
    let text = b.metrics_text().await.expect("runs");
    let lines = [
        "p2p_blobs_tracked 1",
        "p2p_blobs_judged_total{result=\"available\"} 1",
        "p2p_blobs_judged_total{result=\"withheld\"} 0",
        "p2p_blob_store_blobs 0",
    ];
    assert_lines(&text, &lines);
    let text = a.metrics_text().await.expect("runs");
    assert_lines(&text, &["p2p_blob_store_blobs 1"]);
}
