//! Ten nodes that say something a hundred times a second.

use std::time::{Duration, Instant};

use animica_p2p::gossip::buckets;
use futures::future::join_all;

use super::{
    GROUP,
    mesh::{Mesh, number, publish, said},
};
use crate::{
    Effort,
    process::runtime,
    report::{Good, Report},
};

const NODES: usize = 10;
const PAYLOAD: usize = 1024;

/// Time between two messages.
const EVERY: Duration = Duration::from_millis(10);

pub(super) fn measure(effort: Effort, report: &mut Report) {
    let limits = buckets::Limits::default();
    let count = effort.of(2000).max(300);
    let (mut took, missing) = runtime().block_on(async {
        let mesh = Mesh::start(NODES, limits).await;
        let took = run(&mesh, count).await;
        mesh.stop().await;
        took
    });
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    report.add(
        GROUP,
        "signed 1 KiB, 100/s, N=10, p99 to all",
        at(0.99),
        "ms",
        Good::AtMost,
        (25.0, 12.0),
        format!("p50 {:.2} ms of {count}, {}", at(0.5), said(&limits)),
    );
    report.add(
        GROUP,
        "signed 1 KiB, 100/s, N=10, not delivered to all",
        missing as f64,
        "messages",
        Good::AtMost,
        (0.0, 0.0),
        "",
    );
}

/// Milliseconds until each message was with the last node, and how many never were.
async fn run(mesh: &Mesh, count: usize) -> (Vec<f64>, usize) {
    let readers: Vec<_> = mesh
        .inboxes()
        .into_iter()
        .map(|mut inbox| {
            tokio::spawn(async move {
                let mut arrived = Vec::new();
                let wait = Duration::from_secs(3);
                while let Ok(Ok(delivery)) = tokio::time::timeout(wait, inbox.recv()).await {
                    arrived.push((number(&delivery), Instant::now()));
                }
                arrived
            })
        })
        .collect();
    let mut ticks = tokio::time::interval(EVERY);
    let mut begun = Vec::new();
    for number in 0..count {
        ticks.tick().await;
        begun.push(Instant::now());
        publish(&mesh.nodes[number % NODES], true, number, PAYLOAD).await;
    }
    let mut last: Vec<(usize, Instant)> = begun.iter().map(|at| (0, *at)).collect();
    for arrived in join_all(readers).await {
        for (number, at) in arrived.expect("runs") {
            let (nodes, latest) = &mut last[number];
            *nodes += 1;
            *latest = (*latest).max(at);
        }
    }
    let whole = |(at, (nodes, latest)): (&Instant, &(usize, Instant))| {
        (*nodes == NODES - 1).then(|| (*latest - *at).as_secs_f64() * 1e3)
    };
    let took: Vec<f64> = begun.iter().zip(&last).filter_map(whole).collect();
    let missing = count - took.len();
    (took, missing)
}
