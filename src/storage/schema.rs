//! What the database says about itself: schema, genesis, who wrote it; and the way forward.
//!
//! Migrations only go forward, one version at a time, each in one durable transaction, after the
//! whole file was copied to `backup/`. A newer schema is refused.

use std::sync::Arc;

use redb::{ReadTransaction, WriteTransaction};
use tracing::{info, warn};

use crate::{
    chain::{Genesis, StoreError},
    ids::Hash32,
};

use super::{
    database::Database,
    disk::Disk,
    fault::{self, DATABASE, Db, OpenError},
    tables::{
        BEST_HEADERS, BLOCK_BRANCH, BODY_LOCATIONS, HEADERS, HEADERS_BY_HASH, HEADS, META,
        SEGMENTS, STATE,
    },
};

/// Schema this build writes.
pub(super) const SCHEMA: u32 = 1;
/// Directory of the copies made before a migration.
pub(super) const BACKUP: &str = "backup";

/// Step from schema `n + 1` to `n + 2` at index `n`.
pub(super) const MIGRATIONS: &[Migration] = &[];

/// Changes the tables from one schema to the next.
pub(super) type Migration = fn(&WriteTransaction) -> Result<(), StoreError>;

const COPY_CHUNK: usize = 1 << 20;

/// What the database says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct About {
    pub(super) schema: u32,
    pub(super) genesis_hash: Hash32,
    /// The genesis document, as [`Genesis::to_json`] writes it.
    pub(super) genesis: String,
}

impl About {
    /// Of a store that begins with `genesis`.
    pub(super) fn new(genesis: &Genesis) -> Self {
        Self {
            schema: SCHEMA,
            genesis_hash: genesis.hash(),
            genesis: genesis.to_json(),
        }
    }

    /// Reads it; `None` from an empty database.
    pub(super) fn load(txn: &ReadTransaction) -> Result<Option<Self>, StoreError> {
        let meta = match txn.open_table(META) {
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            other => other.db()?,
        };
        let get = |key: &str| -> Result<Vec<u8>, StoreError> {
            let row = meta.get(key).db()?;
            row.map(|row| row.value().to_vec())
                .ok_or_else(|| fault::file(DATABASE, format_args!("`{key}` is missing")))
        };
        let damaged = |key: &str| fault::file(DATABASE, format_args!("`{key}` is damaged"));
        let schema = get("schema")?
            .try_into()
            .map_err(|_| damaged("schema"))
            .map(u32::from_be_bytes)?;
        if schema > SCHEMA {
            // A later version may keep the rest elsewhere.
            return Ok(Some(Self {
                schema,
                genesis_hash: Hash32::ZERO,
                genesis: String::new(),
            }));
        }
        let hash = get("genesis_hash")?;
        Ok(Some(Self {
            schema,
            genesis_hash: Hash32::from_slice(&hash).ok_or_else(|| damaged("genesis_hash"))?,
            genesis: String::from_utf8(get("genesis")?).map_err(|_| damaged("genesis"))?,
        }))
    }

    /// Writes it and creates every table, so that readers find them all.
    pub(super) fn store(&self, txn: &WriteTransaction) -> Result<(), StoreError> {
        let mut meta = txn.open_table(META).db()?;
        meta.insert("schema", self.schema.to_be_bytes().as_slice())
            .db()?;
        meta.insert("genesis_hash", self.genesis_hash.0.as_slice())
            .db()?;
        meta.insert("genesis", self.genesis.as_bytes()).db()?;
        drop(meta);
        txn.open_table(HEADERS).db()?;
        txn.open_table(HEADERS_BY_HASH).db()?;
        txn.open_table(BEST_HEADERS).db()?;
        txn.open_table(BLOCK_BRANCH).db()?;
        txn.open_table(BODY_LOCATIONS).db()?;
        txn.open_table(SEGMENTS).db()?;
        txn.open_table(HEADS).db()?;
        txn.open_table(STATE).db()?;
        Ok(())
    }

    /// The genesis it remembers.
    pub(super) fn decode(&self) -> Result<Genesis, OpenError> {
        refuse_newer(DATABASE, self.schema, SCHEMA)?;
        let genesis = Genesis::from_json(&self.genesis)
            .map_err(|e| fault::file(DATABASE, format_args!("`genesis` is damaged: {e}")))?;
        Ok(genesis)
    }
}

/// Refuses a schema of a later version.
pub(super) fn refuse_newer(file: &str, found: u32, supported: u32) -> Result<(), OpenError> {
    if found > supported {
        return Err(OpenError::NewerVersion {
            file: file.to_owned(),
            found,
            supported,
        });
    }
    Ok(())
}

/// Brings a database of schema `from` to the schema after the last of `migrations`.
///
/// `reopen` closes and opens the database around the copy: a copy of an open file is torn.
pub(super) fn migrate(
    disk: &Arc<dyn Disk>,
    database: Database,
    from: u32,
    migrations: &[Migration],
    reopen: impl FnOnce() -> Result<Database, StoreError>,
) -> Result<Database, OpenError> {
    let target = 1 + migrations.len() as u32;
    refuse_newer(DATABASE, from, target)?;
    if from == 0 {
        return Err(fault::file(DATABASE, "schema 0 never existed").into());
    }
    if from == target {
        return Ok(database);
    }
    drop(database);
    let copy = format!("{BACKUP}/node-schema-{from}.redb");
    back_up(&**disk, &copy)?;
    let database = reopen()?;
    for (step, migration) in (1_u32..).zip(migrations).skip(from as usize - 1) {
        database.write(|txn| {
            migration(txn)?;
            let mut meta = txn.open_table(META).db()?;
            meta.insert("schema", (step + 1).to_be_bytes().as_slice())
                .db()?;
            Ok(())
        })?;
        info!(
            from = step,
            to = step + 1,
            backup = copy,
            "migrated the store"
        );
    }
    Ok(database)
}

fn back_up(disk: &dyn Disk, copy: &str) -> Result<(), StoreError> {
    let from = disk
        .open(DATABASE, false)
        .map_err(|e| fault::io(DATABASE, e))?;
    let work = || {
        disk.sync_dir(BACKUP)?;
        let to = disk.open(copy, true)?;
        to.set_len(0)?;
        let (len, mut at) = (from.len()?, 0);
        let mut chunk = vec![0; COPY_CHUNK];
        while at < len {
            let size = usize::try_from(len - at).map_or(COPY_CHUNK, |left| left.min(COPY_CHUNK));
            from.read_at(at, &mut chunk[..size])?;
            to.write_at(at, &chunk[..size])?;
            at += size as u64;
        }
        to.sync()?;
        disk.sync_dir(BACKUP)
    };
    work().map_err(|e| {
        warn!(file = copy, error = %e, "could not copy the database before a migration");
        fault::io(copy, e)
    })
}
