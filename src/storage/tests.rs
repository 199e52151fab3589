//! The store against the reference, on disks that fail.

mod bad_files;
mod blobs;
mod conformance;
mod full;
mod migration;
mod peers;
mod platter;
mod power_loss;
mod sim_disk;
mod specification;
mod speed;

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    chain::{Batch, Genesis, NewHeader, Tip, testing},
    ids::Hash32,
};

use super::{
    disk::Disk,
    fault::OpenError,
    redb_store::RedbStore,
    state::State,
    store::{Options, open_on},
};
use sim_disk::SimDisk;

/// Small, so that short tests evict pages and roll segments.
const OPTIONS: Options = Options {
    cache_bytes: 256 << 10,
    segment_bytes: 16 << 10,
};

/// Few, so that headers enter the index every few commits.
const RECENT: usize = 16;

fn open(disk: &SimDisk) -> Result<(RedbStore, State), OpenError> {
    open_as(disk, &testing::devnet())
}

fn open_as(disk: &SimDisk, genesis: &Genesis) -> Result<(RedbStore, State), OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    open_on(&disk, genesis, &OPTIONS, RECENT, None)
}

/// `len` blocks on `parent` whose bodies have `bytes` bytes; the store does not look inside.
fn chain(parent: &Tip, len: usize, salt: u8, bytes: usize) -> Vec<(NewHeader, Bytes)> {
    let mut chain = testing::unworked_chain(parent, len, salt);
    for (header, body) in &mut chain {
        let seed = header.hash.0;
        *body = (0..bytes).map(|i| seed[i % 32] ^ (i / 32) as u8).collect();
    }
    chain
}

/// Everything of `chain`, as the head of both chains.
fn whole(chain: &[(NewHeader, Bytes)]) -> Batch {
    let last = chain.last().map(|(header, _)| header.hash);
    Batch {
        headers: chain.iter().map(|(header, _)| header.clone()).collect(),
        bodies: bodies(chain),
        best_header: last,
        head: last,
    }
}

fn bodies(chain: &[(NewHeader, Bytes)]) -> Vec<(Hash32, Bytes)> {
    let of = |(header, body): &(NewHeader, Bytes)| (header.hash, body.clone());
    chain.iter().map(of).collect()
}
