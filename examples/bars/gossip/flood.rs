//! More than the nodes can take: callers wait, what is dropped is counted, memory stays.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use animica_p2p::{
    event::NodeEvent,
    gossip::buckets,
    node::{Handle, PublishError},
};
use futures::future::join_all;

use super::{
    GROUP,
    mesh::{Mesh, said},
};
use crate::{
    Effort, cpu,
    process::Process,
    report::{Good, Report},
};

const NODES: usize = 10;
const PAYLOAD: usize = 1024;

/// Callers at each node, each with one request at a time.
const CALLERS: usize = 8;

pub(super) fn measure(effort: Effort, report: &mut Report) {
    let seconds = effort.of(40).max(12).to_string();
    let child = Process::start(["gossip", "flood", &seconds]);
    let figure = |at: usize| child.said[at].parse::<f64>().expect("a figure");
    let (half, end, published, delivered) = (figure(0), figure(1), figure(2), figure(3));
    let (ignored, blamed, slow, refused) = (figure(4), figure(5), figure(6), figure(7));
    report.add(
        GROUP,
        "flood of signed 1 KiB, N=10, memory",
        end / half,
        "x",
        Good::AtMost,
        (1.10, 1.02),
        format!(
            "{:.0} MiB at half of {seconds} s, {:.0} at the end, {}",
            half / 1048576.0,
            end / 1048576.0,
            said(&buckets::Limits::default())
        ),
    );
    report.add(
        GROUP,
        "flood of signed 1 KiB, N=10, peers blamed",
        blamed,
        "",
        Good::AtMost,
        (0.0, 0.0),
        format!(
            "{published:.0} published, callers told to stop {refused:.0} times, longest wait {:.0} \
             ms; {delivered:.0} of {:.0} delivered, {ignored:.0} ignored and counted, {slow:.0} \
             copies dropped by full queues and counted",
            figure(8),
            published * (NODES - 1) as f64
        ),
    );
}

/// What the callers saw.
#[derive(Default)]
struct Callers {
    published: AtomicUsize,
    refused: AtomicUsize,
    longest_ms: AtomicUsize,
    over: AtomicBool,
}

/// The child: everybody publishes as fast as it goes, then it says how that went.
pub(super) async fn flood(seconds: u64) -> Vec<Handle> {
    let mesh = Mesh::start(NODES, buckets::Limits::default()).await;
    let seen = Arc::new(Callers::default());
    let slow = Arc::new(AtomicUsize::new(0));
    for node in &mesh.nodes {
        tokio::spawn(count_drops(node.subscribe(), Arc::clone(&slow)));
    }
    let callers: Vec<_> = (0..NODES * CALLERS)
        .map(|i| {
            let node = mesh.nodes[i % NODES].clone();
            tokio::spawn(call(node, Arc::clone(&seen)))
        })
        .collect();
    let half = Duration::from_millis(seconds * 500);
    tokio::time::sleep(half).await;
    let resident = cpu::resident("self");
    tokio::time::sleep(half).await;
    let at_end = cpu::resident("self");
    seen.over.store(true, Ordering::Relaxed);
    join_all(callers).await;
    tokio::time::sleep(Duration::from_secs(2)).await;

    let (mut accepted, mut ignored, mut blamed) = (0, 0, 0);
    for node in &mesh.nodes {
        for topic in node.gossip().topics {
            accepted += topic.accepted;
            ignored += topic.ignored.values().sum::<u64>();
            blamed += topic.rejected.values().sum::<u64>();
        }
        blamed += node.bans().await.expect("runs").len() as u64;
    }
    println!(
        "{resident} {at_end} {} {accepted} {ignored} {blamed} {} {} {}",
        seen.published.load(Ordering::Relaxed),
        slow.load(Ordering::Relaxed),
        seen.refused.load(Ordering::Relaxed),
        seen.longest_ms.load(Ordering::Relaxed),
    );
    std::io::stdout().flush().expect("a pipe");
    mesh.nodes
}

async fn call(node: Handle, seen: Arc<Callers>) {
    let life = Duration::from_secs(5);
    while !seen.over.load(Ordering::Relaxed) {
        let begin = Instant::now();
        let result = node.broadcast("flood", vec![7; PAYLOAD], life).await;
        let ms = begin.elapsed().as_millis() as usize;
        seen.longest_ms.fetch_max(ms, Ordering::Relaxed);
        match result {
            Ok(_) => {
                seen.published.fetch_add(1, Ordering::Relaxed);
            }
            Err(PublishError::Message(_)) => {
                seen.refused.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

async fn count_drops(
    mut events: tokio::sync::broadcast::Receiver<NodeEvent>,
    slow: Arc<AtomicUsize>,
) {
    loop {
        match events.recv().await {
            Ok(NodeEvent::SlowPeer { dropped, .. }) => {
                slow.fetch_add(dropped, Ordering::Relaxed);
            }
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            _ => {}
        }
    }
}
