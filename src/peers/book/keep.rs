//! What outlives the process: entries, the secret of the tables, the anchors.

use libp2p::PeerId;

use crate::{
    cbor::{CborError, Reader, Writer},
    clock::Now,
    peers::{Change, Row, Table as StoreTable},
};

use super::{
    engine::{Book, BookConfig},
    entry::{Entry, Flags, Home},
    operator::MAX_PINNED,
    row,
    tables::{Slot, Table},
};

/// Most anchors: a part of the outbound connections that an attacker who waits for a restart does
/// not get, few enough that a node does not cling to its past.
pub const MAX_ANCHORS: usize = 8;

/// Longest PeerId in a row.
const MAX_ID: usize = 64;

/// Keys of the documents in the table of single documents.
const SECRET: &[u8] = b"book/secret";
const ANCHORS: &[u8] = b"book/anchors";
/// Version of these documents.
const VERSION: u64 = 1;

/// What came back from the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Peers in the book.
    pub peers: usize,
    /// Rows that do not read, which are removed with the next changes.
    pub damaged: usize,
    /// Peers whose place another one has, forgotten.
    pub no_room: usize,
}

impl Book {
    /// The book as it was: `rows` of the table of entries and `state` of the single documents.
    /// `fresh` is the secret if none was kept: 16 random bytes.
    #[must_use]
    pub fn load(
        config: BookConfig,
        fresh: [u8; 16],
        rows: &[Row],
        state: &[Row],
        now: Now,
    ) -> (Self, LoadReport) {
        let document = |name| state.iter().find(|(key, _)| key.as_slice() == name);
        let secret = document(SECRET).and_then(|(_, row)| secret_of(row).ok());
        let mut book = Self::new(config, secret.unwrap_or(fresh), now);
        book.state_is_dirty = secret.is_none();
        let anchors = document(ANCHORS).and_then(|(_, row)| anchors_of(row).ok());
        book.anchors = anchors.unwrap_or_default();

        let mut report = LoadReport::default();
        book.entries.reserve(rows.len().min(super::MAX_PEERS));
        for (key, value) in rows {
            let Ok((peer, entry)) = row::decode(key, value) else {
                report.damaged += 1;
                book.stray_rows.push(key.clone());
                continue;
            };
            if !book.restore(peer, entry, now) {
                report.no_room += 1;
                book.dirty.insert(peer);
            }
        }
        let entries = &book.entries;
        book.anchors.retain(|peer| entries.contains_key(peer));
        report.peers = book.len();
        (book, report)
    }

    /// Remembers the peers to dial first after a restart, the best first: at most
    /// [`MAX_ANCHORS`] that the book knows. They are not evicted.
    pub fn set_anchors(&mut self, peers: &[PeerId]) {
        let known = peers.iter().filter(|p| self.entries.contains_key(p));
        let mut anchors: Vec<PeerId> = Vec::with_capacity(MAX_ANCHORS);
        for peer in known {
            if anchors.len() < MAX_ANCHORS && !anchors.contains(peer) {
                anchors.push(*peer);
            }
        }
        self.state_is_dirty |= anchors != self.anchors;
        self.anchors = anchors;
    }

