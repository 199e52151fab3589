//! Stores that make their node a bad peer: each reads the chain of an honest store, and spoils what
//! is asked for from the network.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use animica_p2p::{
    chain::{At, Batch, Block, ChainStore, Header, StoreError, StoredHeader, Tips, Which},
    ids::{Hash32, Height},
    storage::RedbStore,
};
use bytes::Bytes;

/// How late a slow peer is with every read.
const LATE: Duration = Duration::from_millis(100);

/// Whoever holds it holds up every stalling store.
static STALL: Mutex<()> = Mutex::new(());

/// What is wrong with a peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Accepts requests and never answers.
    Stall,
    /// Answers late.
    Slow,
    /// Sends headers whose draw misses the target.
    LieHeaders,
    /// Sends blocks with other transactions than their headers commit to.
    LieBodies,
}

impl Fault {
    const ALL: [Self; 4] = [Self::Stall, Self::Slow, Self::LieHeaders, Self::LieBodies];

    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stall => "stall",
            Self::Slow => "slow",
            Self::LieHeaders => "lie-headers",
            Self::LieBodies => "lie-bodies",
        }
    }

    /// The fault of this name.
    ///
    /// # Panics
    /// There is none.
    pub(crate) fn of(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|fault| fault.name() == name);
        found.expect("the name of a fault")
    }
}

/// An honest store with a fault.
pub(crate) struct Faulty {
    honest: Arc<RedbStore>,
    fault: Fault,
}

impl Faulty {
    /// `honest` with this fault.
    pub(crate) fn new(honest: Arc<RedbStore>, fault: Fault) -> Self {
        Self { honest, fault }
    }

    fn delay(&self) {
        match self.fault {
            Fault::Stall => drop(hold_stalled()),
            Fault::Slow => thread::sleep(LATE),
            Fault::LieHeaders | Fault::LieBodies => {}
        }
    }
}

/// Stalled reads go on, for the end of the process, when the guard is dropped.
pub(crate) fn hold_stalled() -> MutexGuard<'static, ()> {
    STALL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ChainStore for Faulty {
    fn tips(&self) -> Tips {
        self.honest.tips()
    }

    fn header(&self, at: At) -> Result<Option<StoredHeader>, StoreError> {
        self.honest.header(at)
    }

    fn headers(
        &self,
        chain: Which,
        from: Height,
        max: usize,
    ) -> Result<Vec<StoredHeader>, StoreError> {
        self.delay();
        let headers = self.honest.headers(chain, from, max)?;
        match self.fault {
            Fault::LieHeaders => headers.into_iter().map(without_work).collect(),
            _ => Ok(headers),
        }
    }

    fn body(&self, hash: &Hash32) -> Result<Option<Bytes>, StoreError> {
        self.delay();
        let body = self.honest.body(hash)?;
        match self.fault {
            Fault::LieBodies => Ok(body.map(with_another_transaction)),
            _ => Ok(body),
        }
    }

    fn commit(&self, batch: Batch) -> Result<Tips, StoreError> {
        self.honest.commit(batch)
    }
}

fn without_work(stored: StoredHeader) -> Result<StoredHeader, StoreError> {
    let mut header: Header = stored.decode()?;
    header.nonce = u64::MAX - header.nonce;
    Ok(StoredHeader {
        bytes: header.encode().into(),
        ..stored
    })
}

fn with_another_transaction(body: Bytes) -> Bytes {
    let mut block = Block::decode(body).expect("what is stored is a block");
    block.txs.push(Bytes::from_static(&[0xa0]));
    block.encode()
}
