//! How fast direct messages go between two nodes, one process each, over TCP loopback.
//!
//! ```text
//! cargo run --release --example direct_bench            # 1 KiB, 64 KiB and a stream, medians of 5 runs
//! cargo run --release --example direct_bench -- --gate  # exit 1 when a bar is missed
//! ```
//!
//! A run ends when the last receipt is there. The receiver reads every message.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use animica_p2p::{
    Multiaddr, PeerId,
    network::direct::Body,
    node::{Handle, Node},
};
use tokio::sync::mpsc;

const MIB: f64 = 1024.0 * 1024.0;

/// Runs of each kind; the median counts.
const RUNS: usize = 5;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if args.first().is_some_and(|a| a == "--child") {
        runtime.block_on(receive());
        return ExitCode::SUCCESS;
    }
    let met = runtime.block_on(measure());
    let gate = args.iter().any(|a| a == "--gate");
    ExitCode::from(u8::from(gate && !met))
}

/// Takes everything until the parent closes our input.
async fn receive() {
    let any = "/ip4/127.0.0.1/tcp/0".parse().expect("valid");
    let node = Node::builder().listen(any).start().await.expect("starts");
    let mut messages = node.register_handler("bench", 1024).expect("free");
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
    let wait = tokio::task::spawn_blocking(|| std::io::stdin().lines().next().is_none());
    wait.await.expect("reads");
    node.shutdown().await;
}

async fn measure() -> bool {
    let mut child = Command::new(std::env::current_exe().expect("a path"))
        .arg("--child")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut address = String::new();
    let out = child.stdout.take().expect("piped");
    BufReader::new(out)
        .read_line(&mut address)
        .expect("says where");
    let address: Multiaddr = address.trim().parse().expect("an address");
    let node = Node::builder().start().await.expect("starts");
    let peer = node.connect(address).await.expect("accepts");
    let peer: PeerId = peer.peer_id.parse().expect("a peer id");

    let small = median(|| many(&node, peer, 1024, 200_000)).await;
    let large = median(|| many(&node, peer, 64 * 1024, 16_384)).await * 64.0 * 1024.0 / MIB;
    let stream = median(|| stream(&node, peer, 256 << 20)).await / MIB;
    drop(child.stdin.take());
    child.wait().expect("ends");
    node.shutdown().await;

    let (small_bar, large_bar) = (20_000.0, 354.0);
    println!("1 KiB messages   {small:>10.0} /s     bar {small_bar:>6.0}");
    println!("64 KiB messages  {large:>10.0} MiB/s  bar {large_bar:>6.0}");
    println!("256 MiB stream   {stream:>10.0} MiB/s");
    small >= small_bar && large >= large_bar
}

/// The median of what `run` says, after one run that does not count.
async fn median<F: Future<Output = f64>>(run: impl Fn() -> F) -> f64 {
    run().await;
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        rates.push(run().await);
    }
    rates.sort_by(f64::total_cmp);
    rates[RUNS / 2]
}

/// Messages per second.
async fn many(node: &Handle, peer: PeerId, len: usize, count: usize) -> f64 {
    let payload = bytes::Bytes::from(vec![7; len]);
    let begin = Instant::now();
    let (queued, mut deliveries) = mpsc::channel(4096);
    let receipts = tokio::spawn(async move {
        let mut received = 0;
        while let Some(delivery) = deliveries.recv().await {
            let delivery: animica_p2p::network::direct::Delivery = delivery;
            delivery.await.expect("taken");
            received += 1;
        }
        received
    });
    for _ in 0..count {
        let delivery = node.direct().queue(peer, "bench", payload.clone());
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
    let sent = node.send_stream(peer, "bench", len as u64, source);
    sent.await.expect("taken");
    len as f64 / begin.elapsed().as_secs_f64()
}
