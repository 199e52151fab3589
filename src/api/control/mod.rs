//! The control socket: how commands reach a running node.
//!
//! A Unix socket, mode 0600, in the data directory. Requests and answers are JSON objects, one per
//! line: `{"cmd": …, "args": {…}}` is answered by any number of `{"progress": …}` and, for
//! `messages`, `{"item": …}` lines and then exactly one `{"ok": …}` or `{"error": {code, message, hint}}`. Requests of one connection are
//! served one after the other. See `specs/api.md`.
//!
//! Whoever can open the socket can do everything the node's operator can; the file mode is the
//! whole access control. Nothing on TCP reaches it.

use serde::{Deserialize, Serialize};

use super::{
    archive::ExportRequest,
    code::Failure,
    publish::{AppRequest, BlobRequest, TxsRequest},
    talk::{MessagesRequest, SendRequest},
};
use crate::chain::miner::MineRequest;

mod client;
mod server;
mod socket;

pub use self::{
    client::Client,
    server::{Control, Progress, serve},
    socket::{SOCKET_NAME, bind, connect},
};

/// Longest request line. The longest real one carries a share of 256 KiB in hex; a larger limit
/// would only let a confused client hold memory.
pub const MAX_REQUEST_BYTES: usize = 640 * 1024;

/// Longest answer line a client reads: a peer list of ten thousand rows has about 5 MB.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Connections served at the same time. A script that leaks connections waits; the operator's own
/// next command is served when one of them idles out.
pub const MAX_CONNECTIONS: usize = 32;

/// How long a connection may stay silent between requests before it is closed.
pub const IDLE_SECS: u64 = 30;

/// A request to a running node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cmd", content = "args", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Request {
    /// Who the node is and how it does.
    Status,
    /// Counters since the start.
    Stats,
    /// Where sync stands.
    SyncStatus,
    /// Readiness with its criteria.
    Ready,
    /// Connected peers.
    PeerList,
    /// Dial and wait until the peer has accepted.
    PeerConnect {
        /// The address.
        addr: String,
    },
    /// Close every connection to a peer.
    PeerDisconnect {
        /// Its PeerId.
        peer: String,
    },
    /// One connected peer, or what the book knows of it.
    PeerShow {
        /// Its PeerId.
        peer: String,
    },
    /// Everything about a peer, and why.
    PeerExplain {
        /// Its PeerId.
        peer: String,
    },
    /// The address book.
    PeerKnown {
        /// At most so many.
        limit: usize,
    },
    /// Put an address into the book.
    PeerAdd {
        /// An address with `/p2p`.
        addr: String,
    },
    /// Forget a peer.
    PeerRemove {
        /// Its PeerId.
        peer: String,
    },
    /// Ban a peer, an address or a group.
    PeerBan {
        /// A PeerId, an IP address, or a group as `peer known` shows it.
        subject: String,
        /// For how long.
        secs: u64,
        /// Why.
        reason: String,
    },
    /// Lift bans at once.
    PeerUnban {
        /// A PeerId, an IP address, or a group.
        subject: String,
    },
    /// Bans in force.
    PeerBans,
    /// Prefer a peer, or set its score.
    PeerTrust {
        /// Its PeerId.
        peer: String,
        /// Its new score; without: prefer it.
        score: Option<f64>,
        /// Stop preferring it.
        off: bool,
    },
    /// Keep a peer whatever happens.
    PeerReserve {
        /// A PeerId, or an address with `/p2p`.
        target: String,
        /// Stop keeping it.
        off: bool,
    },
    /// How far a peer is believed.
    TrustShow {
        /// Its PeerId.
        peer: String,
    },
    /// The audit trail.
    TrustEvents {
        /// Of one peer.
        peer: Option<String>,
        /// At most so many lines.
        limit: usize,
    },
    /// The most trusted peers.
    TrustTop {
        /// How many.
        count: usize,
    },
    /// Tell the network or a peer whom this node trusts, or ask a peer.
    TrustShare {
        /// The peer; without: the network.
        peer: Option<String>,
        /// Ask it instead.
        ask: bool,
    },
    /// Where peers come from.
    DiscoveryStatus,
    /// Store a value in the hash table.
    DhtPut {
        /// The key; without: the value's own hash.
        key: Option<String>,
        /// The value, hex.
        value: String,
        /// How long it lives, in seconds.
        ttl_s: u64,
    },
    /// Read a value of the hash table.
    DhtGet {
        /// The key, or the value's hash with `content`.
        key: String,
        /// Whose key; without: this node's.
        author: Option<String>,
        /// Whether the key is the hash of the value.
        content: bool,
    },
    /// Delete a value of this node.
    DhtDelete {
        /// The key.
        key: String,
    },
    /// What this node stores for the hash table.
    DhtStats,
    /// A signed round trip.
    PingSigned {
        /// A PeerId or an address.
        target: String,
    },
    /// Measure a handshake and a round trip.
    Ping {
        /// A PeerId or an address.
        target: String,
    },
    /// The imported head.
    ChainHead,
    /// One block or header.
    ChainShow {
        /// A height or a hash.
        at: String,
    },
    /// Mine blocks on the head.
    ChainMine(MineRequest),
    /// Check what is stored.
    ChainVerify,
    /// Write the chain into a file.
    ChainExport(ExportRequest),
    /// Read, verify and import a file.
    ChainImport {
        /// The file, absolute.
        path: std::path::PathBuf,
    },
    /// Make up transactions and publish them.
    PublishTxs(TxsRequest),
    /// Publish one transaction.
    PublishTx {
        /// The transaction, hex.
        tx: String,
    },
    /// Publish a share.
    PublishShare {
        /// The proof envelope, hex.
        share: String,
    },
    /// Store and announce a blob.
    PublishBlob(BlobRequest),
    /// Publish an application message.
    PublishApp(AppRequest),
    /// Send a direct message and wait for its receipt.
    Send(SendRequest),
    /// What waits for a block.
    Mempool,
    /// What waits for a block, with ids.
    MempoolIds,
    /// What arrived by gossip and what became of it.
    GossipStats,
    /// The mesh of each topic.
    GossipMesh,
    /// Application messages, recent and from now on.
    Messages(MessagesRequest),
}

/// One line of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Still at it.
    Progress(Step),
    /// One of many.
    Item(serde_json::Value),
    /// Done.
    Ok(serde_json::Value),
    /// Did not work.
    Error(Failure),
}

/// How far a long command has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Steps done.
    pub done: u64,
    /// Steps in all, if known.
    pub total: Option<u64>,
}

#[cfg(test)]
mod tests;
