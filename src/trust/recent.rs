//! The last events of a peer, the like ones put together, until they are rows of the trail.

use std::collections::VecDeque;

use libp2p::PeerId;

use super::{AuditEvent, Event, event::clean, trail::Trail};

/// Entries kept of a connected peer.
pub(super) const CONNECTED: usize = 32;

/// Entries kept of one that is gone. There may be 16 384 of those.
pub(super) const GONE: usize = 8;

/// Entries with evidence that one peer may open in [`PERIOD`]. Further ones are counted with those
/// that have none, or a flood of faults would wash the trail.
const EVIDENCE_ENTRIES: u8 = 32;

/// How long, in milliseconds, like events are put together before they are a row. Shorter makes a
/// larger trail, longer loses more of a crash.
const PERIOD: i64 = 300 * 1000;

/// Like events that followed each other.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    event: Event,
    first_ms: u64,
    last_ms: u64,
    delta: f64,
    after: f64,
    count: u32,
    evidence: Option<Box<str>>,
    urgent: bool,
    /// When it was begun on the monotonic scale, while it is no row of the trail yet.
    open: Option<i64>,
}

/// The last events of one peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    entries: VecDeque<Entry>,
    /// When the current period of [`EVIDENCE_ENTRIES`] began, and how many it has.
    evidence: (i64, u8),
}

/// One event on its way into the entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note<'a> {
    pub(super) event: Event,
    pub(super) delta: f64,
    pub(super) after: f64,
    pub(super) evidence: Option<&'a str>,
    /// It speaks against the peer: a row at the next occasion.
    pub(super) urgent: bool,
    pub(super) t: i64,
    pub(super) wall_ms: u64,
}

impl Recent {
    /// Adds an event; an entry that is pushed out becomes a row.
    #[inline]
    pub(super) fn note(&mut self, peer: &PeerId, note: Note<'_>, room: usize, trail: &mut Trail) {
        let evidence = note.evidence.filter(|_| self.admits_evidence(note.t));
        if evidence.is_none() && note.event.coalesces() {
            let same =
                |e: &&mut Entry| e.open.is_some() && e.evidence.is_none() && e.event == note.event;
            if let Some(entry) = self.entries.iter_mut().rev().find(same) {
                entry.last_ms = note.wall_ms;
                entry.delta += note.delta;
                entry.after = note.after;
                entry.count = entry.count.saturating_add(1);
                entry.urgent |= note.urgent;
                return;
            }
        }
        self.shrink(peer, room.saturating_sub(1), trail);
        self.entries.push_back(Entry {
            event: note.event,
            first_ms: note.wall_ms,
            last_ms: note.wall_ms,
            delta: note.delta,
            after: note.after,
            count: 1,
            evidence: evidence.map(clean),
            urgent: note.urgent,
            open: Some(note.t),
        });
    }

    fn admits_evidence(&mut self, t: i64) -> bool {
        if t - self.evidence.0 >= PERIOD {
            self.evidence = (t, 0);
        }
        let admitted = self.evidence.1 < EVIDENCE_ENTRIES;
        self.evidence.1 += u8::from(admitted);
        admitted
    }

    /// Gives back the memory that more than `room` entries took.
    pub(super) fn release(&mut self, room: usize) {
        self.entries.shrink_to(room);
    }

    /// Keeps the last `room` entries.
    pub(super) fn shrink(&mut self, peer: &PeerId, room: usize, trail: &mut Trail) {
        while self.entries.len() > room {
            let Some(mut first) = self.entries.pop_front() else {
                return;
            };
            first.close(peer, trail);
        }
    }

    /// Makes rows of the entries that are old enough, that cost the peer something, or of all.
    pub(super) fn close(&mut self, peer: &PeerId, all: bool, t: i64, trail: &mut Trail) {
        for entry in &mut self.entries {
            let old = entry.open.is_some_and(|begun| t - begun >= PERIOD);
            if all || old || entry.urgent || !entry.event.coalesces() {
                entry.close(peer, trail);
            }
        }
    }

    /// The events, the newest last.
    pub(super) fn list(&self, peer: &PeerId) -> Vec<AuditEvent> {
        self.entries.iter().map(|e| e.event_of(peer)).collect()
    }
}

impl Entry {
    fn close(&mut self, peer: &PeerId, trail: &mut Trail) {
        if let Some(begun) = self.open.take() {
            trail.push(&self.event_of(peer), begun);
        }
    }

    fn event_of(&self, peer: &PeerId) -> AuditEvent {
        AuditEvent {
            peer: *peer,
            event: self.event,
            first_ms: self.first_ms,
            last_ms: self.last_ms,
            count: u64::from(self.count),
            delta: self.delta,
            after: self.after,
            evidence: self.evidence.clone(),
        }
    }
}
