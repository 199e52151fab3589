//! What a verified run did to the main branch.

use libp2p::PeerId;

use crate::{
    chain::HeaderError,
    ids::{Height, Work},
};

/// What came of a verified run.
pub(super) enum Outcome {
    /// The branch is longer.
    Extended,
    /// The run differs from what the branch was when it was pre-synced.
    Differs {
        /// Who sent it.
        peer: PeerId,
        /// The first height known to differ.
        at: Height,
    },
    /// A header of the run breaks a rule.
    Refused {
        /// Who sent it.
        peer: PeerId,
        /// The rule.
        error: HeaderError,
    },
    /// A peer's claim of work is false.
    FalseClaim {
        /// Who claimed it.
        peer: PeerId,
        /// What it claimed.
        claimed: Work,
        /// What it is.
        real: Work,
    },
}
