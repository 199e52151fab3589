//! Peers, trust, discovery and the hash table: read from the report of the peering task when
//! metrics are asked.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::exposition::Exposition;
use crate::report::{DhtStatsReport, DiscoveryReport, PeeringReport, TrustLevels};

/// The families of peering.
#[derive(Debug, Default)]
pub(super) struct Peering(Mutex<PeeringReport>);

impl Peering {
    pub(super) fn update(&self, report: PeeringReport) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }
}

impl Collector for Peering {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let out = &mut Exposition(encoder);
        discovery(out, &report.discovery)?;
        work(out, &report)?;
        trust(out, &report.trust)?;
        dht(out, &report.dht)
    }
}

/// A counter for each row of a table whose keys are names of this program.
fn table(
    out: &mut Exposition<'_>,
    name: &str,
    help: &str,
    label: &str,
    rows: &BTreeMap<String, u64>,
) -> fmt::Result {
    let rows = rows.iter().map(|(key, n)| ([(label, key.as_str())], *n));
    out.counters(name, help, rows)
}

fn discovery(out: &mut Exposition<'_>, d: &DiscoveryReport) -> fmt::Result {
    // Seeds are named as they are configured; their kind is what a label may hold.
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for source in &d.sources {
        let kind = source.name.split("://").next().unwrap_or_default();
        *found.entry(kind.to_owned()).or_default() += source.found;
    }
    table(
        out,
        "discovered",
        "Peers named by a source",
        "source",
        &found,
    )?;
    let states = [
        ([("state", "known")], d.known as u64),
        ([("state", "tried")], d.tried as u64),
    ];
    out.gauges(
        "book_peers",
        "Peers in the address book: all, and those that worked once",
        states,
    )?;
    out.gauge(
        "book_record_bytes",
        "Bytes of node records in the address book",
        d.record_bytes,
    )?;
    out.gauge("dialling", "Dials under way", d.dialling as u64)?;
    let wanted = [
        ([("figure", "min")], d.min_peers as u64),
        ([("figure", "outbound")], d.target_outbound as u64),
        ([("figure", "max")], d.max_peers as u64),
    ];
    out.gauges("peers_wanted", "How many peers this node wants", wanted)
}

fn work(out: &mut Exposition<'_>, r: &PeeringReport) -> fmt::Result {
    table(
        out,
        "dials",
        "Dials of this node, by what became of them",
        "outcome",
        &r.dials,
    )?;
    table(
        out,
        "goodbyes_sent",
        "Connections this node ended, by reason",
        "reason",
        &r.goodbyes_sent,
    )?;
    table(
        out,
        "goodbyes_received",
        "Connections that peers ended with a reason",
        "reason",
        &r.goodbyes_received,
    )?;
    table(
        out,
        "node_records",
        "Node records of others, by what became of them",
        "outcome",
        &r.records,
    )?;
    table(
        out,
        "signed_pings",
        "Signed pings of others, by what became of them",
        "outcome",
        &r.signed_pings,
    )?;
    out.counter(
        "peering_refused_work",
        "Signatures not made or checked because too many waited",
        r.refused_work,
    )?;
    out.counter(
        "peering_commit_failures",
        "Commits of what is known about peers that failed",
        r.commit_failures,
    )?;
    out.gauge(
        "peering_store_bytes",
        "Bytes on disk of what is known about peers",
        r.store_bytes,
    )
}

fn trust(out: &mut Exposition<'_>, t: &TrustLevels) -> fmt::Result {
    let peers = [
        ([("state", "tracked")], t.tracked as u64),
        ([("state", "below")], t.below as u64),
    ];
    out.gauges(
        "trust_peers",
        "Peers with a score: all, and those below the threshold",
        peers,
    )?;
    out.fraction("trust_mean", "Mean score of connected peers", t.mean)?;
    out.counter("cool_downs", "Cool-downs imposed", t.cool_downs)?;
    table(
        out,
        "trust_events",
        "Events that moved scores",
        "event",
        &t.events,
    )?;
    table(
        out,
        "trust_recommendations",
        "Recommendations of others, by what became of them",
        "outcome",
        &t.recommendations,
    )?;
    out.gauge("trust_audit_rows", "Lines of the audit trail", t.audit_rows)?;
    out.gauge(
        "trust_audit_bytes",
        "Bytes of the audit trail",
        t.audit_bytes,
    )
}

fn dht(out: &mut Exposition<'_>, d: &DhtStatsReport) -> fmt::Result {
    let records = [
        ([("kind", "all")], d.records as u64),
        ([("kind", "own")], d.own as u64),
        ([("kind", "tombstone")], d.tombstones as u64),
    ];
    out.gauges("dht_records", "Records of the hash table here", records)?;
    out.gauge("dht_bytes", "Their bytes", d.bytes)?;
    out.gauge(
        "dht_routing_peers",
        "Peers in the routing table",
        d.routing_peers as u64,
    )?;
    out.counter("dht_stored", "Records of others taken", d.stored)?;
    table(
        out,
        "dht_refused",
        "Records of others refused, by reason",
        "reason",
        &d.refused,
    )?;
    let reads = [
        ([("outcome", "found")], d.found),
        ([("outcome", "missed")], d.missed),
    ];
    out.counters("dht_reads", "Values looked for", reads)
}
