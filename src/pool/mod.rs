//! Transactions that wait for a block.
//!
//! A plain value: told what arrives, what was included and what time it is, asked what to mine and
//! what to relay. It never looks into a transaction; what it takes is up to an [`Admission`]. In
//! memory only: after a restart peers and applications announce again what still matters.
//!
//! # Order
//!
//! Transactions are served by [`Priority`], equals first come first served, and evicted from the
//! other end: the newest of the lowest priority goes first. Where there is no room, a newcomer
//! displaces only what has a lower priority, and only if that makes enough room; among equals those
//! that wait stay, or a flood would empty the pool. What a reorganisation gives back has waited
//! longest: it goes before its equals and displaces the newest of them.
//!
//! # Cost
//!
//! Admission may take time, so it happens outside: [`Candidate::check`] needs no pool, only
//! [`Pool::add`] does, which takes `O(log n)`. [`Pool::insert`] does both, for whoever shares the
//! pool with nobody.

mod admission;
mod queue;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{chain::ObjectError, ids::Hash32};

pub use admission::{Admission, AnyTx, Candidate, Priority};

use queue::Queue;

/// How much may wait, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most transactions. Each costs some 250 bytes of memory beside its own.
    pub max_txs: usize,
    /// Most bytes of transactions: sixteen of the largest blocks. More would delay a transaction
    /// beyond its lifetime at most chains' pace.
    pub max_bytes: usize,
    /// After this a transaction is dropped: half an hour, the original's figure. Longer keeps what
    /// nobody will include, shorter drops what a slow chain still would.
    pub ttl: Duration,
}

/// Why a transaction is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// Not a transaction: too long, or not a canonical CBOR map.
    #[error("not a transaction: {0}")]
    Form(#[from] ObjectError),
    /// It waits already, or, in a node, a block took it lately.
    #[error("the transaction waits already, or a block has it")]
    Known,
    /// The application's admission refused it.
    #[error("refused: {reason}")]
    Refused {
        /// In its words.
        reason: String,
    },
    /// No room, and too little of lower priority waits to make some.
    #[error("the pool is full")]
    Full,
}

