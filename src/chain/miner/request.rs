//! What to mine, and why it cannot be.

use serde::{Deserialize, Serialize};

use crate::{chain::verify::MAX_FUTURE_S, ids::Theta, registry::MAX_TX_BYTES};

use super::{MAX_EXPECTED_TRIALS, MIN_TX_BYTES};

/// What to mine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MineRequest {
    /// Blocks.
    pub count: u64,
    /// Transactions in each block, made up.
    #[serde(default)]
    pub txs: usize,
    /// Bytes of each transaction; lengths that no CBOR string fills come out up to two shorter.
    #[serde(default = "default_tx_bytes")]
    pub tx_bytes: usize,
    /// Chooses the content, so that two seeds give two branches.
    #[serde(default)]
    pub seed: u64,
    /// What timestamps the blocks get.
    #[serde(default)]
    pub timestamps: Timestamps,
}

/// Where timestamps come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timestamps {
    /// One block spacing after the parent: Θ stays where the schedule has it, and the same request
    /// gives the same blocks at any time.
    #[default]
    Schedule,
    /// The clock, or the least that is allowed if that is later.
    WallClock,
}

impl MineRequest {
    /// `count` empty blocks on schedule, from seed 0.
    #[must_use]
    pub fn blocks(count: u64) -> Self {
        Self {
            count,
            txs: 0,
            tx_bytes: default_tx_bytes(),
            seed: 0,
            timestamps: Timestamps::Schedule,
        }
    }
}

/// Why nothing was mined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MineError {
    /// The difficulty is out of reach of this miner.
    #[error(
        "theta {theta} needs {expected_trials} draws on average, more than this miner tries ({})",
        MAX_EXPECTED_TRIALS
    )]
    Infeasible {
        /// The Θ that the schedule demands.
        theta: Theta,
        /// Draws that takes on average.
        expected_trials: u128,
    },
    /// The next timestamp would be too far ahead of the clock for any node to accept it.
    #[error(
        "the next block would have timestamp {timestamp}, over {MAX_FUTURE_S} s ahead of the clock at {now}"
    )]
    AheadOfClock {
        /// The timestamp it would get, UNIX seconds.
        timestamp: u64,
        /// The clock, UNIX seconds.
        now: u64,
    },
    /// Transactions of a length that cannot be made or sent.
    #[error("a transaction has {MIN_TX_BYTES} to {MAX_TX_BYTES} bytes, not {got}")]
    TxBytes {
        /// The length asked for.
        got: usize,
    },
    /// The transactions do not fit a block of this chain.
    #[error(
        "the transactions do not fit a block: {count} of at most {max_txs}, {bytes} of at most {max_bytes} bytes"
    )]
    BlockTooLarge {
        /// Transactions asked for.
        count: usize,
        /// Most in a block.
        max_txs: usize,
        /// Bytes the block would have.
        bytes: usize,
        /// Longest block.
        max_bytes: usize,
    },
    /// The height or the nonces are used up, or the miner was told to stop.
    #[error("mining was stopped")]
    Stopped,
}

fn default_tx_bytes() -> usize {
    250
}
