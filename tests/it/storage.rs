//! The store through its public face: killed processes, full disks, foreign and damaged files.

mod directory;
mod full;
mod kill;

use std::{path::Path, sync::Arc};

use animica_p2p::{
    chain::{Batch, Genesis, NewHeader, Tip},
    crypto::hash::sha3_256_parts,
    ids::{Hash32, Height, Work},
    storage::{DataDir, OpenError, Options, Store},
};
use bytes::Bytes;

fn devnet() -> Genesis {
    Genesis::preset("devnet").unwrap()
}

fn open(path: &Path) -> Result<Store, OpenError> {
    let options = Options {
        cache_bytes: 64 << 10,
        segment_bytes: 1 << 20,
    };
    Store::open(DataDir::open(path)?, &devnet(), &options)
}

/// The block at a height: the same in every process. The store does not look inside.
fn block(parent: &Tip) -> (NewHeader, Bytes) {
    let height = Height(parent.height.0 + 1);
    let hash = sha3_256_parts(&[b"test block", &parent.hash.0]);
    let header = NewHeader {
        hash,
        height,
        parent: parent.hash,
        work: Work(parent.work.0 + 7),
        timestamp: parent.timestamp + 2,
        bytes: [&hash.0[..], &[0x5a; 450]].concat().into(),
    };
    (header, body(&hash))
}

/// The body that belongs to a hash, up to 16 KiB.
fn body(hash: &Hash32) -> Bytes {
    let len = 1 + usize::from(hash.0[0]) * 64;
    (0..len).map(|i| hash.0[i % 32] ^ (i / 32) as u8).collect()
}

/// `len` blocks on `parent`, as the head of both chains.
fn extend(parent: &Tip, len: usize) -> Batch {
    let mut at = *parent;
    let mut batch = Batch::default();
    for _ in 0..len {
        let (header, body) = block(&at);
        at = header.tip();
        batch.bodies.push((header.hash, body));
        batch.headers.push(header);
    }
    batch.best_header = Some(at.hash);
    batch.head = Some(at.hash);
    batch
}

/// Checks every block of `heights` against what it must be.
fn check(store: &Store, heights: std::ops::RangeInclusive<u64>) {
    use animica_p2p::chain::{At, ChainStore};
    let chain = Arc::clone(store.chain());
    for height in heights {
        let stored = chain.header(At::Block(Height(height))).unwrap();
        let stored = stored.unwrap_or_else(|| panic!("no block at {height}"));
        assert_eq!(stored.height.0, height);
        assert_eq!(
            chain.header(At::BestHeader(Height(height))).unwrap(),
            Some(stored.clone())
        );
        assert_eq!(
            chain.header(At::Hash(stored.hash)).unwrap(),
            Some(stored.clone())
        );
        if height > 0 {
            assert_eq!(stored.bytes[..32], stored.hash.0);
            assert_eq!(chain.body(&stored.hash).unwrap(), Some(body(&stored.hash)));
        }
    }
}
