//! What is known about peers, durable: `peers.redb`, beside the database of the chain.
//!
//! A file of its own, so that what peers make us write never delays a commit of the chain, and
//! losing it never costs the chain. A file that cannot be read is set aside and begun anew: a node
//! that does not start because it forgot whom it knew helps nobody.

use std::{io::ErrorKind, ops::Bound, sync::Arc};

use redb::{
    ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction,
};
use tracing::{info, warn};

use crate::{
    chain::StoreError,
    ids::Hash32,
    peers::{Change, PeerStore, PeerStoreError, Row, Table},
};

use super::{
    database::Database,
    directory::DataDir,
    disk::Disk,
    fault::{self, Db, OpenError, PEERS},
    schema::refuse_newer,
};

/// Schema this build writes and the highest it reads.
pub(super) const PEERS_SCHEMA: u32 = 1;

/// Memory for pages of the database. Everything but the audit trail is read once and then kept by
/// its owner, so more would hold what nobody asks for; less would slow down commits of many rows.
pub(super) const PEERS_CACHE: usize = 4 << 20;

/// Damaged files kept. The first ones tell what began it, the last one is the newest; keeping
/// more would let a failing disk fill itself.
pub(super) const KEEP_DAMAGED: u32 = 3;

/// `schema` u32, `genesis_hash` 32 bytes.
pub(super) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");

type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Rows about peers in redb.
///
/// Commits are durable when they return. After a failed write it heals by itself at the next one.
#[derive(Debug)]
pub struct RedbPeers {
    database: Database,
    set_aside: Option<String>,
}

impl RedbPeers {
    /// Opens `peers.redb` on `disk`, or begins it for the chain of `genesis`.
    pub(super) fn open(
        disk: &Arc<dyn Disk>,
        genesis: Hash32,
        lock: Option<DataDir>,
    ) -> Result<Self, OpenError> {
        match Self::try_open(disk, genesis, lock.clone()) {
            Err(OpenError::Store(StoreError::Corrupt { what })) => {
                let name = set_aside(&**disk)?;
                warn!(
                    damage = what,
                    moved_to = name,
                    "what was known about peers could not be read and begins anew: addresses, bans, trust, \
                     and what was stored for the hash table are lost; the chain is not touched"
                );
                let mut fresh = Self::try_open(disk, genesis, lock)?;
                fresh.set_aside = Some(name);
                Ok(fresh)
            }
            other => other,
        }
    }

    fn try_open(
        disk: &Arc<dyn Disk>,
        genesis: Hash32,
        lock: Option<DataDir>,
    ) -> Result<Self, OpenError> {
        if Database::is_unbegun(&**disk, PEERS)? {
            Database::discard(&**disk, PEERS)?;
        }
        let database = Database::open(Arc::clone(disk), PEERS, PEERS_CACHE, lock)?;
        match database.read(about)? {
            Some((schema, _)) if schema != PEERS_SCHEMA => {
                refuse_newer(PEERS, schema, PEERS_SCHEMA)?;
                return Err(fault::file(PEERS, "schema 0 never existed").into());
            }
            Some((_, found)) if found != genesis => {
                return Err(OpenError::OtherGenesis {
                    file: PEERS.to_owned(),
                    expected: genesis,
                    found,
                });
            }
            Some(_) => {
                if !database.read(has_every_table)? {
                    database.write(create_tables)?;
                }
                database.read(read_through)?;
            }
            None => {
                // The new file must be found after a power cut as surely as what is committed to it.
                disk.sync_dir("").map_err(|e| fault::io("", e))?;
                begin(&database, genesis)?;
                info!(file = PEERS, "begins to remember peers");
            }
        }
        Ok(Self {
            database,
            set_aside: None,
        })
    }

    /// The name that a damaged file was given when this one was begun in its place: everything that
    /// was known about peers is lost.
    #[must_use]
    pub fn set_aside(&self) -> Option<&str> {
        self.set_aside.as_deref()
    }
}

impl PeerStore for RedbPeers {
    fn load(&self, table: Table) -> Result<Vec<Row>, PeerStoreError> {
        let read = |txn: &ReadTransaction| {
            let rows = txn.open_table(rows_of(table)).db_in(PEERS)?;
            rows.iter().db_in(PEERS)?.map(to_row).collect()
        };
        self.database.read(read).map_err(failed)
    }

    fn page(
        &self,
        table: Table,
        before: Option<&[u8]>,
        count: usize,
    ) -> Result<Vec<Row>, PeerStoreError> {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let read = |txn: &ReadTransaction| {
            let rows = txn.open_table(rows_of(table)).db_in(PEERS)?;
            let range = (Bound::Unbounded, end);
            let earlier = rows.range::<&[u8]>(range).db_in(PEERS)?.rev();
            earlier.take(count).map(to_row).collect()
        };
        self.database.read(read).map_err(failed)
    }

