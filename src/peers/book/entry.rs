//! What the book knows of one peer.

use std::sync::Arc;

use libp2p::Multiaddr;

use super::{
    HOUR,
    address::Known,
    origin::Origin,
    tables::{Slot, Table},
};

/// Most addresses of a peer. A node has a few: IPv4, IPv6, a name, one in its own network.
pub const MAX_ADDRESSES_PER_PEER: usize = 8;

/// Most addresses that one group may claim for somebody else, never reached. More would let one
/// teller fill an entry before its owner is heard.
const MAX_HEARSAY: usize = 2;

/// What the operator said about a peer. A peer with any of them is never evicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Added by hand.
    pub operator: bool,
    /// Has a connection reserved.
    pub reserved: bool,
    /// Is trusted whatever it does.
    pub trusted: bool,
}

impl Flags {
    /// Whether there is any.
    #[must_use]
    pub fn any(self) -> bool {
        self.operator || self.reserved || self.trusted
    }

    /// Those of either.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            operator: self.operator || other.operator,
            reserved: self.reserved || other.reserved,
            trusted: self.trusted || other.trusted,
        }
    }
}

/// Where an entry lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// In a slot of a table.
    In(Table, Slot),
    /// Beside the tables, because the operator wants it: nothing evicts it.
    Pinned,
}

/// A signed node record, verified when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) bytes: Arc<[u8]>,
    pub(super) created: u64,
    pub(super) expires: u64,
    /// Whether every address in it is global.
    pub(super) global: bool,
}

/// A peer. Times are in milliseconds of the book's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) addresses: Vec<Known>,
    pub(super) home: Home,
    pub(super) flags: Flags,
    /// When it was first heard of.
    pub(super) since: u64,
    /// When a connection with it, in either direction, was last open.
    pub(super) connected: Option<u64>,
    /// Highest number of a record seen, also after the record is gone: older ones are replays.
    pub(super) seq: Option<u64>,
    pub(super) record: Option<Held>,
    /// Whether the store has a row of it.
    pub(super) stored: bool,
}

/// What became of an address that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It was not known.
    New,
    /// It was known, and something about it is worth writing down.
    Again,
    /// It was known.
    Known,
    NoRoom,
}

impl Entry {
    pub(super) fn new(home: Home, at: u64) -> Self {
        Self {
            addresses: Vec::new(),
            home,
            flags: Flags::default(),
            since: at,
            connected: None,
            seq: None,
            record: None,
            stored: false,
        }
    }

    /// Whether we ever reached it.
    pub(super) fn is_proven(&self) -> bool {
        self.addresses.iter().any(|a| a.success.is_some())
    }

    /// When we last reached it.
    pub(super) fn success(&self) -> Option<u64> {
        self.addresses.iter().filter_map(|a| a.success).max()
    }

    /// When anything was last heard of it.
    pub(super) fn heard(&self) -> u64 {
        let told = self.addresses.iter().map(|a| a.heard).max();
        told.max(self.connected).unwrap_or(self.since)
    }

    /// Whether another peer may have its place.
    pub(super) fn is_bad(&self, at: u64) -> bool {
        self.addresses.iter().all(|a| a.is_bad(at))
    }

    /// Takes an address, in place of one that counts less if there are too many.
    pub(super) fn tell(
        &mut self,
        address: Multiaddr,
        origin: Origin,
        signed: bool,
        at: u64,
    ) -> Told {
        if let Some(known) = self.get_mut(&address) {
            let better = known.origin.source.is_hearsay() && !origin.source.is_hearsay();
            let news = better || (signed && !known.signed) || at / HOUR != known.heard / HOUR;
            known.heard = at;
            known.signed |= signed;
            if better {
                known.origin = origin;
            }
            return if news { Told::Again } else { Told::Known };
        }
        let new = Known::new(address, origin, signed, at);
        let full = self.addresses.len() >= MAX_ADDRESSES_PER_PEER;
        let victim = if new.is_hearsay() && self.claims(&new).count() >= MAX_HEARSAY {
            // Whoever claims more replaces claims of its own.
            self.claims(&new).min_by_key(|(_, a)| a.heard)
        } else if full {
            self.victim(&new, at)
        } else {
            self.addresses.push(new);
            return Told::New;
        };
        match victim.map(|(i, _)| i) {
            Some(i) => {
                self.addresses[i] = new;
                Told::New
            }
            None => Told::NoRoom,
        }
    }

    /// Unproven claims of the group that tells `new`.
    fn claims<'a>(&'a self, new: &'a Known) -> impl Iterator<Item = (usize, &'a Known)> {
        let by_the_same = |a: &Known| a.is_hearsay() && a.origin.key() == new.origin.key();
        let all = self.addresses.iter().enumerate();
        all.filter(move |(_, a)| by_the_same(a))
    }

    /// The address whose place `new` may take.
    fn victim(&self, new: &Known, at: u64) -> Option<(usize, &Known)> {
        let all = || self.addresses.iter().enumerate();
        let oldest = |filter: &dyn Fn(&Known) -> bool| {
            all()
                .filter(|(_, a)| filter(a))
                .min_by_key(|(_, a)| a.heard)
        };
        let bad = all().find(|(_, a)| a.is_bad(at));
        if new.is_hearsay() || bad.is_some() {
            return bad;
        }
        // The peer's own word: before what others say, then before what it said longest ago.
        oldest(&Known::is_hearsay)
            .or_else(|| oldest(&|a| a.success.is_none()))
            .or_else(|| oldest(&|_| true))
    }

    pub(super) fn get_mut(&mut self, address: &Multiaddr) -> Option<&mut Known> {
        self.addresses.iter_mut().find(|a| a.address == *address)
    }
}
