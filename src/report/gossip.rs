//! What gossip tells about itself. All counts are since the start of the node unless they say
//! otherwise.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Answer of `gossip stats`: what arrived by gossip since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GossipReport {
    /// By topic, in the order of the registry.
    pub topics: Vec<TopicReport>,
    /// Messages ignored because a token bucket was empty, by bucket; also in `ignored` of their
    /// topics.
    pub refused: BTreeMap<String, u64>,
    /// The set of ids seen before.
    pub seen: SeenReport,
    /// The set of transactions that have travelled.
    #[serde(default)]
    pub spread: SeenReport,
    /// Blocks that came as compact blocks.
    #[serde(default)]
    pub compact: CompactReport,
    /// Sets reconciled with peers.
    #[serde(default)]
    pub reconciliation: ReconciliationReport,
    /// Objects announced and asked for.
    #[serde(default)]
    pub inventory: InventoryReport,
    /// Application messages.
    #[serde(default)]
    pub app: AppReport,
    /// Shares by type: `hash`, `ai`, `quantum`, `storage`, `vdf`.
    #[serde(default)]
    pub shares: BTreeMap<String, ShareReport>,
    /// Blobs of peers.
    #[serde(default)]
    pub blobs: BlobReport,
}

/// Blocks that came as compact blocks, since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CompactReport {
    /// Blocks rebuilt.
    pub blocks: u64,
    /// Announces that did not lead to their block, which sync then fetched whole.
    pub full: u64,
    /// Transactions and proofs of the rebuilt blocks.
    pub items: u64,
    /// Of them, those that had to be asked for.
    pub requested: u64,
    /// Share of the items that had not; absent before the first item.
    pub hit_rate: Option<f64>,
    /// Round trips after the announces.
    pub round_trips: u64,
    /// Bytes of the rebuilt blocks.
    pub block_bytes: u64,
    /// Bytes of announces, requests and answers.
    pub moved_bytes: u64,
    /// Bytes that whole blocks would have cost beyond those.
    pub bytes_saved: u64,
    /// From the arrival of a block's first announce to its import.
    pub import: DelayReport,
}

/// Sets reconciled with peers, since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReconciliationReport {
    /// Sessions that ended with both sets known.
    pub sessions: u64,
    /// Sessions that did not, by reason.
    pub gave_up: BTreeMap<String, u64>,
    /// Requests that were answered.
    pub round_trips: u64,
    /// Bytes sent and received, those of sessions that were given up included.
    pub bytes: u64,
    /// Bytes that inventories of the peers' whole sets would have cost beyond those.
    pub saved: u64,
    /// Items that only we had.
    pub only_here: u64,
    /// Items that only the peer had.
    pub only_there: u64,
}

/// Objects announced and asked for, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryReport {
    /// Requests for objects sent.
    pub requests: u64,
    /// Objects asked for, once per request that named them.
    pub asked: u64,
    /// Objects received and handed on.
    pub received: u64,
    /// Objects received that were here by then.
    pub duplicates: u64,
    /// Announcements of what was here, or refused, already.
    pub stale: u64,
    /// Announced objects that the announcer then said it does not have.
    pub not_found: u64,
    /// Requests that brought nothing in time.
    pub withheld: u64,
    /// Announced objects forgotten because their announcer had announced too many.
    pub flooded: u64,
    /// Objects no announcer of which is left.
    pub lost: u64,
    /// Announcements sent and acknowledged, by item.
    pub announced: u64,
    /// Announcements dropped because their peer took none, by item.
    pub unannounced: u64,
}

/// Application messages, since the start unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AppReport {
    /// Messages of our own.
    pub originated: u64,
    /// Messages of others that were valid and new.
    pub delivered: u64,
    /// Messages seen before.
    pub duplicates: u64,
    /// Messages whose time had passed.
    pub expired: u64,
    /// Messages that waited for a key.
    pub parked: u64,
    /// Ids of signed messages remembered now.
    pub seen_signed: usize,
    /// Ids of unsigned messages remembered now.
    pub seen_unsigned: usize,
    /// Bytes of recent messages held now for peers that come late.
    pub recent_bytes: usize,
    /// How old messages of others were when they arrived, by our clock and the sender's.
    pub delay: DelayReport,
}