/// The waiting transactions, in the order in which they are served.
#[derive(Debug)]
pub struct Pool {
    limits: Limits,
    admission: Arc<dyn Admission>,
    queue: Queue,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_txs: 100_000,
            max_bytes: 64 * 1024 * 1024,
            ttl: Duration::from_secs(30 * 60),
        }
    }
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(limits: Limits, admission: Arc<dyn Admission>) -> Self {
        Self {
            limits,
            admission,
            queue: Queue::default(),
        }
    }

    /// Checks, admits and adds a transaction that arrived at `now`, and returns its id.
    ///
    /// # Errors
    /// It is not taken; the pool is as it was.
    pub fn insert(&mut self, tx: &[u8], now: Instant) -> Result<Hash32, PoolError> {
        let known = |id: &Hash32| self.queue.contains(id);
        let new = Candidate::check(tx, known, &*self.admission)?;
        self.add(new, now)
    }

    /// Adds an admitted transaction that arrived at `now`, and returns its id.
    ///
    /// # Errors
    /// It waits already, or there is no room; the pool is as it was.
    pub fn add(&mut self, new: Candidate, now: Instant) -> Result<Hash32, PoolError> {
        let id = *new.id();
        if self.queue.contains(&id) {
            return Err(PoolError::Known);
        }
        let evict = self.in_the_way(&new).ok_or(PoolError::Full)?;
        for _ in 0..evict {
            self.queue.pop_back();
        }
        self.queue.push_back(new, now);
        Ok(id)
    }

    /// Takes back the transactions of a block that a reorganisation left, as far as they are still
    /// admitted. They go before their equals and displace the newest of the lowest priority where
    /// there is no room. Call it for the highest block first; those that the new branch includes are
    /// removed by [`Pool::included`].
    ///
    /// Returns how many were taken back.
    pub fn give_back(&mut self, txs: &[Bytes], now: Instant) -> usize {
        let check = |tx: &Bytes| {
            let known = |id: &Hash32| self.queue.contains(id);
            Candidate::check(tx, known, &*self.admission).ok()
        };
        let txs: Vec<Candidate> = txs.iter().filter_map(check).collect();
        self.restore(txs, now)
    }

    /// [`Pool::give_back`] of transactions that were admitted outside, in the order of their block.
    pub fn restore(&mut self, txs: Vec<Candidate>, now: Instant) -> usize {
        let mut taken = 0;
        for tx in txs.into_iter().rev() {
            let (id, len) = (*tx.id(), tx.tx().len());
            if self.queue.contains(&id) || len > self.limits.max_bytes {
                continue;
            }
            self.queue.push_front(tx, now);
            taken += 1;
            while self.is_over() {
                taken -= usize::from(self.queue.pop_back() == Some(id));
            }
        }
        taken
    }

    /// Removes what a new block includes.
    pub fn included<'a>(&mut self, ids: impl IntoIterator<Item = &'a Hash32>) {
        for id in ids {
            self.queue.remove(id);
        }
    }

    /// Drops what has waited too long, and returns how many that were.
    pub fn expire(&mut self, now: Instant) -> usize {
        self.queue.expire(now, self.limits.ttl)
    }

    /// What to put into the next block: in order, skipping what does not fit, at most `max_txs`
    /// transactions of at most `max_bytes` together.
    #[must_use]
    pub fn select(&self, max_txs: usize, max_bytes: usize) -> Vec<Bytes> {
        let mut left = max_bytes;
        let fits = |tx: &&Bytes| {
            let fits = tx.len() <= left;
            left -= if fits { tx.len() } else { 0 };
            fits
        };
        self.queue
            .iter()
            .map(|(_, tx)| tx)
            .filter(fits)
            .take(max_txs)
            .cloned()
            .collect()
    }

    /// Who decides about newcomers, for [`Candidate::check`] without the pool.
    #[must_use]
    pub fn admission(&self) -> Arc<dyn Admission> {
        Arc::clone(&self.admission)
    }

    /// Ids and transactions in the order in which they are served.
    pub fn iter(&self) -> impl Iterator<Item = (&Hash32, &Bytes)> {
        self.queue.iter()
    }

    /// Whether a transaction waits.
    #[must_use]
    pub fn contains(&self, id: &Hash32) -> bool {
        self.queue.contains(id)
    }

    /// The transactions with these ids, in the same order, `None` for those that do not wait. No
    /// byte is copied.
    #[must_use]
    pub fn get_many(&self, ids: &[Hash32]) -> Vec<Option<Bytes>> {
        ids.iter().map(|id| self.queue.get(id).cloned()).collect()
    }

    /// Rises with every transaction that comes or goes, so that what was computed from the waiting
    /// ids holds as long as it is the same.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.queue.changes()
    }

    /// A waiting transaction.
    #[must_use]
    pub fn get(&self, id: &Hash32) -> Option<&Bytes> {
        self.queue.get(id)
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.len() == 0
    }

    /// Bytes of those that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// How many must go for `new` to fit, counted from the end of the order; `None` if those that
    /// may go are not enough.
    fn in_the_way(&self, new: &Candidate) -> Option<usize> {
        let (mut len, mut bytes) = (self.queue.len(), self.queue.bytes());
        let mut evicted = 0;
        let mut lower = self.queue.below(new.priority());
        while len >= self.limits.max_txs
            || bytes.saturating_add(new.tx().len()) > self.limits.max_bytes
        {
            let freed = lower.next()?;
            (len, bytes) = (len - 1, bytes - freed);
            evicted += 1;
        }
        Some(evicted)
    }

    fn is_over(&self) -> bool {
        self.queue.len() > self.limits.max_txs || self.queue.bytes() > self.limits.max_bytes
    }
}

#[cfg(test)]
mod tests;
