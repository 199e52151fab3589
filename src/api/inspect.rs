//! Looking into a chain store: one block, or all of them again. The same for a running node and
//! for a stopped node's directory.

use std::{num::NonZeroUsize, ops::ControlFlow, thread, time::Instant};

use serde::{Deserialize, Serialize};

use super::code::{ErrorCode, Failure};
use crate::{
    chain::{
        At, Block, ChainStore, Genesis, StoredHeader, Verifier, archive::Progress, audit::audit,
    },
    ids::{Hash32, Height, Theta, Work},
    report::HeadReport,
};

/// Answer of `chain show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockReport {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: Hash32,
    /// Hash of its parent.
    pub parent: Hash32,
    /// Seconds since the UNIX epoch.
    pub timestamp: u64,
    /// Difficulty, µ-nats.
    pub theta: Theta,
    /// What the miner found.
    pub nonce: u64,
    /// Work of the branch up to and with it.
    pub work: Work,
    /// Whether it is on the imported chain, not on a branch beside it.
    pub imported: bool,
    /// Root of the transactions.
    pub txs_root: Hash32,
    /// Root of the proofs.
    pub proofs_root: Hash32,
    /// Root of the state, opaque here.
    pub state_root: Hash32,
    /// `extra`, hex.
    pub extra: String,
    /// The body, when it is stored.
    pub body: Option<BodyReport>,
}

/// The body of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyReport {
    /// Transactions.
    pub txs: usize,
    /// Proofs.
    pub proofs: usize,
    /// Bytes of the encoded block.
    pub bytes: usize,
}

/// Answer of `chain verify`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// Headers checked, genesis not counted.
    pub headers: u64,
    /// Bodies checked.
    pub bodies: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// The imported head.
    pub head: HeadReport,
    /// Seconds it took.
    pub seconds: f64,
}

/// The imported head of `store`.
#[must_use]
pub fn head(store: &dyn ChainStore) -> HeadReport {
    let tip = store.tips().blocks;
    HeadReport {
        height: tip.height,
        hash: tip.hash,
        work: tip.work,
    }
}

/// The block at a height of the imported chain, or with a hash.
///
/// # Errors
/// `not_found`, `usage` for text that is neither, or what the store says.
pub fn show(store: &dyn ChainStore, at: &str) -> Result<BlockReport, Failure> {
    let stored = store.header(place(at)?)?.ok_or_else(|| {
        let height = store.tips().blocks.height;
        Failure::new(ErrorCode::NotFound, format!("there is no block {at}"))
            .hint(format!("the head is at height {height}"))
    })?;
    let header = stored.decode()?;
    let imported = store
        .header(At::Block(stored.height))?
        .is_some_and(|on_chain| on_chain.hash == stored.hash);
    Ok(BlockReport {
        height: stored.height,
        hash: stored.hash,
        parent: header.parent_hash,
        timestamp: header.timestamp,
        theta: header.theta,
        nonce: header.nonce,
        work: stored.work,
        imported,
        txs_root: header.txs_root,
        proofs_root: header.proofs_root,
        state_root: header.state_root,
        extra: hex::encode(&header.extra),
        body: body(store, &stored)?,
    })
}

fn place(at: &str) -> Result<At, Failure> {
    if let Ok(height) = at.parse::<u64>() {
        return Ok(At::Block(Height(height)));
    }
    at.parse().map(At::Hash).map_err(|_| {
        Failure::new(
            ErrorCode::Usage,
            format!("`{}` is neither a height nor a hash", at.escape_debug()),
        )
    })
}

fn body(store: &dyn ChainStore, stored: &StoredHeader) -> Result<Option<BodyReport>, Failure> {
    let Some(bytes) = store.body(&stored.hash)? else {
        return Ok(None);
    };
    let len = bytes.len();
    let block = Block::decode(bytes).map_err(|e| {
        let message = format!("the body of block {} is damaged: {e}", stored.height);
        Failure::new(ErrorCode::StoreCorrupt, message)
    })?;
    Ok(Some(BodyReport {
        txs: block.txs.len(),
        proofs: block.proofs.len(),
        bytes: len,
    }))
}

/// Verifies everything that is stored, from the bytes on disk. `step` is told heights done and in
/// all, and says whether to go on.
///
/// # Errors
/// `chain_invalid` at the first place that is not whole, `failed` when told to stop, or what the
/// store says.
pub fn verify(
    store: &dyn ChainStore,
    genesis: &Genesis,
    verifier: &dyn Verifier,
    now_s: u64,
    step: &mut dyn FnMut(u64, Option<u64>) -> bool,
) -> Result<VerifyReport, Failure> {
    let started = Instant::now();
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let total = store.tips().blocks.height.0;
    let mut stopped = false;
    let mut progress = |p: Progress| {
        stopped = !step(p.height.0, Some(total));
        if stopped {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let found = audit(store, genesis, verifier, now_s, threads, &mut progress)?;
    if stopped {
        return Err(Failure::new(ErrorCode::Failed, "verification was stopped"));
    }
    Ok(VerifyReport {
        headers: found.blocks + found.headers,
        bodies: found.blocks,
        bytes: found.bytes,
        head: head(store),
        seconds: started.elapsed().as_secs_f64(),
    })
}
