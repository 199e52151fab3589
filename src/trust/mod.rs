//! Whom we believe: scores of peers, what moved them, and what others recommend.
//!
//! A pure engine: it takes the time and what happened, and says how a score changed. It opens no
//! socket, reads no clock and no disk, and bans nobody. The event loop tells it what peers do
//! ([`TrustModel::observe`]), asks it whom to serve ([`TrustModel::standing`]), and writes the rows
//! it gives out ([`TrustModel::take_rows`]). `specs/trust.md` is the normative text.

mod audit;
mod config;
mod engine;
mod event;
pub mod mesh;
mod offences;
mod peer;
mod recent;
mod recommend;
mod score;
mod snapshot;
mod table;
mod tally;
#[cfg(test)]
mod tests;
mod trail;
mod trend;
mod view;

use std::{ops::Range, time::Duration};

use libp2p::PeerId;

use crate::clock::Now;

pub use audit::{AuditEvent, MAX_AUDIT_ROW};
pub use config::{Config, ConfigError};
pub use engine::{Engine, Loaded, Stats};
pub use event::{Event, MAX_EVIDENCE, Observation};
pub use offences::{Tolerance, tolerance};
pub use recommend::{MAX_VOUCHERS, Recommendation, Refused};
pub use score::{Magnitude, OutOfRange, Score};
pub use trail::AuditRow;
pub use view::{Select, Statistics, View};

/// How a score is made and kept: the seam at which another model of trust takes the place of
/// [`Engine`].
pub trait TrustModel: Send {
    /// Takes note of something a peer did, or that an operator said about it.
    fn observe(&mut self, peer: &PeerId, seen: &Observation<'_>, now: Now) -> Change;

    /// Takes what one peer says about another. The caller has verified the signature.
    ///
    /// # Errors
    /// It counts for nothing, and why.
    fn recommend(&mut self, word: &Recommendation, now: Now) -> Result<Change, Refused>;

    /// Whether to serve and dial a peer, and how it compares with others. A stranger stands where
    /// everybody begins.
    fn standing(&self, peer: &PeerId, now: Now) -> Standing;

    /// What is known about some peers, the best score first.
    fn list(&self, which: Select, now: Now) -> Vec<View>;

    /// What changed since the last call and must outlive the node. `all` ends every open entry of
    /// the audit trail, as before a shutdown.
    fn take_rows(&mut self, all: bool, now: Now) -> Rows;
}

/// What an observation did to a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The score before.
    pub before: f64,
    /// The score after.
    pub after: f64,
    /// Whether the threshold lies between the two.
    pub crossed: Option<Crossing>,
}

/// The threshold was crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// The peer is no longer served: disconnect it and leave it alone for so long. Not a ban: it
    /// holds for this peer only, ends by itself, and whoever dials us meanwhile is refused politely.
    Below {
        /// How long the cool-down lasts.
        cool_down: Duration,
    },
    /// An operator ended a cool-down. That one ends by itself is not reported:
    /// [`TrustModel::standing`] says so when asked.
    Above,
}

/// Where a peer stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// The score, 0.0 to 1.0.
    pub score: f64,
    /// The reputation, 0.0 to 1.0: what to choose peers by.
    pub reputation: f64,
    /// How long it is not served yet; `None` if it is served.
    pub retry_in: Option<Duration>,
}

impl Standing {
    /// Whether the peer is served, dialled and listened to.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.retry_in.is_none()
    }
}

/// Rows to write and to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Peers: the bytes of a PeerId, and the row; `None` removes it.
    pub peers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// New entries of the audit trail, in order.
    pub audit: Vec<AuditRow>,
    /// How large the model is by now.
    pub stats: Stats,
    /// Entries of the audit trail to remove, by ranges of their numbers. No range has gaps.
    pub expired: Vec<Range<u64>>,
}

impl Rows {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty() && self.audit.is_empty() && self.expired.is_empty()
    }

    /// The keys of the entries to remove.
    pub fn expired_keys(&self) -> impl Iterator<Item = [u8; 8]> {
        self.expired.iter().cloned().flatten().map(u64::to_be_bytes)
    }
}
