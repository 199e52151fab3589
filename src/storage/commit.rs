//! One batch becomes one transaction.
//!
//! Order: headers, bodies (written and synced to their segment), the best headers, the imported
//! head. The transaction commits after all of it, so a body is on disk before anything points to
//! it, and a crash leaves either the whole batch or nothing of it.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
};

use bytes::Bytes;
use redb::{ReadableTable, Table, WriteTransaction};

use crate::{
    chain::{Batch, NewHeader, StoreError},
    ids::{Hash32, Height},
};

use super::{
    bodies::Bodies,
    chains::{Chains, Step, key},
    fault::{self, Db},
    known::{Head, Known},
    lengths,
    lookup::number_of,
    recent::Recent,
    tables::{
        BODY_LOCATIONS, HEAD_OF_BLOCKS, HEAD_OF_HEADERS, HEADERS, HEADERS_BY_HASH, HEADS,
        HeaderRow, INDEXED_HEADERS, Number, decode_place, encode_place, hash_key,
    },
};

/// What a batch changed.
pub(super) struct Outcome {
    /// Where the store stands once the transaction is committed.
    pub(super) known: Known,
    /// Numbers of the headers that are new.
    pub(super) fresh: HashMap<Hash32, u64>,
    /// Whether these and all recent headers are in the index by hash now.
    pub(super) indexed: bool,
}

/// Applies `batch` inside `txn` to a store that stands at `known`.
pub(super) fn apply(
    txn: &WriteTransaction,
    bodies: &Bodies,
    known: &Known,
    recent: &Recent,
    batch: &Batch,
) -> Result<Outcome, StoreError> {
    let mut commit = Commit {
        headers: txn.open_table(HEADERS).db()?,
        by_hash: txn.open_table(HEADERS_BY_HASH).db()?,
        places: txn.open_table(BODY_LOCATIONS).db()?,
        chains: Chains::open(txn, known.best_height(), known.block_height())?,
        known: *known,
        recent,
        first: known.headers,
        fresh: Vec::with_capacity(batch.headers.len()),
        numbers: HashMap::with_capacity(batch.headers.len()),
    };
    commit.store_headers(&batch.headers)?;
    commit.store_bodies(txn, bodies, &batch.bodies)?;
    let mut heads = txn.open_table(HEADS).db()?;
    if let Some(hash) = &batch.best_header {
        let best = commit.point_best(hash)?;
        heads.insert(HEAD_OF_HEADERS, &key(best)).db()?;
    }
    if let Some(hash) = &batch.head {
        let head = commit.point_blocks(hash)?;
        heads.insert(HEAD_OF_BLOCKS, &key(head)).db()?;
    }
    let indexed = recent.is_full_with(commit.fresh.len());
    if indexed {
        commit.index()?;
        let all = key(commit.known.headers);
        heads.insert(INDEXED_HEADERS, &all).db()?;
    }
    Ok(Outcome {
        known: commit.known,
        fresh: commit.numbers,
        indexed,
    })
}

/// The tables a batch touches and what the batch brought so far.
struct Commit<'t, 'b> {
    headers: Table<'t, Number, &'static [u8]>,
    by_hash: Table<'t, &'static [u8; 16], ()>,
    places: Table<'t, Number, &'static [u8; 16]>,
    chains: Chains<'t>,
    known: Known,
    recent: &'b Recent,
    /// Number of the first header of this batch.
    first: u64,
    /// Headers of this batch by number, with their parents' numbers.
    fresh: Vec<(&'b NewHeader, u64)>,
    /// Numbers of the headers of this batch.
    numbers: HashMap<Hash32, u64>,
}

impl<'b> Commit<'_, 'b> {
    fn store_headers(&mut self, headers: &'b [NewHeader]) -> Result<(), StoreError> {
        let mut last: Option<&NewHeader> = None;
        for header in headers {
            let next = self.first + self.fresh.len() as u64;
            let parent = match last.filter(|last| last.hash == header.parent) {
                Some(_) => Some(next - 1),
                None => self.number(&header.parent)?,
            };
            // A child is stored after its parent, so the last header stored has none.
            let may_be_stored = parent.is_none_or(|parent| parent + 1 != next);
            if may_be_stored && self.number(&header.hash)?.is_some() {
                continue;
            }
            let parent = match parent {
                Some(parent) => parent,
                None if next == 0 => 0, // genesis
                None => return Err(fault::bad_batch(&header.hash, "has no parent")),
            };
            if next != 0 && self.height(parent)?.next() != Some(header.height) {
                let what = "is not one above its parent";
                return Err(fault::bad_batch(&header.hash, what));
            }
            self.numbers.insert(header.hash, next);
            self.fresh.push((header, parent));
            last = Some(header);
        }
        let mut end = self
            .headers
            .upper_bound_mut(Bound::<&[u8; 8]>::Unbounded)
            .db()?;
        let mut row = Vec::new();
        for (number, (header, parent)) in (self.first..).zip(&self.fresh) {
            row.clear();
            HeaderRow {
                hash: header.hash,
                height: header.height,
                parent: *parent,
                work: header.work,
                timestamp: header.timestamp,
                header: &header.bytes,
            }
            .encode(&mut row);
            end.insert_before(&key(number), row.as_slice()).db()?;
        }
        end.close().db()?;
        self.known.headers += self.fresh.len() as u64;
        Ok(())
    }

