//! Gossip: read from its report when metrics are asked, so that counting costs the node nothing.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::exposition::Exposition;
use crate::{
    chain::blob::BlobUsage,
    gossip::{Ignored, delays::Delays, stats::Counters},
    network::direct,
    report::{
        AppReport, CompactReport, GossipReport, MempoolReport, MeshReport, SeenReport, TopicReport,
    },
};

/// Gossip at one moment.
#[derive(Clone, Debug, Default)]
pub struct GossipLevels {
    /// What arrived and what became of it.
    pub report: GossipReport,
    /// The mesh of each topic. Only numbers of it are shown.
    pub meshes: Vec<MeshReport>,
    /// The pool.
    pub pool: MempoolReport,
    /// The store of blobs.
    pub blob_store: BlobUsage,
    /// Direct messages.
    pub direct: direct::Stats,
}

/// The families of gossip.
#[derive(Debug)]
pub(super) struct Gossip(Mutex<GossipLevels>);

impl Default for Gossip {
    /// Every closed set of labels at zero.
    fn default() -> Self {
        let counters = Counters::default();
        let topics = counters.report();
        let mesh = |topic: &TopicReport| MeshReport {
            topic: topic.topic.clone(),
            ..MeshReport::default()
        };
        Self(Mutex::new(GossipLevels {
            meshes: topics.iter().map(mesh).collect(),
            report: GossipReport {
                topics,
                refused: counters.refusals(),
                app: AppReport {
                    delay: Delays::default().report(),
                    ..AppReport::default()
                },
                compact: CompactReport {
                    import: Delays::default().report(),
                    ..CompactReport::default()
                },
                ..GossipReport::default()
            },
            ..GossipLevels::default()
        }))
    }
}

impl Gossip {
    /// Sets the levels; `count` sees the topics, one caller at a time.
    pub(super) fn update(&self, levels: GossipLevels, count: impl FnOnce(&[TopicReport])) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if levels.report.topics.is_empty() {
            // The gossip task has not spoken yet.
            return;
        }
        count(&levels.report.topics);
        *held = levels;
    }
}

impl Collector for Gossip {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let levels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let out = &mut Exposition(encoder);
        topics(out, &levels.report.topics)?;
        meshes(out, &levels.meshes)?;
        judging(out, &levels.report)?;
        blocks(out, &levels.report)?;
        sets(out, &levels.report)?;
        objects(out, &levels)?;
        messages(out, &levels)
    }
}

fn topics(out: &mut Exposition<'_>, topics: &[TopicReport]) -> fmt::Result {
    let mut by_topic = |name: &str, help: &str, of: fn(&TopicReport) -> u64| {
        let rows = topics.iter().map(|t| ([("topic", &*t.topic)], of(t)));
        out.counters(name, help, rows)
    };
    by_topic(
        "gossip_copies",
        "Copies of gossip messages that came over the wire",
        |t| t.copies,
    )?;
    by_topic(
        "gossip_duplicates",
        "Copies of messages that the router knew already",
        |t| t.duplicates,
    )?;
    by_topic(
        "gossip_received",
        "Gossip messages that were given a verdict",
        |t| t.received,
    )?;
    by_topic(
        "gossip_accepted",
        "Messages that were valid and new, and were passed on",
        |t| t.accepted,
    )?;
    by_topic("gossip_published", "Messages of this node", |t| t.published)?;
    let ignored = topics.iter().flat_map(|t| {
        let count = |why: &Ignored| t.ignored.get(why.label()).copied().unwrap_or_default();
        let row =
            move |why: &Ignored| ([("topic", &*t.topic), ("reason", why.label())], count(why));
        Ignored::ALL.iter().map(row)
    });
    out.counters("gossip_ignored", "Messages of no use, by reason", ignored)?;
    let rejected = topics.iter().flat_map(|t| {
        let row = |(offence, n)| ([("topic", &*t.topic), ("offence", offence)], n);
        t.rejected.iter().map(move |(o, n)| row((o.as_str(), *n)))
    });
    out.counters(
        "gossip_rejected",
        "Messages that no honest peer sends, by offence",
        rejected,
    )?;
    let layers = || {
        topics.iter().flat_map(|t| {
            let row = move |l| (t, l);
            t.layers.iter().map(row)
        })
    };
    let entered = layers().map(|(t, l)| ([("topic", &*t.topic), ("layer", &*l.layer)], l.entered));
    out.counters(
        "gossip_layer_messages",
        "Messages that reached a layer of validation",
        entered,
    )?;
    let took = layers().map(|(t, l)| {
        let labels = [("topic", &*t.topic), ("layer", &*l.layer)];
        (labels, l.nanoseconds as f64 / 1e9)
    });
    out.seconds("gossip_layer", "Time spent in a layer of validation", took)
}

