//! `dht …`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::span::up_to_days;

/// Longest life of a value, in days.
const MOST_TTL: u64 = 7;

/// Values of the hash table, which nodes keep for each other.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Dht {
    /// Sign a value and store it on the nodes nearest to its key
    Put(Put),
    /// Read a value: as it is if it is text, else in hex
    Get(Get),
    /// Delete a value of this node
    Delete {
        /// The key
        key: String,
    },
    /// What this node stores, and how it takes part
    Stats,
}

/// `dht put`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Put {
    /// The key, 1 to 64 bytes, and the value, at most 8 KiB; `-` reads it from standard input
    #[arg(value_names = ["KEY", "VALUE"], num_args = 0..=2)]
    pub(in crate::cli) words: Vec<String>,
    /// How long it lives: 10m, 1h, 7d at most [default: dht.ttl_secs]
    #[arg(long, value_name = "TIME")]
    #[arg(value_parser = |text: &str| up_to_days(text, MOST_TTL))]
    pub(in crate::cli) ttl: Option<Duration>,
    /// Without a key: whoever has the value's hash finds it and can check it
    #[arg(long)]
    pub(in crate::cli) content: bool,
    /// A file that holds the value
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
}

/// `dht get`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Get {
    /// The key or, with --content, the hash of the value
    pub(in crate::cli) key: String,
    /// Whose key: a peer's id or its beginning [default: this node]
    #[arg(long, value_name = "PEER", conflicts_with = "content")]
    pub(in crate::cli) author: Option<String>,
    /// The value with this hash, whoever stored it
    #[arg(long)]
    pub(in crate::cli) content: bool,
}
