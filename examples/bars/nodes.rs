//! Two real nodes, one process each, over TCP loopback: how fast one syncs from the other, and
//! what an idle node weighs.
//!
//! The program starts itself again as `bars serve …` and `bars fetch …`, so that memory and
//! processor time are those of one node.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use animica_p2p::{
    Multiaddr,
    chain::{Genesis, miner::MineRequest},
    ids::{ChainId, Height},
    node::{Builder, Handle, Node},
    storage::{DataDir, Options, Store},
};

use crate::{
    Effort, cpu,
    report::{Good, Report, median, spread},
};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn genesis() -> Genesis {
    Genesis::of_chain(ChainId::DEVNET).expect("a preset")
}

fn durable(dir: &Path) -> (Builder, Store) {
    let dir = DataDir::open(dir).expect("a fresh directory");
    let store = Store::open(dir, &genesis(), &Options::default()).expect("a fresh store");
    (Node::builder().store(Arc::clone(store.chain()) as _), store)
}

/// The child process: `serve DIR`, or `fetch DIR ADDRESS HEIGHT`, or `idle`.
///
/// # Panics
/// On anything unexpected: it is a measurement.
pub(crate) fn child(args: &[String]) {
    runtime().block_on(async {
        let (mut builder, store) = match args[0].as_str() {
            "idle" => (Node::builder(), None),
            _ => {
                let (builder, store) = durable(Path::new(&args[1]));
                (builder, Some(store))
            }
        };
        if args[0] != "fetch" {
            builder = builder.listen("/ip4/127.0.0.1/tcp/0".parse().expect("valid"));
        }
        let node = builder.start().await.expect("starts");
        match args[0].as_str() {
            "fetch" => fetch(&node, &args[2], &args[3]).await,
            _ => println!("{}", node.addresses()[0]),
        }
        std::io::stdout().flush().expect("a pipe");
        // Until the parent closes our input.
        let wait = tokio::task::spawn_blocking(|| std::io::stdin().lines().next().is_none());
        wait.await.expect("reads");
        node.shutdown().await;
        drop(store);
    });
}

async fn fetch(node: &Handle, address: &str, height: &str) {
    let address: Multiaddr = address.parse().expect("an address");
    let height = Height(height.parse().expect("a height"));
    let begin = Instant::now();
    node.connect(address).await.expect("accepted");
    let mut headers_at = None;
    while node.head().height < height {
        if headers_at.is_none() && node.store().tips().headers.height >= height {
            headers_at = Some(begin.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let all = begin.elapsed();
    println!(
        "{} {}",
        headers_at.unwrap_or(all).as_secs_f64(),
        all.as_secs_f64()
    );
}

struct Process {
    child: Child,
    line: String,
}

impl Process {
    fn start(args: &[&str]) -> Self {
        let me = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(me)
            .arg("--child")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts itself");
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("piped");
        BufReader::new(out)
            .read_line(&mut line)
            .expect("says something");
        Self {
            child,
            line: line.trim().to_owned(),
        }
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn scratch() -> PathBuf {
    let dir = std::env::temp_dir().join(format!("animica-bars-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a scratch directory");
    dir
}

/// Mines a chain into `dir` and stops.
fn prepare(dir: &Path, request: MineRequest) -> f64 {
    runtime().block_on(async {
        let (builder, store) = durable(dir);
        let node = builder.start().await.expect("starts");
        node.mine(request).await.expect("the devnet is easy");
        let bytes = store.chain().stats().disk_bytes() as f64;
        node.shutdown().await;
        bytes
    })
}

struct Sync {
    headers_s: f64,
    all_s: f64,
    peak: u64,
}

/// Syncs a fresh node from the chain in `dir`.
fn sync_once(dir: &Path, height: u64, scratch: &Path) -> Sync {
    let server = Process::start(&["serve", &dir.display().to_string()]);
    let target = scratch.join("target");
    let _ = std::fs::remove_dir_all(&target);
    let fetch = [
        "fetch",
        &target.display().to_string(),
        &server.line,
        &height.to_string(),
    ];
    let client = Process::start(&fetch);
    let (headers, all) = client.line.split_once(' ').expect("two figures");
    Sync {
        headers_s: headers.parse().expect("a figure"),
        all_s: all.parse().expect("a figure"),
        peak: cpu::peak(&client.pid()),
    }
}

/// The sync bars.
pub(crate) fn measure_sync(effort: Effort, report: &mut Report) {
    let scratch = scratch();
    let rounds = effort.rounds.min(3);
    let run = |name: &str, request: MineRequest| -> (Vec<Sync>, u64) {
        let dir = scratch.join(name);
        let count = request.count;
        prepare(&dir, request);
        (
            (0..rounds)
                .map(|_| sync_once(&dir, count, &scratch))
                .collect(),
            count,
        )
    };

    let (runs, count) = run("headers", MineRequest::blocks(effort.of(200_000) as u64));
    let rates: Vec<f64> = runs.iter().map(|s| count as f64 / s.headers_s).collect();
    let detail = format!("{} of {count} empty blocks", spread(&rates));
    report.add(
        "sync",
        "headers synced, durable",
        median(rates),
        "/s",
        Good::AtLeast,
        (25_000.0, 50_000.0),
        detail,
    );

    let small = MineRequest {
        txs: 1,
        tx_bytes: 500,
        ..MineRequest::blocks(effort.of(60_000) as u64)
    };
    let (runs, count) = run("small", small);
    let rates: Vec<f64> = runs.iter().map(|s| count as f64 / s.all_s).collect();
    let detail = format!("{} headers included", spread(&rates));
    report.add(
        "sync",
        "blocks of 1 KB synced",
        median(rates),
        "/s",
        Good::AtLeast,
        (8_000.0, 20_000.0),
        detail,
    );

    let large = MineRequest {
        txs: 20,
        tx_bytes: 5_000,
        ..MineRequest::blocks(effort.of(10_000) as u64)
    };
    let (runs, count) = run("large", large);
    let bytes = count as f64 * 100_500.0;
    let rates: Vec<f64> = runs.iter().map(|s| bytes / 1e6 / s.all_s).collect();
    let detail = format!("{} {count} blocks", spread(&rates));
    report.add(
        "sync",
        "blocks of 100 KB synced",
        median(rates),
        "MB/s",
        Good::AtLeast,
        (100.0, 250.0),
        detail,
    );
    let peak = runs.iter().map(|s| s.peak).max().unwrap_or(0);
    let detail = format!("peak resident, {:.1} GB of bodies", bytes / 1e9);
    report.add(
        "sync",
        "memory while syncing",
        peak as f64 / f64::from(1 << 20),
        "MiB",
        Good::AtMost,
        (250.0, 120.0),
        detail,
    );
    let _ = std::fs::remove_dir_all(&scratch);
}

/// What an idle node with ten peers weighs.
pub(crate) fn measure_idle(_: Effort, report: &mut Report) {
    let node = Process::start(&["idle"]);
    let address: Multiaddr = node.line.parse().expect("an address");
    let resident = runtime().block_on(async {
        let mut peers = Vec::new();
        for _ in 0..10 {
            let peer = Node::builder().start().await.expect("starts");
            peer.connect(address.clone()).await.expect("accepted");
            peers.push(peer);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        cpu::resident(&node.pid())
    });
    report.add(
        "node",
        "idle with 10 peers, resident",
        resident as f64 / 1e6,
        "MB",
        Good::AtMost,
        (30.0, 30.0),
        "store in memory",
    );
}
