//! Who was heard on the local network: few, and handed up slowly.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    net::IpAddr,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId};

use super::belief::believed;
use crate::bucket::{Bucket, Rate};

/// Most peers known at a time: more than a local network of nodes has. Further ones are heard when
/// others have gone.
pub const MAX_PEERS: usize = 256;

/// Most addresses of a peer.
pub const MAX_ADDRESSES: usize = 8;

/// Most peers handed up in a second: what a node could dial, not what somebody could make up.
pub const MAX_PER_SECOND: u32 = 16;

/// Time in which one more peer may be handed up.
pub(super) const INTERVAL: Duration = Duration::from_millis(1000 / MAX_PER_SECOND as u64 + 1);

/// Peers and their addresses.
#[derive(Debug)]
pub(super) struct Sightings {
    known: HashMap<PeerId, Seen>,
    /// Peers of `known` with something new, first come, first served.
    waiting: VecDeque<PeerId>,
    bucket: Bucket,
    refused: u64,
}

#[derive(Debug, Default)]
struct Seen {
    addresses: Vec<Multiaddr>,
    waits: bool,
}

impl Default for Sightings {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            waiting: VecDeque::new(),
            bucket: Bucket::new(Rate {
                per_second: MAX_PER_SECOND,
                burst: MAX_PER_SECOND,
            }),
            refused: 0,
        }
    }
}

impl Sightings {
    /// Peers were heard, by a node whose own addresses are `own`.
    pub(super) fn found(&mut self, found: Vec<(PeerId, Multiaddr)>, own: &[IpAddr]) {
        for (peer, address) in found {
            let taken = believed(&address, peer, own).is_some_and(|a| self.take(peer, a));
            self.refused += u64::from(!taken);
        }
    }

    fn take(&mut self, peer: PeerId, address: Multiaddr) -> bool {
        let full = self.known.len() >= MAX_PEERS;
        let seen = match self.known.entry(peer) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(_) if full => return false,
            Entry::Vacant(entry) => entry.insert(Seen::default()),
        };
        if seen.addresses.contains(&address) {
            return true;
        }
        if seen.addresses.len() >= MAX_ADDRESSES {
            return false;
        }
        seen.addresses.push(address);
        if !seen.waits {
            seen.waits = true;
            self.waiting.push_back(peer);
        }
        true
    }

    /// Addresses were not heard again in their time.
    pub(super) fn gone(&mut self, gone: &[(PeerId, Multiaddr)]) {
        for (peer, address) in gone {
            let Entry::Occupied(mut entry) = self.known.entry(*peer) else {
                continue;
            };
            let bare: Multiaddr = address
                .iter()
                .filter(|p| !matches!(p, libp2p::multiaddr::Protocol::P2p(_)))
                .collect();
            entry.get_mut().addresses.retain(|known| *known != bare);
            if entry.get().addresses.is_empty() {
                entry.remove();
                self.waiting.retain(|waiting| waiting != peer);
            }
        }
    }

    /// The next peer with something new and all its addresses, if one may be handed up at `now`.
    pub(super) fn next(&mut self, now: Instant) -> Option<(PeerId, Vec<Multiaddr>)> {
        let peer = *self.waiting.front()?;
        if !self.bucket.spend(now, 0) {
            return None;
        }
        self.waiting.pop_front();
        let seen = self.known.get_mut(&peer)?;
        seen.waits = false;
        Some((peer, seen.addresses.clone()))
    }

    /// Whether somebody waits to be handed up.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Forgets everybody.
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.waiting.clear();
    }

    /// How many peers are known.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// How many addresses were not taken.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::random, identity::peer_id_from_digest, ids::Hash32};

    fn id() -> PeerId {
        let mut digest = [0; 32];
        random(&mut digest).unwrap();
        peer_id_from_digest(Hash32(digest))
    }

    fn at(i: usize) -> Multiaddr {
        format!("/ip4/10.0.{}.{}/tcp/1", i / 256, i % 256)
            .parse()
            .unwrap()
    }

    #[test]
    fn a_neighbour_is_handed_up_once_and_again_with_more() {
        let (mut s, now, peer) = (Sightings::default(), Instant::now(), id());
        s.found(vec![(peer, at(1)), (peer, at(2)), (peer, at(1))], &[]);
        assert_eq!(s.next(now), Some((peer, vec![at(1), at(2)])));
        assert_eq!(s.next(now), None);
        s.found(vec![(peer, at(2))], &[]);
        assert_eq!(s.next(now), None);
        s.found(vec![(peer, at(3))], &[]);
        assert_eq!(s.next(now).unwrap().1.len(), 3);
    }

    #[test]
    fn made_up_peers_stay_within_bounds() {
        let (mut s, now) = (Sightings::default(), Instant::now());
        let many = (0..10_000).map(|i| (id(), at(i)));
        s.found(many.collect(), &[]);
        assert_eq!(
            (s.len(), s.refused()),
            (MAX_PEERS, 10_000 - MAX_PEERS as u64)
        );
        let burst = std::iter::from_fn(|| s.next(now)).count();
        assert_eq!(burst, MAX_PER_SECOND as usize);
        assert!(s.is_waiting());
        let later = now + Duration::from_secs(1);
        assert_eq!(
            std::iter::from_fn(|| s.next(later)).count(),
            MAX_PER_SECOND as usize
        );
        assert!(s.next(later + INTERVAL).is_some());
    }

    #[test]
    fn one_peer_has_few_addresses() {
        let (mut s, peer) = (Sightings::default(), id());
        s.found((0..100).map(|i| (peer, at(i))).collect(), &[]);
        assert_eq!(s.next(Instant::now()).unwrap().1.len(), MAX_ADDRESSES);
        assert_eq!(s.refused(), 92);
    }

    #[test]
    fn whoever_is_gone_makes_room() {
        let (mut s, peer) = (Sightings::default(), id());
        let own = |i| at(i).with_p2p(peer).unwrap();
        s.found(vec![(peer, own(1)), (peer, own(2))], &[]);
        s.gone(&[(peer, own(1)), (id(), at(1))]);
        assert_eq!(s.len(), 1);
        s.gone(&[(peer, own(2))]);
        assert!(s.len() == 0 && !s.is_waiting());
        assert_eq!(s.next(Instant::now()), None);
    }
}
