//! Bodies against the hashes they were asked for.

use bytes::Bytes;

use super::Rules;
use crate::{
    chain::{Block, BodyError},
    ids::Hash32,
    sync::io::JobId,
};

/// Blocks to check against the hashes they were asked for.
#[derive(Debug)]
pub struct BodyTask {
    /// Its name.
    pub job: JobId,
    /// The hashes, in the order of the request.
    pub hashes: Vec<Hash32>,
    /// What came: some of the blocks, in the same order.
    pub blocks: Vec<Bytes>,
}

/// The result of a body check.
#[derive(Debug)]
pub struct BodiesChecked {
    /// The blocks that hold, in the order of the request.
    pub good: Vec<(Hash32, Bytes)>,
    /// The first one that does not; nothing behind it was looked at.
    pub bad: Option<BadBody>,
}

/// A block that does not hold.
#[derive(Debug)]
pub struct BadBody {
    /// What is wrong.
    pub error: BodyError,
    /// The hash of the block, if its header allows none but invalid bodies: the block itself is
    /// invalid, whoever serves it.
    pub invalid: Option<Hash32>,
}

/// Checks blocks against the hashes they were asked for. A block of another hash, or one out of
/// order, is a bad body.
#[must_use]
pub fn check_bodies(rules: Rules<'_>, task: BodyTask) -> BodiesChecked {
    let mut good = Vec::with_capacity(task.blocks.len());
    let mut wanted = task.hashes.iter();
    for bytes in task.blocks {
        match check_body(rules, &mut wanted, &bytes) {
            Ok(hash) => good.push((hash, bytes)),
            Err(bad) => {
                return BodiesChecked {
                    good,
                    bad: Some(bad),
                };
            }
        }
    }
    BodiesChecked { good, bad: None }
}

fn check_body<'a>(
    rules: Rules<'_>,
    wanted: &mut impl Iterator<Item = &'a Hash32>,
    bytes: &Bytes,
) -> Result<Hash32, BadBody> {
    let unrelated = |error| BadBody {
        error,
        invalid: None,
    };
    let next = wanted.next().copied();
    let block = Block::decode(bytes.clone()).map_err(unrelated)?;
    let hash = block.hash();
    if next != Some(hash) && !wanted.any(|wanted| *wanted == hash) {
        let expected = next.unwrap_or(Hash32::ZERO);
        return Err(unrelated(BodyError::OtherHeader { expected }));
    }
    judge(rules, &block, bytes)
        .map(|()| hash)
        .map_err(|error| BadBody {
            invalid: block.check_roots().is_ok().then_some(hash),
            error,
        })
}

/// Holds a block to the limits and roots of its chain.
pub(super) fn judge(rules: Rules<'_>, block: &Block, bytes: &Bytes) -> Result<(), BodyError> {
    let max = rules.genesis.params().max_block_bytes;
    if bytes.len() > max {
        return Err(BodyError::TooLarge {
            bytes: bytes.len(),
            max,
        });
    }
    block.check_body(rules.genesis.params())?;
    rules.verifier.body(rules.genesis, block)
}
