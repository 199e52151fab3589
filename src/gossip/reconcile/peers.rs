//! The peers there are, and when each is to be reconciled with.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;

/// What is known of the peers.
#[derive(Debug, Default)]
pub(super) struct Peers(BTreeMap<PeerId, Peer>);

#[derive(Debug)]
struct Peer {
    /// When to reconcile with it out of turn.
    due: Option<Instant>,
    /// When that last succeeded.
    done: Option<Instant>,
    heard: Instant,
    /// In a row.
    failures: u32,
    /// It is left alone until then.
    rests_until: Option<Instant>,
}

impl Peers {
    pub(super) fn up(&mut self, peer: PeerId, due: Instant, now: Instant) {
        self.0.entry(peer).or_insert(Peer {
            due: Some(due),
            done: None,
            heard: now,
            failures: 0,
            rests_until: None,
        });
    }

    pub(super) fn down(&mut self, peer: &PeerId) {
        self.0.remove(peer);
    }

    /// Notes that something came from `peer`, and whether it had been silent for `silence`.
    pub(super) fn heard(&mut self, peer: &PeerId, silence: Duration, now: Instant) -> bool {
        let Some(peer) = self.0.get_mut(peer) else {
            return false;
        };
        let was_silent = now.saturating_duration_since(peer.heard) >= silence;
        peer.heard = now;
        was_silent
    }

    /// Plans `peer` for `at`, if it is not planned earlier.
    pub(super) fn plan(&mut self, peer: &PeerId, at: Instant) {
        if let Some(peer) = self.0.get_mut(peer) {
            peer.due = Some(peer.due.map_or(at, |due| due.min(at)));
        }
    }

    /// Notes that the peers' sets are reconciled.
    pub(super) fn succeeded(&mut self, peer: &PeerId, now: Instant) {
        if let Some(peer) = self.0.get_mut(peer) {
            peer.done = Some(now);
            peer.failures = 0;
            peer.rests_until = None;
        }
    }

    /// Leaves `peer` alone: `first` after the first failure, twice as long after each further one,
    /// at most `longest`, at least `at_least`.
    pub(super) fn failed(
        &mut self,
        peer: &PeerId,
        (first, longest): (Duration, Duration),
        at_least: Duration,
        now: Instant,
    ) {
        if let Some(peer) = self.0.get_mut(peer) {
            let doubled = first.saturating_mul(1 << peer.failures.min(16));
            peer.failures = peer.failures.saturating_add(1);
            let until = now + doubled.min(longest).max(at_least);
            peer.rests_until = Some(until);
            // What failed is tried again, and not only when its turn comes.
            peer.due = Some(until);
        }
    }

    /// The peer that has been due for longest; it is no longer.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<PeerId> {
        let due = |peer: &Peer| Some(peer.wakes()?).filter(|at| *at <= now);
        let all = self.0.iter();
        let (_, id) = all.filter_map(|(id, peer)| Some((due(peer)?, *id))).min()?;
        self.0.get_mut(&id)?.due = None;
        Some(id)
    }

    /// The peer whose turn it is: the one reconciled with longest ago.
    pub(super) fn stalest(&self, now: Instant) -> Option<PeerId> {
        let rested = |peer: &Peer| peer.rests_until.is_none_or(|until| until <= now);
        let all = self.0.iter().filter(|(_, peer)| rested(peer));
        all.min_by_key(|(id, peer)| (peer.done, **id))
            .map(|(id, _)| *id)
    }

    /// When the next peer is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.values().filter_map(Peer::wakes).min()
    }
}

impl Peer {
    fn wakes(&self) -> Option<Instant> {
        let due = self.due?;
        Some(self.rests_until.map_or(due, |until| until.max(due)))
    }
}
