//! What the plan asks for and what it is told.

use std::time::Instant;

use libp2p::{Multiaddr, PeerId};

use super::Plan;
use crate::peers::{Goodbye, Group};

/// Names a dial that the plan asked for, until the swarm gives it a connection id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// What the caller does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Dial, and tell [`Plan::began`] under which connection id.
    Dial {
        /// Which dial.
        ticket: Ticket,
        /// Who must answer; `None` where an address was given without a PeerId.
        peer: Option<PeerId>,
        /// Where, at least one address.
        addresses: Vec<Multiaddr>,
    },
    /// Say goodbye and close every connection to the peer.
    Disconnect {
        /// Who.
        peer: PeerId,
        /// Why.
        reason: Goodbye,
    },
}

/// Somebody to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub peer: PeerId,
    /// Where.
    pub addresses: Vec<Multiaddr>,
}

/// What becomes of a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays.
    Keep,
    /// Say goodbye for this reason and close it. The plan does not count it.
    Refuse(Goodbye),
}

/// Why a dial failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It reached this very node.
    Ourselves,
    /// Nobody answered, another peer did, or it was refused.
    Unreachable,
}

/// Why a candidate cannot be dialled now: what the book must not offer.
#[derive(Clone, Copy, Debug)]
pub struct Exclude<'a> {
    pub(super) plan: &'a Plan,
    pub(super) urgent: bool,
    pub(super) now: Instant,
}

impl Exclude<'_> {
    /// Whether `peer` is out: connected, being dialled, on a pause, in a cool-down, ourselves, or
    /// looked after elsewhere (reserved).
    #[must_use]
    pub fn peer(&self, peer: &PeerId) -> bool {
        self.plan.is_out(peer, self.urgent, self.now)
    }

    /// Whether the group of `address` has as many outbound peers as it may have.
    #[must_use]
    pub fn address(&self, address: &Multiaddr) -> bool {
        !self.plan.has_room_at(address)
    }

    /// The same for a group. Names and relays are [`Group::Other`].
    #[must_use]
    pub fn group(&self, group: Group) -> bool {
        !self.plan.has_room_in(super::place::Place::of_group(group))
    }

    /// Whether `candidate` can be dialled, at one of its addresses at least.
    #[must_use]
    pub fn candidate(&self, candidate: &Candidate) -> bool {
        self.peer(&candidate.peer) || candidate.addresses.iter().all(|a| self.address(a))
    }
}
