//! Everything a node keeps, opened together.

use std::sync::Arc;

use tracing::info;

use crate::chain::{Genesis, StoreError};

use super::{
    blobs::DiskBlobs,
    bodies::Bodies,
    database::Database,
    directory::DataDir,
    disk::{Disk, OsDisk},
    fault::{self, DATABASE, OpenError},
    known::{Known, Loaded},
    peers::RedbPeers,
    recent::Recent,
    redb_store::RedbStore,
    schema::{About, MIGRATIONS, migrate},
    segment::{HEADER_LEN, record_len},
    state::State,
};

/// Sizes of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most memory the database uses for pages, clean and not yet written, in bytes. Less makes
    /// random reads slower; header sync needs little, because it mostly appends.
    pub cache_bytes: usize,
    /// A body segment that would grow over this is closed and the next one begun, in bytes.
    pub segment_bytes: u64,
}

impl Options {
    /// Headers gathered in memory before they enter the index by hash. They cost about 80 bytes of
    /// memory each, so at most a sixth of what the cache may have, and are read back, 600 bytes
    /// each, when the store is opened: 65 536 take some 50 ms. More would hardly be faster.
    fn recent_headers(&self) -> usize {
        (self.cache_bytes / 512).min(65_536)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 32 << 20,
            segment_bytes: 256 << 20,
        }
    }
}

/// An open data directory. Its parts may outlive it; the directory stays locked until the last of
/// them is gone.
#[derive(Clone, Debug)]
pub struct Store {
    dir: DataDir,
    disk: Arc<dyn Disk>,
    chain: Arc<RedbStore>,
    state: State,
    peers: Arc<RedbPeers>,
}

impl Store {
    /// Opens the store in `dir`, or begins one with `genesis`.
    ///
    /// # Errors
    /// It belongs to another genesis, was written by a later version, is damaged, or the disk is.
    /// Nothing was changed then, save that an uncommitted tail may be gone. Damage to what is known
    /// about peers is no error: see [`RedbPeers::set_aside`].
    pub fn open(dir: DataDir, genesis: &Genesis, options: &Options) -> Result<Self, OpenError> {
        let disk: Arc<dyn Disk> = Arc::new(OsDisk::new(dir.path().to_owned()));
        let (chain, state) = open_on(
            &disk,
            genesis,
            options,
            options.recent_headers(),
            Some(dir.clone()),
        )?;
        let peers = RedbPeers::open(&disk, genesis.hash(), Some(dir.clone()))?;
        Ok(Self {
            dir,
            disk,
            chain: Arc::new(chain),
            state,
            peers: Arc::new(peers),
        })
    }

    /// The genesis that the store in `dir` belongs to, `None` if there is no store yet.
    ///
    /// # Errors
    /// The store cannot be read, or a later version wrote it.
    pub fn genesis(dir: &DataDir) -> Result<Option<Genesis>, OpenError> {
        let disk: Arc<dyn Disk> = Arc::new(OsDisk::new(dir.path().to_owned()));
        if Database::is_unbegun(&*disk, DATABASE)? {
            return Ok(None);
        }
        let database = Database::open(disk, DATABASE, Options::default().cache_bytes, None)?;
        let about = database.read(About::load)?;
        about.map(|about| about.decode()).transpose()
    }

    /// The data directory.
    #[must_use]
    pub fn dir(&self) -> &DataDir {
        &self.dir
    }

    /// Headers and blocks.
    #[must_use]
    pub fn chain(&self) -> &Arc<RedbStore> {
        &self.chain
    }

    /// What is known about peers, in a file of its own.
    #[must_use]
    pub fn peers(&self) -> &Arc<RedbPeers> {
        &self.peers
    }

    /// Opens the blobs, at most `max_bytes` of files; what is over goes, oldest first. Once for each
    /// store: two would remove each other's files.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn open_blobs(&self, max_bytes: u64) -> Result<DiskBlobs, OpenError> {
        let database = Arc::clone(self.state.database());
        Ok(DiskBlobs::open(
            Arc::clone(&self.disk),
            database,
            max_bytes,
        )?)
    }

    /// Small documents.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }
}

/// Opens the store on `disk`, gathering `recent_headers` before they are indexed; `lock` is held as
/// long as anything of it is in use.
pub(super) fn open_on(
    disk: &Arc<dyn Disk>,
    genesis: &Genesis,
    options: &Options,
    recent_headers: usize,
    lock: Option<DataDir>,
) -> Result<(RedbStore, State), OpenError> {
    let unbegun = Database::is_unbegun(&**disk, DATABASE)?;
    if unbegun {
        refuse_orphans(&**disk, genesis)?;
        Database::discard(&**disk, DATABASE)?;
    }
    let open = || {
        Database::open(
            Arc::clone(disk),
            DATABASE,
            options.cache_bytes,
            lock.clone(),
        )
    };
    let mut database = open()?;
    let loaded = match database.read(About::load)? {
        Some(about) => {
            database = migrate(disk, database, about.schema, MIGRATIONS, open)?;
            if about.genesis_hash != genesis.hash() {
                return Err(OpenError::OtherGenesis {
                    file: DATABASE.to_owned(),
                    expected: genesis.hash(),
                    found: about.genesis_hash,
                });
            }
            database.read(|txn| Known::load(txn, recent_headers))?
        }
        None => {
            refuse_orphans(&**disk, genesis)?;
            // The new file must be found after a power cut as surely as what is committed to it.
            disk.sync_dir("").map_err(|e| fault::io("", e))?;
            Loaded {
                known: Known::default(),
                segments: Vec::new(),
                recent: Recent::new(recent_headers),
            }
        }
    };
    let bodies = Bodies::open(
        Arc::clone(disk),
        genesis.hash(),
        options.segment_bytes,
        &loaded.segments,
    )?;
    let database = Arc::new(database);
    let state = State::new(Arc::clone(&database));
    let chain = RedbStore::new(database, bodies, loaded, genesis)?;
    info!(
        headers = chain.stats().headers,
        bodies = chain.stats().bodies,
        bytes = chain.stats().disk_bytes(),
        "store open"
    );
    Ok((chain, state))
}

/// An empty database beside filled segments means that the database was lost, and beginning anew
/// would cut the segments away. Genesis alone is what a first start leaves that was cut short.
fn refuse_orphans(disk: &dyn Disk, genesis: &Genesis) -> Result<(), StoreError> {
    let genesis_only = HEADER_LEN + record_len(genesis.block().len());
    match Bodies::longer_than(disk, genesis_only)? {
        Some(segment) => Err(fault::file(
            DATABASE,
            format_args!("it is missing or empty, but {segment} holds blocks"),
        )),
        None => Ok(()),
    }
}
