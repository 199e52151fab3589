//! The rows of the blobs, in memory.

use std::collections::{BTreeMap, HashMap};

use redb::{ReadTransaction, ReadableTable};

use crate::{chain::StoreError, ids::Hash32};

use super::{
    BLOBS, BlobRow,
    fault::{self, Db},
    tables,
};

/// Which blobs there are. At most 16 384, so it is copied where a change may still fail.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// By number; numbers grow, so the first is the oldest.
    rows: BTreeMap<u64, BlobRow>,
    by_root: HashMap<Hash32, u64>,
    bytes: u64,
    /// Blobs dropped for newer ones.
    pub(super) evicted: u64,
}

impl Index {
    /// Reads the rows; none before the first blob was stored.
    pub(super) fn load(txn: &ReadTransaction) -> Result<Self, StoreError> {
        let table = match txn.open_table(BLOBS) {
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Self::default()),
            other => other.db()?,
        };
        let mut index = Self::default();
        for row in table.iter().db()? {
            let (key, value) = row.db()?;
            let number = u64::from_be_bytes(*key.value());
            let row = BlobRow::decode(value.value());
            let row = row.ok_or_else(|| fault::row(tables::BLOBS_NAME, number))?;
            index.insert(number, row);
        }
        Ok(index)
    }

    pub(super) fn insert(&mut self, number: u64, row: BlobRow) {
        self.bytes = self.bytes.saturating_add(row.file_len());
        self.by_root.insert(row.commitment.root, number);
        self.rows.insert(number, row);
    }

    pub(super) fn remove(&mut self, number: u64) {
        let Some(row) = self.rows.remove(&number) else {
            return;
        };
        self.bytes -= row.file_len();
        let root = row.commitment.root;
        if self.by_root.get(&root) == Some(&number) {
            self.by_root.remove(&root);
        }
    }

    /// Removes what `keep` does not want; gives their numbers.
    pub(super) fn retain(
        &mut self,
        keep: impl Fn(u64, &BlobRow) -> Result<bool, StoreError>,
    ) -> Result<Vec<u64>, StoreError> {
        let mut gone = Vec::new();
        for (number, row) in &self.rows {
            if !keep(*number, row)? {
                gone.push(*number);
            }
        }
        for number in &gone {
            self.remove(*number);
        }
        Ok(gone)
    }

    /// Removes the oldest until `bytes` more fit `max_bytes` and at most `most` are left; gives
    /// their numbers.
    pub(super) fn make_room(&mut self, bytes: u64, max_bytes: u64, most: usize) -> Vec<u64> {
        let mut gone = Vec::new();
        while (self.bytes.saturating_add(bytes) > max_bytes || self.rows.len() > most)
            && let Some((number, _)) = self.rows.first_key_value()
        {
            let number = *number;
            self.remove(number);
            self.evicted += 1;
            gone.push(number);
        }
        gone
    }

    pub(super) fn find(&self, root: &Hash32) -> Option<(u64, BlobRow)> {
        let number = self.by_root.get(root)?;
        Some((*number, *self.rows.get(number)?))
    }

    pub(super) fn has(&self, number: u64) -> bool {
        self.rows.contains_key(&number)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The number after the last.
    pub(super) fn end(&self) -> u64 {
        let last = self.rows.last_key_value();
        last.map_or(0, |(number, _)| number.saturating_add(1))
    }
}
