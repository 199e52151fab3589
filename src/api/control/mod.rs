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
