//! The tables of the configuration, one struct each.

use serde::{Deserialize, Serialize};

use super::address::Address;
use crate::peers::conduct::Profile;

/// `[network]`: connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Connections one peer may hold. Two, because both sides may dial at the same moment.
    pub max_per_peer: u32,
    /// Inbound connections from one public IP address.
    pub max_per_address: u32,
    /// Inbound connections from one /24 (IPv4) or /48 (IPv6).
    pub max_per_group: u32,
    /// Inbound connections from one loopback, private or link-local address.
    pub max_per_local_address: u32,
    /// Inbound connections that have not finished their handshake.
    pub max_pending: u32,
    /// Refuse new connections while the process holds more memory than this, in MiB; 0 = no limit.
    pub memory_limit_mib: u64,
    /// Peers that we dialled in one group of addresses: a /16 (IPv4) or /32 (IPv6).
    pub max_outbound_per_group: u32,
    /// How strict the node is about who shares an address.
    pub profile: Profile,
    /// Between two pings on a connection, in seconds.
    pub ping_secs: u64,
    /// How long a peer may take to say who it is, in seconds.
    pub identify_secs: u64,
    /// How long a peer may stay of no use before it is let go, in seconds; 0 = for ever.
    pub idle_secs: u64,
    /// How long nothing may be heard of a peer before it counts as gone, in seconds.
    pub dead_secs: u64,
    /// How long a lying peer stays banned, in seconds.
    pub ban_secs: u64,
    /// Addresses to tell peers, when they differ from what the node listens on.
    pub announce: Vec<Address>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            max_per_peer: 2,
            max_per_address: 8,
            max_per_group: 24,
            max_per_local_address: 64,
            max_pending: 4000,
            memory_limit_mib: 0,
            max_outbound_per_group: 2,
            profile: Profile::Standard,
            ping_secs: 15,
            identify_secs: 10,
            idle_secs: 0,
            dead_secs: 60,
            ban_secs: 3600,
            announce: Vec::new(),
        }
    }
}

/// `[sync]`: headers and blocks from peers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sync {
    /// Least total work a header chain must prove before any of it is stored: a decimal number, as
    /// a string because it may exceed 64 bits.
    pub minimum_chain_work: String,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            minimum_chain_work: "0".to_owned(),
        }
    }
}

/// `[storage]`: the data directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// Page cache of the database, in MiB.
    pub cache_mib: u64,
    /// Size at which a body segment is closed and the next one begun, in MiB.
    pub segment_mib: u64,
    /// Most disk space for blobs, in MiB; the oldest go first.
    pub blobs_mib: u64,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            cache_mib: 32,
            segment_mib: 512,
            blobs_mib: 1024,
        }
    }
}

/// `[pool]`: transactions that wait for a block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pool {
    /// Most transactions.
    pub max_txs: u32,
    /// Most bytes of transactions, in MiB.
    pub max_mib: u64,
    /// How long a transaction may wait, in seconds.
    pub ttl_secs: u64,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            max_txs: 100_000,
            max_mib: 64,
            ttl_secs: 1800,
        }
    }
}

/// `[log]`: log lines on standard error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `text` or `json`.
    pub format: LogFormat,
    /// A level (`error`, `warn`, `info`, `debug`, `trace`) or a filter such as
    /// `animica_p2p::sync=debug`; empty means `info`. `-v` and `RUST_LOG` override it.
    pub level: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}
