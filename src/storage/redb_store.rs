//! The durable [`ChainStore`]: records in redb, bodies in segments.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tracing::{error, info};

use crate::{
    chain::{
        Ancestry, At, Batch, ChainStore, Genesis, NewHeader, StoreError, StoredHeader, Tips, Which,
    },
    ids::{Hash32, Height},
};

use super::{
    bodies::Bodies,
    commit::{self, Outcome},
    database::Database,
    fault,
    known::{Known, Loaded},
    lookup,
    recent::Recent,
    schema::About,
    stats::{Counters, StoreStats},
};

/// Headers and blocks on disk.
///
/// Every method blocks on the disk except [`ChainStore::tips`] and [`RedbStore::stats`]; an async
/// caller uses the blocking pool. Readers see the last commit and never wait for the writer.
#[derive(Debug)]
pub struct RedbStore {
    database: Arc<Database>,
    bodies: Bodies,
    writer: Mutex<Writer>,
    tips: RwLock<Tips>,
    recent: RwLock<Recent>,
    counters: Mutex<Counters>,
}

/// What only the committing thread needs.
#[derive(Debug)]
struct Writer {
    known: Known,
    /// [`Database::generation`] at which `known` was read.
    generation: u64,
    /// Whether an earlier commit failed, so that `known` or the tail may not be what is on disk.
    uncertain: bool,
}

impl RedbStore {
    /// Takes over a database and what was read from it; stores genesis if it is empty.
    pub(super) fn new(
        database: Arc<Database>,
        bodies: Bodies,
        mut loaded: Loaded,
        genesis: &Genesis,
    ) -> Result<Self, StoreError> {
        if loaded.known.tips().is_none() {
            let first = begin(&database, &bodies, &loaded, genesis)?;
            loaded.known = first.known;
            loaded.recent.committed(first.fresh, first.indexed);
        }
        let known = loaded.known;
        let tips = known.tips().ok_or_else(|| fault::row("heads", 0))?;
        Ok(Self {
            writer: Mutex::new(Writer {
                known,
                generation: database.generation(),
                uncertain: false,
            }),
            tips: RwLock::new(tips),
            recent: RwLock::new(loaded.recent),
            counters: Mutex::new(Counters::new(&known)),
            database,
            bodies,
        })
    }

