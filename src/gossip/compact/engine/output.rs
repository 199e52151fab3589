//! What the engine wants done, and what can become of a request.

use libp2p::PeerId;

use super::super::{FullReason, Rebuilt};
use crate::{gossip::Verdict, ids::Hash32, offence::Offence, wire::Message};

/// Something the caller is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Ask `peer`. The answer goes to [`super::Engine::on_txs`], or through `check` to
    /// [`super::Engine::on_announce`], and anything else to [`super::Engine::on_failure`].
    Request {
        /// Whom.
        peer: PeerId,
        /// About which block.
        block: Hash32,
        /// `GET_TX` or `GET_COMPACT`.
        message: Message,
    },
    /// What becomes of the announce of `block` by `peer`. A rejection is also the peer's offence.
    Verdict {
        /// Whose announce.
        peer: PeerId,
        /// Of which block.
        block: Hash32,
        /// What becomes of it.
        verdict: Verdict,
    },
    /// A block was rebuilt from the announce of `from`. The caller verifies it as any other, then
    /// accepts the announce, or rejects it with the offence of the error.
    Block {
        /// Whose announce.
        from: PeerId,
        /// The block.
        rebuilt: Rebuilt,
    },
    /// The block cannot be rebuilt: fetch it whole from one of `peers`, the likeliest first.
    FetchFull {
        /// Which block.
        block: Hash32,
        /// Who has it, as far as known; at least one.
        peers: Vec<PeerId>,
        /// Why the last announce did not lead to it.
        reason: FullReason,
    },
    /// A peer announced something else than the block, as the block shows.
    Penalise {
        /// Who.
        peer: PeerId,
        /// What.
        offence: Offence,
        /// The particulars.
        detail: String,
    },
}

/// How a request came to nothing. None of these is an offence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// `TX_NOTFOUND`.
    NotFound,
    /// `BUSY`, `ERROR`, or a stream that failed; also an answer that was refused on the wire or by
    /// `check`, after the caller has punished it.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The peer left.
    Gone,
}

impl Output {
    pub(super) fn verdict(peer: PeerId, block: Hash32, verdict: Verdict) -> Self {
        Self::Verdict {
            peer,
            block,
            verdict,
        }
    }
}
