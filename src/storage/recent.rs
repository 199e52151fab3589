//! The newest headers by hash, in memory until there are enough of them for the index on disk.
//!
//! Hashes fall anywhere in the index, so adding a few touches as many of its pages as adding many.
//! Headers therefore enter it some ten thousand at a time; until then they are found here, and
//! after a restart they are read back from the end of the table of headers.

use std::collections::HashMap;

use redb::ReadTransaction;

use crate::{chain::StoreError, ids::Hash32};

use super::{
    chains::key,
    fault::Db,
    tables::{HEADERS, HeaderRow},
};

/// Numbers of the headers that are not in the index on disk yet.
#[derive(Debug)]
pub(super) struct Recent {
    numbers: HashMap<Hash32, u64>,
    max: usize,
}

impl Recent {
    /// None yet; at most `max` will wait.
    pub(super) fn new(max: usize) -> Self {
        Self {
            numbers: HashMap::new(),
            max,
        }
    }

    /// Reads back the headers from number `indexed` on.
    pub(super) fn load(
        txn: &ReadTransaction,
        indexed: u64,
        max: usize,
    ) -> Result<Self, StoreError> {
        let mut recent = Self::new(max);
        let headers = txn.open_table(HEADERS).db()?;
        for row in headers.range::<&[u8; 8]>(&key(indexed)..).db()? {
            let (number, row) = row.db()?;
            let number = u64::from_be_bytes(*number.value());
            let hash = HeaderRow::decode(number, row.value())?.hash;
            recent.numbers.insert(hash, number);
        }
        Ok(recent)
    }

    /// The number of a recent header.
    pub(super) fn number(&self, hash: &Hash32) -> Option<u64> {
        self.numbers.get(hash).copied()
    }

    /// Most headers that wait.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Whether `more` headers are too many to wait.
    pub(super) fn is_full_with(&self, more: usize) -> bool {
        self.numbers.len() + more > self.max
    }

    /// The headers that wait.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Hash32, u64)> {
        self.numbers.iter().map(|(hash, number)| (hash, *number))
    }

    /// Takes up the headers of a commit, or forgets all if they are in the index now.
    pub(super) fn committed(&mut self, fresh: HashMap<Hash32, u64>, indexed: bool) {
        if indexed {
            self.numbers = HashMap::new();
        } else {
            self.numbers.extend(fresh);
        }
    }
}
