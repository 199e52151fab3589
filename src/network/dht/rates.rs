//! How often peers may ask.

use std::{collections::HashMap, time::Instant};

use libp2p::PeerId;

use crate::bucket::{Bucket, Rate};

/// Most peers whose buckets are remembered, 0.5 MB. A bucket that is full again is forgotten, so
/// this many would have to ask within ten seconds; then the fullest half is forgotten early.
const MAX_PEERS: usize = 4096;

/// Buckets by peer, not by connection: connecting again gives nothing new.
pub(super) struct Rates {
    lookups: Rate,
    stores: Rate,
    peers: HashMap<PeerId, (Bucket, Bucket)>,
    all_stores: Bucket,
}

impl Rates {
    pub(super) fn new(lookups: Rate, stores: Rate, all_stores: Rate) -> Self {
        Self {
            lookups,
            stores,
            peers: HashMap::new(),
            all_stores: Bucket::new(all_stores),
        }
    }

    /// Whether `peer` may look something up.
    pub(super) fn lookup(&mut self, peer: PeerId, now: Instant) -> bool {
        self.of(peer, now).0.spend(now, 0)
    }

    /// Whether `peer` may send a record.
    pub(super) fn store(&mut self, peer: PeerId, now: Instant) -> bool {
        let enough = self.all_stores.has(now, 1) && self.of(peer, now).1.spend(now, 0);
        if enough {
            self.all_stores.take(1);
        }
        enough
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
        }
        let new = || (Bucket::new(self.lookups), Bucket::new(self.stores));
        self.peers.entry(peer).or_insert_with(new)
    }
}
