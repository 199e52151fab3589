//! What a node tells about itself: plain data, the same in the library, over the control socket
//! and as `--json`.
//!
//! Fields may be added in later versions; those that stand here keep their names and types.

mod gossip;
mod peers;

use serde::{Deserialize, Serialize};

use crate::ids::{ChainId, Hash32, Height, Work};

pub use self::gossip::{
    AppReport, BlobReport, CompactReport, DelayReport, GossipReport, InventoryReport, LayerReport,
    MempoolReport, MeshReport, NodeReport, ReconciliationReport, SeenReport, ShareReport,
    TopicReport, TopologyReport,
};
pub use self::peers::{
    DhtPutReport, DhtStatsReport, DhtValueReport, DiscoveryReport, ExplainReport,
    KnownAddressReport, KnownPeerReport, ObservedReport, PeeringReport, SourceReport,
    TrustEventReport, TrustLevels, TrustReport, UnbanReport,
};

/// Answer of `status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// This node's PeerId.
    pub peer_id: String,
    /// Dialable addresses, each ending in `/p2p/…`.
    pub addresses: Vec<String>,
    /// The chain it speaks.
    pub chain_id: ChainId,
    /// Hash of the genesis header.
    pub genesis: Hash32,
    /// The fully imported head.
    pub head: HeadReport,
    /// Connected peers.
    pub peers: usize,
    /// Where sync stands.
    pub sync: SyncReport,
    /// URL of `/metrics`, if HTTP is on.
    pub metrics: Option<String>,
    /// Version of the node.
    pub version: String,
    /// Seconds since it started.
    pub uptime_s: u64,
    /// Root of the algorithm policy in force.
    pub policy_root: Hash32,
    /// The KEM the policy demands, both halves.
    pub kem: String,
    /// The data directory, unless the node runs in memory.
    pub data_dir: Option<String>,
}

/// A block that heads a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadReport {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: Hash32,
    /// Work of the branch up to and with it, a decimal string in JSON.
    pub work: Work,
}

/// What sync is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncPhase {
    /// Nobody to sync from.
    #[default]
    Idle,
    /// Headers are being fetched.
    Headers,
    /// Headers are known, bodies are being fetched.
    Blocks,
    /// At the best known head, following it.
    Following,
    /// There is more work out there and nothing arrives.
    Stalled,
}

impl SyncPhase {
    /// Every phase, for metrics.
    pub const ALL: &'static [Self] = &[
        Self::Idle,
        Self::Headers,
        Self::Blocks,
        Self::Following,
        Self::Stalled,
    ];

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Headers => "headers",
            Self::Blocks => "blocks",
            Self::Following => "following",
            Self::Stalled => "stalled",
        }
    }
}

/// Answer of `sync status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncReport {
    /// What it is doing.
    pub phase: SyncPhase,
    /// Height of the best head that a peer announced or that we have.
    pub best_known_height: Height,
    /// Height of the best verified header.
    pub header_height: Height,
    /// Height of the imported head.
    pub height: Height,
    /// Headers per second over the last seconds, while headers are fetched.
    pub headers_per_s: f64,
    /// Blocks per second over the last seconds, while bodies are fetched.
    pub blocks_per_s: f64,
    /// Bytes of bodies per second over the last seconds.
    pub bytes_per_s: f64,
    /// Seconds to the best known height at this rate.
    pub eta_s: Option<u64>,
    /// Why nothing arrives, when `phase` is `stalled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled_reason: Option<String>,
    /// Peers that sync is using.
    #[serde(default)]
    pub sync_peers: usize,
}

/// Which side dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// They dialled us.
    Inbound,
    /// We dialled them.
    Outbound,
}

