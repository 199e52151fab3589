//! Verifies again what a store holds: `chain verify`.

use std::{num::NonZeroUsize, ops::ControlFlow};

use crate::ids::Height;

use super::{
    Ancestry, At, BodyError, ChainStore, Genesis, HeaderError, StoreError, StoredHeader, Verifier,
    Which,
    archive::Progress,
    parallel,
    verify::{verify_body, verify_headers},
};

/// Headers verified at a time.
const RUN: usize = 1024;

/// Bodies held in memory at a time: at most 16 times the largest block.
const BODIES: usize = 16;

/// What was found whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Blocks, headers and bodies, genesis not counted.
    pub blocks: u64,
    /// Bytes of the bodies.
    pub bytes: u64,
    /// Headers of the best header chain beyond the blocks.
    pub headers: u64,
}

/// The first place that is not whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The store starts with another genesis.
    #[error("the store does not start with this genesis")]
    Genesis,
    /// A header of a path is not there.
    #[error("header {height} is missing")]
    MissingHeader {
        /// Its height.
        height: Height,
    },
    /// A body of the block chain is not there.
    #[error("the body of block {height} is missing")]
    MissingBody {
        /// Its height.
        height: Height,
    },
    /// A stored header breaks a rule.
    #[error("header {height} breaks a rule: {error}")]
    Header {
        /// Its height.
        height: Height,
        /// The rule.
        error: HeaderError,
    },
    /// A stored header is filed under a hash, height or work that is not its own.
    #[error("header {height} is filed wrongly")]
    Misfiled {
        /// Where it is filed.
        height: Height,
    },
    /// A stored body breaks a rule.
    #[error("the body of block {height} breaks a rule: {error}")]
    Body {
        /// Its height.
        height: Height,
        /// The rule.
        error: BodyError,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Verifies every block of the store and every best header beyond, from genesis on, as if a peer
/// had sent them. `progress` may end it early; what it returns is then what was verified so far.
///
/// # Errors
/// The first place that is not whole.
pub fn audit(
    store: &dyn ChainStore,
    genesis: &Genesis,
    verifier: &dyn Verifier,
    now_s: u64,
    threads: NonZeroUsize,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Audit, AuditError> {
    let tips = store.tips();
    let mut audit = Audit::default();
    let first = store.header(At::Block(Height::GENESIS))?;
    if first.is_none_or(|first| first.hash != genesis.hash()) {
        return Err(AuditError::Genesis);
    }
    let check = |ancestry: &mut Ancestry, run: &[StoredHeader]| {
        check_run(genesis, verifier, ancestry, run, now_s, threads)
    };
    let mut ancestry = Ancestry::genesis(genesis);
    while ancestry.tip().height < tips.blocks.height {
        let run = next_run(store, Which::Blocks, &ancestry, tips.blocks.height)?;
        check(&mut ancestry, &run)?;
        for some in run.chunks(BODIES) {
            let checked = parallel::map(some, threads, 2, |stored| {
                check_body(store, genesis, verifier, stored)
            });
            for bytes in checked {
                audit.bytes += bytes?;
                audit.blocks += 1;
            }
        }
        let so_far = Progress {
            height: ancestry.tip().height,
            blocks: audit.blocks,
            bytes: audit.bytes,
        };
        if progress(so_far).is_break() {
            return Ok(audit);
        }
    }
    // The best headers part from the blocks at their highest common height.
    let fork = fork_height(store, tips.blocks.height.min(tips.headers.height))?;
    let fork = store.header(At::BestHeader(fork))?;
    let Some(fork) = fork else {
        return Err(AuditError::Genesis);
    };
    let mut ancestry = Ancestry::load(store, fork.hash)?.ok_or(AuditError::Genesis)?;
    while ancestry.tip().height < tips.headers.height {
        let run = next_run(store, Which::BestHeaders, &ancestry, tips.headers.height)?;
        check(&mut ancestry, &run)?;
        audit.headers += run.len() as u64;
    }
    Ok(audit)
}

fn next_run(
    store: &dyn ChainStore,
    which: Which,
    ancestry: &Ancestry,
    to: Height,
) -> Result<Vec<StoredHeader>, AuditError> {
    let at = ancestry.tip().height;
    let next = at.saturating_add(1);
    let left = usize::try_from(to.0 - at.0).unwrap_or(RUN);
    let run = store.headers(which, next, left.min(RUN))?;
    if run.is_empty() {
        return Err(AuditError::MissingHeader { height: next });
    }
    Ok(run)
}

fn check_run(
    genesis: &Genesis,
    verifier: &dyn Verifier,
    ancestry: &mut Ancestry,
    run: &[StoredHeader],
    now_s: u64,
    threads: NonZeroUsize,
) -> Result<(), AuditError> {
    let bytes: Vec<_> = run.iter().map(|stored| stored.bytes.clone()).collect();
    let first = ancestry.tip().height.saturating_add(1);
    let verified = verify_headers(genesis, verifier, ancestry.clone(), &bytes, now_s, threads);
    if let Some((index, error)) = verified.refused {
        return Err(AuditError::Header {
            height: first.saturating_add(index as u64),
            error,
        });
    }
    for (stored, new) in run.iter().zip(&verified.headers) {
        if (stored.hash, stored.height, stored.work) != (new.hash, new.height, new.work) {
            return Err(AuditError::Misfiled {
                height: stored.height,
            });
        }
    }
    *ancestry = verified.ancestry;
    Ok(())
}

/// Length of the body.
fn check_body(
    store: &dyn ChainStore,
    genesis: &Genesis,
    verifier: &dyn Verifier,
    stored: &StoredHeader,
) -> Result<u64, AuditError> {
    let height = stored.height;
    let bytes = store
        .body(&stored.hash)?
        .ok_or(AuditError::MissingBody { height })?;
    let len = bytes.len() as u64;
    verify_body(genesis, verifier, &stored.hash, bytes)
        .map_err(|error| AuditError::Body { height, error })?;
    Ok(len)
}

/// The highest height up to `to` at which both paths have the same header, by bisection: paths that
/// have parted never meet again.
fn fork_height(store: &dyn ChainStore, to: Height) -> Result<Height, StoreError> {
    let same = |height| -> Result<bool, StoreError> {
        let hash = |at| Ok::<_, StoreError>(store.header(at)?.map(|header| header.hash));
        Ok(hash(At::Block(Height(height)))? == hash(At::BestHeader(Height(height)))?)
    };
    let (mut common, mut beyond) = (0, to.0.saturating_add(1));
    while beyond - common > 1 {
        let middle = common + (beyond - common) / 2;
        if same(middle)? {
            common = middle;
        } else {
            beyond = middle;
        }
    }
    Ok(Height(common))
}

#[cfg(test)]
mod tests;
