//! The audit trail: rows in order, bounded by number, bytes and age.

use std::{collections::VecDeque, ops::Range};

use super::{AuditEvent, Config};

/// Rows that are forgotten together. The trail is at most this much shorter than it might be, and
/// takes 24 bytes of memory for each.
const CHUNK: u32 = 64;

/// Bytes of the key of a row.
const KEY: u64 = 8;

/// Most rows that wait to be taken. Nobody takes them for minutes if there are more: the store is
/// stuck, and the oldest are lost rather than the memory.
const MAX_WAITING: usize = 65_536;

/// A row to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place in the trail, rising. The key, big-endian.
    pub seq: u64,
    /// See [`AuditEvent::encode`].
    pub bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Chunk {
    first: u64,
    rows: u32,
    bytes: u64,
    /// When its newest row began, on the engine's monotonic scale in milliseconds.
    newest: i64,
}

impl Chunk {
    fn end(&self) -> u64 {
        self.first.saturating_add(u64::from(self.rows))
    }
}

/// The trail as far as memory knows it: what waits to be written, and how large the rest is.
#[derive(Debug)]
pub(super) struct Trail {
    next: u64,
    chunks: VecDeque<Chunk>,
    rows: u64,
    bytes: u64,
    waiting: VecDeque<AuditRow>,
    lost: u64,
}

impl AuditRow {
    /// Its key in the store.
    #[must_use]
    pub fn key(&self) -> [u8; 8] {
        self.seq.to_be_bytes()
    }
}

impl Trail {
    pub(super) fn new() -> Self {
        Self {
            next: 0,
            chunks: VecDeque::new(),
            rows: 0,
            bytes: 0,
            waiting: VecDeque::new(),
            lost: 0,
        }
    }

    /// Rows, bytes, and rows lost because nobody took them.
    pub(super) fn size(&self) -> (u64, u64, u64) {
        (self.rows, self.bytes, self.lost)
    }

    /// Notes a row that is in the store already. Rows come in order.
    pub(super) fn known(&mut self, seq: u64, len: usize, began: i64) {
        self.count(seq, len, began);
        self.next = seq.saturating_add(1);
    }

    pub(super) fn push(&mut self, event: &AuditEvent, began: i64) {
        let (seq, bytes) = (self.next, event.encode());
        self.next = self.next.saturating_add(1);
        self.count(seq, bytes.len(), began);
        if self.waiting.len() == MAX_WAITING {
            self.waiting.pop_front();
            self.lost += 1;
        }
        self.waiting.push_back(AuditRow { seq, bytes });
    }

    fn count(&mut self, seq: u64, len: usize, began: i64) {
        let bytes = len as u64 + KEY;
        self.rows += 1;
        self.bytes += bytes;
        match self.chunks.back_mut() {
            // A chunk has no gaps, so that removing one is no more work than it has rows.
            Some(last) if last.rows < CHUNK && last.end() == seq => {
                last.rows += 1;
                last.bytes += bytes;
                last.newest = last.newest.max(began);
            }
            _ => self.chunks.push_back(Chunk {
                first: seq,
                rows: 1,
                bytes,
                newest: began,
            }),
        }
    }

    /// Forgets the oldest rows until what is left is within the limits, and says which.
    pub(super) fn trim(&mut self, config: &Config, t: i64) -> Vec<Range<u64>> {
        let mut expired: Vec<Range<u64>> = Vec::new();
        let age = i64::try_from(config.audit_max_age.saturating_mul(1000)).unwrap_or(i64::MAX);
        while let Some(oldest) = self.chunks.front().copied() {
            let fits = self.rows <= config.audit_max_rows && self.bytes <= config.audit_max_bytes;
            if fits && t.saturating_sub(oldest.newest) <= age {
                break;
            }
            self.chunks.pop_front();
            self.rows -= u64::from(oldest.rows);
            self.bytes -= oldest.bytes;
            match expired.last_mut() {
                Some(last) if last.end == oldest.first => last.end = oldest.end(),
                _ => expired.push(oldest.first..oldest.end()),
            }
        }
        let end = expired.last().map_or(0, |last| last.end);
        while self.waiting.front().is_some_and(|row| row.seq < end) {
            self.waiting.pop_front();
        }
        expired
    }

    /// The rows that wait.
    pub(super) fn take(&mut self) -> Vec<AuditRow> {
        std::mem::take(&mut self.waiting).into()
    }
}
