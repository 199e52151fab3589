//! The table of peers: bounded, and what goes when it is full.
//!
//! # Security
//! An attacker has as many ids as it likes. When the table is full, the records that say the least
//! go first: peers we only heard of, then those whose score is nearest to that of a stranger. Bad
//! records take at most half of the table, and among them the mildest go first, so washing one out
//! takes as many ids as half the table, each of which has behaved as badly. Whoever is washed out
//! stands where a new id would. Connected peers and those an operator has set stay.

use std::collections::HashMap;

use libp2p::PeerId;

use super::{
    Config, Event,
    peer::{Moment, Peer, halfway},
};

/// One in so many records goes at once, so that the search for them is paid by many newcomers.
const BATCH: usize = 64;

/// Of the records, at most one in so many is of peers that we only heard of.
const HEARSAY: usize = 4;

#[derive(Debug)]
pub(super) struct Table {
    peers: HashMap<PeerId, Peer>,
    /// Records of peers we had nothing to do with.
    hearsay: usize,
    /// Peers that are gone and have a row.
    gone: Vec<PeerId>,
}

/// What a record is worth: class, how much it says, when it last changed. The lowest goes first.
type Worth = (u8, u64, i64);

impl Table {
    pub(super) fn new() -> Self {
        Self {
            peers: HashMap::new(),
            hearsay: 0,
            gone: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn get(&self, peer: &PeerId) -> Option<&Peer> {
        self.peers.get(peer)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, peer: &PeerId) -> Option<&mut Peer> {
        self.peers.get_mut(peer)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        self.peers.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&PeerId, &mut Peer)> {
        self.peers.iter_mut()
    }

    /// A peer that we only heard of has done something.
    pub(super) fn met(&mut self) {
        self.hearsay = self.hearsay.saturating_sub(1);
    }

    /// Whether there is room for a peer that we only heard of, which displaces nobody we know.
    pub(super) fn admits_hearsay(&self, config: &Config) -> bool {
        let full = self.len() >= config.max_peers;
        self.hearsay < config.max_peers / HEARSAY && (!full || self.hearsay > 0)
    }

    /// Puts a record in. `removed` sees those that must make room.
    pub(super) fn insert(
        &mut self,
        peer: PeerId,
        record: Peer,
        config: &Config,
        at: Moment,
        removed: impl FnMut(&PeerId, &mut Peer),
    ) -> &mut Peer {
        if self.len() >= config.max_peers {
            self.make_room(config, at, removed);
        }
        self.hearsay += usize::from(is_hearsay(&record));
        self.peers.entry(peer).or_insert(record)
    }

    /// Removes peers we only heard of, when nothing is left of what we heard.
    pub(super) fn sweep(&mut self, mut removed: impl FnMut(&PeerId, &mut Peer)) {
        let Self {
            peers,
            hearsay,
            gone,
        } = self;
        peers.retain(|peer, record| {
            let idle = is_hearsay(record) && record.vouchers.0.is_empty();
            if idle && record.counts[Event::OPERATOR] == 0 {
                *hearsay = hearsay.saturating_sub(1);
                removed(peer, record);
                if record.stored {
                    gone.push(*peer);
                }
                return false;
            }
            true
        });
    }

    /// Peers whose rows are to be removed.
    pub(super) fn take_gone(&mut self) -> Vec<PeerId> {
        let mut gone = std::mem::take(&mut self.gone);
        gone.retain(|peer| !self.peers.contains_key(peer));
        gone
    }

    fn make_room(
        &mut self,
        config: &Config,
        at: Moment,
        mut removed: impl FnMut(&PeerId, &mut Peer),
    ) {
        let half = config.max_peers / 2;
        let kept = self.peers.values().filter(|p| is_kept(p)).count();
        let bad = self.peers.values().filter(|p| is_bad(p, config)).count();
        let worth = |record: &Peer| -> Worth {
            let said = (record.state(config, at).direct - config.initial_trust_score).abs();
            let class = match record {
                r if is_kept(r) && kept <= half => 4,
                r if is_bad(r, config) => {
                    if bad > half {
                        0
                    } else {
                        3
                    }
                }
                r if is_hearsay(r) => 1,
                _ => 2,
            };
            (class, (said * 1e9) as u64, record.last)
        };
        let mut all: Vec<(Worth, PeerId)> =
            self.peers.iter().map(|(id, p)| (worth(p), *id)).collect();
        let count = (config.max_peers / BATCH).max(1).min(all.len());
        if count == 0 {
            return;
        }
        all.select_nth_unstable(count - 1);
        for (_, peer) in &all[..count] {
            let Some(mut record) = self.peers.remove(peer) else {
                continue;
            };
            if is_hearsay(&record) {
                self.met();
            }
            removed(peer, &mut record);
            // A store that takes nothing for long gets no longer list; a row that stays is read
            // at the next start and competes again.
            if record.stored && self.gone.len() < config.max_peers {
                self.gone.push(*peer);
            }
        }
    }
}

fn is_hearsay(record: &Peer) -> bool {
    record.experience == 0
}

fn is_kept(record: &Peer) -> bool {
    record.tally.connected || record.counts[Event::OPERATOR] > 0
}

fn is_bad(record: &Peer, config: &Config) -> bool {
    !is_kept(record) && (record.falls > 0 || record.direct < halfway(config))
}
