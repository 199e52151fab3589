//! What a node tells about others: the book, trust, bans, discovery, the hash table.

use serde::{Deserialize, Serialize};

use super::{BanReport, PeerReport};

/// A peer in the address book: a row of `peer known`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownPeerReport {
    /// PeerId.
    pub peer_id: String,
    /// Where it may be reached.
    pub addresses: Vec<KnownAddressReport>,
    /// Whether its signed record is here.
    pub record: bool,
    /// Whether a connection to it ever worked.
    pub tried: bool,
    /// Whether it is connected now.
    pub connected: bool,
    /// Always dialled again, never evicted, never banned.
    pub reserved: bool,
    /// Preferred by the operator.
    pub trusted: bool,
    /// One of those that are dialled first after a restart.
    pub anchor: bool,
    /// Its score, 0 to 1.
    pub trust: f64,
}

/// An address and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownAddressReport {
    /// The address.
    pub address: String,
    /// Where it was learnt: `bootstrap`, `seed`, `lan`, `dht`, `exchange`, `identify`, `operator`.
    pub source: String,
    /// Its group: a /16 of IPv4, a /32 of IPv6, `local` or `other`.
    pub group: String,
    /// Seconds since a connection to it worked.
    pub last_success_s: Option<u64>,
    /// Seconds since a dial of it failed.
    pub last_failure_s: Option<u64>,
    /// Failed dials in a row.
    pub failures: u32,
}

/// How much a peer is believed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrustReport {
    /// PeerId.
    pub peer_id: String,
    /// Its score, 0 to 1.
    pub score: f64,
    /// The part that our own experience made.
    pub direct: f64,
    /// The part that recommendations made, at most 0.2 either way.
    pub recommended: f64,
    /// 0.6 trust + 0.2 trend + 0.2 statistics.
    pub reputation: f64,
    /// Slope of the score over the last 100 interactions.
    pub trend: f64,
    /// Mean of the three below.
    pub statistics: f64,
    /// Valid messages of all, 0 to 1.
    pub valid_ratio: f64,
    /// Requests answered, and how fast, 0 to 1.
    pub responsiveness: f64,
    /// Time connected of the time known, 0 to 1.
    pub uptime: f64,
    /// Whether it counts as a recommender: enough experience with it, and trusted enough.
    pub recommends: bool,
    /// Below the threshold: not served, not connected.
    pub below_threshold: bool,
    /// Interactions so far.
    pub interactions: u64,
    /// Its score in the mesh of gossip.
    pub mesh: f64,
}

/// A line of the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrustEventReport {
    /// Its number in the trail; none while more of the same may still join it.
    pub seq: Option<u64>,
    /// Whose score moved.
    pub peer_id: String,
    /// What happened.
    pub event: String,
    /// How often in a row.
    pub count: u64,
    /// How far the score moved.
    pub delta: f64,
    /// The score afterwards.
    pub after: f64,
    /// When it happened first, milliseconds since the UNIX epoch.
    pub first_ms: u64,
    /// When it happened last.
    pub last_ms: u64,
    /// What shows it, if something does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// Answer of `peer explain`: all there is to say about a peer, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExplainReport {
    /// PeerId.
    pub peer_id: String,
    /// The verdict in words, one reason a line.
    pub summary: Vec<String>,
    /// The connection, if there is one.
    pub connection: Option<PeerReport>,
    /// How much it is believed, if it ever did anything here.
    pub trust: Option<TrustReport>,
    /// Its last events, the latest first.
    pub events: Vec<TrustEventReport>,
    /// Bans that cover it, its addresses or their groups.
    pub bans: Vec<BanReport>,
    /// Until when it is not dialled or admitted, milliseconds since the UNIX epoch.
    pub cool_down_until_ms: Option<u64>,
    /// What the book knows.
    pub known: Option<KnownPeerReport>,
}

/// Answer of `peer unban`: what was lifted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnbanReport {
    /// Bans that hold no more.
    pub lifted: Vec<BanReport>,
    /// Whether a cool-down was ended.
    pub cool_down: bool,
    /// Its score before.
    pub trust_before: Option<f64>,
    /// Its score now.
    pub trust_after: Option<f64>,
}

