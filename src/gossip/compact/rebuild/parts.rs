//! The items of a block as they are found.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    super::{Announce, ShortId, ShortIds, Stats, announce::item_len},
    FullReason, Known, Rebuild, Rebuilt,
};
use crate::{
    chain::{Block, merkle, object_id},
    ids::Hash32,
    registry::MAX_BLOCK_BYTES,
};

/// Where an item came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Prefilled,
    Pool,
    Extra,
    Answer,
}

#[derive(Debug)]
enum Slot {
    Empty,
    Filled(Source, Hash32, Bytes),
    /// Several things fit its short id.
    Ambiguous,
}

/// The slots of a block, and how to find them by short id.
#[derive(Debug)]
pub(super) struct Parts {
    announce: Arc<Announce>,
    keys: ShortIds,
    slots: Vec<Slot>,
    /// Short ids with their slots, sorted. Found by binary search: an announcer chooses short ids
    /// and could make the buckets of a hash table as long as it likes.
    places: Vec<(ShortId, u32)>,
    pub(super) stats: Stats,
}

impl Parts {
    pub(super) fn new(announce: Arc<Announce>, announce_bytes: usize) -> Self {
        let mut slots: Vec<Slot> = Vec::new();
        slots.resize_with(announce.items(), || Slot::Empty);
        for (number, item) in &announce.prefilled {
            slots[*number as usize] =
                Slot::Filled(Source::Prefilled, object_id(item), item.clone());
        }
        let empty = (0u32..)
            .zip(&slots)
            .filter(|(_, slot)| matches!(slot, Slot::Empty))
            .map(|(number, _)| number);
        let mut places: Vec<(ShortId, u32)> = announce.short_ids().zip(empty).collect();
        places.sort_unstable();
        for pair in places.windows(2) {
            if pair[0].0 == pair[1].0 {
                slots[pair[0].1 as usize] = Slot::Ambiguous;
                slots[pair[1].1 as usize] = Slot::Ambiguous;
            }
        }
        let stats = Stats {
            items: announce.items(),
            prefilled: announce.prefilled.len(),
            block_bytes: announce.block_bytes,
            announce_bytes,
            ..Stats::default()
        };
        Self {
            keys: announce.keys(),
            announce,
            slots,
            places,
            stats,
        }
    }

    /// Puts what fits into its slot. All of it is looked at, also once every slot is full: only so
    /// are two things with the same short id noticed.
    pub(super) fn match_known(&mut self, known: &(impl Known + ?Sized), source: Source) {
        let (keys, places, slots) = (self.keys, &self.places, &mut self.slots);
        known.visit(&mut |id, item| {
            let short = keys.of(id);
            let Ok(at) = places.binary_search_by_key(&short, |(short, _)| *short) else {
                return;
            };
            let slot = &mut slots[places[at].1 as usize];
            match slot {
                Slot::Empty => *slot = Slot::Filled(source, *id, item.clone()),
                Slot::Filled(_, other, _) if other != id => *slot = Slot::Ambiguous,
                Slot::Filled(..) | Slot::Ambiguous => {}
            }
        });
    }

    /// Numbers of the slots that nothing fills, counting along the way.
    pub(super) fn missing(&mut self) -> Vec<u32> {
        let mut missing = Vec::new();
        for (number, slot) in (0u32..).zip(&self.slots) {
            match slot {
                Slot::Filled(Source::Pool, ..) => self.stats.from_pool += 1,
                Slot::Filled(Source::Extra, ..) => self.stats.from_extra += 1,
                Slot::Filled(..) => {}
                Slot::Ambiguous => {
                    self.stats.collisions += 1;
                    missing.push(number);
                }
                Slot::Empty => missing.push(number),
            }
        }
        missing
    }

    /// Most bytes that `missing` items can have in a block of the announced length, `None` if there
    /// is not room for all of them.
    pub(super) fn room_for(&self, missing: usize) -> Option<u32> {
        let left = self.announce.block_bytes.checked_sub(self.known_bytes())?;
        // Every item has a head of at least one byte, and a byte.
        let room = left.checked_sub(missing).filter(|room| *room >= missing)?;
        u32::try_from(room.min(MAX_BLOCK_BYTES)).ok()
    }

    /// Puts an item of an answer into its slot, if it has the short id that was announced.
    pub(super) fn put_answer(&mut self, number: u32, id: Hash32, item: Bytes) -> bool {
        let short = self.keys.of(&id);
        let fits = self.places.binary_search(&(short, number)).is_ok();
        if fits {
            self.slots[number as usize] = Slot::Filled(Source::Answer, id, item);
        }
        fits
    }

    /// The block, if its length and roots are right.
    pub(super) fn finish(mut self, hash: Hash32) -> Rebuild {
        if self.known_bytes() != self.announce.block_bytes {
            return Rebuild::Full(FullReason::Length);
        }
        let slots = std::mem::take(&mut self.slots);
        let (mut ids, mut items) = (Vec::new(), Vec::new());
        for slot in slots {
            let Slot::Filled(_, id, item) = slot else {
                return Rebuild::Full(FullReason::Length);
            };
            ids.push(id);
            items.push(item);
        }
        let (txs, proofs) = ids.split_at(self.announce.txs);
        let header = self.announce.header.clone();
        let right = !has_duplicate(txs)
            && !has_duplicate(proofs)
            && merkle::root(txs) == header.txs_root
            && merkle::root(proofs) == header.proofs_root;
        if !right {
            return Rebuild::Full(FullReason::Roots);
        }
        let proofs = items.split_off(self.announce.txs);
        let txs = items;
        let block = Block {
            header,
            txs,
            proofs,
        };
        Rebuild::Complete(Rebuilt {
            hash,
            bytes: block.encode(),
            stats: self.stats,
        })
    }

    /// Bytes of the block as far as it is there.
    fn known_bytes(&self) -> usize {
        let items = self.slots.iter().map(|slot| match slot {
            Slot::Filled(_, _, item) => item_len(item.len()),
            Slot::Empty | Slot::Ambiguous => 0,
        });
        self.announce.frame_bytes() + items.sum::<usize>()
    }
}

/// The Merkle rule gives a list with a repeated end the root of an honest one.
fn has_duplicate(ids: &[Hash32]) -> bool {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}
