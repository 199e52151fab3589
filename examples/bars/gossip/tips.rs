//! A new tip on its way to a neighbour with a store of its own on disk.

use std::time::{Duration, Instant};

use animica_p2p::{
    chain::miner::{MineRequest, Timestamps},
    event::NodeEvent,
    gossip::buckets,
    ids::Hash32,
    node::{Handle, Node},
};
use tokio::sync::{broadcast::Receiver, mpsc};

use super::{GROUP, mesh::formed};
use crate::{
    Effort,
    process::{durable, runtime, start},
    report::{Good, Report},
};

pub(super) fn measure(effort: Effort, report: &mut Report) {
    let count = effort.of(100).max(20);
    for (what, txs) in [("empty block", 0), ("block of 100 KB", 20)] {
        let mut took = runtime().block_on(run(count, txs));
        took.sort_by(f64::total_cmp);
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        report.add(
            GROUP,
            format!("tip to a neighbour, {what}"),
            at(0.5),
            "ms",
            Good::AtMost,
            (20.0, 5.0),
            format!(
                "median of {count}, p99 {:.2}; import to import, two stores on disk, default buckets \
                 of blocks {}/s, {} at once",
                at(0.99),
                buckets::Limits::default().blocks.messages.per_second,
                buckets::Limits::default().blocks.messages.burst,
            ),
        );
    }
}

/// Milliseconds from import to import.
async fn run(count: usize, txs: usize) -> Vec<f64> {
    let (here, there) = (
        tempfile::tempdir().expect("scratch"),
        tempfile::tempdir().expect("scratch"),
    );
    let any = "/ip4/127.0.0.1/tcp/0".parse().expect("valid");
    let miner = start(Node::builder().store(durable(here.path())).listen(any)).await;
    let neighbour = start(Node::builder().store(durable(there.path()))).await;
    let address = miner.addresses()[0].clone();
    neighbour.connect(address).await.expect("accepted");
    formed(&miner, 1).await;
    formed(&neighbour, 1).await;
    let (mut ours, mut theirs) = (heads(&miner), heads(&neighbour));
    let mut took = Vec::new();
    for _ in 0..count {
        let request = MineRequest {
            txs,
            tx_bytes: 5000,
            timestamps: Timestamps::WallClock,
            ..MineRequest::blocks(1)
        };
        let mined = miner.mine(request).await.expect("the devnet is easy");
        let head = mined.head.hash;
        let (begin, end) = tokio::join!(when(&mut ours, head), when(&mut theirs, head));
        took.push(end.saturating_duration_since(begin).as_secs_f64() * 1e3);
        // The buckets of blocks are not the subject.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    neighbour.shutdown().await;
    miner.shutdown().await;
    took
}

/// Heads of a node and when they were imported.
fn heads(node: &Handle) -> mpsc::Receiver<(Hash32, Instant)> {
    let (tx, rx) = mpsc::channel(16);
    let mut events: Receiver<NodeEvent> = node.subscribe();
    tokio::spawn(async move {
        while let Ok(event) = events.recv().await {
            if let NodeEvent::HeadChanged { hash, .. } = event
                && tx.send((hash, Instant::now())).await.is_err()
            {
                return;
            }
        }
    });
    rx
}

async fn when(heads: &mut mpsc::Receiver<(Hash32, Instant)>, head: Hash32) -> Instant {
    let reached = async {
        while let Some((hash, at)) = heads.recv().await {
            if hash == head {
                return at;
            }
        }
        panic!("the node stopped");
    };
    let deadline = Duration::from_secs(10);
    tokio::time::timeout(deadline, reached)
        .await
        .expect("a tip arrives")
}
