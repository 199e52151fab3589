//! What becomes of a file when the power goes.
//!
//! Model: a write reaches the platter only with a sync. When the power goes, each write since then
//! survives whole, in part (any subset of its 512-byte sectors) or not at all, independently of the
//! others; so do changes of length, and creation and removal of files until their directory is
//! synced. This is harsher than any file system in use.

use rand::RngExt;

use crate::clock::Rng;

const SECTOR: usize = 512;

#[derive(Clone, Debug)]
pub(super) enum Op {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl Op {
    /// Does it.
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => write(bytes, *offset, data),
            Self::SetLen(len) => bytes.resize(*len, 0),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Contents {
    /// What survives anything.
    pub(super) platter: Vec<u8>,
    /// What a reader sees.
    pub(super) seen: Vec<u8>,
    /// What was done since the last sync.
    pub(super) unsynced: Vec<Op>,
    /// Whether the directory shows the file now, and whether it does after a power cut.
    pub(super) exists: bool,
    pub(super) entry_durable: bool,
}

impl Contents {
    /// Everything done so far survives from now on.
    pub(super) fn sync(&mut self) {
        for op in std::mem::take(&mut self.unsynced) {
            op.apply(&mut self.platter);
        }
    }

    /// The power goes and comes back.
    pub(super) fn power_cycle(&mut self, rng: &mut Rng) {
        for op in std::mem::take(&mut self.unsynced) {
            survive(&mut self.platter, op, rng);
        }
        self.seen.clone_from(&self.platter);
        if self.exists != self.entry_durable && rng.random_bool(0.5) {
            self.exists = self.entry_durable;
        }
        self.entry_durable = self.exists;
    }
}

/// What becomes of one unsynced change.
fn survive(platter: &mut Vec<u8>, op: Op, rng: &mut Rng) {
    match op {
        Op::SetLen(len) => {
            if rng.random_bool(0.5) {
                platter.resize(len, 0);
            }
        }
        Op::Write(offset, data) => {
            let fate = rng.random_range(0..3);
            for (i, sector) in data.chunks(SECTOR).enumerate() {
                if fate == 0 || (fate == 1 && rng.random_bool(0.5)) {
                    write(platter, offset + i * SECTOR, sector);
                }
            }
        }
    }
}

fn write(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if bytes.len() < offset + data.len() {
        bytes.resize(offset + data.len(), 0);
    }
    bytes[offset..offset + data.len()].copy_from_slice(data);
}
