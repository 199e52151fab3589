//! What the book needs now and then, and how much each source may add to it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, swarm::dial_opts::DialOpts};

use super::PeeringTask;
use crate::{
    bucket::{Bucket, Rate},
    clock::Now,
    node::effect::Effect,
    peers::book::{Learnt, Origin, Source},
};

/// How often connected peers are noted as such. The book takes note every few minutes.
const SEEN: Duration = Duration::from_secs(60);

/// How often what is old is looked for.
const PRUNE: Duration = Duration::from_secs(60 * 60);

/// How often a peer that was reached once is dialled to see whether it is still there, when
/// another one wants its place in the book.
const TEST: Duration = Duration::from_secs(30);

/// New peers that one source may add: 1024 at once, a sixteenth of the book, and 900 in an hour.
/// Tokens are a second; a peer takes [`COST`] of them.
const QUOTA: Rate = Rate {
    per_second: 1,
    burst: 1024 * COST,
};

/// Seconds for which a source is charged for each new peer.
const COST: u32 = 4;

/// When the book was looked after.
#[derive(Debug, Default)]
pub(super) struct Tended {
    seen: Option<Instant>,
    pruned: Option<Instant>,
    tested: Option<Instant>,
}

/// What each source may still add.
#[derive(Debug, Default)]
pub(super) struct Quotas(HashMap<Source, Bucket>);

impl Quotas {
    fn of(&mut self, source: Source) -> &mut Bucket {
        self.0.entry(source).or_insert_with(|| Bucket::new(QUOTA))
    }
}

impl PeeringTask {
    /// Looks after the book.
    pub(super) fn tend_book(&mut self, now: Now) {
        let due = |last: &mut Option<Instant>, every: Duration| {
            let is_due = last.is_none_or(|at| now.mono.saturating_duration_since(at) >= every);
            if is_due {
                *last = Some(now.mono);
            }
            is_due
        };
        if due(&mut self.tended.seen, SEEN) {
            for peer in self.live.keys() {
                self.book.seen(peer, now);
            }
            self.mesh.tidy(now.mono);
        }
        if due(&mut self.tended.pruned, PRUNE) {
            self.book.prune(now);
        }
        if self.config.discovery.known && due(&mut self.tended.tested, TEST) {
            self.test_one(now);
        }
    }

    /// Dials a peer to see whether it is still there.
    fn test_one(&mut self, now: Now) {
        let (live, borrowed) = (&self.live, &self.borrowed);
        let away = |peer: &PeerId| !live.contains_key(peer) && !borrowed.contains_key(peer);
        let Some(candidate) = self.book.next_test(away, now) else {
            return;
        };
        let peer = candidate.peer;
        let opts = DialOpts::peer_id(peer).addresses(candidate.addresses);
        self.testing.insert(peer, now.mono);
        self.outbox.push(Effect::Dial(opts.build()));
    }

    /// A source says where a peer is: taken up as far as its quota goes. Peers that are known
    /// already cost nothing.
    pub(super) fn learn(
        &mut self,
        peer: PeerId,
        addresses: &[Multiaddr],
        origin: Origin,
        now: Now,
    ) -> Learnt {
        if !self.has_quota(&peer, origin.source, now) {
            return Learnt::default();
        }
        let learnt = self.book.learn(peer, addresses, origin, now);
        if learnt.new_peer {
            self.charge(origin.source);
        }
        learnt
    }

    /// Whether `source` may tell of `peer`: it is known already, or the quota is not used up.
    pub(super) fn has_quota(&mut self, peer: &PeerId, source: Source, now: Now) -> bool {
        let known = !self.book.addresses(peer).is_empty();
        known || self.quotas.of(source).has(now.mono, COST)
    }

    /// `source` has added a peer.
    pub(super) fn charge(&mut self, source: Source) {
        self.quotas.of(source).take(COST);
    }
}
