//! Signed node records: kept to be passed on, and for the addresses in them.

use std::sync::Arc;

use libp2p::PeerId;
use rand::seq::IteratorRandom;

use crate::{
    clock::{Now, Rng},
    identity::NodeRecord,
    registry::MESSAGE_SKEW_MS,
};

use super::{
    DAY, HOUR, Scope,
    check::is_global,
    engine::{Book, Learnt},
    entry::{Entry, Held, MAX_ADDRESSES_PER_PEER},
    origin::Origin,
};

/// Most bytes of records held. Some 5.5 KiB are usual and 24 KiB possible, so an entry each would be
/// 400 MiB; this is 6 000 usual ones, and each goes after a day at the latest.
pub const MAX_RECORD_STORE: usize = 32 << 20;

/// A record is passed on if its node was connected this recently, in milliseconds: as long as a
/// record can live.
const CONNECTED_WITHIN: u64 = DAY;
/// Or if it was signed this recently and nothing speaks against it, in milliseconds.
const FRESH_FOR: u64 = HOUR;

/// Why a record is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordRefusal {
    /// It is this node's own.
    #[error("the record is this node's own")]
    Own,
    /// For another chain id or genesis.
    #[error("the record is for another chain")]
    Foreign,
    /// Dated further ahead than clocks may differ.
    #[error("the record is dated in the future")]
    Premature,
    /// Its life is over.
    #[error("the record has expired")]
    Expired,
    /// A record with this number or a higher one was seen before.
    #[error("record {given} is not newer than {held}, which was seen before")]
    Replayed {
        /// Highest number seen.
        held: u64,
        /// Number of the record.
        given: u64,
    },
    /// None of its addresses may be dialled.
    #[error("no address of the record can be dialled")]
    NoAddress,
    /// Those who tell such records have used up their room.
    #[error("there is no room for another peer from there")]
    NoRoom,
}

impl Book {
    /// Whether a record of `peer` with this number would be news, asked before its signatures are
    /// checked, which is what costs.
    #[must_use]
    pub fn wants_record(&self, peer: &PeerId, seq: u64) -> bool {
        let held = self.entries.get(peer).and_then(|e| e.seq);
        !self.rules.is_me(peer) && held.is_none_or(|held| seq > held)
    }

    /// The highest number of a record of `peer` that was seen.
    #[must_use]
    pub fn record_seq(&self, peer: &PeerId) -> Option<u64> {
        self.entries.get(peer)?.seq
    }

    /// Takes a record whose signatures the caller has verified (`NodeRecord::verify`) and which
    /// `origin` brought.
    ///
    /// # Errors
    /// The first rule that it breaks; the book is as before then.
    pub fn insert_record(
        &mut self,
        record: &NodeRecord,
        origin: Origin,
        now: Now,
    ) -> Result<Learnt, RecordRefusal> {
        let fields = record.fields();
        let peer = record.identity().peer_id();
        if self.rules.is_me(&peer) {
            return Err(RecordRefusal::Own);
        }
        if (fields.chain_id, fields.genesis) != (self.config.chain, self.config.genesis) {
            return Err(RecordRefusal::Foreign);
        }
        if fields.created_ms > now.wall_ms.saturating_add(MESSAGE_SKEW_MS) {
            return Err(RecordRefusal::Premature);
        }
        if now.wall_ms >= record.expires_ms() {
            return Err(RecordRefusal::Expired);
        }
        if let Some(held) = self.entries.get(&peer).and_then(|e| e.seq)
            && fields.seq <= held
        {
            let given = fields.seq;
            return Err(RecordRefusal::Replayed { held, given });
        }
        let usable = fields.addresses.iter().filter_map(|address| {
            let usable = self.rules.check(&peer, address, origin);
            usable.ok()
        });
        let usable: Vec<_> = usable.take(MAX_ADDRESSES_PER_PEER).collect();
        if usable.is_empty() {
            return Err(RecordRefusal::NoAddress);
        }
        if let Some(entry) = self.entries.get_mut(&peer) {
            // What it no longer names and what never worked is out of date.
            entry.addresses.retain_mut(|a| {
                let named = usable.contains(&a.address);
                let outdated = a.signed && !named && a.success.is_none();
                a.signed &= named;
                !outdated
            });
        }
        let learnt = self.learn_as(peer, &usable, origin, true, now);
        let held = Held {
            bytes: record.as_bytes().into(),
            created: fields.created_ms,
            expires: record.expires_ms(),
            global: fields.addresses.iter().all(is_global),
        };
        self.drop_record(&peer);
        let Some(entry) = self.entries.get_mut(&peer) else {
            return Err(RecordRefusal::NoRoom);
        };
        entry.seq = Some(fields.seq);
        self.dirty.insert(peer);
        self.hold_record(&peer, held);
        Ok(learnt)
    }

