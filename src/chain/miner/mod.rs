//! The development miner: makes blocks that every rule accepts, the same ones for the same request.
//!
//! For development networks and tests. It searches nonces from zero on one thread, fills blocks with
//! opaque transactions, and says so where a difficulty is out of its reach.

mod filler;
mod request;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;

use crate::{
    crypto::hash::{sha3_256, sha3_256_parts},
    ids::{Hash32, Height},
    registry::MAX_TX_BYTES,
};

use super::{
    Ancestry, Block, Genesis, Header, NewHeader, header::VERSION, merkle, poies,
    verify::MAX_FUTURE_S,
};

pub use filler::{MIN_TX_BYTES, made_up_tx};
pub use request::{MineError, MineRequest, Timestamps};

/// Most draws that a block may need on average: some twenty seconds on one core. Beyond that a
/// development miner would seem to hang, so it refuses instead.
pub const MAX_EXPECTED_TRIALS: u128 = 1 << 25;

/// Draws between two looks at the stop flag: under a millisecond.
const TRIALS_PER_LOOK: u64 = 1024;

/// First part of `mixSeed`, the original's.
const MIX_DOMAIN: &[u8] = b"animica/mixseed/v1";

/// A new block, with its header verified by construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mined {
    /// The header as a store takes it.
    pub header: NewHeader,
    /// The encoded block.
    pub block: Bytes,
}

/// Mines block after block on top of an ancestry.
#[derive(Debug)]
pub struct Miner {
    genesis: Genesis,
    ancestry: Ancestry,
    request: MineRequest,
    stop: Arc<AtomicBool>,
}

impl Miner {
    /// A miner whose first block follows `ancestry`.
    ///
    /// # Errors
    /// Transactions of this length cannot be made.
    pub fn new(
        genesis: &Genesis,
        ancestry: Ancestry,
        request: MineRequest,
    ) -> Result<Self, MineError> {
        let lengths = MIN_TX_BYTES..=MAX_TX_BYTES;
        if request.txs > 0 && !lengths.contains(&request.tx_bytes) {
            return Err(MineError::TxBytes {
                got: request.tx_bytes,
            });
        }
        Ok(Self {
            genesis: genesis.clone(),
            ancestry,
            request,
            stop: Arc::default(),
        })
    }

    /// Set it from another thread to end a search within a millisecond.
    #[must_use]
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// What it was asked to mine.
    #[must_use]
    pub fn request(&self) -> &MineRequest {
        &self.request
    }

    /// What the next block will follow.
    #[must_use]
    pub fn ancestry(&self) -> &Ancestry {
        &self.ancestry
    }

    /// Mines one block with the transactions of the request behind those of `waiting`, at `now_s`
    /// (UNIX seconds), however many were mined before. The caller has checked `waiting`.
    ///
    /// # Errors
    /// Nothing was mined; the miner is as it was.
    pub fn mine(&mut self, waiting: &[Bytes], now_s: u64) -> Result<Mined, MineError> {
        let mut block = self.template(waiting, now_s)?;
        self.search(&mut block.header)?;
        let header = Bytes::from(block.header.encode());
        let hash = sha3_256(&header);
        Ok(Mined {
            block: block.encode(),
            header: self.ancestry.accept(&block.header, hash, header),
        })
    }

    /// Mines the whole request into memory: for tests and short chains.
    ///
    /// # Errors
    /// As [`Miner::mine`].
    pub fn mine_all(mut self, now_s: u64) -> Result<Vec<Mined>, MineError> {
        (0..self.request.count)
            .map(|_| self.mine(&[], now_s))
            .collect()
    }

    fn template(&self, waiting: &[Bytes], now_s: u64) -> Result<Block, MineError> {
        let first = self.genesis.header();
        let parent = self.ancestry.tip();
        let height = parent.height.next().ok_or(MineError::Stopped)?;
        let theta = self.ancestry.next_theta(&self.genesis);
        let expected_trials = poies::expected_trials(theta);
        if expected_trials > MAX_EXPECTED_TRIALS {
            return Err(MineError::Infeasible {
                theta,
                expected_trials,
            });
        }
        let txs = self.transactions(waiting, height)?;
        let seed = self.request.seed.to_be_bytes();
        let chain = first.chain_id.0.to_be_bytes();
        let mut block = Block {
            header: Header {
                version: VERSION,
                height,
                parent_hash: parent.hash,
                timestamp: self.timestamp(now_s)?,
                txs_root: Hash32::ZERO,
                receipts_root: Hash32::ZERO,
                proofs_root: Hash32::ZERO,
                da_root: Hash32::ZERO,
                mix_seed: sha3_256_parts(&[MIX_DOMAIN, parent.hash.as_bytes(), &seed, &chain]),
                theta,
                nonce: 0,
                extra: Vec::new(),
                ..first.clone()
            },
            txs,
            proofs: Vec::new(),
        };
        // The nonce, still zero here, may need eight bytes more.
        self.check_size(block.txs.len(), block.encoded_len() + 8)?;
        block.header.txs_root = merkle::root(&block.tx_ids());
        Ok(block)
    }

    fn transactions(&self, waiting: &[Bytes], height: Height) -> Result<Vec<Bytes>, MineError> {
        let MineRequest {
            txs,
            tx_bytes,
            seed,
            ..
        } = self.request;
        let bytes: usize = waiting.iter().map(Bytes::len).sum();
        // Before anything is made: a request can ask for more than fits the memory.
        self.check_size(
            waiting.len().saturating_add(txs),
            bytes.saturating_add(txs.saturating_mul(tx_bytes.saturating_sub(2))),
        )?;
        let mut all = waiting.to_vec();
        all.extend((0..txs as u64).map(|index| filler::tx(seed, height, index, tx_bytes)));
        Ok(all)
    }

    fn check_size(&self, count: usize, bytes: usize) -> Result<(), MineError> {
        let params = self.genesis.params();
        if count > params.max_txs || bytes > params.max_block_bytes {
            return Err(MineError::BlockTooLarge {
                count,
                max_txs: params.max_txs,
                bytes,
                max_bytes: params.max_block_bytes,
            });
        }
        Ok(())
    }

    fn timestamp(&self, now_s: u64) -> Result<u64, MineError> {
        let wished = match self.request.timestamps {
            Timestamps::Schedule => {
                let spacing = self.genesis.params().spacing_s;
                self.ancestry.tip().timestamp.saturating_add(spacing)
            }
            Timestamps::WallClock => now_s,
        };
        let timestamp = wished.max(self.ancestry.median_time().saturating_add(1));
        if timestamp > now_s.saturating_add(MAX_FUTURE_S) {
            return Err(MineError::AheadOfClock {
                timestamp,
                now: now_s,
            });
        }
        Ok(timestamp)
    }

    fn search(&self, header: &mut Header) -> Result<(), MineError> {
        let (target, prefix) = (poies::target(header.theta), header.draw_prefix());
        for nonce in 0..=u64::MAX {
            if nonce % TRIALS_PER_LOOK == 0 && self.stop.load(Ordering::Relaxed) {
                break;
            }
            if prefix.draw(nonce).0 <= target {
                header.nonce = nonce;
                return Ok(());
            }
        }
        Err(MineError::Stopped)
    }
}

#[cfg(test)]
mod tests;
