//! Who told us an address.

use std::fmt;

use libp2p::Multiaddr;

use crate::peers::Group;

use super::check::group_key;

/// By which way an address came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The operator, by command.
    Operator,
    /// Configuration.
    Bootstrap,
    /// A list of seeds.
    Seed,
    /// Multicast on the local network.
    Lan,
    /// An answer of the hash table.
    Dht,
    /// Another peer's list of peers.
    Exchange,
    /// The peer itself, over an authenticated connection.
    Identify,
}

impl Source {
    const ALL: [Self; 7] = [
        Self::Operator,
        Self::Bootstrap,
        Self::Seed,
        Self::Lan,
        Self::Dht,
        Self::Exchange,
        Self::Identify,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Bootstrap => "bootstrap",
            Self::Seed => "seed",
            Self::Lan => "lan",
            Self::Dht => "dht",
            Self::Exchange => "exchange",
            Self::Identify => "identify",
        }
    }

    /// Its number in a row.
    pub(super) fn number(self) -> u64 {
        self as u64
    }

    pub(super) fn from_number(number: u64) -> Option<Self> {
        let at = usize::try_from(number).ok()?;
        Self::ALL.get(at).copied()
    }

    /// Whether somebody else than the peer or our operator says so.
    pub(super) fn is_hearsay(self) -> bool {
        matches!(self, Self::Seed | Self::Lan | Self::Dht | Self::Exchange)
    }
}

/// Who told us: the way, and the group of the address it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// By which way.
    pub source: Source,
    /// Where the teller is. What one group tells shares one part of the book.
    pub group: Group,
}

impl Origin {
    /// From this machine or its neighbourhood: operator, configuration, seeds, local network.
    #[must_use]
    pub fn here(source: Source) -> Self {
        Self {
            source,
            group: Group::Local,
        }
    }

    /// The source group: what it tells shares one part of the book. Each way that begins at this
    /// machine is one, so that a flood on the local network leaves the seeds their room.
    pub(super) fn key(self) -> Vec<u8> {
        match self.source {
            Source::Dht | Source::Exchange | Source::Identify => group_key(self.group),
            own => vec![2, own as u8],
        }
    }

    /// From a peer that is connected at `from`.
    #[must_use]
    pub fn remote(source: Source, from: &Multiaddr) -> Self {
        Self {
            source,
            group: Group::of(from),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Source::Dht | Source::Exchange | Source::Identify => {
                write!(f, "{} from {}", self.source.name(), self.group)
            }
            own => f.write_str(own.name()),
        }
    }
}
