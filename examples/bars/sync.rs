//! One real node syncs from another, over TCP loopback and between two processes: how fast, how
//! much of that is left in bad company, and with how much memory.

use std::path::Path;

use animica_p2p::{chain::miner::MineRequest, node::Node};

use crate::{
    Effort, cpu,
    faults::Fault,
    process::{Process, durable, runtime, start},
    report::{Good, Report, median, spread},
};

/// A chain to sync, and how fast that has to be.
struct Load {
    what: &'static str,
    request: MineRequest,
    /// The clock stops at the last header instead of the last block.
    headers_only: bool,
    /// What one block adds to the rate.
    per_block: f64,
    unit: &'static str,
    bar: (f64, f64),
    /// What the liar among the bad peers lies about.
    lie: Fault,
}

/// What a sync took.
struct Synced {
    headers_s: f64,
    all_s: f64,
    /// Highest resident bytes of the syncing node.
    peak: u64,
}

/// The rates.
pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let loads = [
        Load {
            what: "headers synced, durable",
            request: MineRequest::blocks(effort.of(200_000) as u64),
            headers_only: true,
            per_block: 1.0,
            unit: "/s",
            bar: (25_000.0, 50_000.0),
            lie: Fault::LieHeaders,
        },
        Load {
            what: "blocks of 1 KB synced",
            request: with_transactions(1, 500, effort.of(200_000).max(60_000)),
            headers_only: false,
            per_block: 1.0,
            unit: "/s",
            bar: (8_000.0, 20_000.0),
            lie: Fault::LieBodies,
        },
        Load {
            what: "blocks of 100 KB synced",
            request: with_transactions(20, 5_000, effort.of(10_000).max(3_000)),
            headers_only: false,
            per_block: 100_500.0 / 1e6,
            unit: "MB/s",
            bar: (100.0, 250.0),
            lie: Fault::LieBodies,
        },
    ];
    for load in loads {
        load.measure(effort.rounds.min(5), report);
    }
}

/// The memory, while headers and blocks of very different sizes come in turn.
pub(crate) fn measure_memory(effort: Effort, report: &mut Report) {
    const STRETCHES: usize = 10;
    let empty = MineRequest::blocks(effort.of(980_000 / STRETCHES) as u64);
    let full = with_transactions(20, 5_000, effort.of(20_000 / STRETCHES));
    let height = (empty.count + full.count) * STRETCHES as u64;
    let bytes = (full.count * STRETCHES as u64) as f64 * 100_500.0;
    let scratch = tempfile::tempdir().expect("a scratch directory");
    mine(scratch.path(), &vec![[empty, full]; STRETCHES].concat());
    let synced = sync(scratch.path(), height, &[]);
    report.add(
        "memory",
        format!(
            "syncing {:.1} M headers + {:.1} GB of bodies",
            height as f64 / 1e6,
            bytes / 1e9
        ),
        synced.peak as f64 / f64::from(1 << 20),
        "MiB",
        Good::AtMost,
        (250.0, 120.0),
        format!("peak resident, {:.0} s", synced.all_s),
    );
}

impl Load {
    /// Syncs alternately from an honest peer, and from an honest one among three bad ones.
    fn measure(&self, rounds: usize, report: &mut Report) {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        mine(scratch.path(), std::slice::from_ref(&self.request));
        let rate = |faults: &[Fault]| {
            let synced = sync(scratch.path(), self.request.count, faults);
            let seconds = match self.headers_only {
                true => synced.headers_s,
                false => synced.all_s,
            };
            self.request.count as f64 * self.per_block / seconds
        };
        let (mut honest, mut beset, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (a, b) = (rate(&[]), rate(&[self.lie, Fault::Stall, Fault::Slow]));
            honest.push(a);
            beset.push(b);
            ratios.push(b / a);
        }
        let (alone, among_bad) = (median(honest.clone()), median(beset));
        report.add(
            "sync",
            self.what,
            alone,
            self.unit,
            Good::AtLeast,
            self.bar,
            format!("{} {} blocks", spread(&honest), self.request.count),
        );
        report.add(
            "sync",
            format!("{}, three bad peers of four", self.what),
            median(ratios.clone()),
            "x",
            Good::AtLeast,
            (0.5, 0.8),
            format!(
                "{} {among_bad:.0} / {alone:.0} {}",
                spread(&ratios),
                self.unit
            ),
        );
    }
}

fn with_transactions(txs: usize, tx_bytes: usize, blocks: usize) -> MineRequest {
    MineRequest {
        txs,
        tx_bytes,
        ..MineRequest::blocks(blocks as u64)
    }
}

/// Mines a chain into the store that is served from `scratch`.
fn mine(scratch: &Path, requests: &[MineRequest]) {
    runtime().block_on(async {
        let node = start(Node::builder().store(durable(&scratch.join("served")))).await;
        for request in requests {
            node.mine(request.clone())
                .await
                .expect("the devnet is easy");
        }
        node.shutdown().await;
    });
}

/// Syncs a fresh node from the served store, and from one beside it for every fault.
fn sync(scratch: &Path, height: u64, faults: &[Fault]) -> Synced {
    let served = scratch.join("served").display().to_string();
    let faults = faults.iter().map(|fault| fault.name());
    let server = Process::start(["serve", &served].into_iter().chain(faults));
    let fetched = tempfile::tempdir_in(scratch).expect("a scratch directory");
    let (dir, height) = (fetched.path().display().to_string(), height.to_string());
    let addresses = server.said.iter().map(String::as_str);
    let client = Process::start(["fetch", &dir, &height].into_iter().chain(addresses));
    let seconds = |word: usize| client.said[word].parse().expect("a figure");
    Synced {
        headers_s: seconds(0),
        all_s: seconds(1),
        peak: cpu::peak(&client.pid()),
    }
}