    /// Figures of the store for metrics. Asks the operating system about one file, no more.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        let database_bytes = self.database.used().unwrap_or_default();
        self.counters().report(database_bytes)
    }

    /// Tries whether the store can write again after a failure, and makes it so if it can. Costs
    /// nothing while the store is healthy.
    ///
    /// # Errors
    /// It still cannot.
    pub fn heal(&self) -> Result<Tips, StoreError> {
        let mut writer = self.writer();
        if writer.uncertain || self.database.is_broken() {
            self.recover(&mut writer)?;
            // Opening again succeeds on a full disk; only a commit shows that there is room.
            let checked = self.database.write(|_| Ok(()));
            self.note(&checked, Duration::ZERO, writer.known);
            checked?;
        }
        Ok(self.tips())
    }

    fn recover(&self, writer: &mut Writer) -> Result<(), StoreError> {
        self.database.heal()?;
        let max = self.recent().max();
        let Loaded { known, recent, .. } = self.database.read(|txn| Known::load(txn, max))?;
        self.bodies.cut(known.tail)?;
        let tips = known.tips().ok_or_else(|| fault::row("heads", 0))?;
        *writer = Writer {
            known,
            generation: self.database.generation(),
            uncertain: false,
        };
        *self.recent.write().unwrap_or_else(PoisonError::into_inner) = recent;
        *self.tips.write().unwrap_or_else(PoisonError::into_inner) = tips;
        Ok(())
    }

    fn try_commit(&self, writer: &mut Writer, batch: &Batch) -> Result<Tips, StoreError> {
        if writer.uncertain
            || self.database.is_broken()
            || writer.generation != self.database.generation()
        {
            self.recover(writer)?;
        }
        let mut applied = false;
        let result = self.database.write(|txn| {
            let recent = self.recent();
            let outcome = commit::apply(txn, &self.bodies, &writer.known, &recent, batch)?;
            applied = true;
            Ok(outcome)
        });
        match result {
            Ok(outcome) => {
                let tips = outcome.known.tips().ok_or_else(|| fault::row("heads", 0))?;
                writer.known = outcome.known;
                self.recent
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .committed(outcome.fresh, outcome.indexed);
                *self.tips.write().unwrap_or_else(PoisonError::into_inner) = tips;
                Ok(tips)
            }
            Err(error) => {
                // # Correctness
                // A failed commit may have taken effect, so the segments are cut only after the
                // database was asked. A batch that was not even applied has not; cutting now gives
                // its space back, and the next commit tries again if this fails.
                writer.uncertain = applied || self.bodies.cut(writer.known.tail).is_err();
                Err(error)
            }
        }
    }

    fn note<T>(&self, result: &Result<T, StoreError>, took: Duration, known: Known) {
        let mut counters = self.counters();
        let was_healthy = counters.healthy;
        match result {
            Ok(_) => {
                counters.committed(took, &known);
                if !was_healthy {
                    info!("the store writes again");
                }
            }
            Err(StoreError::BadBatch { .. }) => {}
            Err(error) => {
                counters.failed();
                if was_healthy {
                    error!(%error, "the store cannot write; it goes on reading");
                }
            }
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // # Correctness
        // A panic in a commit leaves `known` at the commit before; the broken database makes the
        // next commit read it again.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // # Correctness
    // Asked before the transaction begins: a header leaves the recent ones only after the commit
    // that put it into the index, which a later transaction sees.
    fn recent_number(&self, hash: &Hash32) -> Option<u64> {
        self.recent().number(hash)
    }

    fn recent(&self) -> RwLockReadGuard<'_, Recent> {
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChainStore for RedbStore {
    fn tips(&self) -> Tips {
        *self.tips.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn header(&self, at: At) -> Result<Option<StoredHeader>, StoreError> {
        let recent = match at {
            At::Hash(hash) => self.recent_number(&hash),
            At::BestHeader(_) | At::Block(_) => None,
        };
        self.database.read(|txn| lookup::header(txn, at, recent))
    }

    fn headers(
        &self,
        chain: Which,
        from: Height,
        max: usize,
    ) -> Result<Vec<StoredHeader>, StoreError> {
        self.database
            .read(|txn| lookup::headers(txn, chain, from, max))
    }

    fn body(&self, hash: &Hash32) -> Result<Option<Bytes>, StoreError> {
        let recent = self.recent_number(hash);
        let place = self.database.read(|txn| lookup::place(txn, hash, recent))?;
        let Some(place) = place else {
            return Ok(None);
        };
        self.bodies.read(hash, place).map(Some)
    }

    fn commit(&self, batch: Batch) -> Result<Tips, StoreError> {
        if batch == Batch::default() {
            return Ok(self.tips());
        }
        let mut writer = self.writer();
        let started = Instant::now();
        let result = self.try_commit(&mut writer, &batch);
        self.note(&result, started.elapsed(), writer.known);
        result
    }
}

/// The first commit: what the database is, and genesis.
fn begin(
    database: &Database,
    bodies: &Bodies,
    empty: &Loaded,
    genesis: &Genesis,
) -> Result<Outcome, StoreError> {
    let tip = Ancestry::genesis(genesis).tip();
    let batch = Batch {
        headers: vec![NewHeader {
            hash: tip.hash,
            height: tip.height,
            parent: genesis.header().parent_hash,
            work: tip.work,
            timestamp: tip.timestamp,
            bytes: genesis.header().encode().into(),
        }],
        bodies: vec![(tip.hash, genesis.block())],
        best_header: Some(tip.hash),
        head: Some(tip.hash),
    };
    database.write(|txn| {
        About::new(genesis).store(txn)?;
        commit::apply(txn, bodies, &empty.known, &empty.recent, &batch)
    })
}
