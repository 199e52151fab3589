//! The hash table over fifty nodes.

use std::time::{Duration, Instant};

use animica_p2p::{
    PeerId,
    clock::Rng,
    node::{DhtKey, Handle},
    peers::slots,
};
use rand::{RngExt as _, SeedableRng as _, seq::IndexedRandom as _};

use super::{
    GROUP,
    net::{Member, Net},
    percentile,
};
use crate::{
    Effort,
    process::runtime,
    report::{Good, Report},
};

const NODES: usize = 50;

/// Values that must outlive half of the nodes.
const VALUES: usize = 100;

/// How long after the last write half of the nodes die.
const SPREAD: Duration = Duration::from_secs(2);

/// How long values live: longer than any measurement.
const TTL: Duration = Duration::from_secs(3600);

/// Puts, gets, and kills half.
pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let runtime = runtime();
    runtime.block_on(async {
        let plan = slots::Config::default();
        let mut net = Net::start(NODES, NODES / 2, &plan, 7).await;
        let begin = Instant::now();
        let patience = Duration::from_secs(60);
        let grown = net.until(begin, patience, |_| {}, |l| l.at_target == NODES);
        assert!(grown.await.is_some(), "the network does not grow");
        tokio::time::sleep(Duration::from_secs(5)).await;
        latency(&net, effort.of(1000).max(200), report).await;
        survival(&mut net, report).await;
        net.stop().await;
    });
    runtime.shutdown_background();
}

/// One after another: a node writes, another one reads.
async fn latency(net: &Net, times: usize, report: &mut Report) {
    let mut rng = Rng::seed_from_u64(1);
    let members = net.members();
    let (mut puts, mut gets, mut both) = (Vec::new(), Vec::new(), Vec::new());
    let mut lost = 0;
    for n in 0..times {
        let two: Vec<&&Member> = members.sample(&mut rng, 2).collect();
        let (writer, reader) = (two[0], two[1]);
        let value = vec![7; rng.random_range(32..2048)];
        let begin = Instant::now();
        let put = writer.handle.dht_put(name(n), value.clone(), TTL).await;
        let written = begin.elapsed();
        put.expect("is stored");
        let read = get(&reader.handle, writer.id, n).await;
        let all = begin.elapsed();
        lost += usize::from(read != Some(value));
        puts.push(written.as_secs_f64() * 1e3);
        gets.push((all - written).as_secs_f64() * 1e3);
        both.push(all.as_secs_f64() * 1e3);
    }
    let detail = format!(
        "{times} of each; put p50 {:.1} p99 {:.1}, get p50 {:.1} p99 {:.1}, both p50 {:.1} ms; {lost} not found",
        percentile(&mut puts, 50),
        percentile(&mut puts, 99),
        percentile(&mut gets, 50),
        percentile(&mut gets, 99),
        percentile(&mut both, 50),
    );
    let value = if lost == 0 {
        percentile(&mut both, 99)
    } else {
        f64::INFINITY
    };
    report.add(
        GROUP,
        "hash table of 50 nodes: put, then get, p99",
        value,
        "ms",
        Good::AtMost,
        (100.0, 50.0),
        detail,
    );
}

/// Any node writes; half of all die, writers too; the others read at once.
async fn survival(net: &mut Net, report: &mut Report) {
    let mut rng = Rng::seed_from_u64(2);
    let mut written: Vec<(PeerId, usize)> = Vec::new();
    for n in 0..VALUES {
        let number = 1_000_000 + n;
        let members = net.members();
        let writer = members.choose(&mut rng).expect("some run");
        let put = writer.handle.dht_put(name(number), value(number), TTL);
        put.await.expect("is stored");
        written.push((writer.id, number));
    }
    // A write returns with its third copy; the others follow.
    tokio::time::sleep(SPREAD).await;
    net.kill();
    let (mut found, mut took) = (0, Vec::new());
    for (author, number) in written {
        let reader = net.living.choose(&mut rng).expect("some live");
        let begin = Instant::now();
        let read = get(&reader.handle, author, number).await;
        took.push(begin.elapsed().as_secs_f64() * 1e3);
        found += usize::from(read == Some(value(number)));
    }
    report.add(
        GROUP,
        "values read of 100, half of the nodes killed",
        found as f64,
        "values",
        Good::AtLeast,
        (99.0, 100.0),
        format!(
            "at once; get p50 {:.1} p99 {:.1} ms",
            percentile(&mut took, 50),
            percentile(&mut took, 99)
        ),
    );
}

fn name(n: usize) -> Vec<u8> {
    format!("bars/{n}").into_bytes()
}

fn value(n: usize) -> Vec<u8> {
    format!("value {n}").into_bytes()
}

async fn get(node: &Handle, author: PeerId, n: usize) -> Option<Vec<u8>> {
    let key = DhtKey::Authored {
        author: Some(author),
        key: name(n),
    };
    let report = node.dht_get(key).await.ok()?;
    hex::decode(report.value).ok()
}
