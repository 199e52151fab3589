//! Direct messages between two nodes, one process each, over TCP loopback. A run ends when the last
//! receipt is there; the receiver reads every message.

use std::{io::Write as _, time::Instant};

use animica_p2p::{
    Multiaddr, PeerId,
    network::direct::{self, Body, Delivery},
    node::{Handle, Node},
};
use tokio::sync::mpsc;

use super::GROUP;
use crate::{
    Effort,
    process::{Process, runtime, start},
    report::{Good, Report, median, spread},
};

const MIB: f64 = 1024.0 * 1024.0;

/// What the messages are called.
const KIND: &str = "bars";

pub(super) fn measure(effort: Effort, report: &mut Report) {
    let child = Process::start(["gossip", "direct"]);
    let address: Multiaddr = child.said[0].parse().expect("an address");
    let runs = effort.rounds.min(5);
    let (small, large, streamed) = runtime().block_on(async {
        let node = start(Node::builder()).await;
        let peer = node.connect(address).await.expect("accepted");
        let peer: PeerId = peer.peer_id.parse().expect("a peer id");
        let small = effort.of(200_000);
        let small = repeat(runs, || many(&node, peer, 1024, small)).await;
        let large = effort.of(16_384);
        let large = repeat(runs, || many(&node, peer, 64 * 1024, large)).await;
        let streamed = repeat(runs, || stream(&node, peer, effort.of(256) << 20)).await;
        node.shutdown().await;
        (small, large, streamed)
    });
    let config = direct::Config::default();
    report.add(
        GROUP,
        "direct messages of 1 KiB, two processes",
        median(small.clone()),
        "/s",
        Good::AtLeast,
        (20_000.0, 100_000.0),
        format!("{} limits {:?}", spread(&small), config.rates),
    );
    let mib: Vec<f64> = large.iter().map(|rate| rate / 16.0).collect();
    report.add(
        GROUP,
        "direct messages of 64 KiB, two processes",
        median(mib.clone()),
        "MiB/s",
        Good::AtLeast,
        (354.0, 700.0),
        spread(&mib),
    );
    let mib: Vec<f64> = streamed.iter().map(|rate| rate / MIB).collect();
    report.add(
        GROUP,
        "direct stream, two processes",
        median(mib.clone()),
        "MiB/s",
        Good::AtLeast,
        (354.0, 700.0),
        spread(&mib),
    );
}

/// The child: takes everything.
pub(super) async fn receive() -> Vec<Handle> {
    let any = "/ip4/127.0.0.1/tcp/0".parse().expect("valid");
    let node = start(Node::builder().listen(any)).await;
    let mut messages = node.register_handler(KIND, 1024).expect("free");
    tokio::spawn(async move {
        while let Some(inbound) = messages.recv().await {
            if let Body::Stream(mut chunks) = inbound.body {
                while let Some(chunk) = chunks.next().await {
                    chunk.expect("whole");
                }
            }
        }
    });
    println!("{}", node.addresses()[0]);
    std::io::stdout().flush().expect("a pipe");
    vec![node]
}

/// What `run` says so often, after one run that does not count.
async fn repeat<F: Future<Output = f64>>(runs: usize, run: impl Fn() -> F) -> Vec<f64> {
    run().await;
    let mut rates = Vec::new();
    for _ in 0..runs {
        rates.push(run().await);
    }
    rates
}

/// Messages per second.
async fn many(node: &Handle, peer: PeerId, len: usize, count: usize) -> f64 {
    let payload = bytes::Bytes::from(vec![7; len]);
    let begin = Instant::now();
    let (queued, mut deliveries) = mpsc::channel::<Delivery>(4096);
    let receipts = tokio::spawn(async move {
        let mut received = 0;
        while let Some(delivery) = deliveries.recv().await {
            delivery.await.expect("taken");
            received += 1;
        }
        received
    });
    for _ in 0..count {
        let delivery = node.direct().queue(peer, KIND, payload.clone());
        let delivery = delivery.await.expect("connected");
        queued.send(delivery).await.expect("awaited");
    }
    drop(queued);
    assert_eq!(receipts.await.expect("runs"), count);
    count as f64 / begin.elapsed().as_secs_f64()
}

/// Bytes per second.
async fn stream(node: &Handle, peer: PeerId, len: usize) -> f64 {
    let begin = Instant::now();
    let source = futures::io::AsyncReadExt::take(futures::io::repeat(7), len as u64);
    let sent = node.send_stream(peer, KIND, len as u64, source);
    sent.await.expect("taken");
    len as f64 / begin.elapsed().as_secs_f64()
}
