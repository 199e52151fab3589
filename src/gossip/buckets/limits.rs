//! The figures and why they are what they are.

use serde::{Deserialize, Serialize};

use crate::{bucket::Rate, registry::Topic};

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

/// What one peer may send on one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// Messages, each for [`Allowance::weight`] of them.
    pub messages: Rate,
    /// What a message costs of `messages`. One, but for rates that are no whole number a second:
    /// 60 makes `messages` a rate per minute.
    pub weight: u32,
    /// Bytes of messages. A message larger than the burst costs the burst.
    pub bytes: Rate,
}

/// What peers may send. Every peer passes on what others wrote, so an allowance is that of a
/// topic's whole traffic through one neighbour, not that of one author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Headers. 64 in ten seconds, 64 KiB/s with 256 KiB at once: the original's. A chain makes
    /// one in two seconds; the burst lets a miner that catches up be followed.
    pub headers: Allowance,
    /// Block announcements. 60 a minute (the original's 8 in ten seconds allow 48). Bytes are twice
    /// the original's, with room for the largest announcement: the six-byte short ids of 60 000
    /// transactions are 360 kB.
    pub blocks: Allowance,
    /// Transactions. 200/s with 1000 at once; the original's 64 in five seconds would make a block
    /// of 20 000 take 26 minutes to gather. Bytes follow from post-quantum signatures: 10 KiB for
    /// each transaction, as the original's 128 KiB/s would admit 13 of them a second.
    pub txs: Allowance,
    /// Shares of one type (hash, AI and quantum shares each have buckets). 128 in five seconds,
    /// 512 KiB/s with 1.5 MiB at once: the original's.
    pub shares: Allowance,
    /// Announcements of blobs. 8 in ten seconds is the original's, rounded up to one a second.
    /// Bytes are those of as many of the largest announcements: its 2 MiB/s were for blobs, which
    /// do not travel by gossip here.
    pub blobs: Allowance,
    /// Signed application messages. The original has no such topic; bytes are twice its global
    /// bucket, and 1000 messages a second take a tenth of a core to verify, at 0.1 ms for both
    /// signatures.
    pub app: Allowance,
    /// Unsigned application messages.
    pub app_unsigned: Allowance,
    /// What one address (IPv4, or IPv6 /64) may send, in peers: four behind one address send as
    /// they like. Larger lets one machine with many identities take more; smaller slows those who
    /// share an address, as on a test network.
    pub address_factor: u32,
    /// What all may send together, in peers. Eight of them at their limit cost most of a core in
    /// signed application messages; larger would let them take all of it, smaller lets fewer peers
    /// that flood keep the others out. Topics have no common bucket, so that none starves another.
    pub global_factor: u32,
    /// Peers with buckets of their own; about 800 B each. Only those that sent in the last
    /// minute count, and beyond that many they share one row.
    pub peers: usize,
    /// Addresses with buckets of their own, likewise.
    pub addresses: usize,
}

impl Limits {
    /// What a peer may send on `topic`.
    #[must_use]
    pub fn of(&self, topic: Topic) -> Allowance {
        match topic {
            Topic::Headers => self.headers,
            Topic::Blocks => self.blocks,
            Topic::Txs => self.txs,
            Topic::SharesHash | Topic::SharesAi | Topic::SharesQuantum => self.shares,
            Topic::Blobs => self.blobs,
            Topic::App => self.app,
            Topic::AppUnsigned => self.app_unsigned,
        }
    }

    /// The part of a topic that one peer can take from all others.
    #[must_use]
    pub fn peer_share(&self) -> f64 {
        1.0 / f64::from(self.global_factor.max(1))
    }

    /// Limits that nothing reaches, for measuring what else limits a node.
    #[must_use]
    pub fn unlimited() -> Self {
        let all = allowance((u32::MAX, u32::MAX), (u32::MAX, u32::MAX));
        Self {
            headers: all,
            blocks: all,
            txs: all,
            shares: all,
            blobs: all,
            app: all,
            app_unsigned: all,
            ..Self::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let app = allowance((1000, 4000), (4 * MIB, 16 * MIB));
        Self {
            headers: allowance((7, 64), (64 * KIB, 256 * KIB)),
            blocks: allowance((1, 60), (256 * KIB, 2 * MIB)),
            txs: allowance((200, 1000), (2 * MIB, 10 * MIB)),
            shares: allowance((26, 128), (512 * KIB, 1536 * KIB)),
            blobs: allowance((1, 8), (64 * KIB, 512 * KIB)),
            app,
            app_unsigned: app,
            address_factor: 4,
            global_factor: 8,
            peers: 4096,
            addresses: 4096,
        }
    }
}

/// Messages and bytes, each per second and at once.
fn allowance(messages: (u32, u32), bytes: (u32, u32)) -> Allowance {
    let rate = |(per_second, burst)| Rate { per_second, burst };
    Allowance {
        messages: rate(messages),
        weight: 1,
        bytes: rate(bytes),
    }
}