    fn commit(&self, changes: &[Change]) -> Result<(), PeerStoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let result = self.database.write(|txn| {
            for table in Table::ALL {
                let mut of_table = changes.iter().filter(|c| c.table == *table).peekable();
                if of_table.peek().is_none() {
                    continue;
                }
                let mut rows = txn.open_table(rows_of(*table)).db_in(PEERS)?;
                for change in of_table {
                    let key = change.key.as_slice();
                    match &change.value {
                        Some(value) => rows.insert(key, value.as_slice()).db_in(PEERS)?,
                        None => rows.remove(key).db_in(PEERS)?,
                    };
                }
            }
            Ok(())
        });
        result.map_err(failed)
    }

    fn disk_bytes(&self) -> u64 {
        self.database.used().unwrap_or_default()
    }
}

fn rows_of(table: Table) -> Rows {
    TableDefinition::new(table.name())
}

type RawRow<'a> = (
    redb::AccessGuard<'a, &'static [u8]>,
    redb::AccessGuard<'a, &'static [u8]>,
);

fn to_row(row: Result<RawRow<'_>, redb::StorageError>) -> Result<Row, StoreError> {
    let (key, value) = row.db_in(PEERS)?;
    Ok((key.value().to_vec(), value.value().to_vec()))
}

fn failed(error: StoreError) -> PeerStoreError {
    PeerStoreError(error.to_string())
}

/// Schema and genesis; `None` from an empty database. Of a later schema the genesis is not read.
fn about(txn: &ReadTransaction) -> Result<Option<(u32, Hash32)>, StoreError> {
    let meta = match txn.open_table(META) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        other => other.db_in(PEERS)?,
    };
    let damaged = |key: &str| fault::file(PEERS, format_args!("`{key}` is missing or damaged"));
    let schema = meta.get("schema").db_in(PEERS)?;
    let schema = schema.and_then(|row| row.value().try_into().ok());
    let schema = u32::from_be_bytes(schema.ok_or_else(|| damaged("schema"))?);
    if schema > PEERS_SCHEMA {
        return Ok(Some((schema, Hash32::ZERO)));
    }
    let genesis = meta.get("genesis_hash").db_in(PEERS)?;
    let genesis = genesis.and_then(|row| Hash32::from_slice(row.value()));
    Ok(Some((
        schema,
        genesis.ok_or_else(|| damaged("genesis_hash"))?,
    )))
}

/// Writes what the file is and creates every table, so that readers find them all.
fn begin(database: &Database, genesis: Hash32) -> Result<(), StoreError> {
    database.write(|txn| {
        let mut meta = txn.open_table(META).db_in(PEERS)?;
        let schema = PEERS_SCHEMA.to_be_bytes();
        meta.insert("schema", schema.as_slice()).db_in(PEERS)?;
        let hash = genesis.0.as_slice();
        meta.insert("genesis_hash", hash).db_in(PEERS)?;
        create_tables(txn)
    })
}

fn create_tables(txn: &WriteTransaction) -> Result<(), StoreError> {
    for table in Table::ALL {
        txn.open_table(rows_of(*table)).db_in(PEERS)?;
    }
    Ok(())
}

/// Whether every table is there; a version that knows one more finds it missing.
fn has_every_table(txn: &ReadTransaction) -> Result<bool, StoreError> {
    for table in Table::ALL {
        match txn.open_table(rows_of(*table)) {
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(false),
            other => drop(other.db_in(PEERS)?),
        }
    }
    Ok(true)
}

/// Reads what a node reads at its start, so that damage shows now and not to each owner of a
/// table. Of the audit trail only the ends, where it is written: it may be long.
fn read_through(txn: &ReadTransaction) -> Result<(), StoreError> {
    for table in Table::ALL {
        let rows = txn.open_table(rows_of(*table)).db_in(PEERS)?;
        if *table == Table::TrustEvents {
            drop(rows.first().db_in(PEERS)?);
            drop(rows.last().db_in(PEERS)?);
            continue;
        }
        let mut seen = 0;
        for row in rows.iter().db_in(PEERS)? {
            row.db_in(PEERS)?;
            seen += 1;
        }
        if seen != rows.len().db_in(PEERS)? {
            let what = format_args!("rows of table {} are missing", table.name());
            return Err(fault::file(PEERS, what));
        }
    }
    Ok(())
}

/// Gives the damaged file another name; says which. The last of those kept is replaced.
fn set_aside(disk: &dyn Disk) -> Result<String, StoreError> {
    let name = |n: u32| format!("{PEERS}.damaged-{n}");
    let mut to = name(KEEP_DAMAGED);
    for candidate in (1..KEEP_DAMAGED).map(name) {
        match disk.open(&candidate, false) {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                to = candidate;
                break;
            }
            Err(e) => return Err(fault::io(&candidate, e)),
            Ok(_) => {}
        }
    }
    disk.rename(PEERS, &to).map_err(|e| fault::io(PEERS, e))?;
    disk.sync_dir("").map_err(|e| fault::io("", e))?;
    info!(file = PEERS, to, "set a damaged file aside");
    Ok(to)
}