/// Shares of one type. Counts are since the start unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareReport {
    /// Shares held now.
    pub held: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Valid and new.
    pub accepted: u64,
    /// Of no use.
    pub ignored: u64,
    /// Never sent by an honest peer.
    pub rejected: u64,
    /// Displaced by others.
    pub evicted: u64,
}

/// Blobs of peers. Counts are since the start unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobReport {
    /// Blobs remembered now.
    pub tracked: u64,
    /// Of them, those about which nothing is decided.
    pub open: u64,
    /// Requests that run now.
    pub in_flight: u64,
    /// Announcements accepted.
    pub accepted: u64,
    /// Announcements of no use.
    pub ignored: u64,
    /// Announcements rejected.
    pub rejected: u64,
    /// Blobs found available.
    pub available: u64,
    /// Blobs found withheld.
    pub withheld: u64,
    /// Samples that verified.
    pub samples: u64,
    /// Answers with a proof that did not.
    pub bad_proofs: u64,
}

/// A histogram of delays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DelayReport {
    /// How many.
    pub count: u64,
    /// Their sum in milliseconds.
    pub sum_ms: f64,
    /// Upper ends of the buckets in milliseconds.
    pub bounds_ms: Vec<u64>,
    /// How many fell in each bucket, not cumulated; one more than bounds, for the rest.
    pub buckets: Vec<u64>,
}

/// The mesh of one gossip topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeshReport {
    /// Last part of the topic's name.
    pub topic: String,
    /// PeerIds of those that messages go to.
    pub mesh: Vec<String>,
    /// Connected peers that listen to the topic.
    pub listeners: usize,
    /// Peers that a message of ours goes to at once.
    #[serde(default)]
    pub fanout: usize,
}

/// Who is connected to whom, as far as nodes share it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopologyReport {
    /// Nodes that told of their neighbours lately, this one included, ordered by PeerId.
    pub nodes: Vec<NodeReport>,
}

/// What one node says of its connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// PeerId.
    pub peer_id: String,
    /// PeerIds of those it is connected to, 128 at most.
    pub neighbours: Vec<String>,
    /// Seconds since it said so.
    pub age_s: u64,
}

/// What waits for a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MempoolReport {
    /// Transactions.
    pub transactions: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// What arrived on one topic since the start. Counts are messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicReport {
    /// Last part of the topic's name.
    pub topic: String,
    /// Messages that gossipsub handed up and that were given a verdict.
    pub received: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Messages of this node's own.
    pub published: u64,
    /// Their bytes, once each.
    pub bytes_out: u64,
    /// Valid and new, passed on.
    pub accepted: u64,
    /// Of no use, by reason.
    pub ignored: BTreeMap<String, u64>,
    /// Never sent by an honest peer, by offence.
    pub rejected: BTreeMap<String, u64>,
    /// The layers of validation, in order.
    pub layers: Vec<LayerReport>,
    /// Copies of messages that came over the wire.
    #[serde(default)]
    pub copies: u64,
    /// Their bytes.
    #[serde(default)]
    pub copy_bytes: u64,
    /// Of the copies, those of messages that gossipsub knew already.
    #[serde(default)]
    pub duplicates: u64,
}

/// What one layer of validation did on one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerReport {
    /// Its name.
    pub layer: String,
    /// Messages that reached it.
    pub entered: u64,
    /// Nanoseconds spent in it.
    pub nanoseconds: u64,
}

/// The set of ids seen before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenReport {
    /// Ids in the exact table.
    pub exact: usize,
    /// Most it holds.
    pub exact_capacity: usize,
    /// Ids in the filter, over all generations.
    pub filtered: u64,
    /// Generations of the filter.
    pub generations: usize,
    /// Generations begun after the first.
    pub rotations: u64,
    /// Bytes of the filter's bits.
    pub filter_bytes: usize,
    /// Ids asked for that were new.
    pub new: u64,
    /// Ids asked for that the exact table had.
    pub duplicates_exact: u64,
    /// Ids asked for that only the filter had; about one in ten thousand of `new` errs.
    pub duplicates_probable: u64,
}
