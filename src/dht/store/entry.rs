//! A record with what the store knows of it, and the books of who has how much.

use std::{
    collections::{HashMap, hash_map},
    hash::Hash,
    time::Instant,
};

use crate::dht::Verified;

/// Bytes that an entry takes beside its record: the decoded keys and the books.
const OVERHEAD: usize = 4096;

/// Where a record came from, as far as quotas go: an address group, by a number that the caller
/// gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(pub u64);

/// Whose the record is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This node's own.
    Own,
    /// Held for others, brought by a peer of this place; `None` where places cost nothing and so
    /// say nothing: private addresses.
    Held(Option<Place>),
}

/// A record that is held.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: Verified,
    pub(super) source: Source,
    /// The end of its life.
    pub(super) until: Instant,
    /// The end of the longest life of a record of this key that was here, this one or an older one.
    pub(super) floor: Instant,
    /// When to send it on.
    pub(super) due: Instant,
}

impl Entry {
    pub(super) fn is_own(&self) -> bool {
        self.source == Source::Own
    }

    /// What it counts for.
    pub(super) fn size(&self) -> usize {
        self.record.as_bytes().len() + OVERHEAD
    }
}

/// How much one has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

impl Share {
    /// One record of `bytes`.
    pub(super) fn of(bytes: usize) -> Self {
        Self { records: 1, bytes }
    }

    /// With one record of `bytes` more.
    pub(super) fn plus(self, bytes: usize) -> Self {
        Self {
            records: self.records + 1,
            bytes: self.bytes + bytes,
        }
    }

    /// Without `other`.
    pub(super) fn less(self, other: Self) -> Self {
        Self {
            records: self.records.saturating_sub(other.records),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    /// Takes `size` from the share of `who`, and forgets who has nothing left.
    pub(super) fn give_back<K: Eq + Hash>(shares: &mut HashMap<K, Self>, who: K, size: Self) {
        if let hash_map::Entry::Occupied(mut share) = shares.entry(who) {
            *share.get_mut() = share.get().less(size);
            if share.get().records == 0 {
                share.remove();
            }
        }
    }
}
