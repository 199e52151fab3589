//! Writes records to the end of one segment, gathered to large writes.

use std::sync::Arc;

use crate::{chain::StoreError, ids::Hash32};

use super::{disk::DiskFile, fault, segment};

/// Records are gathered to writes of about this size. Larger costs memory, smaller costs calls.
const WRITE_CHUNK: usize = 1 << 20;

/// Where the bytes of the last segment end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    /// The last segment.
    pub(super) segment: u32,
    /// Its length.
    pub(super) end: u64,
}

/// The end of a segment, where the next record goes.
pub(super) struct Appender {
    tail: Tail,
    file: Arc<dyn DiskFile>,
    /// Records not yet written, which belong at `tail`.
    pending: Vec<u8>,
}

impl Appender {
    pub(super) fn at(tail: Tail, file: Arc<dyn DiskFile>) -> Self {
        Self {
            tail,
            file,
            pending: Vec::new(),
        }
    }

    /// The segment it writes.
    pub(super) fn segment(&self) -> u32 {
        self.tail.segment
    }

    /// Where the next record begins.
    pub(super) fn end(&self) -> u64 {
        self.tail.end + self.pending.len() as u64
    }

    /// Adds a record.
    pub(super) fn push(&mut self, hash: &Hash32, body: &[u8]) -> Result<(), StoreError> {
        self.pending
            .extend_from_slice(&segment::record_head(hash, body));
        self.pending.extend_from_slice(body);
        if self.pending.len() >= WRITE_CHUNK {
            self.write()?;
        }
        Ok(())
    }

    /// Writes what is pending and syncs the segment; says where it ends.
    pub(super) fn finish(&mut self) -> Result<Tail, StoreError> {
        self.write()?;
        self.file
            .sync()
            .map_err(|e| fault::io(&segment::file_name(self.tail.segment), e))?;
        Ok(self.tail)
    }

    fn write(&mut self) -> Result<(), StoreError> {
        self.file
            .write_at(self.tail.end, &self.pending)
            .map_err(|e| fault::io(&segment::file_name(self.tail.segment), e))?;
        self.tail.end = self.end();
        self.pending.clear();
        Ok(())
    }
}
