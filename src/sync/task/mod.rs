//! The slow work of sync, as pure functions of a task and a store: verification and look-ups.
//!
//! The engine asks for them with an action and gets the result as an input; the driver runs them
//! on threads that may block, a simulation runs them in place.

mod bodies;
mod local;
mod plan;

use std::num::NonZeroUsize;

use bytes::Bytes;

use super::io::{JobId, View};
use crate::{
    chain::{
        Ancestry, ChainStore, Genesis, StoreError, Verifier, Which, locator,
        verify::{self, Verified},
    },
    ids::Hash32,
};

pub use bodies::{BadBody, BodiesChecked, BodyTask, check_bodies};
pub use local::{LocalError, LocalGroup, check_local};
pub use plan::{PlanItem, PlanTask, Planned, plan};

/// What a run of headers follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// A header in the store.
    Stored(Hash32),
    /// Headers verified before and perhaps not stored.
    Checked(Ancestry),
}

/// A run of headers to verify.
#[derive(Debug)]
pub struct HeaderTask {
    /// Its name.
    pub job: JobId,
    /// What the first one follows.
    pub after: After,
    /// Encoded, parents first.
    pub headers: Vec<Bytes>,
}

/// Why a task has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The header that a run follows is not in the store.
    #[error("header {0} is not in the store")]
    NotStored(Hash32),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the tasks of one chain share.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// Where the chain starts.
    pub genesis: &'a Genesis,
    /// What counts as work and as an acceptable body.
    pub verifier: &'a dyn Verifier,
}

/// The store as the engine sees it.
///
/// # Errors
/// The store cannot be read.
pub fn view(store: &dyn ChainStore) -> Result<View, StoreError> {
    let locator = locator::locator(store, Which::BestHeaders)?;
    let tips = store.tips();
    Ok(View { tips, locator })
}

/// Verifies a run of headers on up to `threads` threads.
///
/// # Errors
/// What they follow is not in the store, or the store cannot be read.
pub fn check_headers(
    rules: Rules<'_>,
    store: &dyn ChainStore,
    task: &HeaderTask,
    now_s: u64,
    threads: NonZeroUsize,
) -> Result<Verified, TaskError> {
    let ancestry = match &task.after {
        After::Checked(ancestry) => ancestry.clone(),
        After::Stored(hash) => Ancestry::load(store, *hash)?.ok_or(TaskError::NotStored(*hash))?,
    };
    Ok(verify::verify_headers(
        rules.genesis,
        rules.verifier,
        ancestry,
        &task.headers,
        now_s,
        threads,
    ))
}
