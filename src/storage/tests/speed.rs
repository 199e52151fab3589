//! How fast the store is on this machine. Not a test: `cargo test --lib storage::tests::speed --
//! --ignored --nocapture`, with `STORE_DIR` naming a directory on the disk to measure.

use std::{
    io::Write,
    path::PathBuf,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand::{RngExt, SeedableRng};

use crate::{
    chain::{At, Batch, ChainStore, NewHeader, Tip, Which, testing},
    clock::Rng,
    ids::{Hash32, Height, Work},
    storage::{DataDir, Options, Store},
};

/// Bytes of an encoded header of the chains in use.
const HEADER_BYTES: usize = 482;

fn say(text: std::fmt::Arguments<'_>) {
    writeln!(std::io::stderr(), "{text}").unwrap();
}

fn headers(rng: &mut Rng, parent: &Tip, count: usize) -> Vec<NewHeader> {
    let mut at = *parent;
    (0..count)
        .map(|_| {
            let mut bytes = vec![0; HEADER_BYTES];
            rng.fill(&mut bytes[..]);
            let mut hash = [0; 32];
            rng.fill(&mut hash);
            let header = NewHeader {
                hash: Hash32(hash),
                height: Height(at.height.0 + 1),
                parent: at.hash,
                work: Work(at.work.0 + 1),
                timestamp: at.timestamp + 2,
                bytes: bytes.into(),
            };
            at = header.tip();
            header
        })
        .collect()
}

/// Resident memory now and at its peak, MiB.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |key: &str| {
        let line = status.lines().find(|l| l.starts_with(key));
        let kib = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok());
        kib.unwrap_or_default() / 1024
    };
    format!("rss {} MiB, peak {} MiB", of("VmRSS:"), of("VmHWM:"))
}

fn open() -> (tempfile::TempDir, Store) {
    let root = std::env::var_os("STORE_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let root = tempfile::tempdir_in(root).unwrap();
    let dir = DataDir::open(root.path()).unwrap();
    let mut options = Options::default();
    if let Ok(mib) = std::env::var("CACHE_MIB") {
        options.cache_bytes = mib.parse::<usize>().unwrap() << 20;
    }
    let store = Store::open(dir, &testing::devnet(), &options).unwrap();
    (root, store)
}

#[test]
#[ignore = "a measurement"]
fn headers_per_second() {
    let total: usize = std::env::var("N").map_or(1_000_000, |n| n.parse().unwrap());
    let batch: usize = std::env::var("B").map_or(10_000, |n| n.parse().unwrap());
    let (root, store) = open();
    let chain = store.chain();
    let mut rng = Rng::seed_from_u64(1);
    let (mut spent, mut window) = (Duration::ZERO, Duration::ZERO);
    for done in (0..total).step_by(batch) {
        let headers = headers(&mut rng, &chain.tips().headers, batch);
        let best = headers.last().map(|h| h.hash);
        let started = Instant::now();
        chain
            .commit(Batch {
                headers,
                best_header: best,
                ..Batch::default()
            })
            .unwrap();
        window += started.elapsed();
        if (done + batch).is_multiple_of(total / 10) {
            spent += window;
            say(format_args!(
                "{:>8} headers: {:>6.0}/s now, {:>6.0}/s in all; {}",
                done + batch,
                (total / 10) as f64 / window.as_secs_f64(),
                (done + batch) as f64 / spent.as_secs_f64(),
                memory()
            ));
            window = Duration::ZERO;
        }
    }
    say(format_args!("{:?}", chain.stats()));
    let blocks = |name: &str| {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(root.path().join(name)).unwrap().blocks() * 512
    };
    say(format_args!(
        "on disk: {} MB",
        blocks("node.redb") / 1_000_000
    ));
    let started = Instant::now();
    let mut at = 0;
    while at < total as u64 {
        at += chain
            .headers(Which::BestHeaders, Height(at), 2048)
            .unwrap()
            .len() as u64;
    }
    say(format_args!(
        "served in runs of 2048: {:.0}/s; {}",
        at as f64 / started.elapsed().as_secs_f64(),
        memory()
    ));
    let started = Instant::now();
    let reads = 20_000;
    for _ in 0..reads {
        let height = Height(rng.random_range(0..total as u64));
        let found = chain.header(At::BestHeader(height)).unwrap().unwrap();
        assert!(chain.header(At::Hash(found.hash)).unwrap().is_some());
    }
    say(format_args!(
        "random, by height and by hash: {:.0}/s",
        2.0 * f64::from(reads) / started.elapsed().as_secs_f64()
    ));
}

fn blocks(bytes: usize, per_commit: usize, total: usize) {
    let (_root, store) = open();
    let chain = store.chain();
    let mut rng = Rng::seed_from_u64(2);
    let mut body = vec![0; bytes];
    rng.fill(&mut body[..]);
    let body = Bytes::from(body);
    let all = headers(&mut rng, &chain.tips().headers, total);
    chain
        .commit(Batch {
            headers: all.clone(),
            best_header: all.last().map(|h| h.hash),
            ..Batch::default()
        })
        .unwrap();
    let started = Instant::now();
    for part in all.chunks(per_commit) {
        chain
            .commit(Batch {
                bodies: part.iter().map(|h| (h.hash, body.clone())).collect(),
                head: part.last().map(|h| h.hash),
                ..Batch::default()
            })
            .unwrap();
    }
    let spent = started.elapsed().as_secs_f64();
    say(format_args!(
        "{total} blocks of {bytes} B, {per_commit} a commit: {:.0}/s, {:.0} MB/s; {}",
        total as f64 / spent,
        (total * bytes) as f64 / 1e6 / spent,
        memory()
    ));
    let started = Instant::now();
    for header in &all {
        assert_eq!(
            chain.body(&header.hash).unwrap().map(|b| b.len()),
            Some(bytes)
        );
    }
    let spent = started.elapsed().as_secs_f64();
    say(format_args!(
        "  read back: {:.0}/s, {:.0} MB/s",
        total as f64 / spent,
        (total * bytes) as f64 / 1e6 / spent
    ));
}

#[test]
#[ignore = "a measurement"]
fn blocks_per_second() {
    blocks(100_000, 160, 16_000);
    blocks(100_000, 40, 8_000);
    blocks(1_000, 2_000, 100_000);
    blocks(1_000, 1, 1_000);
}
