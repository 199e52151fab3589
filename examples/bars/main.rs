//! The bars of the product, measured side by side in one run.
//!
//! ```text
//! cargo run --release --example bars                  # everything, a table, and JSON beside it
//! cargo run --release --example bars -- --quick       # shorter runs, for a first look and CI
//! cargo run --release --example bars -- channel       # one group: channel, chain, sync, memory, node, gossip, peers
//! cargo run --release --example bars -- rates         # one part of gossip: rates, steady, flood, tips, blocks, sets, direct, quiet
//! cargo run --release --example bars -- table         # one part of peers: trust, attackers, restart, swarm, table
//! cargo run --release --example bars -- --json FILE   # where to write the results
//! cargo run --release --example bars -- --gate        # exit 1 when a bar is missed
//! ```
//!
//! Comparisons are medians of ratios of runs that alternate, because machines are noisy.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod chain;
mod channel;
mod cpu;
mod faults;
mod gossip;
mod idle;
mod peers;
mod process;
mod report;
mod sync;

use std::process::ExitCode;

use report::Report;

/// A measurement that can be asked for by name.
type Part = (&'static str, fn(Effort, &mut Report));

/// How long and how often things are measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Alternating rounds of a comparison.
    rounds: usize,
    /// Scale of the amount of work in a round; 1 is the full run.
    scale: f64,
}

impl Effort {
    fn of(&self, full: usize) -> usize {
        ((full as f64 * self.scale) as usize).max(1)
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [child, rest @ ..] = &args[..]
        && child == "--child"
    {
        process::run(&Vec::from_iter(rest.iter().map(String::as_str)));
        return ExitCode::SUCCESS;
    }
    let flag = |name: &str| args.iter().any(|a| a == name);
    let quick = flag("--quick");
    let effort = if quick {
        Effort {
            rounds: 3,
            scale: 0.1,
        }
    } else {
        Effort {
            rounds: 7,
            scale: 1.0,
        }
    };
    let json = args
        .iter()
        .position(|a| a == "--json")
        .and_then(|i| args.get(i + 1).cloned());
    let groups = [
        "channel", "chain", "sync", "memory", "node", "gossip", "peers",
    ];
    let parts = || {
        let of_gossip = gossip::PARTS.iter().map(|part| ("gossip", *part));
        of_gossip.chain(peers::PARTS.iter().map(|part| ("peers", *part)))
    };
    let named = |arg: &&String| {
        groups.contains(&arg.as_str()) || parts().any(|(_, (part, _))| part == arg.as_str())
    };
    let everything = args.iter().filter(named).count() == 0;
    let wants = |group: &str| everything || flag(group);

    let mut report = Report::new(quick);
    if wants("chain") {
        chain::measure(effort, &mut report);
    }
    if wants("channel") {
        channel::measure(effort, &mut report);
    }
    if wants("sync") {
        sync::measure(effort, &mut report);
    }
    if wants("memory") {
        sync::measure_memory(effort, &mut report);
    }
    if wants("node") {
        idle::measure(&mut report);
    }
    for (group, (part, measure)) in parts() {
        if wants(group) || flag(part) {
            measure(effort, &mut report);
        }
    }
    report.print();
    if let Some(path) = json {
        report.write(&path);
    }
    if flag("--gate") && report.missed() > 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