/// One row of `peer list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeerReport {
    /// PeerId.
    pub peer_id: String,
    /// The address of the connection as we see it.
    pub address: String,
    /// Who dialled.
    pub direction: Direction,
    /// `tcp`, `memory`, …
    pub transport: String,
    /// Both halves of the key exchange, `x25519+ml-kem-768`.
    pub kem: String,
    /// The peer's identity signature, both halves.
    pub signature: String,
    /// Cipher of the records.
    pub aead: String,
    /// Whether a delegated key signed.
    pub delegated: bool,
    /// Last measured round trip in milliseconds.
    pub rtt_ms: Option<f64>,
    /// Height of the head it announced.
    pub head_height: Option<Height>,
    /// What it calls itself, escaped.
    pub agent: Option<String>,
    /// Seconds since the connection was established.
    pub connected_s: u64,
    /// How much it is believed, 0 to 1; absent before it did anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<f64>,
    /// Always dialled again, never evicted, never banned.
    #[serde(default)]
    pub reserved: bool,
    /// Preferred by the operator.
    #[serde(default)]
    pub trusted: bool,
    /// Why it has a place: `inbound`, `outbound`, `asked` (a person gave its address) or `reserved`;
    /// absent while it leaves, and of a connection that a query of the hash table borrows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
}

/// Answer of `ping`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PingReport {
    /// Whom we reached.
    pub peer_id: String,
    /// Where.
    pub address: String,
    /// Whether the connection was made for this ping.
    pub fresh_connection: bool,
    /// Milliseconds from the first handshake byte to the session.
    pub handshake_ms: Option<f64>,
    /// Handshake bytes sent and received.
    pub handshake_bytes: Option<(u64, u64)>,
    /// Round trips the dialler waited for before it could send.
    pub round_trips: u32,
    /// Both halves of the key exchange.
    pub kem: String,
    /// The peer's identity signature.
    pub signature: String,
    /// Cipher of the records.
    pub aead: String,
    /// Round trip of a ping over the connection, milliseconds.
    pub rtt_ms: f64,
}

/// Answer of `ping --signed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignedPingReport {
    /// Who signed the answer.
    pub peer_id: String,
    /// Where we reached it.
    pub address: String,
    /// Whether the connection was made for this ping.
    pub fresh_connection: bool,
    /// Milliseconds from asking to the answer, both signatures and one verification included.
    pub rtt_ms: f64,
    /// How far the peer's clock is ahead of ours, milliseconds; below zero if it is behind. As
    /// precise as half the round trip.
    pub clock_offset_ms: i64,
    /// The algorithm of the key that signed.
    pub signature: String,
    /// Whether that key signs by delegation of the identity.
    pub delegated: bool,
    /// The nonce that was signed, hex.
    pub nonce: String,
}

/// One ban in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BanReport {
    /// Who is banned: a PeerId, an IP address or a group of addresses.
    pub subject: String,
    /// `peer`, `address` or `group`.
    pub kind: String,
    /// Why.
    pub reason: String,
    /// What it did, in words.
    pub evidence: String,
    /// Who banned: `node` or `operator`.
    pub by: String,
    /// When it began, milliseconds since the UNIX epoch.
    pub since_ms: u64,
    /// When it ends, milliseconds since the UNIX epoch.
    pub until_ms: u64,
}

/// A criterion of readiness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criterion {
    /// Its stable name.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was found.
    pub detail: String,
}

/// Answer of `/readyz?verbose`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether every criterion holds.
    pub ready: bool,
    /// The criteria.
    pub criteria: Vec<Criterion>,
    /// Depth and capacity of every queue.
    pub queues: Vec<QueueReport>,
}

/// A bounded queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueReport {
    /// Its name.
    pub name: String,
    /// Items in it.
    pub depth: usize,
    /// Most it holds.
    pub capacity: usize,
    /// Items refused because it was full, since the start.
    pub dropped: u64,
}

/// Answer of `chain mine` and `publish headers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MineReport {
    /// Blocks made and imported.
    pub count: u64,
    /// The new head.
    pub head: HeadReport,
    /// Seconds it took.
    pub seconds: f64,
}

/// Answer of `stats`: counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatsReport {
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Connected peers.
    pub peers: usize,
    /// Bytes received over all connections, channel overhead excluded.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Handshakes that succeeded.
    pub handshakes_ok: u64,
    /// Handshakes that failed or were refused.
    pub handshakes_failed: u64,
    /// Blocks imported.
    pub blocks_imported: u64,
    /// Headers stored.
    pub headers_stored: u64,
    /// Offences seen.
    pub offences: u64,
    /// Bans in force.
    pub bans: Vec<BanReport>,
    /// Bytes of the store on disk.
    pub store_bytes: u64,
}
