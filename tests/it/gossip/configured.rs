//! What `[gossip]` and `[pool]` say is what a running node does.

use std::time::Duration;

use animica_p2p::{
    cbor::Writer,
    node::{Config, open},
    pool::PoolError,
};

use crate::support::{address, assert_nobody_blamed, on_loopback, soon, start};

/// A configuration with a directory of its own, listening on loopback.
fn config(dir: &tempfile::TempDir) -> Config {
    Config {
        data_dir: Some(dir.path().join("node")),
        listen: vec!["127.0.0.1:0".parse().expect("an address")],
        ..Config::default()
    }
}

fn tx(n: u64) -> Vec<u8> {
    let mut tx = Writer::new();
    tx.map(1).uint(n).bytes(&[7; 100]);
    tx.finish()
}

#[tokio::test]
async fn the_pool_holds_what_the_configuration_says() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut config = config(&dir);
    config.pool.max_txs = 2;
    config.gossip.message_ttl_secs = 33;
    let opened = open(&config, false, None).expect("it opens");
    let node = start(opened.builder).await;
    node.submit(&tx(1)).expect("the first fits");
    node.submit(&tx(2)).expect("the second fits");
    assert_eq!(node.submit(&tx(3)), Err(PoolError::Full));
    assert_eq!(node.message_ttl(), Duration::from_secs(33));
    node.shutdown().await;
}

#[tokio::test]
async fn transactions_beyond_tx_per_sec_are_refused_by_the_bucket_and_arrive_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut config = config(&dir);
    config.gossip.limits.tx_per_sec = 1;
    config.gossip.reconcile_secs = 1;
    let opened = open(&config, false, None).expect("it opens");
    let strict = start(opened.builder).await;
    let busy = start(on_loopback().bootstrap(address(&strict))).await;
    let listens = async {
        let hears = |t: &animica_p2p::report::MeshReport| t.topic == "txs" && t.listeners > 0;
        while !busy.meshes().await.expect("runs").iter().any(hears) {
            tokio::task::yield_now().await;
        }
    };
    soon("the strict node listens", listens).await;
    for n in 0..50 {
        busy.submit(&tx(n)).expect("the pool has room");
    }
    let refused = async {
        while !strict.gossip().refused.contains_key("peer_messages") {
            tokio::task::yield_now().await;
        }
    };
    soon("a bucket refuses", refused).await;
    let recovered = async {
        while strict.waiting_transactions() < 50 {
            tokio::task::yield_now().await;
        }
    };
    soon("reconciliation brings the rest", recovered).await;
    assert_nobody_blamed(&[&strict, &busy]).await;
    strict.shutdown().await;
}
