//! Entries as they are read: usable addresses only, nobody twice.

use std::collections::HashSet;

use libp2p::{Multiaddr, PeerId};

use super::{DEFAULT_WEIGHT, MAX_ENTRY_ADDRESSES, SeedEntry, address};
use crate::identity::digest_from_peer_id;

/// What is known of an entry before its addresses are looked at.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) peer: Option<PeerId>,
    pub(super) features: Vec<String>,
    pub(super) asn: Option<u32>,
    pub(super) weight: u32,
}

impl Default for About {
    fn default() -> Self {
        Self {
            peer: None,
            features: Vec::new(),
            asn: None,
            weight: DEFAULT_WEIGHT,
        }
    }
}

/// Gathers entries. An address or a peer that was there before is left out: a source that repeats
/// itself would otherwise draw several tickets.
#[derive(Debug)]
pub(super) struct Collector {
    public_only: bool,
    peers: HashSet<PeerId>,
    addresses: HashSet<Multiaddr>,
    pub(super) entries: Vec<SeedEntry>,
    pub(super) dropped: usize,
}

impl Collector {
    pub(super) fn new(public_only: bool) -> Self {
        Self {
            public_only,
            peers: HashSet::new(),
            addresses: HashSet::new(),
            entries: Vec::new(),
            dropped: 0,
        }
    }

    /// How many addresses there are.
    pub(super) fn addresses(&self) -> usize {
        self.addresses.len()
    }

    /// Takes an entry with those of its addresses that are usable and belong to one peer.
    pub(super) fn add<'a>(&mut self, about: About, texts: impl IntoIterator<Item = &'a str>) {
        let mut peer = about.peer;
        let mut kept = Vec::new();
        for text in texts {
            let read = address::read(text, self.public_only);
            let usable = read.filter(|(address, owner)| {
                let same = owner.is_none() || peer.is_none() || *owner == peer;
                same && kept.len() < MAX_ENTRY_ADDRESSES && !self.addresses.contains(address)
            });
            match usable {
                Some((address, owner)) if !kept.contains(&address) => {
                    peer = peer.or(owner);
                    kept.push(address);
                }
                _ => self.dropped += 1,
            }
        }
        // Of another network, say an Ed25519 one: no handshake of ours could end with it.
        let is_foreign = peer.is_some_and(|peer| digest_from_peer_id(&peer).is_none());
        if kept.is_empty() || is_foreign || peer.is_some_and(|peer| !self.peers.insert(peer)) {
            self.dropped += kept.len();
            return;
        }
        self.addresses.extend(kept.iter().cloned());
        self.entries.push(SeedEntry {
            peer,
            addresses: kept,
            features: about.features,
            asn: about.asn,
            weight: about.weight,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity::peer_id_from_digest, ids::Hash32};

    fn id(byte: u8) -> PeerId {
        peer_id_from_digest(Hash32([byte; 32]))
    }

    #[test]
    fn peers_of_other_networks_are_left_out() {
        let mut c = Collector::new(true);
        let foreign = format!("/ip4/8.8.8.8/tcp/1/p2p/{}", PeerId::random());
        c.add(About::default(), [foreign.as_str()]);
        assert_eq!((c.entries.len(), c.dropped), (0, 1));
    }

    #[test]
    fn nobody_is_taken_twice_and_nobody_takes_anothers_address() {
        let mut c = Collector::new(true);
        let (a, b) = (id(1), id(2));
        let of = |peer| About {
            peer: Some(peer),
            ..About::default()
        };
        c.add(of(a), ["/ip4/8.8.8.8/tcp/1", "/ip4/8.8.8.8/tcp/1"]);
        c.add(of(a), ["/ip4/8.8.4.4/tcp/1"]);
        c.add(of(b), ["/ip4/8.8.8.8/tcp/1"]);
        let foreign = format!("/ip4/9.9.9.9/tcp/1/p2p/{a}");
        c.add(of(b), [foreign.as_str(), "/ip4/1.1.1.1/tcp/1"]);
        assert_eq!((c.entries.len(), c.dropped, c.addresses()), (2, 4, 2));
        assert_eq!(c.entries[1].peer, Some(b));
        assert_eq!(c.entries[1].addresses.len(), 1);
    }

    #[test]
    fn an_address_can_say_who_is_there() {
        let mut c = Collector::new(true);
        let peer = id(1);
        let named = format!("/ip4/8.8.8.8/tcp/1/p2p/{peer}");
        c.add(About::default(), [named.as_str(), "/ip4/8.8.8.8/tcp/2"]);
        assert_eq!(c.entries[0].peer, Some(peer));
        assert_eq!(c.entries[0].addresses.len(), 2);
    }
}
