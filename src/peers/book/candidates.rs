//! Whom to dial next.

use libp2p::{Multiaddr, PeerId};
use rand::{RngExt, seq::SliceRandom};

use crate::clock::{Now, Rng};

use super::{
    address::Known,
    engine::Book,
    entry::Entry,
    tables::{Buckets, Table},
};

/// A peer to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub peer: PeerId,
    /// Where, without `/p2p`: what worked last comes first, what failed most last.
    pub addresses: Vec<Multiaddr>,
    /// Whether we ever reached it.
    pub proven: bool,
}

impl Book {
    /// A peer to dial, of whose addresses only those come along that do not rest after a failure and
    /// that `accept` takes. Every second pick is of a peer that was reached before, as long as there
    /// is one; between buckets the choice is even, however full they are.
    ///
    /// The caller says with [`Book::attempt`] that it dials, else the same peer may come again.
    pub fn pick(
        &mut self,
        rng: &mut Rng,
        accept: impl Fn(&PeerId, &Multiaddr) -> bool,
        now: Now,
    ) -> Option<Candidate> {
        let at = self.at(now);
        let order = if self.new_is_next {
            [Table::New, Table::Tried]
        } else {
            [Table::Tried, Table::New]
        };
        self.new_is_next = !self.new_is_next;
        let tables = order.into_iter();
        tables
            .filter_map(|table| self.pick_from(table, rng, &accept, at))
            .next()
    }

    fn pick_from(
        &self,
        table: Table,
        rng: &mut Rng,
        accept: &impl Fn(&PeerId, &Multiaddr) -> bool,
        at: u64,
    ) -> Option<Candidate> {
        let held: &Buckets = self.tables.of(table);
        let mut buckets: Vec<Option<usize>> = held.occupied().into_iter().map(Some).collect();
        if table == Table::Tried && !self.pinned.is_empty() {
            // Those the operator keeps are like one more bucket.
            buckets.push(None);
        }
        buckets.shuffle(rng);
        let due = |peer: &PeerId| self.candidate(peer, accept, at);
        buckets.into_iter().find_map(|bucket| match bucket {
            Some(bucket) => {
                let from = rng.random_range(0..held.width());
                held.bucket(bucket, from).find_map(due)
            }
            None => {
                let mut pinned: Vec<&PeerId> = self.pinned.iter().collect();
                pinned.shuffle(rng);
                pinned.into_iter().find_map(due)
            }
        })
    }

    /// The anchors of the last run that have an address, the best first: to be dialled before
    /// anybody is picked.
    #[must_use]
    pub fn anchors(&self, now: Now) -> Vec<Candidate> {
        let at = self.at(now);
        let all = self.anchors.iter();
        all.filter_map(|peer| self.candidate(peer, &|_, _| true, at))
            .collect()
    }

    /// Where `peer` may be dialled now.
    #[must_use]
    pub fn candidate_of(&self, peer: &PeerId, now: Now) -> Option<Candidate> {
        self.candidate(peer, &|_, _| true, self.at(now))
    }

    /// Peers that the operator keeps and that may be dialled now.
    #[must_use]
    pub fn kept(&self, now: Now) -> Vec<Candidate> {
        let at = self.at(now);
        let all = self.pinned.iter();
        all.filter_map(|peer| self.candidate(peer, &|_, _| true, at))
            .collect()
    }

    /// A peer to dial only to see whether it is still there: one that we reached wants its place.
    /// Report how that goes as of any dial; a connection is not needed longer. `accept` says who can
    /// be dialled, so that connected peers are left alone (see [`Book::seen`]).
    pub fn next_test(&mut self, accept: impl Fn(&PeerId) -> bool, now: Now) -> Option<Candidate> {
        let at = self.at(now);
        self.settle_collisions(at);
        for i in 0..self.collisions.len() {
            let collision = self.collisions[i];
            if collision.asked || !accept(&collision.old) {
                continue;
            }
            // Resting addresses count, too: what failed lately is what has to be tested.
            let Some(entry) = self.entries.get(&collision.old) else {
                continue;
            };
            self.collisions[i].asked = true;
            return Some(Candidate {
                peer: collision.old,
                addresses: entry.addresses.iter().map(|a| a.address.clone()).collect(),
                proven: true,
            });
        }
        None
    }

    fn candidate(
        &self,
        peer: &PeerId,
        accept: &impl Fn(&PeerId, &Multiaddr) -> bool,
        at: u64,
    ) -> Option<Candidate> {
        let entry: &Entry = self.entries.get(peer)?;
        let may =
            |a: &&Known| a.is_due(at) && !self.rules.is_own(&a.address) && accept(peer, &a.address);
        let mut due: Vec<&Known> = entry.addresses.iter().filter(may).collect();
        if due.is_empty() {
            return None;
        }
        due.sort_by_key(|a| {
            let newest_first = |t: u64| u64::MAX - t;
            let worked = newest_first(a.success.unwrap_or(0));
            (a.failures, worked, a.is_hearsay(), newest_first(a.heard))
        });
        Some(Candidate {
            peer: *peer,
            addresses: due.into_iter().map(|a| a.address.clone()).collect(),
            proven: entry.is_proven(),
        })
    }
}