    /// Rows that changed since the last call. If they cannot be stored, give them to
    /// [`Book::put_back`].
    pub fn take_changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::with_capacity(self.dirty.len() + 2);
        for key in self.stray_rows.drain(..) {
            changes.push(Change::remove(StoreTable::Book, key));
        }
        for peer in self.dirty.drain() {
            let key = peer.to_bytes();
            changes.push(match self.entries.get_mut(&peer) {
                Some(entry) => {
                    entry.stored = true;
                    Change::put(StoreTable::Book, key, row::encode(entry))
                }
                None => Change::remove(StoreTable::Book, key),
            });
        }
        if std::mem::take(&mut self.state_is_dirty) {
            let mut secret = Writer::new();
            secret.array(2).uint(VERSION).bytes(self.tables.secret());
            changes.push(Change::put(StoreTable::State, SECRET, secret.finish()));
            let mut anchors = Writer::new();
            anchors.array(2).uint(VERSION).array(self.anchors.len());
            for peer in &self.anchors {
                anchors.bytes(&peer.to_bytes());
            }
            changes.push(Change::put(StoreTable::State, ANCHORS, anchors.finish()));
        }
        changes
    }

    /// Changes that could not be stored are due again.
    pub fn put_back(&mut self, changes: &[Change]) {
        for change in changes {
            match (change.table, PeerId::from_bytes(&change.key)) {
                (StoreTable::Book, Ok(peer)) => drop(self.dirty.insert(peer)),
                (StoreTable::Book, Err(_)) => self.stray_rows.push(change.key.clone()),
                _ => self.state_is_dirty = true,
            }
        }
    }

    /// Puts an entry back where it was, or where there is room.
    fn restore(&mut self, peer: PeerId, mut entry: Entry, now: Now) -> bool {
        let at = self.at(now);
        if self.rules.is_me(&peer) || self.entries.contains_key(&peer) {
            return false;
        }
        self.set_clock(&peer, &mut entry, at);
        let record = entry.record.take();
        let is_kept = entry.flags.any() && self.pinned.len() < MAX_PINNED;
        let home = if is_kept {
            self.pinned.insert(peer);
            Some(Home::Pinned)
        } else {
            self.home_of(&peer, &entry, at)
        };
        let Some(home) = home else {
            return false;
        };
        if !is_kept {
            entry.flags = Flags::default();
        }
        entry.home = home;
        self.entries.insert(peer, entry);
        if let Some(record) = record
            && record.expires > now.wall_ms
        {
            self.hold_record(&peer, record);
        }
        true
    }

    /// Takes the place that the entry had, else a free one in the new table.
    fn home_of(&mut self, peer: &PeerId, entry: &Entry, at: u64) -> Option<Home> {
        if let Home::In(table, slot) = entry.home
            && self.tables.of_mut(table).take(slot, *peer)
        {
            return Some(entry.home);
        }
        let best = entry
            .addresses
            .iter()
            .max_by_key(|a| (a.success, a.heard))?;
        let slot: Slot = self.make_room(peer, &best.address, best.origin, at, false)?;
        self.tables.of_mut(Table::New).take(slot, *peer);
        Some(Home::In(Table::New, slot))
    }

    /// Stamps of a clock that was ahead count as now; addresses rest as long as they still had to.
    fn set_clock(&self, peer: &PeerId, entry: &mut Entry, at: u64) {
        let past = |stamp: &mut u64| *stamp = (*stamp).min(at);
        past(&mut entry.since);
        entry.connected.as_mut().map(past);
        for known in &mut entry.addresses {
            past(&mut known.heard);
            known.success.as_mut().map(past);
            known.failure.as_mut().map(past);
            if let Some(failure) = known.failure
                && known.failures > 0
            {
                let jitter = self.tables.jitter(peer, &known.address, known.failures);
                let rest = self.config.retry.rest(known.failures, jitter);
                known.rests_until = failure.saturating_add(rest);
            }
        }
    }
}

fn secret_of(row: &[u8]) -> Result<[u8; 16], CborError> {
    let mut reader = Reader::new(row);
    reader.array_of(2)?;
    reader.key(VERSION)?;
    let secret = reader.fixed()?;
    reader.finish()?;
    Ok(secret)
}

fn anchors_of(row: &[u8]) -> Result<Vec<PeerId>, CborError> {
    let mut reader = Reader::new(row);
    reader.array_of(2)?;
    reader.key(VERSION)?;
    let mut anchors = Vec::with_capacity(MAX_ANCHORS);
    for _ in 0..reader.array(MAX_ANCHORS)? {
        let id = reader.bytes_max(MAX_ID)?;
        anchors.push(PeerId::from_bytes(id).map_err(|_| CborError::OutOfRange)?);
    }
    reader.finish()?;
    Ok(anchors)
}
