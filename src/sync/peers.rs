//! What the engine knows of each peer.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;

use super::{
    config::{
        CREDIBLE_FAILURES, FIRST_BATCH, FIRST_REST, GROW_BELOW, LONGEST_REST, MAX_BATCH, MIN_BATCH,
        SHRINK_ABOVE,
    },
    headers::Role,
    io::RequestId,
    pace::Pace,
};
use crate::{
    chain::Tip,
    ids::{Height, Work},
    trust::Score,
    wire::{Credits, TipClaim},
};

/// Trust in a peer whose score was not told yet, in thousandths: where everybody begins.
const STRANGER: u32 = 500;

/// Least weight of a peer, in thousandths. It is there to be asked when nobody else can be, and the
/// faster of two that nobody trusts still comes first.
const LEAST_TRUST: u32 = 10;

/// All peers, in the order of their ids, so that a run with the same seed repeats.
pub(super) type Peers = BTreeMap<PeerId, Peer>;

/// One peer.
#[derive(Debug)]
pub(super) struct Peer {
    /// The imported head that it announced last.
    pub(super) head: TipClaim,
    /// Height of its imported head: it should have the bodies up to here.
    pub(super) blocks: Height,
    /// The best header it has told us of.
    pub(super) tip: TipClaim,
    /// What it lets us have outstanding.
    pub(super) credits: Credits,
    /// How far it is trusted, in thousandths.
    trust: u32,
    /// How fast it serves headers.
    pub(super) header_pace: Pace,
    /// How fast it serves bodies. Apart from headers: they come from another place of its disk.
    pub(super) body_pace: Pace,
    /// What it does for the headers.
    pub(super) role: Role,
    /// The header request it has not answered, unless that was given up.
    pub(super) asked: Option<RequestId>,
    /// Work it claims for the end of the run that is being tried, if that is its best header.
    pub(super) trial_claim: Option<Work>,
    /// Headers in its next full batch.
    pub(super) batch: u32,
    /// Its last sign of life.
    pub(super) heard: Instant,
    /// Requests it has not answered, and the bytes of blocks they ask for.
    pub(super) open: u32,
    /// See [`Peer::open`].
    pub(super) open_bytes: u64,
    /// Failures since its last answer.
    pub(super) failures: u32,
    /// Body requests in a row that ended in nothing.
    pub(super) withheld: u32,
    /// Not to be asked before this.
    rest_until: Option<Instant>,
    /// Caught at an offence: never asked again.
    pub(super) shunned: bool,
}

impl Peer {
    pub(super) fn new(head: TipClaim, now: Instant) -> Self {
        Self {
            head,
            blocks: head.height,
            tip: head,
            credits: Credits::INITIAL,
            trust: STRANGER,
            header_pace: Pace::default(),
            body_pace: Pace::default(),
            role: Role::New,
            asked: None,
            trial_claim: None,
            batch: FIRST_BATCH,
            heard: now,
            open: 0,
            open_bytes: 0,
            failures: 0,
            withheld: 0,
            rest_until: None,
            shunned: false,
        }
    }

    /// Its score changed.
    pub(super) fn set_trust(&mut self, score: Score) {
        self.trust = score.thousandths().max(LEAST_TRUST);
    }

    /// How far it is trusted, for comparison alone.
    pub(super) fn trust(&self) -> u32 {
        self.trust
    }

    /// What a rate counts when peers are compared: trust × speed. Peers that are trusted alike
    /// compare by speed alone.
    pub(super) fn weighed(&self, rate: f64) -> f64 {
        rate * f64::from(self.trust)
    }

    /// Takes note of an announced head. A better one is a reason to ask again.
    pub(super) fn announce(&mut self, head: TipClaim, now: Instant) {
        self.heard = now;
        self.head = head;
        self.blocks = head.height;
        if better(&head, &self.tip) {
            self.tip = head;
            if matches!(self.role, Role::Level) {
                self.role = Role::New;
            }
        }
    }

    /// Whether it may be asked for anything now.
    pub(super) fn available(&self, now: Instant) -> bool {
        !self.shunned
            && self.rest_until.is_none_or(|until| until <= now)
            && self.open < self.credits.requests
    }

    /// Whether its claims count for what is out there.
    pub(super) fn credible(&self) -> bool {
        !self.shunned && self.failures < CREDIBLE_FAILURES
    }

    /// Whether it claims a better branch than `tip`.
    pub(super) fn claims_more(&self, tip: &Tip) -> bool {
        better(&self.tip, &claim(tip))
    }

    /// Work of the imported head that it announced last.
    pub(super) fn announced(&self) -> Work {
        self.head.work
    }

    /// The most work it claims.
    pub(super) fn claimed(&self) -> Work {
        self.tip.work.max(self.head.work)
    }

    /// It answered.
    pub(super) fn answered(&mut self, now: Instant) {
        self.heard = now;
        self.failures = 0;
    }

    /// It let us wait: it rests, longer with every failure in a row.
    pub(super) fn failed(&mut self, now: Instant) {
        let rest = FIRST_REST.saturating_mul(1 << self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        self.header_pace.failed();
        self.body_pace.failed();
        self.rest(rest.min(LONGEST_REST), now);
    }

    /// It asked for a pause, or gets one.
    pub(super) fn rest(&mut self, pause: Duration, now: Instant) {
        let until = now + pause;
        self.rest_until = Some(self.rest_until.map_or(until, |was| was.max(until)));
    }

    /// Adapts the size of its next batch to the time the last one took.
    pub(super) fn adapt_batch(&mut self, asked: u32, took: Duration) {
        if took > SHRINK_ABOVE {
            self.batch = (asked / 2).clamp(MIN_BATCH, MAX_BATCH);
        } else if took < GROW_BELOW && asked >= self.batch {
            self.batch = self.batch.saturating_mul(2).min(MAX_BATCH);
        }
    }

    /// When this peer may be asked again, if only time stands in the way.
    pub(super) fn wakes(&self) -> Option<Instant> {
        if self.shunned {
            return None;
        }
        self.rest_until
    }
}

/// Fork choice between claims: more work, then the smaller hash.
pub(super) fn better(a: &TipClaim, b: &TipClaim) -> bool {
    (a.work, std::cmp::Reverse(a.hash)) > (b.work, std::cmp::Reverse(b.hash))
}

/// A tip of ours in the shape of a claim.
pub(super) fn claim(tip: &Tip) -> TipClaim {
    TipClaim {
        height: tip.height,
        hash: tip.hash,
        work: tip.work,
    }
}
