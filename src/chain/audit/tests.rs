use bytes::Bytes;

use super::*;
use crate::{
    chain::{
        Batch, HashOnly, MemoryStore,
        miner::{MineRequest, Mined, Miner},
        testing::devnet,
    },
    ids::Hash32,
};

const NOW: u64 = 1_800_000_000;

fn mined(ancestry: Ancestry, count: u64, seed: u64) -> Vec<Mined> {
    let request = MineRequest {
        txs: 1,
        seed,
        ..MineRequest::blocks(count)
    };
    let miner = Miner::new(&devnet(), ancestry, request).expect("a request");
    miner.mine_all(NOW).expect("mines")
}

fn add(store: &MemoryStore, blocks: &[Mined], bodies: bool) {
    let last = blocks.last().map(|mined| mined.header.hash);
    let of = |mined: &Mined| (mined.header.hash, mined.block.clone());
    let batch = Batch {
        headers: blocks.iter().map(|mined| mined.header.clone()).collect(),
        bodies: blocks.iter().filter(|_| bodies).map(of).collect(),
        best_header: last,
        head: last.filter(|_| bodies),
    };
    store.commit(batch).expect("fits");
}

fn run(store: &MemoryStore) -> Result<Audit, AuditError> {
    let two = NonZeroUsize::new(2).expect("not zero");
    let go_on = &mut |_| ControlFlow::Continue(());
    audit(store, &devnet(), &HashOnly, NOW, two, go_on)
}

#[test]
fn finds_a_good_store_whole_also_on_a_branch() {
    let store = MemoryStore::new(&devnet());
    assert_eq!(run(&store), Ok(Audit::default()));
    let blocks = mined(Ancestry::genesis(&devnet()), 50, 1);
    add(&store, &blocks, true);
    let bytes = blocks.iter().map(|mined| mined.block.len() as u64).sum();
    let fork = Ancestry::load(&store, blocks[39].header.hash);
    let branch = mined(fork.expect("reads").expect("stored"), 20, 2);
    add(&store, &branch, false);
    let expected = Audit {
        blocks: 50,
        bytes,
        headers: 20,
    };
    assert_eq!(run(&store), Ok(expected));
}

#[test]
fn names_the_first_block_that_breaks_a_rule() {
    let genesis = devnet();
    let mut blocks = mined(Ancestry::genesis(&genesis), 10, 1);
    blocks[6].block = blocks[5].block.clone();
    let store = MemoryStore::new(&genesis);
    add(&store, &blocks, true);
    let at = Height(7);
    let wrong = run(&store);
    assert!(matches!(wrong, Err(AuditError::Body { height, .. }) if height == at));

    let mut blocks = mined(Ancestry::genesis(&genesis), 10, 1);
    blocks[6].header.bytes = Bytes::from_static(b"\xb0nonsense");
    let store = MemoryStore::new(&genesis);
    add(&store, &blocks, true);
    let wrong = run(&store);
    assert!(matches!(wrong, Err(AuditError::Header { height, .. }) if height == at));
}

#[test]
fn names_a_header_that_is_filed_wrongly() {
    let genesis = devnet();
    let mut blocks = mined(Ancestry::genesis(&genesis), 3, 1);
    blocks[2].header.hash = Hash32([9; 32]);
    let store = MemoryStore::new(&genesis);
    add(&store, &blocks, true);
    assert_eq!(run(&store), Err(AuditError::Misfiled { height: Height(3) }));
}
