//! How often peers may ask.

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use libp2p::PeerId;

use crate::bucket::{Bucket, Rate};

/// Most peers whose buckets are remembered, 0.5 MB. A bucket that is full again is forgotten, so
/// this many would have to ask within ten seconds; then
/// those at least half full are forgotten early, or else anyone.
const MAX_PEERS: usize = 4096;

/// Buckets by peer, not by connection: connecting again gives nothing new.
pub(super) struct Rates {
    lookups: Rate,
    stores: Rate,
    peers: HashMap<PeerId, (Bucket, Bucket)>,
    all_stores: Bucket,
    /// Connected peers that may not ask at all.
    refused: HashSet<PeerId>,
}

impl Rates {
    pub(super) fn new(lookups: Rate, stores: Rate, all_stores: Rate) -> Self {
        Self {
            lookups,
            stores,
            peers: HashMap::new(),
            all_stores: Bucket::new(all_stores),
            refused: HashSet::new(),
        }
    }

    /// Whether `peer` may look something up.
    pub(super) fn lookup(&mut self, peer: PeerId, now: Instant) -> bool {
        !self.refused.contains(&peer) && self.of(peer, now).0.spend(now, 0)
    }

    /// Whether `peer` may send a record.
    pub(super) fn store(&mut self, peer: PeerId, now: Instant) -> bool {
        if self.refused.contains(&peer) {
            return false;
        }
        let enough = self.all_stores.has(now, 1) && self.of(peer, now).1.spend(now, 0);
        if enough {
            self.all_stores.take(1);
        }
        enough
    }

    /// Lets `peer` ask nothing from now on.
    pub(super) fn refuse(&mut self, peer: PeerId) {
        self.refused.insert(peer);
    }

    /// Lets `peer` ask again.
    pub(super) fn allow(&mut self, peer: &PeerId) {
        self.refused.remove(peer);
    }

    /// Forgets buckets that are full.
    pub(super) fn prune(&mut self, now: Instant) {
        self.peers
            .retain(|_, (lookups, stores)| !lookups.is_full(now) || !stores.is_full(now));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    fn of(&mut self, peer: PeerId, now: Instant) -> &mut (Bucket, Bucket) {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&peer) {
            self.prune(now);
            let (lookups, stores) = (self.lookups.burst / 2, self.stores.burst / 2);
            if self.peers.len() >= MAX_PEERS {
                let busy =
                    |b: &mut (Bucket, Bucket)| !b.0.has(now, lookups) || !b.1.has(now, stores);
                self.peers.retain(|_, buckets| busy(buckets));
            }
            let any = self.peers.keys().next().copied();
            if let Some(any) = any.filter(|_| self.peers.len() >= MAX_PEERS) {
                self.peers.remove(&any);
            }
        }
        let new = || (Bucket::new(self.lookups), Bucket::new(self.stores));
        self.peers.entry(peer).or_insert_with(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_bounded_and_so_are_the_peers() {
        let rate = |burst| Rate {
            per_second: 1,
            burst,
        };
        let (mut rates, now) = (Rates::new(rate(2), rate(1), rate(10_000)), Instant::now());
        let peer = PeerId::random();
        assert!(rates.lookup(peer, now) && rates.lookup(peer, now));
        assert!(!rates.lookup(peer, now));
        assert!(rates.store(peer, now) && !rates.store(peer, now));
        for _ in 0..MAX_PEERS + 10 {
            let other = PeerId::random();
            // Less than half full, or they would be forgotten early.
            let spent = rates.lookup(other, now) && rates.lookup(other, now);
            assert!(spent && rates.store(other, now));
        }
        assert_eq!(rates.peers.len(), MAX_PEERS);
        rates.prune(now + rate(2).refill());
        assert!(rates.is_empty());
    }

    #[test]
    fn who_is_refused_may_ask_nothing_until_that_ends() {
        let rate = Rate {
            per_second: 1,
            burst: 10,
        };
        let (mut rates, now) = (Rates::new(rate, rate, rate), Instant::now());
        let (peer, other) = (PeerId::random(), PeerId::random());
        rates.refuse(peer);
        assert!(!rates.lookup(peer, now) && !rates.store(peer, now));
        assert!(rates.lookup(other, now) && rates.store(other, now));
        rates.allow(&peer);
        assert!(rates.lookup(peer, now) && rates.store(peer, now));
    }

    #[test]
    fn all_peers_together_are_bounded() {
        let rate = |burst| Rate {
            per_second: 1,
            burst,
        };
        let (mut rates, now) = (Rates::new(rate(2), rate(5), rate(3)), Instant::now());
        let taken = (0..5).filter(|_| rates.store(PeerId::random(), now));
        assert_eq!(taken.count(), 3);
    }
}