/// A source of addresses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    /// `bootstrap`, `lan`, `dht`, `exchange`, or the seed as it is configured.
    pub name: String,
    /// Whether it is used.
    pub on: bool,
    /// What it is doing, in words.
    pub state: String,
    /// Peers it named so far.
    pub found: u64,
    /// Seconds since it named some.
    pub last_s: Option<u64>,
    /// Why it fails, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Answer of `discovery status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DiscoveryReport {
    /// Every source.
    pub sources: Vec<SourceReport>,
    /// Peers in the book.
    pub known: usize,
    /// Most peers in the book.
    pub known_max: usize,
    /// Of them those that worked once.
    pub tried: usize,
    /// Bytes of node records held.
    pub record_bytes: u64,
    /// Most bytes of node records held.
    pub record_bytes_max: u64,
    /// Peers connected that dialled us.
    pub inbound: usize,
    /// Peers connected that we dialled.
    pub outbound: usize,
    /// Below this many peers everything is tried at once.
    pub min_peers: usize,
    /// Peers we want to have dialled.
    pub target_outbound: usize,
    /// Most peers.
    pub max_peers: usize,
    /// Dials under way.
    pub dialling: usize,
    /// `server` or `client` of the hash table, and why.
    pub dht_mode: String,
    /// Peers in the routing table.
    pub routing_peers: usize,
    /// Addresses told to others.
    pub announced: Vec<String>,
    /// Addresses that peers see us at, and whether enough of them do.
    pub observed: Vec<ObservedReport>,
}

/// An address at which peers say they see this node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObservedReport {
    /// The address.
    pub address: String,
    /// How many peers say so.
    pub peers: usize,
    /// Whether that is enough to tell others.
    pub confirmed: bool,
}

/// Answer of `dht put` and `dht delete`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DhtPutReport {
    /// The author's PeerId.
    pub author: String,
    /// The key as the author wrote it; empty for a content key.
    pub key: String,
    /// Where it lies: the key of the hash table, hex.
    pub address: String,
    /// Its number among the author's records for this key.
    pub seq: u64,
    /// When it ends, milliseconds since the UNIX epoch.
    pub expires_ms: u64,
    /// Other nodes that took it.
    pub copies: usize,
}

/// Answer of `dht get`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DhtValueReport {
    /// The author's PeerId.
    pub author: String,
    /// The key as the author wrote it; empty for a content key.
    pub key: String,
    /// Where it lies: the key of the hash table, hex.
    pub address: String,
    /// The value, hex.
    pub value: String,
    /// The value as text, if it is text.
    pub text: Option<String>,
    /// Its number among the author's records for this key.
    pub seq: u64,
    /// When it was written, milliseconds since the UNIX epoch.
    pub created_ms: u64,
    /// When it ends.
    pub expires_ms: u64,
    /// Nodes that had this version.
    pub holders: usize,
    /// Whether this node had it itself.
    pub local: bool,
}

/// Answer of `dht stats`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DhtStatsReport {
    /// `server` or `client`.
    pub mode: String,
    /// Peers in the routing table.
    pub routing_peers: usize,
    /// Records here.
    pub records: usize,
    /// Of them this node's own.
    pub own: usize,
    /// Of them tombstones.
    pub tombstones: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Most bytes.
    pub bytes_max: u64,
    /// Records of others taken since the start.
    pub stored: u64,
    /// Records of others refused since the start, by reason.
    pub refused: std::collections::BTreeMap<String, u64>,
    /// Values found since the start.
    pub found: u64,
    /// Values not found since the start.
    pub missed: u64,
}

/// What the peering task has done and holds: for metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PeeringReport {
    /// Where peers come from.
    pub discovery: DiscoveryReport,
    /// The hash table.
    pub dht: DhtStatsReport,
    /// Trust over all peers.
    pub trust: TrustLevels,
    /// Dials begun, by what became of them: `ok`, `failed`.
    pub dials: std::collections::BTreeMap<String, u64>,
    /// Connections this node ended, by reason.
    pub goodbyes_sent: std::collections::BTreeMap<String, u64>,
    /// Connections that peers ended with a reason.
    pub goodbyes_received: std::collections::BTreeMap<String, u64>,
    /// Node records of others, by what became of them.
    pub records: std::collections::BTreeMap<String, u64>,
    /// Signed pings of others, by what became of them.
    pub signed_pings: std::collections::BTreeMap<String, u64>,
    /// Pieces of signing and verifying refused because too many waited.
    pub refused_work: u64,
    /// Commits that failed, and whether the last one did.
    pub commit_failures: u64,
    /// Why the store of peers refuses writes, if it does.
    pub store_failing: Option<String>,
    /// Bytes of the store of peers on disk.
    pub store_bytes: u64,
}

/// Trust over all peers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrustLevels {
    /// Peers with a score.
    pub tracked: usize,
    /// Of them those below the threshold.
    pub below: usize,
    /// Mean score of connected peers.
    pub mean: f64,
    /// Cool-downs imposed since the start.
    pub cool_downs: u64,
    /// Events observed since the start, by name.
    pub events: std::collections::BTreeMap<String, u64>,
    /// Recommendations since the start, by what became of them.
    pub recommendations: std::collections::BTreeMap<String, u64>,
    /// Lines of the audit trail.
    pub audit_rows: u64,
    /// Their bytes.
    pub audit_bytes: u64,
}
