//! Who is connected, as the plan sees it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use serde::{Deserialize, Serialize};

use super::place::Place;
use crate::peers::Goodbye;

/// Why a peer has a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// It came by itself.
    Inbound,
    /// The plan chose it.
    Outbound,
    /// A person asked for its address.
    Asked,
    /// It is reserved.
    Reserved,
}

impl Slot {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Asked => "asked",
            Self::Reserved => "reserved",
        }
    }
}

/// The connected peers, in the order of their ids, so that a run repeats.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) peers: BTreeMap<PeerId, Connected>,
}

#[derive(Clone, Debug)]
pub(super) struct Connected {
    /// Connection and the slot it gives by itself, never [`Slot::Reserved`]. The gate bounds how
    /// many.
    links: Vec<(ConnectionId, Slot)>,
    pub(super) slot: Slot,
    pub(super) address: Multiaddr,
    pub(super) place: Place,
    pub(super) since: Instant,
    pub(super) identified: bool,
    /// When anything was last heard.
    pub(super) alive: Instant,
    /// How much was useful so far, and when last.
    pub(super) useful: u64,
    pub(super) useful_at: Option<Instant>,
    /// The best round trip.
    pub(super) rtt: Option<Duration>,
    /// It was told to go.
    pub(super) leaving: Option<(Instant, Goodbye)>,
    /// What it told us.
    pub(super) told: Option<Goodbye>,
}

impl Table {
    /// A link is up. The peer takes the better of the slots that its links give.
    pub(super) fn add(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        slot: Slot,
        address: Multiaddr,
        now: Instant,
    ) {
        let place = Place::of(&address);
        let entry = self.peers.entry(peer).or_insert_with(|| Connected {
            links: Vec::new(),
            slot,
            address: address.clone(),
            place,
            since: now,
            identified: false,
            alive: now,
            useful: 0,
            useful_at: None,
            rtt: None,
            leaving: None,
            told: None,
        });
        entry.links.push((id, slot));
        if entry.slot == Slot::Inbound && slot != Slot::Inbound {
            // Where we dialled it is where it is.
            (entry.address, entry.place) = (address, place);
        }
        entry.reslot();
    }

    /// A link is gone. The peer, if it was the last one.
    pub(super) fn remove(&mut self, peer: PeerId, id: ConnectionId) -> Option<Connected> {
        let entry = self.peers.get_mut(&peer)?;
        entry.links.retain(|(link, _)| *link != id);
        if entry.links.is_empty() {
            return self.peers.remove(&peer);
        }
        entry.reslot();
        None
    }

    pub(super) fn get_mut(&mut self, peer: &PeerId) -> Option<&mut Connected> {
        self.peers.get_mut(peer)
    }

    /// How many have a slot of which `of` holds, those that were told to go included.
    pub(super) fn count(&self, of: impl Fn(Slot) -> bool) -> usize {
        self.peers.values().filter(|c| of(c.slot)).count()
    }

    /// The same without those that were told to go.
    pub(super) fn staying(&self, of: impl Fn(Slot) -> bool) -> usize {
        let staying = self.peers.values().filter(|c| c.leaving.is_none());
        staying.filter(|c| of(c.slot)).count()
    }
}

impl Connected {
    fn reslot(&mut self) {
        if self.slot != Slot::Reserved {
            let rank = |slot: &Slot| match slot {
                Slot::Inbound => 0,
                Slot::Outbound => 1,
                Slot::Asked | Slot::Reserved => 2,
            };
            let best = self.links.iter().map(|(_, slot)| *slot).max_by_key(rank);
            self.slot = best.unwrap_or(self.slot);
        }
    }

    /// It is reserved from now on, or not any more.
    pub(super) fn reserve(&mut self, reserved: bool) {
        if reserved {
            self.slot = Slot::Reserved;
        } else if self.slot == Slot::Reserved {
            self.slot = Slot::Inbound;
            self.reslot();
        }
    }
}
