//! Live data on its way through the network, as plain values: what is taken, what is passed on,
//! whom to ask. No sockets, no tasks, no clock and no randomness of its own.

pub mod app;
pub mod blobs;
pub mod buckets;
pub mod compact;
pub mod delays;
pub mod direct;
pub mod inventory;
pub mod reconcile;
pub mod seen;
pub mod shares;
pub mod stats;
pub mod txs;

use crate::offence::Offence;

/// What is to become of a gossip message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Valid and new: it is passed on.
    Accept,
    /// Of no use here, which may happen to an honest sender: not passed on, nobody is blamed.
    Ignore(Ignored),
    /// No honest peer sends this.
    Reject {
        /// What it is.
        offence: Offence,
        /// The particulars.
        detail: String,
    },
}

/// Why a message is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ignored {
    /// Seen before.
    Duplicate,
    /// Over a token bucket.
    RateLimited,
    /// Its time has passed.
    Stale,
    /// Dated ahead of our clock, further than clocks differ.
    Future,
    /// What it builds on is not here.
    UnknownParent,
    /// It cannot be judged here, for example for want of a key.
    Unknown,
    /// No room for it.
    Full,
    /// The application does not want it.
    NotAdmitted,
}

impl Ignored {
    /// Every reason.
    pub const ALL: &'static [Self] = &[
        Self::Duplicate,
        Self::RateLimited,
        Self::Stale,
        Self::Future,
        Self::UnknownParent,
        Self::Unknown,
        Self::Full,
        Self::NotAdmitted,
    ];

    /// The metric label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::RateLimited => "rate_limited",
            Self::Stale => "stale",
            Self::Future => "future",
            Self::UnknownParent => "unknown_parent",
            Self::Unknown => "unknown",
            Self::Full => "full",
            Self::NotAdmitted => "not_admitted",
        }
    }
}