fn meshes(out: &mut Exposition<'_>, meshes: &[MeshReport]) -> fmt::Result {
    let mut by_topic = |name: &str, help: &str, of: fn(&MeshReport) -> usize| {
        let rows = meshes
            .iter()
            .map(|m| ([("topic", &*m.topic)], of(m) as u64));
        out.gauges(name, help, rows)
    };
    by_topic("gossip_mesh_peers", "Peers in the mesh of a topic", |m| {
        m.mesh.len()
    })?;
    by_topic(
        "gossip_listeners",
        "Connected peers that listen to a topic",
        |m| m.listeners,
    )?;
    by_topic(
        "gossip_fanout",
        "Peers that a message of ours is sent to at once",
        |m| m.fanout,
    )
}

fn judging(out: &mut Exposition<'_>, report: &GossipReport) -> fmt::Result {
    let refused = report.refused.iter();
    out.counters(
        "gossip_bucket_refusals",
        "Messages ignored because a token bucket was empty, by bucket",
        refused.map(|(bucket, n)| ([("bucket", &**bucket)], *n)),
    )?;
    let tables = [("messages", &report.seen), ("transactions", &report.spread)];
    let rows = tables.iter().flat_map(|(set, seen): &(_, &SeenReport)| {
        let row = |table, ids| ([("set", *set), ("table", table)], ids);
        [
            row("exact", seen.exact as u64),
            row("filter", seen.filtered),
        ]
    });
    let app = [
        ("app_signed", report.app.seen_signed),
        ("app_unsigned", report.app.seen_unsigned),
    ];
    let app = app.map(|(set, ids)| ([("set", set), ("table", "exact")], ids as u64));
    out.gauges("gossip_seen_ids", "Ids remembered as seen", rows.chain(app))
}

fn blocks(out: &mut Exposition<'_>, report: &GossipReport) -> fmt::Result {
    let compact = &report.compact;
    out.counters(
        "compact_blocks",
        "Announced blocks by what became of them: rebuilt, or fetched whole by sync",
        [("rebuilt", compact.blocks), ("full", compact.full)].map(|(r, n)| ([("result", r)], n)),
    )?;
    let known = compact.items.saturating_sub(compact.requested);
    out.counters(
        "compact_items",
        "Transactions and proofs of rebuilt blocks by whether they were here or asked for",
        [("here", known), ("requested", compact.requested)].map(|(s, n)| ([("source", s)], n)),
    )?;
    if let Some(rate) = compact.hit_rate {
        out.fraction(
            "compact_hit_rate",
            "Share of the items of rebuilt blocks that were not asked for",
            rate,
        )?;
    }
    out.counter(
        "compact_round_trips",
        "Requests that rebuilding blocks took",
        compact.round_trips,
    )?;
    out.counter(
        "compact_bytes_saved",
        "Bytes that whole blocks would have cost beyond what was moved",
        compact.bytes_saved,
    )?;
    out.delays(
        "block_import_delay",
        "From the arrival of the first announce of a block to its import",
        &compact.import,
    )
}

fn sets(out: &mut Exposition<'_>, report: &GossipReport) -> fmt::Result {
    let sets = &report.reconciliation;
    let gave_up = sets.gave_up.iter().map(|(why, n)| (&**why, *n));
    let results = [("done", sets.sessions)].into_iter().chain(gave_up);
    out.counters(
        "reconciliations",
        "Sets reconciled with a peer, by result",
        results.map(|(result, n)| ([("result", result)], n)),
    )?;
    out.counter(
        "reconciliation_round_trips",
        "Requests of reconciliations that were answered",
        sets.round_trips,
    )?;
    out.counter(
        "reconciliation_bytes",
        "Bytes spent on reconciliations, both directions",
        sets.bytes,
    )?;
    out.counter(
        "reconciliation_bytes_saved",
        "Bytes that sending all ids would have cost beyond those",
        sets.saved,
    )?;
    let i = &report.inventory;
    let events = [
        ("requests", i.requests),
        ("asked", i.asked),
        ("received", i.received),
        ("duplicates", i.duplicates),
        ("stale", i.stale),
        ("not_found", i.not_found),
        ("withheld", i.withheld),
        ("flooded", i.flooded),
        ("lost", i.lost),
        ("announced", i.announced),
        ("unannounced", i.unannounced),
    ];
    out.counters(
        "inventory",
        "Objects announced and asked for, by what happened",
        events.map(|(event, n)| ([("event", event)], n)),
    )
}

