//! Blocks from this side: mined or imported.

use bytes::Bytes;

use super::{Rules, bodies::judge};
use crate::{
    chain::{
        Ancestry, At, Block, BodyError, ChainStore, HeaderError, NewHeader, StoreError, Tip, verify,
    },
    ids::Hash32,
};

/// Verified blocks from this side, on their way into the store.
#[derive(Clone, Debug, Default)]
pub struct LocalGroup {
    /// Headers that were not stored, parents first.
    pub headers: Vec<NewHeader>,
    /// Bodies that were not stored.
    pub bodies: Vec<(Hash32, Bytes)>,
    /// The best of them that has all its ancestors' bodies.
    pub head: Option<Tip>,
}

/// Why blocks from this side are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// A header breaks a rule.
    #[error("block {index}: {error}")]
    Header {
        /// Its place in the group.
        index: usize,
        /// The rule.
        error: HeaderError,
    },
    /// A body breaks a rule.
    #[error("block {index}: {error}")]
    Body {
        /// Its place in the group.
        index: usize,
        /// The rule.
        error: BodyError,
    },
    /// The parent of a block is not known.
    #[error("block {index} has the unknown parent {parent}")]
    Orphan {
        /// Its place in the group.
        index: usize,
        /// The parent.
        parent: Hash32,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Verifies blocks from this side, parents first, and sorts out what is new.
///
/// # Errors
/// The first block that breaks a rule or has no parent; none of them is to be imported then.
pub fn check_local(
    rules: Rules<'_>,
    store: &dyn ChainStore,
    blocks: &[Bytes],
    now_s: u64,
) -> Result<LocalGroup, LocalError> {
    let mut group = LocalGroup::default();
    // The end of the run so far, and whether every body below it is present.
    let mut at: Option<(Ancestry, bool)> = None;
    for (index, bytes) in blocks.iter().enumerate() {
        let body = |error| LocalError::Body { index, error };
        let block = Block::decode(bytes.clone()).map_err(body)?;
        let parent = block.header.parent_hash;
        let (mut ancestry, complete) = match at.take() {
            Some(at) if at.0.tip().hash == parent => at,
            _ => {
                let complete = store.header(At::Hash(parent))?.is_some_and(|p| p.has_body);
                let ancestry =
                    Ancestry::load(store, parent)?.ok_or(LocalError::Orphan { index, parent })?;
                (ancestry, complete)
            }
        };
        let encoded = Bytes::from(block.header.encode());
        let header = verify::verify_header(
            rules.genesis,
            rules.verifier,
            &mut ancestry,
            &encoded,
            now_s,
        )
        .map_err(|error| LocalError::Header { index, error })?;
        judge(rules, &block, bytes).map_err(body)?;
        let tip = header.tip();
        if complete && group.head.is_none_or(|head| tip.beats(&head)) {
            group.head = Some(tip);
        }
        group.bodies.push((header.hash, bytes.clone()));
        group.headers.push(header);
        at = Some((ancestry, complete));
    }
    Ok(group)
}
