//! What goes into the engine and what comes out of it.

use bytes::Bytes;
use libp2p::PeerId;

use super::task::{BodiesChecked, BodyTask, HeaderTask, LocalGroup, PlanTask, Planned, TaskError};
use crate::{
    chain::{Batch, StoreError, Tips, verify::Verified},
    event::NodeEvent,
    ids::Hash32,
    offence::Offence,
    trust::Score,
    wire::{Message, TipClaim},
};

/// Names a request of the engine until it is answered, or its peer is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names a task of the engine until its result comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// Names a group of local blocks until it is imported or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalId(pub u64);

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestFailure {
    /// Nothing came in time: nobody's fault.
    Timeout,
    /// The connection closed or broke: nobody's fault.
    Disconnected,
    /// The peer does not speak the sync protocol.
    Unsupported,
    /// The answer broke a rule of the wire.
    Malformed {
        /// What the peer did.
        offence: Offence,
        /// The particulars.
        detail: String,
    },
}

impl RequestFailure {
    /// The stable label of the reason.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Disconnected => "disconnected",
            Self::Unsupported => "unsupported",
            Self::Malformed { .. } => "malformed",
        }
    }
}

/// What the engine knows of the store: refreshed with every commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Where both paths end.
    pub tips: Tips,
    /// Locator of the best headers, newest first.
    pub locator: Vec<Hash32>,
}

/// What a commit changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The store afterwards.
    pub view: View,
    /// Blocks of the old branch that the head left behind, 0 for an extension.
    pub reorg_depth: u64,
}

/// A commit that did not happen: the batch comes back to be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitFailure {
    /// What was to be written.
    pub batch: Box<Batch>,
    /// Why it was not.
    pub error: StoreError,
}

/// Something happened.
#[derive(Debug)]
pub enum Input {
    /// A peer was identified; `head` is the imported head it announced.
    PeerUp {
        /// Who.
        peer: PeerId,
        /// Where it says it stands.
        head: TipClaim,
    },
    /// A peer announced another imported head.
    PeerHead {
        /// Who.
        peer: PeerId,
        /// Where it says it stands.
        head: TipClaim,
    },
    /// How far a peer is trusted by now. Until it is said, it is trusted like any stranger.
    Trust {
        /// Who.
        peer: PeerId,
        /// Its score.
        score: Score,
    },
    /// A peer is gone; none of its requests will be answered.
    PeerDown {
        /// Who.
        peer: PeerId,
    },
    /// A request was answered, or will not be.
    Answer {
        /// Who was asked.
        peer: PeerId,
        /// Which request.
        id: RequestId,
        /// The answer.
        result: Result<Message, RequestFailure>,
    },
    /// The result of [`Action::CheckHeaders`].
    HeadersChecked {
        /// Which task.
        job: JobId,
        /// What was found.
        result: Result<Verified, TaskError>,
    },
    /// The result of [`Action::CheckBodies`].
    BodiesChecked {
        /// Which task.
        job: JobId,
        /// What was found.
        result: BodiesChecked,
    },
    /// The result of [`Action::Plan`].
    Planned {
        /// Which task.
        job: JobId,
        /// What is to be fetched.
        result: Result<Planned, TaskError>,
    },
    /// The result of [`Action::Commit`].
    Committed {
        /// Where the store stands, or the batch and why it was not written.
        result: Result<Commit, CommitFailure>,
    },
    /// Blocks from this side (mined, imported), already verified against the store.
    Local {
        /// Which group.
        id: LocalId,
        /// The group.
        group: LocalGroup,
    },
    /// Nothing but time has passed.
    Tick,
}

/// Something to do.
#[derive(Debug)]
pub enum Action {
    /// Send a request. Answered by one [`Input::Answer`], or by [`Input::PeerDown`], unless it is
    /// cancelled.
    Request {
        /// To whom.
        peer: PeerId,
        /// Its name.
        id: RequestId,
        /// What to ask.
        message: Message,
    },
    /// Give up on a request: somebody else was faster. No [`Input::Answer`] needs to follow, and one
    /// that does is ignored.
    Cancel {
        /// Its name.
        id: RequestId,
    },
    /// Verify headers ([`super::task::check_headers`]).
    CheckHeaders(HeaderTask),
    /// Verify bodies ([`super::task::check_bodies`]).
    CheckBodies(BodyTask),
    /// Look up what is to be fetched next ([`super::task::plan`]).
    Plan(PlanTask),
    /// Write a batch durably. At most one is open; it must end in [`Input::Committed`].
    Commit(Batch),
    /// A local group was imported, or refused.
    LocalDone {
        /// Which group.
        id: LocalId,
        /// Where the store stands, or why the group is not in it.
        result: Result<Tips, LocalRefused>,
    },
    /// A peer did something an honest peer does not do.
    Penalise {
        /// Who.
        peer: PeerId,
        /// What.
        offence: Offence,
        /// The particulars.
        detail: String,
    },
    /// Tell whoever listens.
    Emit(NodeEvent),
}

/// Why a local group is not in the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocalRefused {
    /// Too many groups are waiting.
    #[error("too many imports are waiting")]
    Busy,
    /// The store refuses to write. The group is tried again with the rest of its commit, so that it
    /// may still be imported later.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A run of encoded headers or blocks and their size.
pub(super) fn total_len(items: &[Bytes]) -> u64 {
    items.iter().map(|item| item.len() as u64).sum()
}
