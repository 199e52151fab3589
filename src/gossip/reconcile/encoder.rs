//! A set as an endless sequence of coded symbols.

use std::ops::Range;

use super::{
    key::Keys,
    mapping::{END, Mapping},
};
use crate::{
    ids::Hash32,
    registry::MAX_SKETCH_SET,
    wire::{Salt, ShortKey, Symbol},
};

/// The symbols of a set under a salt, made as far as they were asked for.
///
/// Costs 56 bytes per item and 16 per symbol made.
#[derive(Clone, Debug)]
pub struct Encoder {
    /// In the order of the keys.
    items: Vec<Item>,
    /// Of the items, in the same order.
    ids: Vec<Hash32>,
    made: Vec<Symbol>,
}

#[derive(Clone, Copy, Debug)]
struct Item {
    key: ShortKey,
    /// At the first index that is not made.
    mapping: Mapping,
    check: u32,
}

impl Encoder {
    /// An encoder of `items`. Of two that share a short key, which does not happen by accident,
    /// only one is part of it; of more than 131 072 the rest is not.
    #[must_use]
    pub fn new(salt: Salt, items: impl IntoIterator<Item = Hash32>) -> Self {
        let keys = Keys::new(salt);
        let items = items.into_iter().take(MAX_SKETCH_SET);
        let mut keyed: Vec<(ShortKey, Hash32)> = items.map(|id| (keys.of(&id), id)).collect();
        keyed.sort_unstable();
        keyed.dedup_by_key(|(key, _)| *key);
        let item = |(key, _): &(ShortKey, Hash32)| Item {
            key: *key,
            mapping: Mapping::new(*key),
            check: keys.check(*key),
        };
        Self {
            items: keyed.iter().map(item).collect(),
            ids: keyed.into_iter().map(|(_, id)| id).collect(),
            made: Vec::new(),
        }
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many symbols are made and cost nothing to ask for.
    #[must_use]
    pub fn made(&self) -> usize {
        self.made.len()
    }

    /// The symbols with these indexes; those from 32 768 on do not exist. Making new ones is one
    /// pass over the items.
    pub fn symbols(&mut self, range: Range<u32>) -> &[Symbol] {
        let end = range.end.min(END);
        if end as usize > self.made.len() {
            self.made.resize(end as usize, Symbol::default());
            for item in &mut self.items {
                while item.mapping.index() < end {
                    self.made[item.mapping.index() as usize].toggle(item.key, item.check, 1);
                    item.mapping.advance();
                }
            }
        }
        let start = range.start.min(end);
        &self.made[start as usize..end as usize]
    }

    /// The short keys in increasing order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = ShortKey> {
        self.items.iter().map(|item| item.key)
    }

    /// The ids in the order of their keys.
    #[must_use]
    pub fn ids(&self) -> &[Hash32] {
        &self.ids
    }

    /// The id with the short key `key`.
    #[must_use]
    pub fn id(&self, key: ShortKey) -> Option<Hash32> {
        let at = self.items.binary_search_by_key(&key, |item| item.key);
        at.ok().map(|at| self.ids[at])
    }
}

/// Arithmetic of symbols.
pub(super) trait Sum {
    /// Adds an item, or takes it away: `by` is 1 or −1 modulo 2^16.
    fn toggle(&mut self, key: ShortKey, check: u32, by: u16);

    /// This symbol less `other`.
    fn less(self, other: Self) -> Self;
}

impl Sum for Symbol {
    fn toggle(&mut self, key: ShortKey, check: u32, by: u16) {
        self.keys ^= key.0;
        self.checks ^= check;
        self.count = self.count.wrapping_add(by);
    }

    fn less(self, other: Self) -> Self {
        Self {
            keys: self.keys ^ other.keys,
            checks: self.checks ^ other.checks,
            count: self.count.wrapping_sub(other.count),
        }
    }
}
