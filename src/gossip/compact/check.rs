//! From bytes to an announce whose header is proven.

use std::sync::Arc;

use bytes::Bytes;

use super::Announce;
use crate::{
    chain::{Ancestry, Genesis, HeaderError, NewHeader, Tip, Verifier, verify::verify_header},
    gossip::{Ignored, Verdict},
    ids::Hash32,
    offence::Offence,
};

/// An announce whose header follows a known parent, has its work and beats our tip. Only [`check`]
/// makes one, so whatever takes it spends nothing on a header that cost nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    announce: Arc<Announce>,
    header: NewHeader,
    bytes: usize,
}

/// What an announce is checked against.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The chain.
    pub genesis: &'a Genesis,
    /// Who judges the work.
    pub verifier: &'a dyn Verifier,
    /// The end of our blocks: what does not beat it is of no use.
    pub tip: Tip,
    /// UNIX seconds.
    pub now_s: u64,
}

impl Checked {
    /// The announce.
    #[must_use]
    pub fn announce(&self) -> &Arc<Announce> {
        &self.announce
    }

    /// Its header, as a store takes it.
    #[must_use]
    pub fn header(&self) -> &NewHeader {
        &self.header
    }

    /// Hash of the block.
    #[must_use]
    pub fn block(&self) -> Hash32 {
        self.header.hash
    }

    /// Length of its encoding.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Reads and judges a payload of the topic `blocks` or of a `BLOCK_ANNOUNCE`, cheapest first: length,
/// CBOR, counts, chain, parent, the header's rules and work, use. `ancestry` looks up the ancestry of
/// the children of a header.
///
/// # Errors
/// What becomes of it: rejected with an offence, or ignored as ahead of our clock, as building on a
/// header that is not here, or as no better than what we have.
pub fn check(
    payload: &Bytes,
    context: &Context<'_>,
    ancestry: impl FnOnce(&Hash32) -> Option<Ancestry>,
) -> Result<Checked, Verdict> {
    let announce = read(payload, context.genesis)?;
    suits(&announce, context.genesis)?;
    prove(announce, payload.len(), context, ancestry)
}

/// The form of an announce: length, CBOR, counts.
///
/// # Errors
/// The verdict on one that has not the form.
pub fn read(payload: &Bytes, genesis: &Genesis) -> Result<Announce, Verdict> {
    Announce::decode(payload, genesis.params())
        .map_err(|error| reject(error.offence(), error.to_string()))
}

/// Whether it is about this chain.
///
/// # Errors
/// It is rejected.
pub fn suits(announce: &Announce, genesis: &Genesis) -> Result<(), Verdict> {
    let (expected, got) = (genesis.header().chain_id, announce.header.chain_id);
    if got != expected {
        return Err(refuse(&HeaderError::WrongChain { expected, got }));
    }
    Ok(())
}

/// Judges the header of an announce of `len` bytes, which [`suits`] this chain: parent, rules and
/// work, use.
///
/// # Errors
/// As for [`check`].
pub fn prove(
    announce: Announce,
    len: usize,
    context: &Context<'_>,
    ancestry: impl FnOnce(&Hash32) -> Option<Ancestry>,
) -> Result<Checked, Verdict> {
    let Context {
        genesis, verifier, ..
    } = context;
    let mut ancestry =
        ancestry(&announce.header.parent_hash).ok_or(Verdict::Ignore(Ignored::UnknownParent))?;
    // The store keeps the header long after the announce, so it gets bytes of its own.
    let bytes = Bytes::copy_from_slice(&announce.header_bytes);
    let header = verify_header(genesis, *verifier, &mut ancestry, &bytes, context.now_s)
        .map_err(|error| refuse(&error))?;
    if !header.tip().beats(&context.tip) {
        return Err(Verdict::Ignore(Ignored::Stale));
    }
    Ok(Checked {
        announce: Arc::new(announce),
        header,
        bytes: len,
    })
}

fn reject(offence: Offence, detail: String) -> Verdict {
    Verdict::Reject { offence, detail }
}

fn refuse(error: &HeaderError) -> Verdict {
    match error.offence() {
        Some(offence) => reject(offence, error.to_string()),
        None => Verdict::Ignore(Ignored::Future),
    }
}
