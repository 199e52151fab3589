//! The two tables and who can reach which part of them.

use libp2p::{Multiaddr, PeerId};
use siphasher::sip::SipHasher24;

/// Buckets of the table of peers that we never reached.
pub const NEW_BUCKETS: usize = 256;
/// Peers in one of them: what one source group can have us remember of one address group.
pub const NEW_SLOTS: usize = 48;
/// Buckets that what one source group tells can reach: an eighth. Fewer would leave a small network
/// with one seed too little room, more would let one group take more.
pub const NEW_BUCKETS_PER_SOURCE: usize = 32;
/// Buckets of the table of peers that we reached.
pub const TRIED_BUCKETS: usize = 64;
/// Peers in one of them.
pub const TRIED_SLOTS: usize = 64;
/// Buckets that the peers of one address group can reach: a sixteenth of the table.
pub const TRIED_BUCKETS_PER_GROUP: usize = 4;

/// Slots of its bucket that a peer may have. With one, a bucket would refuse peers while it is almost
/// empty; more than a few only matter in buckets that are nearly full.
const PROBES: usize = 4;

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Table {
    New,
    Tried,
}

/// A place in a table: bucket times slots of a bucket, and the slot.
pub(super) type Slot = u16;

/// One table of buckets.
#[derive(Debug)]
pub(super) struct Buckets {
    slots: Vec<Option<PeerId>>,
    width: usize,
    /// Peers in each bucket.
    held: Vec<usize>,
}

/// Both tables, with the secret that places peers in them.
#[derive(Debug)]
pub(super) struct Tables {
    secret: [u8; 16],
    new: Buckets,
    tried: Buckets,
}

impl Buckets {
    fn new(buckets: usize, width: usize) -> Self {
        Self {
            slots: vec![None; buckets * width],
            width,
            held: vec![0; buckets],
        }
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&PeerId> {
        self.slots.get(usize::from(slot))?.as_ref()
    }

    /// Peers in the table.
    pub(super) fn len(&self) -> usize {
        self.held.iter().sum()
    }

    /// Buckets that hold somebody.
    pub(super) fn occupied(&self) -> Vec<usize> {
        let all = self.held.iter().enumerate();
        all.filter(|(_, held)| **held > 0).map(|(i, _)| i).collect()
    }

    /// The peers of a bucket, beginning with slot `from`.
    pub(super) fn bucket(&self, bucket: usize, from: usize) -> impl Iterator<Item = &PeerId> {
        let all = &self.slots[bucket * self.width..(bucket + 1) * self.width];
        let (front, back) = all.split_at(from % self.width);
        back.iter().chain(front).flatten()
    }

    /// Slots of a bucket.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Takes a slot that is free; `false` if there is no such slot or somebody has it.
    pub(super) fn take(&mut self, slot: Slot, peer: PeerId) -> bool {
        match self.slots.get_mut(usize::from(slot)) {
            Some(free @ None) => {
                *free = Some(peer);
                self.held[usize::from(slot) / self.width] += 1;
                true
            }
            _ => false,
        }
    }

    /// Empties the slot if it is `peer`'s.
    pub(super) fn free(&mut self, slot: Slot, peer: &PeerId) {
        if let Some(held) = self.slots.get_mut(usize::from(slot))
            && held.take_if(|held| held == peer).is_some()
        {
            self.held[usize::from(slot) / self.width] -= 1;
        }
    }

    fn slots_of(&self, bucket: usize, first: u64) -> impl Iterator<Item = Slot> + use<> {
        let (width, base) = (self.width, bucket * self.width);
        let first = (first % width as u64) as usize;
        (0..PROBES).map(move |i| (base + (first + i) % width) as Slot)
    }
}

impl Tables {
    pub(super) fn new(secret: [u8; 16]) -> Self {
        Self {
            secret,
            new: Buckets::new(NEW_BUCKETS, NEW_SLOTS),
            tried: Buckets::new(TRIED_BUCKETS, TRIED_SLOTS),
        }
    }

    pub(super) fn secret(&self) -> &[u8; 16] {
        &self.secret
    }

    pub(super) fn of(&self, table: Table) -> &Buckets {
        match table {
            Table::New => &self.new,
            Table::Tried => &self.tried,
        }
    }

    pub(super) fn of_mut(&mut self, table: Table) -> &mut Buckets {
        match table {
            Table::New => &mut self.new,
            Table::Tried => &mut self.tried,
        }
    }

    /// Slots that `peer` may have in the new table, the best first: its address is at `place`, and
    /// `source` told us.
    pub(super) fn new_slots(
        &self,
        peer: &PeerId,
        place: &[u8],
        source: &[u8],
    ) -> impl Iterator<Item = Slot> + use<> {
        let inner = self.hash(b"new", &[place, source]) % NEW_BUCKETS_PER_SOURCE as u64;
        let bucket = self.hash(b"source", &[source, &inner.to_be_bytes()]) % NEW_BUCKETS as u64;
        let first = self.hash(b"slot", &[&bucket.to_be_bytes(), &peer.to_bytes()]);
        self.new.slots_of(bucket as usize, first)
    }

    /// Slots that `peer` may have in the tried table: its address is at `place`.
    pub(super) fn tried_slots(
        &self,
        peer: &PeerId,
        place: &[u8],
    ) -> impl Iterator<Item = Slot> + use<> {
        let id = peer.to_bytes();
        let inner = self.hash(b"tried", &[&id]) % TRIED_BUCKETS_PER_GROUP as u64;
        let bucket = self.hash(b"group", &[place, &inner.to_be_bytes()]) % TRIED_BUCKETS as u64;
        let first = self.hash(b"place", &[&bucket.to_be_bytes(), &id]);
        self.tried.slots_of(bucket as usize, first)
    }

    /// How much longer or shorter an address rests: keyed, so that nobody can tell when we come
    /// again.
    pub(super) fn jitter(&self, peer: &PeerId, address: &Multiaddr, failures: u32) -> u64 {
        let count = failures.to_be_bytes();
        self.hash(b"rest", &[&peer.to_bytes(), address.as_ref(), &count])
    }

    /// A keyed hash: nobody else can tell who shares a bucket.
    fn hash(&self, what: &[u8], parts: &[&[u8]]) -> u64 {
        let mut input = what.to_vec();
        for part in parts {
            input.extend_from_slice(&(part.len() as u64).to_be_bytes());
            input.extend_from_slice(part);
        }
        SipHasher24::new_with_key(&self.secret).hash(&input)
    }
}
