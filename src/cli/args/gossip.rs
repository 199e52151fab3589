//! `publish …`, `broadcast`, `send`, `messages`, `mempool`, `gossip …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::RangedU64ValueParser, value_parser};

use super::MineShape;
use crate::{
    api::publish::{DEFAULT_TOPIC, MAX_MADE_UP},
    chain::miner::MIN_TX_BYTES,
    registry::{MAX_ENVELOPE_TTL_MS, MAX_TX_BYTES},
};

/// Something for peers to receive.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Publish {
    /// Mine blocks on the running node with wall-clock timestamps and announce them
    Headers {
        /// How many
        #[arg(long, default_value_t = 1, value_name = "N")]
        count: u64,
        #[command(flatten)]
        shape: MineShape,
    },
    /// Put transactions into the pool of the running node and spread them
    Txs(Txs),
    /// Store a file as a blob, at most 2 MiB, and announce it
    Blob {
        /// The file
        file: PathBuf,
        /// Number of its namespace
        #[arg(long, value_name = "N")]
        namespace: u32,
    },
    /// Publish a share (a proof envelope) that counts now
    Share {
        /// The file, hex or binary
        file: PathBuf,
    },
    /// Publish a message to every node
    App(AppMessage),
}

/// `publish txs`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Txs {
    /// How many made-up ones: the same for the same count, bytes and seed
    #[arg(long, value_name = "N", required_unless_present = "file")]
    #[arg(value_parser = value_parser!(u64).range(1..=MAX_MADE_UP))]
    pub(in crate::cli) count: Option<u64>,
    /// Bytes of each
    #[arg(long, default_value_t = 250, value_name = "B", conflicts_with = "file")]
    #[arg(value_parser = tx_bytes())]
    pub(in crate::cli) bytes: usize,
    /// Seed of what they hold
    #[arg(long, default_value_t = 0, value_name = "S", conflicts_with = "file")]
    pub(in crate::cli) seed: u64,
    /// A file with one transaction instead, hex or binary
    #[arg(long, value_name = "FILE", conflicts_with = "count")]
    pub(in crate::cli) file: Option<PathBuf>,
}

/// `publish app` and `broadcast`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct AppMessage {
    /// What it says, at most 64 KiB; `-` reads it from standard input
    #[arg(value_name = "MSG")]
    pub(in crate::cli) message: String,
    /// What it is about, at most 64 bytes
    #[arg(long, default_value = DEFAULT_TOPIC, value_name = "TOPIC")]
    pub(in crate::cli) topic: String,
    /// How long it may travel, in seconds [default: the node's gossip.message_ttl_secs]
    #[arg(long, value_name = "SECS")]
    #[arg(value_parser = value_parser!(u64).range(1..=MAX_ENVELOPE_TTL_MS / 1000))]
    pub(in crate::cli) ttl: Option<u64>,
    /// Without this node's signature, for content that proves itself
    #[arg(long)]
    pub(in crate::cli) unsigned: bool,
}

/// `send`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Send {
    /// The peer, connected
    #[arg(value_name = "PEER_ID")]
    pub(in crate::cli) peer: String,
    /// What it says; `-` reads it from standard input
    #[arg(value_name = "MSG", required_unless_present = "file")]
    #[arg(conflicts_with = "file", allow_hyphen_values = true)]
    pub(in crate::cli) message: Option<String>,
    /// Kind of message, which the other side must have a handler for; `listen` takes `text` and
    /// `file` [default: text, with --file: file]
    #[arg(long, value_name = "KIND")]
    pub(in crate::cli) kind: Option<String>,
    /// A file to be streamed instead
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
}

/// `messages`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Messages {
    /// Only those about it
    #[arg(long, value_name = "TOPIC")]
    pub(in crate::cli) topic: Option<String>,
    /// Go on with those that arrive; with --json one object per line
    #[arg(long, short)]
    pub(in crate::cli) follow: bool,
    /// End after as many
    #[arg(long, value_name = "N")]
    pub(in crate::cli) count: Option<u64>,
}

/// `mempool`.
#[derive(Clone, Copy, Debug, Args)]
pub(in crate::cli) struct Mempool {
    /// Also their ids, in the order in which they are served
    #[arg(long)]
    pub(in crate::cli) ids: bool,
}

/// What gossip does.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(in crate::cli) enum Gossip {
    /// What arrived by topic and what became of it
    Stats,
    /// Whom messages of each topic go to
    Mesh,
}

fn tx_bytes() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(MIN_TX_BYTES as u64..=MAX_TX_BYTES as u64)
}
