//! Which header stands at which height: of the best header chain, and of the imported chain.
//!
//! The imported chain follows the best headers except on a branch, so only the branch is written
//! down. For every height up to the imported head:
//! `block(h) = block_branch[h]` if it is there, else `best_headers[h]`.

use std::ops::Bound;

use redb::{ReadableTable, ReadableTableMetadata, Table, WriteTransaction};

use crate::chain::StoreError;

use super::{
    fault::Db,
    tables::{BEST_HEADERS, BLOCK_BRANCH, Number},
};

/// One header on a path: its height and its number.
pub(super) type Step = (u64, u64);

/// The two chains inside a write transaction.
pub(super) struct Chains<'t> {
    best: Table<'t, Number, Number>,
    branch: Table<'t, Number, Number>,
    /// Height of the best header; `None` before genesis.
    best_height: Option<u64>,
    /// Height of the imported head; `None` before genesis.
    block_height: Option<u64>,
}

impl<'t> Chains<'t> {
    pub(super) fn open(
        txn: &'t WriteTransaction,
        best_height: Option<u64>,
        block_height: Option<u64>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            best: txn.open_table(BEST_HEADERS).db()?,
            branch: txn.open_table(BLOCK_BRANCH).db()?,
            best_height,
            block_height,
        })
    }

    /// Header of the best header chain at a height.
    pub(super) fn best_at(&self, height: u64) -> Result<Option<u64>, StoreError> {
        at(&self.best, height)
    }

    /// Header of the imported chain at a height.
    pub(super) fn block_at(&self, height: u64) -> Result<Option<u64>, StoreError> {
        if self.block_height.is_none_or(|head| height > head) {
            return Ok(None);
        }
        match at(&self.branch, height)? {
            Some(number) => Ok(Some(number)),
            None => at(&self.best, height),
        }
    }

    /// Makes `path` the end of the best header chain. It ascends without gaps from one above the
    /// fork to the new best header; whatever stood higher is left.
    pub(super) fn point_best(&mut self, path: &[Step], tip: u64) -> Result<(), StoreError> {
        let above = after(self.best_height);
        for height in after(Some(tip))..above {
            let left = self.block_at(height)?;
            self.best.remove(&key(height)).db()?;
            if let Some(block) = left {
                self.branch.insert(&key(height), &key(block)).db()?;
            }
        }
        // Up to here the path replaces headers or passes imported blocks; from here it only adds.
        let adds_from = above.max(after(self.block_height));
        let split = path.partition_point(|(height, _)| *height < adds_from);
        for &(height, number) in &path[..split] {
            let block = self.block_at(height)?;
            self.best.insert(&key(height), &key(number)).db()?;
            match block {
                Some(block) if block != number => {
                    self.branch.insert(&key(height), &key(block)).db()?;
                }
                _ => drop(self.branch.remove(&key(height)).db()?),
            }
        }
        let mut end = self
            .best
            .upper_bound_mut(Bound::<&[u8; 8]>::Unbounded)
            .db()?;
        for &(height, number) in &path[split..] {
            end.insert_before(&key(height), &key(number)).db()?;
        }
        end.close().db()?;
        self.best_height = Some(tip);
        Ok(())
    }

    /// Makes `path` the end of the imported chain, likewise.
    pub(super) fn point_blocks(&mut self, path: &[Step], head: u64) -> Result<(), StoreError> {
        if !self.branch.is_empty().db()? {
            for height in after(Some(head))..after(self.block_height) {
                self.branch.remove(&key(height)).db()?;
            }
        }
        for &(height, number) in path {
            if self.best_at(height)? != Some(number) {
                self.branch.insert(&key(height), &key(number)).db()?;
            } else if !self.branch.is_empty().db()? {
                self.branch.remove(&key(height)).db()?;
            }
        }
        self.block_height = Some(head);
        Ok(())
    }
}

/// The number a height index has at `height`.
pub(super) fn at(
    index: &impl ReadableTable<Number, Number>,
    height: u64,
) -> Result<Option<u64>, StoreError> {
    let row = index.get(&key(height)).db()?;
    Ok(row.map(|number| u64::from_be_bytes(*number.value())))
}

/// The height after the end of a chain.
fn after(end: Option<u64>) -> u64 {
    end.map_or(0, |height| height.saturating_add(1))
}

/// A height or number as a key.
pub(super) fn key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}
