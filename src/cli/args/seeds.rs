//! `seeds …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Signed lists of first peers.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Seeds {
    /// Make a key that signs lists
    Keygen {
        /// The new file of the secret key, for its owner alone; never overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Hold a list to the rules of its readers, and sign it
    Sign(Sign),
    /// Hold a list and its signature to the rules that a node holds them to
    Verify(Verify),
}

/// `seeds sign`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Sign {
    /// The list, JSON. `version`, `network`, `generatedAt` (now) and `expiresAt` (in 14 days) may be
    /// missing
    #[arg(value_name = "LIST")]
    pub(in crate::cli) list: PathBuf,
    /// The secret key, from `seeds keygen`
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) key: PathBuf,
    /// Where the list goes that was signed; its signature goes beside it, with `.sig` added
    /// [default: LIST itself]
    #[arg(long, short, value_name = "FILE", conflicts_with = "add")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Add a signature to a list that is signed already, which stays as it is
    #[arg(long)]
    pub(in crate::cli) add: bool,
}

/// `seeds verify`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Verify {
    /// The list; its signature is beside it, with `.sig` added
    #[arg(value_name = "LIST")]
    pub(in crate::cli) list: PathBuf,
    /// A publisher's public key, KEY or KEY@FROM..UNTIL; repeat for more [default:
    /// discovery.seed_keys]
    #[arg(long = "key", value_name = "KEY")]
    pub(in crate::cli) keys: Vec<String>,
}
