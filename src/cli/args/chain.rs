//! `chain …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::chain::miner::{MineRequest, Timestamps};

/// The chain of a running node or of a stopped node's data directory.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Chain {
    /// Mine blocks for development: deterministic, timestamps on schedule (parent + T)
    Mine(Mine),
    /// The imported head
    Head,
    /// One block, by height or hash
    Show {
        /// A height or a hash
        #[arg(value_name = "HEIGHT|HASH")]
        at: String,
    },
    /// Check every stored header and body again
    Verify,
    /// Write the imported chain into a file
    Export(Export),
    /// Read a file that `export` wrote, verify everything, import it
    Import {
        /// The file
        file: PathBuf,
    },
}

/// `chain mine`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Mine {
    /// How many blocks
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(in crate::cli) count: u64,
    #[command(flatten)]
    pub(in crate::cli) shape: MineShape,
}

/// `chain export`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Export {
    /// The file; one that is there is left alone
    pub(in crate::cli) file: PathBuf,
    /// Height of the first block
    #[arg(long, value_name = "HEIGHT")]
    pub(in crate::cli) from: Option<u64>,
    /// Height of the last block [default: the head]
    #[arg(long, value_name = "HEIGHT")]
    pub(in crate::cli) to: Option<u64>,
    /// Go on behind the whole blocks of a file that is there
    #[arg(long, conflicts_with_all = ["force", "from"])]
    pub(in crate::cli) resume: bool,
    /// Replace a file that is there
    #[arg(long)]
    pub(in crate::cli) force: bool,
}

/// What the mined blocks hold.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct MineShape {
    /// Transactions in each block
    #[arg(long, default_value_t = 0, value_name = "K")]
    pub(in crate::cli) txs: usize,
    /// Bytes of each transaction
    #[arg(long, default_value_t = 250, value_name = "B")]
    pub(in crate::cli) tx_bytes: usize,
    /// Seed of everything that is chosen: same seed, same chain
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub(in crate::cli) seed: u64,
}

impl MineShape {
    /// The request for `count` such blocks.
    pub(in crate::cli) fn request(&self, count: u64, timestamps: Timestamps) -> MineRequest {
        MineRequest {
            count,
            txs: self.txs,
            tx_bytes: self.tx_bytes,
            seed: self.seed,
            timestamps,
        }
    }
}
