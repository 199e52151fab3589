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

use crate::Part;

/// The group's name in reports.
const GROUP: &str = "gossip";

/// What can be asked for by name.
pub(crate) const PARTS: &[Part] = &[
    ("rates", rates::measure),
    ("steady", steady::measure),
    ("flood", flood::measure),
    ("tips", tips::measure),
    ("blocks", blocks::measure),
    ("sets", sets::measure),
    ("direct", direct::measure),
    ("quiet", quiet::measure),
];

/// The child of a part in a process of its own.
pub(crate) async fn child(args: &[&str]) -> Vec<Handle> {
    match args {
        ["direct"] => direct::receive().await,
        ["quiet"] => quiet::rest().await,
        ["flood", seconds] => flood::flood(seconds.parse().expect("seconds")).await,
        other => panic!("no such child: {other:?}"),
    }
}
