//! Which blocks come next.

use super::TaskError;
use crate::{
    chain::{At, ChainStore, StoreError, Which},
    ids::{Hash32, Height, Work},
    sync::io::JobId,
};

/// Which blocks to look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanTask {
    /// Its name.
    pub job: JobId,
    /// Continue behind this header of the best headers; `None` to start where the blocks and the
    /// best headers part.
    pub after: Option<(Height, Hash32)>,
    /// Most blocks to plan.
    pub max: usize,
}

/// A block of the best headers, to be imported in its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanItem {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: Hash32,
    /// Work of its branch.
    pub work: Work,
    /// Whether its body is stored already.
    pub has_body: bool,
}

/// The result of a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Planned {
    /// Consecutive blocks to import; empty when there are no more.
    Items(Vec<PlanItem>),
    /// The header to continue behind is no longer on the best headers.
    Moved,
}

/// Looks up which blocks of the best headers come next.
///
/// # Errors
/// The store cannot be read.
pub fn plan(store: &dyn ChainStore, task: &PlanTask) -> Result<Planned, TaskError> {
    let from = match task.after {
        Some((height, hash)) => {
            let here = store.header(At::BestHeader(height))?;
            if here.is_none_or(|here| here.hash != hash) {
                return Ok(Planned::Moved);
            }
            height
        }
        None => fork(store)?,
    };
    let headers = store.headers(Which::BestHeaders, from.saturating_add(1), task.max)?;
    let items = headers.into_iter().map(|header| PlanItem {
        height: header.height,
        hash: header.hash,
        work: header.work,
        has_body: header.has_body,
    });
    Ok(Planned::Items(items.collect()))
}

/// The highest block that is on the best headers too.
fn fork(store: &dyn ChainStore) -> Result<Height, StoreError> {
    let mut height = store.tips().blocks.height;
    loop {
        let block = store.header(At::Block(height))?;
        let best = store.header(At::BestHeader(height))?;
        let same = match (&block, &best) {
            (Some(block), Some(best)) => block.hash == best.hash,
            _ => false,
        };
        if same || height == Height::GENESIS {
            return Ok(height);
        }
        height = height.saturating_sub(1);
    }
}
