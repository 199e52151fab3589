//! What is known about one peer.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Instant,
};

use super::{Limits, RequestId, known::Known};
use crate::{trust::Score, wire::Item};

/// Trust in a peer whose score was not told yet, in thousandths: where everybody begins.
const STRANGER: u32 = 500;

/// Trust, in thousandths, below which a peer is asked only for what others do not have: the initial
/// trust less two penalties, as where places are taken away (`specs/connections.md`).
const DOUBTED: u32 = 400;

/// Peers in the order in which they are asked, smaller first: how much it withholds, whether it is
/// doubted, whether others chose it, how much it has to do for the trust it has.
pub(super) type Rank = (u32, bool, bool, u64);

/// One peer.
#[derive(Debug)]
pub(super) struct Peer {
    /// Chosen by us: an outbound connection.
    pub(super) preferred: bool,
    /// How far it is trusted, in thousandths.
    trust: u32,
    /// What it has announced to us, or we to it.
    pub(super) known: Known,
    /// What it has announced and we do not have, in the order in which it was announced.
    pub(super) announced: BTreeMap<u64, Item>,
    /// Those of them that nobody is being asked for.
    pub(super) waiting: BTreeSet<u64>,
    /// Requests for objects it has not answered, the late ones included.
    pub(super) in_flight: usize,
    /// Requests it let pass, halved with each one it answered.
    pub(super) withheld: u32,
    /// It asked for a pause.
    pub(super) busy_until: Option<Instant>,
    pub(super) outbox: Outbox,
}

/// Announcements on their way to a peer, one message at a time.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) items: VecDeque<Item>,
    /// Since when the oldest of them waits.
    pub(super) since: Option<Instant>,
    /// The message without a receipt yet.
    pub(super) sent: Option<RequestId>,
    pub(super) not_before: Option<Instant>,
}

impl Peer {
    pub(super) fn new(preferred: bool, salt: (u64, u64)) -> Self {
        Self {
            preferred,
            trust: STRANGER,
            known: Known::new(salt),
            announced: BTreeMap::new(),
            waiting: BTreeSet::new(),
            in_flight: 0,
            withheld: 0,
            busy_until: None,
            outbox: Outbox::default(),
        }
    }

    /// Whether it may be asked now, as far as it alone is concerned.
    pub(super) fn is_able(&self, limits: &Limits, now: Instant) -> bool {
        let cap = if self.withheld > 0 {
            1
        } else {
            limits.in_flight
        };
        self.in_flight < cap && self.busy_until.is_none_or(|until| until <= now)
    }

    /// Its score changed.
    pub(super) fn set_trust(&mut self, score: Score) {
        self.trust = score.thousandths();
    }

    /// Its place among those who could be asked. A single lapse does not count: any link has some.
    pub(super) fn rank(&self) -> Rank {
        // One more request than it has, each the heavier the less it is trusted.
        let load = (self.in_flight as u64 + 1) * 1000 / u64::from(self.trust.max(1));
        let doubted = self.trust < DOUBTED;
        (self.withheld / 2, doubted, !self.preferred, load)
    }
}

impl Outbox {
    /// Adds an item; says whether one had to go for it.
    pub(super) fn push(&mut self, item: Item, limits: &Limits, now: Instant) -> bool {
        self.items.push_back(item);
        self.since.get_or_insert(now);
        let full = self.items.len() > limits.outbox;
        if full {
            self.items.pop_front();
        }
        full
    }

    /// When the next message goes out; `None` while there is nothing to say or one is under way.
    pub(super) fn due(&self, limits: &Limits) -> Option<Instant> {
        let since = self.since.filter(|_| self.sent.is_none())?;
        let due = if self.items.len() >= limits.batch {
            since
        } else {
            since + limits.batch_delay
        };
        Some(
            self.not_before
                .map_or(due, |not_before| due.max(not_before)),
        )
    }
}
