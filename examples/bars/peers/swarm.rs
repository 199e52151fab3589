//! Fifty nodes that grow from one, and what is left when many are killed.

use std::time::{Duration, Instant};

use animica_p2p::peers::slots;

use super::{GROUP, net::Net};
use crate::{
    Effort, cpu,
    process::runtime,
    report::{Good, Report, median, spread},
};

const NODES: usize = 50;

/// Of those, how many are killed.
const KILLED: usize = 20;

/// How long the measurement waits at most; the bar is shorter.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long they are left alone before anything is measured or killed: those over their target
/// rotate, walks end.
const SETTLE: Duration = Duration::from_secs(5);

/// How long they then have to reach their target again: 25 of the 29 others that are left.
const AGAIN: Duration = Duration::from_secs(30);

/// What one network did.
struct Run {
    grown: f64,
    /// Nodes that had dialled as many as they want to when all were at their target.
    dialled: usize,
    healed: f64,
    whole_again: Option<f64>,
    /// Percent of a core that a node takes with all its peers and nothing to do.
    idle: f64,
    most: usize,
    most_connected: usize,
}

/// Grows networks and kills 40 % of each.
pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let rounds = if effort.scale < 1.0 { 1 } else { 3 };
    let plan = slots::Config::default();
    let runs: Vec<Run> = (0..rounds).map(|seed| run(&plan, seed)).collect();
    let of = |f: fn(&Run) -> f64| Vec::from_iter(runs.iter().map(f));
    let (grown, healed) = (of(|r| r.grown), of(|r| r.healed));
    report.add(
        GROUP,
        "50 nodes from one, all at their target",
        median(grown.clone()),
        "s",
        Good::AtMost,
        (30.0, 15.0),
        format!(
            "connected; {}, {} at least have {} of their own choice by then; {:.2} % of a core for a node in peace",
            spread(&grown),
            runs.iter().map(|r| r.dialled).min().unwrap_or(0),
            plan.target_outbound,
            median(of(|r| r.idle))
        ),
    );
    report.add(
        GROUP,
        "most peers that one of them ever had",
        runs.iter().map(|r| r.most).max().unwrap_or(0) as f64,
        "peers",
        Good::AtMost,
        (plan.max_peers as f64, plan.max_peers as f64),
        format!(
            "{} with connections on loan",
            runs.iter().map(|r| r.most_connected).max().unwrap_or(0)
        ),
    );
    let again: Vec<f64> = runs.iter().filter_map(|r| r.whole_again).collect();
    let again = if again.is_empty() {
        format!("not at their target again within {} s", AGAIN.as_secs())
    } else {
        format!(
            "at their target again in {} of {rounds} after {}",
            again.len(),
            spread(&again)
        )
    };
    report.add(
        GROUP,
        "40 % killed, the rest connected with ≥ 5 peers",
        median(healed.clone()),
        "s",
        Good::AtMost,
        (30.0, 15.0),
        format!("{}; {again}", spread(&healed)),
    );
    // Most nodes of a network that dense keep the minimum. In a sparse one they do not.
    let sparse = slots::Config {
        target_peers: 6,
        target_outbound: 3,
        ..slots::Config::default()
    };
    let runs: Vec<Run> = (0..rounds).map(|seed| run(&sparse, 100 + seed)).collect();
    let healed = Vec::from_iter(runs.iter().map(|r| r.healed));
    report.add(
        GROUP,
        "the same of nodes that want 6 peers",
        median(healed.clone()),
        "s",
        Good::AtMost,
        (30.0, 15.0),
        spread(&healed),
    );
}

fn run(plan: &slots::Config, seed: u64) -> Run {
    let runtime = runtime();
    let run = runtime.block_on(async {
        let begin = Instant::now();
        let mut net = Net::start(NODES, KILLED, plan, seed).await;
        let (mut most, mut most_connected, mut dialled) = (0, 0, 0);
        let mut seen = |look: &super::net::Look| {
            most = most.max(look.most);
            most_connected = most_connected.max(look.most_connected);
            if look.at_target == NODES && dialled == 0 {
                dialled = look.dialled;
            }
        };
        let grown = |look: &super::net::Look| look.connected && look.at_target == NODES;
        let grown = net.until(begin, PATIENCE, &mut seen, grown).await;
        tokio::time::sleep(SETTLE).await;
        let used = cpu::time("self");
        tokio::time::sleep(SETTLE).await;
        let used = cpu::time("self") - used;
        net.kill();
        let begin = Instant::now();
        let least = plan.min_peers;
        let healed = net
            .until(begin, PATIENCE, &mut seen, |look| {
                look.stale == 0 && look.connected && look.fewest >= least
            })
            .await;
        let left = net.living.len();
        let whole = net
            .until(begin, AGAIN, &mut seen, |look| look.at_target == left)
            .await;
        net.stop().await;
        Run {
            idle: used.as_secs_f64() / SETTLE.as_secs_f64() / NODES as f64 * 100.0,
            grown: grown.unwrap_or(f64::INFINITY),
            dialled,
            healed: healed.unwrap_or(f64::INFINITY),
            whole_again: whole,
            most,
            most_connected,
        }
    });
    runtime.shutdown_background();
    run
}