fn objects(out: &mut Exposition<'_>, levels: &GossipLevels) -> fmt::Result {
    let pool = levels.pool;
    let transactions = pool.transactions as u64;
    out.gauge("pool_transactions", "Transactions that wait", transactions)?;
    out.gauge("pool_bytes", "Their bytes", pool.bytes as u64)?;
    let shares = &levels.report.shares;
    let held = shares.iter().map(|(t, s)| ([("type", &**t)], s.held));
    out.gauges("shares", "Shares held, by type", held)?;
    let bytes = shares.iter().map(|(t, s)| ([("type", &**t)], s.bytes));
    out.gauges("share_bytes", "Bytes of shares held, by type", bytes)?;
    let verdicts = shares.iter().flat_map(|(t, s)| {
        let verdicts = [
            ("accepted", s.accepted),
            ("ignored", s.ignored),
            ("rejected", s.rejected),
            ("evicted", s.evicted),
        ];
        verdicts.map(|(verdict, n)| ([("type", &**t), ("verdict", verdict)], n))
    });
    out.counters(
        "share_verdicts",
        "Shares judged, and those displaced later, by type",
        verdicts,
    )?;
    let blobs = &levels.report.blobs;
    out.gauge("blobs_tracked", "Announced blobs remembered", blobs.tracked)?;
    out.counters(
        "blobs_judged",
        "Blobs of peers that were sampled, by result",
        [("available", blobs.available), ("withheld", blobs.withheld)]
            .map(|(result, n)| ([("result", result)], n)),
    )?;
    out.counters(
        "blob_samples",
        "Samples of blobs that were checked, by result",
        [("verified", blobs.samples), ("bad_proof", blobs.bad_proofs)]
            .map(|(result, n)| ([("result", result)], n)),
    )?;
    let store = levels.blob_store;
    out.gauge("blob_store_blobs", "Blobs in the store", store.blobs)?;
    out.gauge("blob_store_bytes", "Bytes they take", store.bytes)?;
    out.gauge(
        "blob_store_capacity_bytes",
        "Most bytes they may take",
        store.max_bytes,
    )?;
    out.counter(
        "blob_store_evicted",
        "Blobs dropped for newer ones",
        store.evicted,
    )
}

fn messages(out: &mut Exposition<'_>, levels: &GossipLevels) -> fmt::Result {
    let app = &levels.report.app;
    let events = [
        ("originated", app.originated),
        ("delivered", app.delivered),
        ("duplicate", app.duplicates),
        ("expired", app.expired),
        ("parked", app.parked),
    ];
    out.counters(
        "app_messages",
        "Application messages, by what became of them",
        events.map(|(event, n)| ([("event", event)], n)),
    )?;
    out.delays(
        "app_message_delay",
        "Age of application messages on arrival, by our clock and the sender's",
        &app.delay,
    )?;
    let direct = &levels.direct;
    let events = [
        ("sent", direct.sent),
        ("acknowledged", direct.acknowledged),
        ("refused", direct.refused),
        ("received", direct.received),
        ("unwanted", direct.unwanted),
        ("paced", direct.paced),
        ("blocked", direct.blocked),
    ];
    out.counters(
        "direct_messages",
        "Direct messages, by what became of them; paced and blocked count waits",
        events.map(|(event, n)| ([("event", event)], n)),
    )?;
    let bytes = [("in", direct.received_bytes), ("out", direct.sent_bytes)];
    out.counters(
        "direct_bytes",
        "Content of direct messages",
        bytes.map(|(dir, n)| ([("dir", dir)], n)),
    )
}
