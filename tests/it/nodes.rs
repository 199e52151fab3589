//! Whole nodes in one process: they connect, sync, report and stop.

use animica_p2p::{
    chain::miner::MineRequest,
    event::NodeEvent,
    node::{ConnectError, Node, PingTarget},
    report::SyncPhase,
};

use crate::support::{
    address, assert_nobody_blamed, event, has_peer, mine, on_loopback, reaches, soon, start,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_syncs_the_chain_of_the_first() {
    let a = start(on_loopback()).await;
    let head = mine(
        &a,
        MineRequest {
            txs: 2,
            tx_bytes: 300,
            ..MineRequest::blocks(600)
        },
    )
    .await;
    let b = start(on_loopback().bootstrap(address(&a))).await;
    reaches(&b, head).await;
    assert_eq!(b.head(), a.head());
    assert_nobody_blamed(&[&a, &b]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_blocks_follow_without_a_restart() {
    let a = start(on_loopback()).await;
    let b = start(on_loopback().bootstrap(address(&a))).await;
    has_peer(&b).await;
    for seed in 0..3 {
        let head = mine(
            &a,
            MineRequest {
                seed,
                ..MineRequest::blocks(3)
            },
        )
        .await;
        reaches(&b, head).await;
    }
    assert_nobody_blamed(&[&a, &b]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_passes_through_a_node_in_the_middle() {
    let a = start(on_loopback()).await;
    let b = start(on_loopback().bootstrap(address(&a))).await;
    let c = start(on_loopback().bootstrap(address(&b))).await;
    let head = mine(&a, MineRequest::blocks(50)).await;
    reaches(&c, head).await;
    assert_nobody_blamed(&[&a, &b, &c]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_branch_with_more_work_wins_on_both_sides() {
    let a = start(on_loopback()).await;
    let b = start(on_loopback()).await;
    mine(
        &a,
        MineRequest {
            seed: 1,
            ..MineRequest::blocks(20)
        },
    )
    .await;
    let longer = mine(
        &b,
        MineRequest {
            seed: 2,
            ..MineRequest::blocks(40)
        },
    )
    .await;
    soon("a connects", a.connect(address(&b)))
        .await
        .expect("accepted");
    reaches(&a, longer).await;
    assert_eq!(b.head().hash, longer);
    assert_nobody_blamed(&[&a, &b]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_waits_is_mined_and_comes_back_with_a_reorganisation() {
    let a = start(on_loopback()).await;
    let b = start(on_loopback()).await;
    a.submit(&[0xa1, 0x61, 0x61, 0x01]).expect("a transaction");
    assert_eq!(a.waiting_transactions(), 1);
    mine(
        &a,
        MineRequest {
            seed: 1,
            ..MineRequest::blocks(5)
        },
    )
    .await;
    assert_eq!(a.waiting_transactions(), 0, "it is in a block");
    let longer = mine(
        &b,
        MineRequest {
            seed: 2,
            ..MineRequest::blocks(10)
        },
    )
    .await;
    soon("a connects", a.connect(address(&b)))
        .await
        .expect("accepted");
    reaches(&a, longer).await;
    assert_eq!(a.waiting_transactions(), 1, "its block was left behind");
    mine(
        &a,
        MineRequest {
            seed: 3,
            ..MineRequest::blocks(1)
        },
    )
    .await;
    assert_eq!(a.waiting_transactions(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_reports_its_algorithms_on_both_sides() {
    let a = start(on_loopback()).await;
    let b = start(Node::builder()).await;
    let report = soon("b connects", b.connect(address(&a)))
        .await
        .expect("accepted");
    assert_eq!(report.peer_id, a.peer_id().to_string());
    assert_eq!(report.kem, "x25519+ml-kem-768");
    assert_eq!(report.signature, "ml-dsa-65+ed25519");
    let ping = soon("b pings", b.ping(PingTarget::Peer(a.peer_id())))
        .await
        .expect("answers");
    assert!(ping.rtt_ms > 0.0 && ping.handshake_ms.is_some_and(|ms| ms > 0.0));
    let seen = a.peers().await.expect("runs");
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].kem, report.kem);
    assert_eq!(seen[0].peer_id, b.peer_id().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dial_names_what_went_wrong() {
    let a = start(on_loopback()).await;
    let b = start(Node::builder()).await;
    let wrong = address(&a).with_p2p(b.peer_id()).unwrap_or_else(|a| a);
    let wrong: animica_p2p::Multiaddr = wrong
        .to_string()
        .replace(
            &a.peer_id().to_string(),
            &start(Node::builder()).await.peer_id().to_string(),
        )
        .parse()
        .expect("valid");
    let error = soon("b is refused", b.connect(wrong))
        .await
        .expect_err("another peer answers");
    assert_eq!(error.label(), "wrong_peer");

    let own: animica_p2p::Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().expect("valid");
    let error = soon("b fails", b.connect(own))
        .await
        .expect_err("nobody there");
    assert_eq!(error.label(), "connection_refused");

    let quic = "/ip4/127.0.0.1/udp/1/quic-v1".parse().expect("valid");
    let error = soon("b fails", b.connect(quic)).await.expect_err("not yet");
    assert_eq!(error.label(), "unsupported_address");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_chains_of_the_same_number_never_mix() {
    use animica_p2p::chain::Genesis;
    let a = start(on_loopback()).await;
    let sample = Genesis::preset("upstream-devnet").expect("a preset");
    let b = start(Node::builder().genesis(sample)).await;
    let error = soon("b is refused", b.connect(address(&a)))
        .await
        .expect_err("another genesis");
    assert!(matches!(&error, ConnectError::Dial { .. }), "{error}");
    assert!(error.to_string().contains("genesis"), "{error}");
    assert_nobody_blamed(&[&a, &b]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_node_says_so_and_its_peer_notices() {
    let a = start(on_loopback()).await;
    let b = start(on_loopback().bootstrap(address(&a))).await;
    let mut events = b.subscribe();
    has_peer(&b).await;
    // Only whom it has accepted does it say goodbye to.
    has_peer(&a).await;
    soon("a stops", a.shutdown()).await;
    assert!(a.peers().await.is_err());
    let reason = event(&mut events, "b notices", |e| match e {
        NodeEvent::PeerDisconnected { reason, .. } => Some(reason),
        _ => None,
    })
    .await;
    assert_eq!(reason, "goodbye: shutdown");
    let mut sync = b.watch_sync();
    let idle = sync.wait_for(|report| report.phase == SyncPhase::Idle);
    soon("b has nobody to sync from", idle).await.expect("runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_last_handle_stops_the_node() {
    let a = start(on_loopback()).await;
    let mut events = a.subscribe();
    drop(a);
    event(&mut events, "the node stops", |e| {
        matches!(e, NodeEvent::ShuttingDown).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_its_criteria() {
    let a = start(on_loopback()).await;
    let ready = a.readiness().await.expect("runs");
    assert!(ready.ready, "{:?}", ready.criteria);
    let nobody = "/ip4/127.0.0.1/tcp/1".parse().expect("valid");
    let b = start(on_loopback().bootstrap(nobody)).await;
    let ready = b.readiness().await.expect("runs");
    assert!(!ready.ready);
    assert!(ready.criteria.iter().any(|c| c.name == "peers" && !c.ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened() {
    let a = start(on_loopback()).await;
    let head = mine(&a, MineRequest::blocks(10)).await;
    let b = start(on_loopback().bootstrap(address(&a))).await;
    reaches(&b, head).await;
    let counted = async {
        // Bytes and frames are added up four times a second.
        loop {
            let text = b.metrics_text().await.expect("runs");
            if text.contains("p2p_msgs_total{topic=\"HEADERS\"} ")
                && !text.contains("p2p_msgs_total{topic=\"HEADERS\"} 0")
            {
                return text;
            }
            tokio::task::yield_now().await;
        }
    };
    let text = soon("frames are counted", counted).await;
    for family in [
        "p2p_peers",
        "p2p_bytes_total",
        "p2p_rtt_seconds",
        "p2p_gossip_fanout",
        "p2p_rejects_total",
    ] {
        assert!(text.contains(family), "{family} is missing");
    }
}