    /// At most `count` records to pass on, of peers that `accept` takes: unexpired ones of nodes
    /// that were connected within a day, then, for up to a quarter, freshly signed ones of nodes
    /// that nobody here has reached yet. On public networks none that names a private address.
    pub fn sample_records(
        &self,
        count: usize,
        rng: &mut Rng,
        accept: impl Fn(&PeerId) -> bool,
        now: Now,
    ) -> Vec<Arc<[u8]>> {
        let (at, count) = (self.at(now), count.min(self.records.len()));
        let all = self.records.iter().filter_map(|(_, _, peer)| {
            let entry = self.entries.get(peer)?;
            let record = entry.record.as_ref()?;
            let fits = record.global || self.config.scope == Scope::Any;
            let valid = now.wall_ms < record.expires && fits && accept(peer);
            valid.then_some((entry, record))
        });
        let connected = |entry: &Entry| {
            let seen = entry.connected;
            seen.is_some_and(|seen| at.saturating_sub(seen) < CONNECTED_WITHIN)
        };
        let fresh = |entry: &Entry, record: &Held| {
            let failed = entry.addresses.iter().all(|a| a.failures > 0);
            !failed && now.wall_ms.saturating_sub(record.created) < FRESH_FOR
        };
        let known = all.clone().filter(|(entry, _)| connected(entry));
        let mut chosen = known.sample(rng, count);
        let room = (count - chosen.len()).min(count.div_ceil(4));
        let others = all.filter(|(entry, record)| !connected(entry) && fresh(entry, record));
        chosen.extend(others.sample(rng, room));
        let bytes = chosen.into_iter().map(|(_, record)| &record.bytes);
        bytes.cloned().collect()
    }

    /// The record of `peer`, unless it has expired.
    #[must_use]
    pub fn record_of(&self, peer: &PeerId, now: Now) -> Option<Arc<[u8]>> {
        let record = self.entries.get(peer)?.record.as_ref()?;
        (now.wall_ms < record.expires).then(|| Arc::clone(&record.bytes))
    }

    /// Bytes of records held.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// Gives an entry its record. If that is too much, those that matter least go: of peers that we
    /// never reached first, then what expires first.
    pub(super) fn hold_record(&mut self, peer: &PeerId, held: Held) {
        let Some(entry) = self.entries.get_mut(peer) else {
            return;
        };
        self.record_bytes += held.bytes.len();
        self.records
            .insert((entry.is_proven(), held.expires, *peer));
        entry.record = Some(held);
        while self.record_bytes > MAX_RECORD_STORE {
            let Some((_, _, least)) = self.records.first().copied() else {
                return;
            };
            self.drop_record(&least);
        }
    }

    /// Takes the record from an entry. Its number stays.
    pub(super) fn drop_record(&mut self, peer: &PeerId) {
        if let Some(entry) = self.entries.get_mut(peer)
            && let Some(record) = entry.record.take()
        {
            self.record_bytes -= record.bytes.len();
            for proven in [false, true] {
                self.records.remove(&(proven, record.expires, *peer));
            }
            self.dirty.insert(*peer);
        }
    }

    /// Puts the record of a peer that was reached among those that go last.
    pub(super) fn rank_record(&mut self, peer: &PeerId) {
        if let Some(record) = self.entries.get(peer).and_then(|e| e.record.as_ref()) {
            self.records.remove(&(false, record.expires, *peer));
            self.records.insert((true, record.expires, *peer));
        }
    }

    pub(super) fn drop_expired(&mut self, now: Now) {
        let expired = |(_, expires, _): &&(bool, u64, PeerId)| *expires <= now.wall_ms;
        let gone: Vec<PeerId> = self
            .records
            .iter()
            .filter(expired)
            .map(|(_, _, peer)| *peer)
            .collect();
        for peer in gone {
            self.drop_record(&peer);
        }
    }
}
