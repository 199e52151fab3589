//! Chains to sync, made once per test run.

use std::sync::Arc;

use animica_p2p::{
    chain::{
        Ancestry, Batch, ChainStore, Genesis, MemoryStore, NewHeader,
        miner::{MineRequest, Mined, Miner, Timestamps},
    },
    ids::Hash32,
};

/// A wall clock long after genesis, so that chains on schedule are not ahead of it.
pub(crate) const WALL_S: u64 = 1_790_000_000;

pub(crate) fn devnet() -> Genesis {
    Genesis::preset("devnet").expect("a preset")
}

/// Mines `count` blocks on the header `on` of `store`, with `txs` transactions of 100 bytes each.
pub(crate) fn mine(
    store: &MemoryStore,
    on: Hash32,
    count: u64,
    txs: usize,
    seed: u64,
) -> Vec<Mined> {
    let request = MineRequest {
        count,
        txs,
        tx_bytes: 100,
        seed,
        timestamps: Timestamps::Schedule,
    };
    let ancestry = Ancestry::load(store, on).expect("memory").expect("stored");
    let miner = Miner::new(&devnet(), ancestry, request).expect("a fair request");
    miner.mine_all(WALL_S).expect("devnet is easy")
}

/// Puts blocks into a store and moves its tips there.
pub(crate) fn put(store: &MemoryStore, blocks: &[Mined]) {
    let last = blocks.last().map(|b| b.header.hash);
    store
        .commit(Batch {
            headers: blocks.iter().map(|b| b.header.clone()).collect(),
            bodies: blocks
                .iter()
                .map(|b| (b.header.hash, b.block.clone()))
                .collect(),
            best_header: last,
            head: last,
        })
        .expect("fits");
}

/// A chain of `count` blocks from genesis.
pub(crate) fn chain(count: u64, txs: usize, seed: u64) -> Arc<MemoryStore> {
    let store = MemoryStore::new(&devnet());
    let blocks = mine(&store, devnet().hash(), count, txs, seed);
    put(&store, &blocks);
    Arc::new(store)
}

/// A copy of `base` up to `keep` blocks, then `more` others.
pub(crate) fn fork(base: &MemoryStore, keep: u64, more: u64, seed: u64) -> Arc<MemoryStore> {
    let store = prefix(base, keep);
    let on = store.tips().blocks.hash;
    let blocks = mine(&store, on, more, 1, seed);
    put(&store, &blocks);
    store
}

/// A copy of the first `keep` blocks of `base`.
pub(crate) fn prefix(base: &MemoryStore, keep: u64) -> Arc<MemoryStore> {
    use animica_p2p::{chain::Which, ids::Height};
    let store = MemoryStore::new(&devnet());
    let keep = usize::try_from(keep).expect("small");
    let stored = base
        .headers(Which::Blocks, Height(1), keep)
        .expect("memory");
    let headers: Vec<NewHeader> = stored
        .into_iter()
        .map(|h| {
            let header = h.decode().expect("valid");
            NewHeader {
                hash: h.hash,
                height: h.height,
                parent: header.parent_hash,
                work: h.work,
                timestamp: header.timestamp,
                bytes: h.bytes,
            }
        })
        .collect();
    let last = headers.last().map(|h| h.hash);
    let body = |h: &NewHeader| (h.hash, base.body(&h.hash).expect("memory").expect("stored"));
    store
        .commit(Batch {
            bodies: headers.iter().map(body).collect(),
            headers,
            best_header: last,
            head: last,
        })
        .expect("fits");
    Arc::new(store)
}

/// A copy of `base` with one more block, whose body breaks a rule that its header commits to.
pub(crate) fn invalid_on(base: &MemoryStore) -> Arc<MemoryStore> {
    use animica_p2p::{
        chain::{Block, merkle, object_id, poies},
        crypto::hash::sha3_256,
    };
    let store = prefix(base, base.tips().blocks.height.0);
    let on = store.tips().blocks.hash;
    let good = mine(&store, on, 1, 1, 77).remove(0);
    let mut block = Block::decode(good.block).expect("mined");
    // An integer is no transaction.
    block.txs = vec![bytes::Bytes::from_static(&[0x01])];
    block.header.txs_root = merkle::root(&[object_id(&block.txs[0])]);
    while !poies::meets(&block.header.draw(), block.header.theta) {
        block.header.nonce += 1;
    }
    let bytes = bytes::Bytes::from(block.header.encode());
    let mut ancestry = Ancestry::load(&*store, on)
        .expect("memory")
        .expect("stored");
    let header = ancestry.accept(&block.header, sha3_256(&bytes), bytes);
    put(
        &store,
        &[Mined {
            header,
            block: block.encode(),
        }],
    );
    store
}