    /// Brings the index by hash up to date, in its own order, which touches each page once.
    fn index(&mut self) -> Result<(), StoreError> {
        let fresh = self.numbers.iter().map(|(hash, number)| (hash, *number));
        let all = self.recent.iter().chain(fresh);
        let mut keys: Vec<[u8; 16]> = all.map(|(hash, number)| hash_key(hash, number)).collect();
        keys.sort_unstable();
        for key in &keys {
            self.by_hash.insert(key, ()).db()?;
        }
        Ok(())
    }

    fn store_bodies(
        &mut self,
        txn: &WriteTransaction,
        segments: &Bodies,
        bodies: &[(Hash32, Bytes)],
    ) -> Result<(), StoreError> {
        let mut new: BTreeMap<u64, (Hash32, Bytes)> = BTreeMap::new();
        for (hash, body) in bodies {
            let number = self
                .number(hash)?
                .ok_or_else(|| fault::bad_batch(hash, "has a body and no header"))?;
            let stored = self.places.get(&key(number)).db()?;
            match stored.map(|place| decode_place(place.value())) {
                // A body that no longer reads back is replaced by the one at hand.
                Some(place) if segments.read(hash, place).is_ok() => {}
                Some(_) => drop(new.insert(number, (*hash, body.clone()))),
                None => {
                    if new.insert(number, (*hash, body.clone())).is_none() {
                        self.known.bodies += 1;
                    }
                }
            }
        }
        let (numbers, new): (Vec<u64>, Vec<_>) = new.into_iter().unzip();
        let appended = segments.append(self.known.tail, &new)?;
        for (number, place) in numbers.into_iter().zip(&appended.places) {
            self.places
                .insert(&key(number), &encode_place(*place))
                .db()?;
        }
        let added = lengths::extend(txn, &appended.places)?;
        self.known.body_bytes = self.known.body_bytes.saturating_add(added);
        self.known.tail = appended.tail;
        Ok(())
    }

    fn point_best(&mut self, hash: &Hash32) -> Result<u64, StoreError> {
        let head = self.head(hash)?;
        let Height(tip) = head.tip.height;
        let mut path = Vec::new();
        let mut at: Step = (tip, head.number);
        while self.known.best.is_none_or(|best| best.number != at.1)
            && self.chains.best_at(at.0)? != Some(at.1)
        {
            path.push(at);
            match self.below(at)? {
                Some(below) => at = below,
                None => break,
            }
        }
        path.reverse();
        self.chains.point_best(&path, tip)?;
        self.known.best = Some(head);
        Ok(head.number)
    }

    fn point_blocks(&mut self, hash: &Hash32) -> Result<u64, StoreError> {
        let head = self.head(hash)?;
        let Height(tip) = head.tip.height;
        let mut path = Vec::new();
        let mut at: Step = (tip, head.number);
        while self.chains.block_at(at.0)? != Some(at.1) {
            if self.places.get(&key(at.1)).db()?.is_none() {
                let what = "is not stored with its body and all its ancestors' bodies";
                return Err(fault::bad_batch(hash, what));
            }
            path.push(at);
            match self.below(at)? {
                Some(below) => at = below,
                None => break,
            }
        }
        path.reverse();
        self.chains.point_blocks(&path, tip)?;
        self.known.blocks = Some(head);
        Ok(head.number)
    }

    /// The header `hash` as the end of a chain.
    fn head(&self, hash: &Hash32) -> Result<Head, StoreError> {
        let number = self
            .number(hash)?
            .ok_or_else(|| fault::bad_batch(hash, "is to be a head and is not stored"))?;
        let tip = match self.fresh(number) {
            Some((header, _)) => header.tip(),
            None => self.row(number, |row| row.tip())?,
        };
        Ok(Head { number, tip })
    }

    /// The step to the parent; `None` from genesis.
    fn below(&self, (height, number): Step) -> Result<Option<Step>, StoreError> {
        let Some(height) = height.checked_sub(1) else {
            return Ok(None);
        };
        let parent = match self.fresh(number) {
            Some((_, parent)) => parent,
            None => self.row(number, |row| row.parent)?,
        };
        Ok(Some((height, parent)))
    }

    fn height(&self, number: u64) -> Result<Height, StoreError> {
        match self.fresh(number) {
            Some((header, _)) => Ok(header.height),
            None => self.row(number, |row| row.height),
        }
    }

    fn number(&self, hash: &Hash32) -> Result<Option<u64>, StoreError> {
        match self.numbers.get(hash).copied().or(self.recent.number(hash)) {
            Some(number) => Ok(Some(number)),
            None => number_of(&self.by_hash, &self.headers, hash),
        }
    }

    fn fresh(&self, number: u64) -> Option<(&'b NewHeader, u64)> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.fresh.get(at).copied()
    }

    fn row<R>(&self, number: u64, f: impl FnOnce(&HeaderRow<'_>) -> R) -> Result<R, StoreError> {
        let row = self
            .headers
            .get(&key(number))
            .db()?
            .ok_or_else(|| fault::row("headers", number))?;
        Ok(f(&HeaderRow::decode(number, row.value())?))
    }
}
