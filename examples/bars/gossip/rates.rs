//! Deliveries per second and their latency beside those of the nearest Python network: same payload,
//! same number of nodes, same method.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use animica_p2p::gossip::buckets;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{
    GROUP,
    mesh::{Mesh, number, publish, said},
};
use crate::{
    Effort,
    process::runtime,
    report::{Good, Report, median, spread},
};

/// Bytes of a message.
const PAYLOAD: usize = 256;

/// Messages of a burst, as many as there.
const BURST: usize = 500;

/// Bursts of a round.
const BURSTS: usize = 10;

/// Nodes, and a quarter of what the other network takes for 99 of 100 deliveries, in ms.
const SIZES: [(usize, f64); 2] = [(5, 9.0), (10, 14.5)];

pub(super) fn measure(effort: Effort, report: &mut Report) {
    let bursts = effort.of(BURSTS).max(2);
    for (nodes, p99_ms) in SIZES {
        burst(nodes, false, bursts, (12_000.0, 40_000.0), effort, report);
        burst(nodes, true, bursts, (4_000.0, 8_000.0), effort, report);
        latency(nodes, effort.of(200).max(50), p99_ms, report);
    }
}

/// Method (a): node 0 publishes all at once.
fn burst(
    nodes: usize,
    signed: bool,
    bursts: usize,
    bar: (f64, f64),
    effort: Effort,
    report: &mut Report,
) {
    let limits = buckets::Limits::unlimited();
    let (mut rates, mut costs, mut delivered) = (Vec::new(), Vec::new(), 100.0_f64);
    for _ in 0..effort.rounds.min(5) {
        runtime().block_on(async {
            let mesh = Mesh::start(nodes, limits).await;
            let burst = mesh.bursts(signed, bursts, BURST, PAYLOAD).await;
            mesh.stop().await;
            rates.push(burst.rate);
            costs.push(burst.cpu_us);
            delivered = delivered.min(burst.delivered);
        });
    }
    let kind = if signed { "signed" } else { "unsigned" };
    report.add(
        GROUP,
        format!("{kind} {PAYLOAD} B, N={nodes}"),
        median(rates.clone()),
        "deliv./s",
        Good::AtLeast,
        bar,
        format!(
            "{} {BURST} at once, {bursts} times, {:.0} µs of processor each, {}",
            spread(&rates),
            median(costs),
            said(&limits)
        ),
    );
    report.add(
        GROUP,
        format!("{kind} {PAYLOAD} B, N={nodes}, delivered"),
        delivered,
        "%",
        Good::AtLeast,
        (100.0, 100.0),
        "worst round",
    );
}

/// Method (b): one broadcast at a time from a random node.
fn latency(nodes: usize, count: usize, p99_ms: f64, report: &mut Report) {
    let limits = buckets::Limits::unlimited();
    let mut all = runtime().block_on(async {
        let mesh = Mesh::start(nodes, limits).await;
        let took = one_at_a_time(&mesh, count).await;
        mesh.stop().await;
        took
    });
    let due = count * (nodes - 1);
    all.sort_by(f64::total_cmp);
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
    report.add(
        GROUP,
        format!("unsigned {PAYLOAD} B, N={nodes}, p99 of a delivery"),
        at(0.99),
        "ms",
        Good::AtMost,
        (p99_ms, p99_ms / 2.0),
        format!(
            "p50 {:.2} ms, {} of {due} delivered, {}",
            at(0.5),
            all.len(),
            said(&limits)
        ),
    );
}

/// Milliseconds of every delivery.
async fn one_at_a_time(mesh: &Mesh, count: usize) -> Vec<f64> {
    let took = Arc::new(Mutex::new(Vec::new()));
    let begun: Arc<Mutex<Vec<Instant>>> = Arc::default();
    for mut inbox in mesh.inboxes() {
        let (took, begun) = (Arc::clone(&took), Arc::clone(&begun));
        tokio::spawn(async move {
            while let Ok(delivery) = inbox.recv().await {
                let now = Instant::now();
                let then = begun.lock().expect("whole")[number(&delivery)];
                let ms = (now - then).as_secs_f64() * 1e3;
                took.lock().expect("whole").push(ms);
            }
        });
    }
    let mut rng = StdRng::seed_from_u64(3);
    for number in 0..count {
        let node = &mesh.nodes[rng.random_range(0..mesh.nodes.len())];
        begun.lock().expect("whole").push(Instant::now());
        publish(node, false, number, PAYLOAD).await;
        let pause = Duration::from_millis(rng.random_range(30..60));
        tokio::time::sleep(pause).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let took = took.lock().expect("whole");
    took.clone()
}
