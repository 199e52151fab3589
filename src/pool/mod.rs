//! Transactions that wait for a block.
//!
//! A plain value: told what arrives, what was included and what time it is, asked what to mine. It
//! never looks into a transaction; what it takes is up to an [`Admission`]. In memory only: after a
//! restart peers and applications announce again what still matters.

mod admission;
mod queue;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    chain::{ObjectError, object_id},
    ids::Hash32,
};

pub use admission::{Admission, AnyTx};

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
    /// It waits already.
    #[error("the transaction waits already")]
    Known,
    /// The application's admission refused it.
    #[error("refused: {reason}")]
    Refused {
        /// In its words.
        reason: String,
    },
    /// No room. Those that wait are not displaced by newcomers, or a flood would empty the pool.
    #[error("the pool is full")]
    Full,
}

/// The waiting transactions, first come first served.
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

    /// Takes a transaction that arrived at `now` and returns its id.
    ///
    /// # Errors
    /// It is not taken; the pool is as it was.
    pub fn insert(&mut self, tx: &[u8], now: Instant) -> Result<Hash32, PoolError> {
        let id = self.check(tx)?;
        if !self.has_room(tx.len()) {
            return Err(PoolError::Full);
        }
        self.queue.push_back(id, tx, now);
        Ok(id)
    }

    /// Takes back the transactions of a block that a reorganisation left. They had waited longest,
    /// so they go before all others and displace the newest where there is no room. Call it for the
    /// highest block first; those that the new branch includes are removed by [`Pool::included`].
    ///
    /// Returns how many were taken back.
    pub fn give_back(&mut self, txs: &[Bytes], now: Instant) -> usize {
        let mut taken = 0;
        for tx in txs.iter().rev() {
            let Ok(id) = self.check(tx) else {
                continue;
            };
            if tx.len() > self.limits.max_bytes || self.limits.max_txs == 0 {
                continue;
            }
            self.queue.push_front(id, tx, now);
            taken += 1;
            while self.queue.len() > self.limits.max_txs
                || self.queue.bytes() > self.limits.max_bytes
            {
                self.queue.pop_back();
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
            .filter(fits)
            .take(max_txs)
            .cloned()
            .collect()
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

    fn check(&self, tx: &[u8]) -> Result<Hash32, PoolError> {
        crate::chain::check_tx(tx)?;
        let id = object_id(tx);
        if self.queue.get(&id).is_some() {
            return Err(PoolError::Known);
        }
        self.admission.admit(&id, tx)?;
        Ok(id)
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.queue.len() < self.limits.max_txs
            && self.queue.bytes().saturating_add(bytes) <= self.limits.max_bytes
    }
}

#[cfg(test)]
mod tests;
