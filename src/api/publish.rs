//! What is asked and answered when something is published: `publish …`.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{ids::Hash32, report::MempoolReport, telemetry::escaped};

use super::code::{ErrorCode, Failure};

/// Topic of application messages where none is named.
pub const DEFAULT_TOPIC: &str = "app";

/// Most transactions made up in one request: what a pool with default limits holds.
pub const MAX_MADE_UP: u64 = 100_000;

/// Made-up transactions: the same for the same numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxsRequest {
    /// How many, at most [`MAX_MADE_UP`].
    pub count: u64,
    /// Bytes of each, 40 to 131 072; up to two less where CBOR has no such length.
    #[serde(default = "default_bytes")]
    pub bytes: usize,
    /// What they are made from.
    #[serde(default)]
    pub seed: u64,
}

/// A file to be stored and announced as a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRequest {
    /// Its namespace.
    pub namespace: u32,
    /// The file, absolute, on the node's machine.
    pub path: PathBuf,
}

/// An application message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRequest {
    /// What it is about.
    #[serde(default = "default_topic")]
    pub topic: String,
    /// How long it may travel; absent: as the node's configuration has it
    /// (`gossip.message_ttl_secs`).
    #[serde(default)]
    pub ttl_ms: Option<u64>,
    /// Without a sender.
    #[serde(default)]
    pub unsigned: bool,
    /// What it says, hex.
    pub payload: String,
}

/// Answer of `publish txs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TxsReport {
    /// New in the pool, and on their way.
    pub taken: u64,
    /// In the pool already, or in a block of late.
    pub known: u64,
    /// Ids of all of them, in order.
    pub ids: Vec<Hash32>,
    /// The pool afterwards.
    pub pool: MempoolReport,
    /// Seconds it took.
    pub seconds: f64,
}

/// Answer of `publish share`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareReport {
    /// Its id.
    pub id: Hash32,
}

/// Answer of `publish blob`: what is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobReport {
    /// Root of its namespace Merkle tree.
    pub root: Hash32,
    /// Its namespace.
    pub namespace: u32,
    /// Bytes of data.
    pub size: u64,
    /// Leaves of the tree.
    pub leaves: u32,
}

/// Answer of `publish app` and `broadcast`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppReport {
    /// What identifies it.
    pub id: Hash32,
    /// What it is about.
    pub topic: String,
    /// Whether this node's identity signed it.
    pub signed: bool,
    /// Bytes of payload.
    pub bytes: usize,
    /// How long it may travel.
    pub ttl_ms: u64,
}

/// Answer of `mempool`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolReport {
    /// How many wait, and their bytes.
    #[serde(flatten)]
    pub pool: MempoolReport,
    /// Their ids in the order in which they are served, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<Hash32>>,
}

/// The bytes that `text` writes in hex.
///
/// # Errors
/// `rejected`; `what` says what they were to be.
pub fn unhex(what: &str, text: &str) -> Result<Vec<u8>, Failure> {
    hex::decode(text).map_err(|e| {
        let message = format!("{what} is not hex: {}", escaped(&e.to_string()));
        Failure::new(ErrorCode::Rejected, message)
    })
}

/// The content of a file up to one byte beyond `max`, which is enough to be refused for its length.
///
/// # Errors
/// What the system says.
pub fn read_at_most(path: &Path, max: usize) -> io::Result<Vec<u8>> {
    let mut data = Vec::new();
    File::open(path)?
        .take((max as u64).saturating_add(1))
        .read_to_end(&mut data)?;
    Ok(data)
}

fn default_bytes() -> usize {
    250
}

fn default_topic() -> String {
    DEFAULT_TOPIC.to_owned()
}
