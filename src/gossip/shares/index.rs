//! The rolling index: shares by id and nullifier, bounded by type and peer.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Instant,
};

use bytes::Bytes;

use super::{Cap, Limits, ShareReport};
use crate::{PeerId, chain::ProofType, ids::Hash32};

/// A share to be remembered.
#[derive(Debug)]
pub(super) struct NewEntry {
    pub(super) id: Hash32,
    pub(super) kind: ProofType,
    pub(super) bytes: Bytes,
    pub(super) from: PeerId,
    /// Its nullifier, if it was verified.
    pub(super) nullifier: Option<Hash32>,
}

#[derive(Debug)]
struct Entry {
    share: NewEntry,
    at: Instant,
}

/// What one peer holds of one type.
#[derive(Debug, Default)]
struct Holding {
    /// Oldest first.
    numbers: VecDeque<u64>,
    charge: usize,
}

/// What is held of one type.
#[derive(Debug, Default)]
struct Total {
    entries: usize,
    bytes: usize,
    /// Sum of [`charge`]s.
    charge: usize,
    by_peer: BTreeMap<PeerId, Holding>,
}

impl Total {
    fn oldest_of(&self, peer: &PeerId) -> Option<u64> {
        self.by_peer.get(peer)?.numbers.front().copied()
    }
}

#[derive(Debug)]
pub(super) struct Index {
    limits: Limits,
    /// Entries by number; numbers grow, so the first is the oldest.
    entries: BTreeMap<u64, Entry>,
    by_id: HashMap<Hash32, u64>,
    spent: HashMap<(ProofType, Hash32), u64>,
    totals: [Total; 5],
    next: u64,
}

impl Index {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: BTreeMap::new(),
            by_id: HashMap::new(),
            spent: HashMap::new(),
            totals: Default::default(),
            next: 0,
        }
    }

    /// Forgets what is older than its time.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((number, entry)) = self.entries.first_key_value()
            && now.saturating_duration_since(entry.at) >= self.limits.ttl
        {
            let number = *number;
            self.remove(number);
        }
    }

    pub(super) fn contains(&self, id: &Hash32) -> bool {
        self.by_id.contains_key(id)
    }

    pub(super) fn get(&self, id: &Hash32) -> Option<Bytes> {
        let entry = self.entries.get(self.by_id.get(id)?)?;
        Some(entry.share.bytes.clone())
    }

    /// Whether a verified share has this nullifier.
    pub(super) fn is_spent(&self, kind: ProofType, nullifier: &Hash32) -> bool {
        self.spent.contains_key(&(kind, *nullifier))
    }

    pub(super) fn nullifiers(&self) -> usize {
        self.spent.len()
    }

    pub(super) fn newest(&self) -> impl Iterator<Item = Hash32> + '_ {
        self.entries.values().rev().map(|entry| entry.share.id)
    }

    /// Whether a share of `len` bytes from this peer could be inserted.
    pub(super) fn has_room(&self, kind: ProofType, from: PeerId, len: usize) -> bool {
        self.displaced(kind, from, len).is_some()
    }

    /// Who would have to give up how much for a share of `len` bytes from `from`; `None` if there is
    /// no room.
    ///
    /// A newcomer displaces the oldest shares of the one peer that holds most, and only if that peer
    /// then still holds no less than the newcomer's sender. So a flood displaces itself first.
    fn displaced(
        &self,
        kind: ProofType,
        from: PeerId,
        len: usize,
    ) -> Option<Option<(PeerId, usize)>> {
        let (cap, total) = (self.limits.cap(kind), &self.totals[place(kind)]);
        let holding = total.by_peer.get(&from);
        if holding.map_or(0, |h| h.numbers.len()) >= cap.per_peer || len > cap.bytes {
            return None;
        }
        let charge = charge(cap, len);
        let over = (total.charge + charge).saturating_sub(cap.bytes);
        if over == 0 {
            return Some(None);
        }
        let mine = holding.map_or(0, |h| h.charge) + charge;
        let (peer, most) = total.by_peer.iter().max_by_key(|(_, h)| h.charge)?;
        (most.charge >= mine + over).then_some(Some((*peer, over)))
    }

    /// Inserts a share; says how many others it displaced, `None` if there is no room.
    pub(super) fn insert(&mut self, now: Instant, share: NewEntry) -> Option<u64> {
        let (kind, from, len) = (share.kind, share.from, share.bytes.len());
        let cost = charge(self.limits.cap(kind), len);
        let mut evicted = 0;
        if let Some((peer, over)) = self.displaced(kind, from, len)? {
            let end = self.totals[place(kind)].charge.saturating_sub(over);
            while self.totals[place(kind)].charge > end
                && let Some(oldest) = self.totals[place(kind)].oldest_of(&peer)
            {
                self.remove(oldest);
                evicted += 1;
            }
        }
        let number = self.next;
        self.next += 1;
        let total = &mut self.totals[place(kind)];
        total.entries += 1;
        total.bytes += len;
        total.charge += cost;
        let holding = total.by_peer.entry(from).or_default();
        holding.numbers.push_back(number);
        holding.charge += cost;
        self.by_id.insert(share.id, number);
        if let Some(nullifier) = share.nullifier {
            self.spent.insert((kind, nullifier), number);
        }
        self.entries.insert(number, Entry { share, at: now });
        Some(evicted)
    }

    /// Adds what is held to the counts of `report`.
    pub(super) fn fill(&self, mut report: ShareReport) -> ShareReport {
        for (counts, total) in report.by_type.iter_mut().zip(&self.totals) {
            counts.held = total.entries as u64;
            counts.bytes = total.bytes as u64;
        }
        report
    }

    fn remove(&mut self, number: u64) {
        let Some(Entry { share, .. }) = self.entries.remove(&number) else {
            return;
        };
        self.by_id.remove(&share.id);
        if let Some(nullifier) = share.nullifier {
            self.spent.remove(&(share.kind, nullifier));
        }
        let cost = charge(self.limits.cap(share.kind), share.bytes.len());
        let total = &mut self.totals[place(share.kind)];
        total.entries -= 1;
        total.bytes -= share.bytes.len();
        total.charge -= cost;
        if let Some(holding) = total.by_peer.get_mut(&share.from) {
            // Entries of a peer go oldest first, whoever asks.
            holding.numbers.pop_front();
            holding.charge -= cost;
            if holding.numbers.is_empty() {
                total.by_peer.remove(&share.from);
            }
        }
    }
}

/// What a share takes of the bytes of its type: at least the part of one place, so that bytes alone
/// bound both.
fn charge(cap: Cap, len: usize) -> usize {
    len.max(cap.bytes.div_ceil(cap.entries.max(1)))
}

/// Where a type stands in arrays by type.
pub(super) fn place(kind: ProofType) -> usize {
    kind as usize - 1
}
