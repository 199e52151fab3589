//! Why a connection is ended, in words that both sides share.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Why one side ends a connection. The code travels, the name is the metric label, JSON value and
/// log field; neither ever changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Goodbye {
    /// No reason given, or one that this version does not know.
    Unspecified,
    /// The node stops.
    Shutdown,
    /// No place is free, or somebody else needs this one more.
    TooManyPeers,
    /// Nothing useful came for longer than the node waits.
    Idle,
    /// The peer never said who it is.
    Unidentified,
    /// The peer answered no ping for longer than the node waits.
    Dead,
    /// Trust in the peer is below the threshold.
    LowTrust,
    /// The peer is banned.
    Banned,
    /// The peer broke the protocol; it may come back once.
    Breach,
    /// A person asked for it.
    Operator,
    /// The peer belongs to another chain.
    WrongNetwork,
    /// Another connection to the same peer stays.
    Duplicate,
    /// A better peer takes the place.
    Replaced,
}

impl Goodbye {
    /// Every reason.
    pub const ALL: &'static [Self] = &[
        Self::Unspecified,
        Self::Shutdown,
        Self::TooManyPeers,
        Self::Idle,
        Self::Unidentified,
        Self::Dead,
        Self::LowTrust,
        Self::Banned,
        Self::Breach,
        Self::Operator,
        Self::WrongNetwork,
        Self::Duplicate,
        Self::Replaced,
    ];

    /// Its number on the wire.
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            Self::Unspecified => 0,
            Self::Shutdown => 1,
            Self::TooManyPeers => 2,
            Self::Idle => 3,
            Self::Unidentified => 4,
            Self::Dead => 5,
            Self::LowTrust => 6,
            Self::Banned => 7,
            Self::Breach => 8,
            Self::Operator => 9,
            Self::WrongNetwork => 10,
            Self::Duplicate => 11,
            Self::Replaced => 12,
        }
    }

    /// The reason with this number; [`Goodbye::Unspecified`] for numbers of later versions.
    #[must_use]
    pub fn from_code(code: u32) -> Self {
        let known = Self::ALL.iter().find(|reason| reason.code() == code);
        known.copied().unwrap_or(Self::Unspecified)
    }

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Shutdown => "shutdown",
            Self::TooManyPeers => "too_many_peers",
            Self::Idle => "idle",
            Self::Unidentified => "unidentified",
            Self::Dead => "dead",
            Self::LowTrust => "low_trust",
            Self::Banned => "banned",
            Self::Breach => "breach",
            Self::Operator => "operator",
            Self::WrongNetwork => "wrong_network",
            Self::Duplicate => "duplicate",
            Self::Replaced => "replaced",
        }
    }

    /// How long whoever is told this should not come back. Advice: a node that comes earlier is
    /// refused, not punished.
    #[must_use]
    pub fn back_off(self) -> Duration {
        Duration::from_secs(match self {
            // The other connection is there already.
            Self::Duplicate => 0,
            Self::Unspecified | Self::Dead => 10,
            // A restart takes about that long.
            Self::Shutdown => 5,
            Self::TooManyPeers | Self::Unidentified | Self::Breach => 60,
            Self::Idle | Self::Replaced => 300,
            Self::LowTrust | Self::Operator => 600,
            // The default ban; another chain does not become ours.
            Self::Banned | Self::WrongNetwork => 3600,
        })
    }
}

impl fmt::Display for Goodbye {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_codes_are_unique_and_come_back() {
        let (mut names, mut codes) = (BTreeSet::new(), BTreeSet::new());
        for reason in Goodbye::ALL {
            assert!(names.insert(reason.name()) && codes.insert(reason.code()));
            assert_eq!(Goodbye::from_code(reason.code()), *reason);
            let json = serde_json::to_string(reason).unwrap();
            assert_eq!(json, format!("\"{reason}\""));
        }
        let page = include_str!("../../specs/connections.md");
        for reason in Goodbye::ALL {
            let seconds = reason.back_off().as_secs();
            let row = format!("| {} | `{reason}` | {seconds} s |", reason.code());
            assert!(page.contains(&row), "{row}");
        }
        assert_eq!(Goodbye::from_code(u32::MAX), Goodbye::Unspecified);
    }
}
