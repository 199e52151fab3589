//! `gossip stats|mesh` and `mempool`.

use std::collections::BTreeMap;

use super::{
    Outcome,
    args::{Gossip, Mempool},
    context::Context,
    locate,
    screen::{Screen, bytes, facts},
    status::PATIENCE,
};
use crate::{
    api::{control::Request, publish::PoolReport, talk::GossipStats},
    report::{MeshReport, TopicReport},
};

pub(super) fn run(context: &Context, command: Gossip, screen: &Screen) -> Outcome {
    match command {
        Gossip::Stats => stats(context, screen),
        Gossip::Mesh => mesh(context, screen),
    }
}

/// What waits for a block.
pub(super) fn mempool(context: &Context, command: Mempool, screen: &Screen) -> Outcome {
    let request = match command.ids {
        true => Request::MempoolIds,
        false => Request::Mempool,
    };
    let report: PoolReport = locate::node(context, screen)?.call(&request, PATIENCE, |_| {})?;
    screen.show(&report, || {
        let pool = report.pool;
        let mut text = facts(&[
            ("transactions", pool.transactions.to_string()),
            ("size", bytes(pool.bytes as u64)),
        ]);
        for id in report.ids.iter().flatten() {
            text.push_str(&format!("{id}\n"));
        }
        text
    })
}

fn stats(context: &Context, screen: &Screen) -> Outcome {
    let report: GossipStats =
        locate::node(context, screen)?.call(&Request::GossipStats, PATIENCE, |_| {})?;
    screen.show(&report, || {
        let header = [
            "topic",
            "received",
            "in",
            "accepted",
            "ignored",
            "rejected",
            "published",
            "out",
        ];
        let rows = report.gossip.topics.iter().map(row).collect();
        let table = screen.table(&header, rows);
        let (seen, direct) = (&report.gossip.seen, &report.direct);
        let rest = facts(&[
            (
                "seen",
                format!(
                    "{} new, {} duplicates; {} of {} exact, {} in {} filters ({})",
                    seen.new,
                    seen.duplicates_exact + seen.duplicates_probable,
                    seen.exact,
                    seen.exact_capacity,
                    seen.filtered,
                    seen.generations,
                    bytes(seen.filter_bytes as u64)
                ),
            ),
            ("over buckets", counts(&report.gossip.refused)),
            (
                "direct sent",
                format!(
                    "{} ({}), {} acknowledged, {} refused",
                    direct.sent,
                    bytes(direct.sent_bytes),
                    direct.acknowledged,
                    direct.refused
                ),
            ),
            (
                "direct received",
                format!(
                    "{} ({}), {} for nobody",
                    direct.received,
                    bytes(direct.received_bytes),
                    direct.unwanted
                ),
            ),
        ]);
        format!("{table}\n\n{rest}")
    })
}

fn row(t: &TopicReport) -> Vec<String> {
    vec![
        t.topic.clone(),
        t.received.to_string(),
        bytes(t.bytes_in),
        t.accepted.to_string(),
        counts(&t.ignored),
        counts(&t.rejected),
        t.published.to_string(),
        bytes(t.bytes_out),
    ]
}

/// Counts above zero with what they count, `0` if there are none.
fn counts(of: &BTreeMap<String, u64>) -> String {
    let some: Vec<String> = of
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(name, n)| format!("{n} {name}"))
        .collect();
    if some.is_empty() {
        return "0".to_owned();
    }
    some.join(", ")
}

fn mesh(context: &Context, screen: &Screen) -> Outcome {
    let report: Vec<MeshReport> =
        locate::node(context, screen)?.call(&Request::GossipMesh, PATIENCE, |_| {})?;
    screen.show(&report, || {
        let rows = report.iter().map(|t| {
            let peers = match t.mesh.is_empty() {
                true => "-".to_owned(),
                false => t.mesh.join(" "),
            };
            vec![
                t.topic.clone(),
                t.mesh.len().to_string(),
                t.listeners.to_string(),
                peers,
            ]
        });
        let header = ["topic", "mesh", "listeners", "peers in the mesh"];
        screen.table(&header, rows.collect())
    })
}
