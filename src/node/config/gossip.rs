//! `[gossip]`: live data. `specs/gossip/configuration.md` says what each figure does.

use serde::{Deserialize, Serialize};

/// `[gossip]`: the mesh, its memory, reconciliation, application messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gossip {
    /// Peers of a topic's mesh: each message goes to about this many.
    pub mesh: u32,
    /// Below this many peers the mesh takes in more. Follows `mesh` as 4 to 6 unless set.
    pub mesh_low: u32,
    /// Above this many peers it lets some go. Follows `mesh` as 12 to 6 unless set.
    pub mesh_high: u32,
    /// Of the mesh at least this many were dialled by us.
    pub mesh_outbound: u32,
    /// Peers outside the mesh that are told of recent messages at each heartbeat, at least.
    pub lazy: u32,
    /// The same as a share of those outside the mesh, in percent.
    pub lazy_percent: u8,
    /// How long a promised message may take before its announcer is held to have lied, in
    /// milliseconds.
    pub promise_ms: u64,
    /// How long a peer that was let go must not come back into the mesh, in seconds.
    pub prune_backoff_secs: u64,
    /// How long peers are kept for a topic that nobody of the mesh listens to, in seconds.
    pub fanout_ttl_secs: u64,
    /// Time between two heartbeats, in milliseconds.
    pub heartbeat_ms: u64,
    /// Heartbeats for which a message can be asked for.
    pub history: u32,
    /// Heartbeats for which it is announced.
    pub history_gossip: u32,
    /// How long the router knows a message it has seen, in seconds.
    pub duplicates_secs: u64,
    /// Messages that may wait for one peer.
    pub queue: u32,
    /// Messages longer than this many bytes are called off at other peers when they arrive.
    pub call_off_bytes: u32,
    /// Whether messages of this node go to every peer that listens instead of the mesh alone.
    pub flood_publish: bool,
    /// How long a validated message is remembered at least, in seconds.
    pub seen_secs: u64,
    /// How many later messages it is remembered for at least within that time.
    pub seen_ids: u64,
    /// Of how many of the newest the ids themselves are kept.
    pub seen_exact: u32,
    /// Between two reconciliations in turn, in seconds.
    pub reconcile_secs: u64,
    /// How long an application message lives unless its sender says otherwise, in seconds.
    pub message_ttl_secs: u64,
    /// Whether to tell the network which peers this node has, and to collect what others tell.
    pub share_topology: bool,
    /// What peers may send.
    pub limits: GossipLimits,
}

impl Default for Gossip {
    fn default() -> Self {
        Self {
            mesh: 6,
            mesh_low: 4,
            mesh_high: 12,
            mesh_outbound: 2,
            lazy: 6,
            lazy_percent: 25,
            promise_ms: 3000,
            prune_backoff_secs: 60,
            fanout_ttl_secs: 60,
            heartbeat_ms: 1000,
            history: 6,
            history_gossip: 3,
            duplicates_secs: 120,
            queue: 1024,
            call_off_bytes: 16_384,
            flood_publish: true,
            seen_secs: 600,
            seen_ids: 100_000,
            seen_exact: 16_384,
            reconcile_secs: 30,
            message_ttl_secs: 600,
            share_topology: false,
            limits: GossipLimits::default(),
        }
    }
}

/// `[gossip.limits]`: what one peer may send. Bursts and bytes keep their proportion to the rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GossipLimits {
    /// Transactions per second.
    pub tx_per_sec: u32,
    /// Block announcements per minute.
    pub block_per_min: u32,
    /// Headers per second.
    pub header_per_sec: u32,
    /// Shares of one type per second.
    pub share_per_sec: u32,
    /// Blob announcements per second.
    pub blob_per_sec: u32,
    /// Application messages per second, signed and unsigned counted apart.
    pub app_per_sec: u32,
    /// What one address may send, in peers.
    pub address_factor: u32,
    /// What all may send together, in peers.
    pub global_factor: u32,
    /// Direct messages per second.
    pub direct_per_sec: u32,
    /// Their bytes, in MiB per second.
    pub direct_mib_per_sec: u32,
    /// Longest direct message that is taken, in MiB.
    pub direct_max_mib: u32,
}

impl Default for GossipLimits {
    fn default() -> Self {
        Self {
            tx_per_sec: 200,
            block_per_min: 60,
            header_per_sec: 7,
            share_per_sec: 26,
            blob_per_sec: 1,
            app_per_sec: 1000,
            address_factor: 4,
            global_factor: 8,
            direct_per_sec: 200_000,
            direct_mib_per_sec: 2048,
            direct_max_mib: 256,
        }
    }
}
