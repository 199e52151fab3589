//! The rules a header and a body must keep, cheapest first.
//!
//! Pure: the caller brings the ancestry, the bytes and the time. Nothing that fails here reaches a
//! disk.

use std::num::NonZeroUsize;

use bytes::Bytes;

use crate::{crypto::hash::sha3_256, ids::Hash32};

use super::{
    Ancestry, Block, BodyError, Genesis, Header, HeaderError, NewHeader, header::VERSION, parallel,
    poies,
};

/// How far a timestamp may be ahead of this node's clock, seconds. Larger lets a miner lower the
/// difficulty of others by lying about time; smaller refuses blocks of honest miners whose clocks
/// are off.
pub const MAX_FUTURE_S: u64 = 120;

/// Headers per thread below which another thread does not pay for its start.
const LEAST_PER_THREAD: usize = 64;

/// What an application adds to the rules, or puts in place of the default evidence of work.
///
/// Called after every rule that headers or bodies can be held to without it.
pub trait Verifier: Send + Sync + 'static {
    /// Whether there is enough work behind `header`, whose link, time, policy and Θ are right.
    ///
    /// # Errors
    /// There is not.
    fn header(&self, genesis: &Genesis, header: &Header) -> Result<(), HeaderError>;

    /// Whether the body is acceptable, whose form, size and roots are right.
    ///
    /// # Errors
    /// It is not.
    fn body(&self, genesis: &Genesis, block: &Block) -> Result<(), BodyError>;
}

/// The default: the draw alone meets Θ, and proofs count nothing. With evidence that this layer
/// cannot verify, the work of a header would prove nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct HashOnly;

impl Verifier for HashOnly {
    fn header(&self, _: &Genesis, header: &Header) -> Result<(), HeaderError> {
        if poies::meets(&header.draw(), header.theta) {
            Ok(())
        } else {
            Err(HeaderError::InsufficientWork {
                theta: header.theta,
            })
        }
    }

    fn body(&self, _: &Genesis, _: &Block) -> Result<(), BodyError> {
        Ok(())
    }
}

/// Checks a decoded header against its ancestry: every rule but the work.
///
/// # Errors
/// The first rule it breaks.
pub fn check_context(
    genesis: &Genesis,
    ancestry: &Ancestry,
    header: &Header,
    now_s: u64,
) -> Result<(), HeaderError> {
    let (first, parent) = (genesis.header(), ancestry.tip());
    if header.version != VERSION {
        return Err(HeaderError::Version(header.version));
    }
    if header.chain_id != first.chain_id {
        return Err(HeaderError::WrongChain {
            expected: first.chain_id,
            got: header.chain_id,
        });
    }
    if header.parent_hash != parent.hash {
        return Err(HeaderError::WrongParent {
            parent: parent.hash,
        });
    }
    if Some(header.height) != parent.height.next() {
        return Err(HeaderError::WrongHeight {
            parent: parent.height,
            got: header.height,
        });
    }
    let median = ancestry.median_time();
    if header.timestamp <= median {
        return Err(HeaderError::TooOld {
            timestamp: header.timestamp,
            median,
        });
    }
    if header.timestamp > now_s.saturating_add(MAX_FUTURE_S) {
        return Err(HeaderError::TooNew {
            timestamp: header.timestamp,
            now: now_s,
        });
    }
    if header.poies_policy_root != first.poies_policy_root
        || header.pq_alg_policy_root != first.pq_alg_policy_root
    {
        return Err(HeaderError::PolicyRoot);
    }
    let expected = ancestry.next_theta(genesis);
    if header.theta != expected {
        return Err(HeaderError::WrongTheta {
            expected,
            got: header.theta,
        });
    }
    Ok(())
}

/// Verifies one encoded header and moves `ancestry` on to it.
///
/// # Errors
/// The first rule it breaks; `ancestry` is as it was.
pub fn verify_header(
    genesis: &Genesis,
    verifier: &dyn Verifier,
    ancestry: &mut Ancestry,
    bytes: &Bytes,
    now_s: u64,
) -> Result<NewHeader, HeaderError> {
    let header = Header::decode(bytes)?;
    check_context(genesis, ancestry, &header, now_s)?;
    verifier.header(genesis, &header)?;
    Ok(ancestry.accept(&header, sha3_256(bytes), bytes.clone()))
}

/// What became of a run of headers.
#[derive(Debug)]
pub struct Verified {
    /// The headers that hold, from the first on.
    pub headers: Vec<NewHeader>,
    /// The ancestry behind the last of them.
    pub ancestry: Ancestry,
    /// The place and fault of the first that does not hold.
    pub refused: Option<(usize, HeaderError)>,
}

/// Verifies a run of encoded headers, parents first, on up to `threads` threads. The result does
/// not depend on their number.
#[must_use]
pub fn verify_headers(
    genesis: &Genesis,
    verifier: &dyn Verifier,
    ancestry: Ancestry,
    run: &[Bytes],
    now_s: u64,
    threads: NonZeroUsize,
) -> Verified {
    let (start, mut ancestry, mut refused) = (ancestry.clone(), ancestry, None);
    // Decoding and hashing are independent of each other, and so are the draws; what links a
    // header to its parent is cheap and stays in order between them.
    let decoded = parallel::map(run, threads, LEAST_PER_THREAD, |bytes| {
        Header::decode(bytes).map(|header| (header, sha3_256(bytes)))
    });
    let mut linked = Vec::with_capacity(run.len());
    for (index, (result, bytes)) in decoded.into_iter().zip(run).enumerate() {
        let next = result.and_then(|(header, hash)| {
            check_context(genesis, &ancestry, &header, now_s)?;
            Ok((header, hash))
        });
        match next {
            Ok((header, hash)) => {
                let new = ancestry.accept(&header, hash, bytes.clone());
                linked.push((header, new));
            }
            Err(error) => {
                refused = Some((index, error));
                break;
            }
        }
    }
    let worked = parallel::map(&linked, threads, LEAST_PER_THREAD, |(header, _)| {
        verifier.header(genesis, header)
    });
    if let Some((index, Err(error))) = worked
        .into_iter()
        .enumerate()
        .find(|(_, result)| result.is_err())
    {
        linked.truncate(index);
        ancestry = start;
        for (header, new) in &linked {
            ancestry.push(header, new.hash);
        }
        refused = Some((index, error));
    }
    Verified {
        headers: linked.into_iter().map(|(_, new)| new).collect(),
        ancestry,
        refused,
    }
}

/// Decodes and checks the block that a peer or a file gives for the header `expected`.
///
/// # Errors
/// It is another block, or breaks a rule of bodies.
pub fn verify_body(
    genesis: &Genesis,
    verifier: &dyn Verifier,
    expected: &Hash32,
    bytes: Bytes,
) -> Result<Block, BodyError> {
    let max = genesis.params().max_block_bytes;
    if bytes.len() > max {
        return Err(BodyError::TooLarge {
            bytes: bytes.len(),
            max,
        });
    }
    let block = Block::decode(bytes)?;
    if block.hash() != *expected {
        return Err(BodyError::OtherHeader {
            expected: *expected,
        });
    }
    block.check_body(genesis.params())?;
    verifier.body(genesis, &block)?;
    Ok(block)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
