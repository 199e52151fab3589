//! What the book knows, for people.

use libp2p::{Multiaddr, PeerId};

use crate::clock::Now;

use super::{
    engine::Book,
    entry::{Entry, Flags, Home},
    origin::Origin,
    tables::Table,
};

/// Where a peer lies in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Never reached.
    New,
    /// Reached.
    Tried,
    /// Kept by the operator.
    Kept,
}

/// A peer. Times are in milliseconds since the UNIX epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerView {
    /// Who.
    pub peer: PeerId,
    /// Where it lies.
    pub place: Place,
    /// What the operator said.
    pub flags: Flags,
    /// Whether it is dialled first after a restart.
    pub anchor: bool,
    /// When it was first heard of.
    pub since_ms: u64,
    /// When it was last heard of.
    pub heard_ms: u64,
    /// When a connection with it, in either direction, was last open.
    pub connected_ms: Option<u64>,
    /// Its node record.
    pub record: Option<RecordView>,
    /// Its addresses.
    pub addresses: Vec<AddressView>,
}

/// A node record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordView {
    /// Its number.
    pub seq: u64,
    /// When it was signed.
    pub created_ms: u64,
    /// When it stops to hold.
    pub expires_ms: u64,
    /// Its length.
    pub bytes: usize,
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressView {
    /// Without `/p2p`.
    pub address: Multiaddr,
    /// Who told it first, or best.
    pub origin: Origin,
    /// Whether the peer's node record names it.
    pub signed: bool,
    /// When it was last told.
    pub heard_ms: u64,
    /// When a dial of it last succeeded.
    pub success_ms: Option<u64>,
    /// When a dial of it last failed.
    pub failure_ms: Option<u64>,
    /// Failures in a row.
    pub failures: u32,
    /// How long it still rests.
    pub rests_ms: u64,
}

impl Book {
    /// What is known about `peer`.
    #[must_use]
    pub fn entry(&self, peer: &PeerId, now: Now) -> Option<PeerView> {
        let entry = self.entries.get(peer)?;
        Some(self.view(peer, entry, now))
    }

    /// At most `limit` peers: those reached last first, then those heard of last.
    #[must_use]
    pub fn known(&self, limit: usize, now: Now) -> Vec<PeerView> {
        let mut all: Vec<(&PeerId, &Entry)> = self.entries.iter().collect();
        let key = |(peer, entry): &(&PeerId, &Entry)| {
            let last = |t: u64| u64::MAX - t;
            let reached = entry.success().unwrap_or(0);
            (last(reached), last(entry.heard()), **peer)
        };
        all.sort_unstable_by_key(key);
        let first = all.into_iter().take(limit);
        first.map(|(p, e)| self.view(p, e, now)).collect()
    }

    fn view(&self, peer: &PeerId, entry: &Entry, now: Now) -> PeerView {
        let at = self.at(now);
        let addresses = entry.addresses.iter().map(|a| AddressView {
            address: a.address.clone(),
            origin: a.origin,
            signed: a.signed,
            heard_ms: a.heard,
            success_ms: a.success,
            failure_ms: a.failure,
            failures: a.failures,
            rests_ms: a.rests_until.saturating_sub(at),
        });
        let record = entry.record.as_ref().zip(entry.seq);
        PeerView {
            peer: *peer,
            place: match entry.home {
                Home::In(Table::New, _) => Place::New,
                Home::In(Table::Tried, _) => Place::Tried,
                Home::Pinned => Place::Kept,
            },
            flags: entry.flags,
            anchor: self.anchors.contains(peer),
            since_ms: entry.since,
            heard_ms: entry.heard(),
            connected_ms: entry.connected,
            record: record.map(|(record, seq)| RecordView {
                seq,
                created_ms: record.created,
                expires_ms: record.expires,
                bytes: record.bytes.len(),
            }),
            addresses: addresses.collect(),
        }
    }
}
