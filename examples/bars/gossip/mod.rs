//! Gossip and direct messages: how fast, how soon, at what cost.

mod blocks;
mod direct;
mod flood;
mod mesh;
mod quiet;
mod rates;
mod sets;
mod steady;
mod tips;

use animica_p2p::node::Handle;

use crate::{Effort, report::Report};

/// The group's name in reports.
const GROUP: &str = "gossip";

/// One measurement.
type Measure = fn(Effort, &mut Report);

/// What can be asked for by name.
const PARTS: &[(&str, Measure)] = &[
    ("rates", rates::measure),
    ("steady", steady::measure),
    ("flood", flood::measure),
    ("tips", tips::measure),
    ("blocks", blocks::measure),
    ("sets", sets::measure),
    ("direct", direct::measure),
    ("quiet", quiet::measure),
];

/// Whether `name` is a part of this group.
pub(crate) fn has(name: &str) -> bool {
    PARTS.iter().any(|(part, _)| *part == name)
}

/// Measures the parts that are wanted.
pub(crate) fn measure(wanted: impl Fn(&str) -> bool, effort: Effort, report: &mut Report) {
    for (part, measure) in PARTS {
        if wanted(part) {
            measure(effort, report);
        }
    }
}

/// The child of a part in a process of its own.
pub(crate) async fn child(args: &[&str]) -> Vec<Handle> {
    match args {
        ["direct"] => direct::receive().await,
        ["quiet"] => quiet::rest().await,
        ["flood", seconds] => flood::flood(seconds.parse().expect("seconds")).await,
        other => panic!("no such child: {other:?}"),
    }
}
