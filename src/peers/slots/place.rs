//! Where a peer is, as far as limits per group go.

use libp2p::{Multiaddr, multiaddr::Protocol};

use crate::peers::Group;

/// The place of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    /// In a group that costs something.
    Costly(Group),
    /// On this machine or in this private network.
    Local,
    /// A name or a relay: it could be anywhere, so all of them count as one group.
    Unplaced,
}

impl Place {
    pub(super) fn of(address: &Multiaddr) -> Self {
        // The memory transport never leaves the process.
        if matches!(address.iter().next(), Some(Protocol::Memory(_))) {
            return Self::Local;
        }
        Self::of_group(Group::of(address))
    }

    pub(super) fn of_group(group: Group) -> Self {
        match group {
            Group::V4(_) | Group::V6(_) => Self::Costly(group),
            Group::Local => Self::Local,
            Group::Other => Self::Unplaced,
        }
    }
}
