//! What every [`ChainStore`] must do, run against each of them.

mod branches;

use std::sync::Arc;

use bytes::Bytes;

use crate::ids::{Hash32, Height};

use super::{
    Ancestry, At, Batch, ChainStore, Genesis, NewHeader, StoreError, Tips, Which,
    testing::{devnet, unworked_chain},
};

type Chain = [(NewHeader, Bytes)];

/// Runs every check on stores that `open` makes for a genesis. `reopen` closes a store and opens it
/// again from what it kept; one in memory returns itself.
pub(crate) fn run<S: ChainStore>(
    mut open: impl FnMut(&Genesis) -> Arc<S>,
    mut reopen: impl FnMut(Arc<S>) -> Arc<S>,
) {
    let genesis = devnet();
    holds_genesis_at_first(&*open(&genesis), &genesis);
    adds_headers_then_bodies(&*open(&genesis));
    passes_over_what_it_has(&*open(&genesis));
    branches::moves_both_paths_to_branches(&*open(&genesis));
    branches::heads_may_be_on_different_branches(&*open(&genesis));
    branches::moves_the_head_back_and_forth(&*open(&genesis));
    refuses_contradictions_and_changes_nothing(&*open(&genesis));
    reads_runs(&*open(&genesis));
    resumes(open(&genesis), &mut reopen);
}

fn headers(chain: &Chain) -> Vec<NewHeader> {
    chain.iter().map(|(header, _)| header.clone()).collect()
}

fn bodies(chain: &Chain) -> Vec<(Hash32, Bytes)> {
    let of = |(header, body): &(NewHeader, Bytes)| (header.hash, body.clone());
    chain.iter().map(of).collect()
}

fn hash(chain: &Chain, index: usize) -> Hash32 {
    chain[index].0.hash
}

/// Everything of `chain`, with both paths ending in its last block.
fn whole(chain: &Chain) -> Batch {
    let last = chain.last().map(|(header, _)| header.hash);
    Batch {
        headers: headers(chain),
        bodies: bodies(chain),
        best_header: last,
        head: last,
    }
}

fn at(store: &impl ChainStore, place: At) -> Option<Hash32> {
    store.header(place).unwrap().map(|header| header.hash)
}

/// Checks that a path is exactly genesis and then `chain`.
fn expect_path(store: &impl ChainStore, which: Which, chain: &[&NewHeader]) {
    let tips = store.tips();
    let tip = match which {
        Which::BestHeaders => tips.headers,
        Which::Blocks => tips.blocks,
    };
    let last = chain.last().expect("not only genesis");
    assert_eq!(tip, last.tip());
    let stored = store.headers(which, Height(1), usize::MAX).unwrap();
    assert_eq!(stored.len(), chain.len());
    for (stored, new) in stored.iter().zip(chain) {
        assert_eq!((stored.hash, stored.height), (new.hash, new.height));
        assert_eq!((stored.work, &stored.bytes), (new.work, &new.bytes));
        assert_eq!(at(store, which.at(new.height)), Some(new.hash));
        assert_eq!(stored.has_body, store.body(&new.hash).unwrap().is_some());
    }
    assert_eq!(at(store, which.at(Height(last.height.0 + 1))), None);
}

fn path(chain: &Chain) -> Vec<&NewHeader> {
    chain.iter().map(|(header, _)| header).collect()
}

fn holds_genesis_at_first(store: &impl ChainStore, genesis: &Genesis) {
    let tip = Ancestry::genesis(genesis).tip();
    let tips = Tips {
        headers: tip,
        blocks: tip,
    };
    assert_eq!(store.tips(), tips);
    for place in [
        At::Hash(genesis.hash()),
        At::BestHeader(Height(0)),
        At::Block(Height(0)),
    ] {
        let stored = store.header(place).unwrap().expect("genesis");
        assert_eq!(stored.decode().as_ref(), Ok(genesis.header()));
        assert!(stored.has_body);
    }
    let body = store.body(&genesis.hash()).unwrap();
    assert_eq!(body, Some(genesis.block()));
    assert_eq!(at(store, At::Block(Height(1))), None);
    assert_eq!(at(store, At::Hash(Hash32([7; 32]))), None);
    assert_eq!(store.body(&Hash32([7; 32])).unwrap(), None);
    assert_eq!(store.commit(Batch::default()).unwrap(), tips);
}

fn adds_headers_then_bodies(store: &impl ChainStore) {
    let chain = unworked_chain(&store.tips().blocks, 5, 1);
    let tips = store
        .commit(Batch {
            headers: headers(&chain),
            best_header: Some(hash(&chain, 4)),
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(tips, store.tips());
    assert_eq!(tips.blocks.height, Height(0));
    expect_path(store, Which::BestHeaders, &path(&chain));
    assert_eq!(store.body(&hash(&chain, 2)).unwrap(), None);

    // Bodies may come out of order and before the head moves.
    let some = [chain[3].clone(), chain[1].clone()];
    store
        .commit(Batch {
            bodies: bodies(&some),
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(store.tips().blocks.height, Height(0));
    assert_eq!(at(store, At::Block(Height(1))), None);
    let body = store.body(&hash(&chain, 3)).unwrap();
    assert_eq!(body.as_ref(), Some(&chain[3].1));
    let rest = [chain[0].clone(), chain[2].clone()];
    let tips = store
        .commit(Batch {
            bodies: bodies(&rest),
            head: Some(hash(&chain, 3)),
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(tips.blocks, chain[3].0.tip());
    assert_eq!(tips.headers, chain[4].0.tip());
    expect_path(store, Which::Blocks, &path(&chain[..4]));
    expect_path(store, Which::BestHeaders, &path(&chain));
}

fn passes_over_what_it_has(store: &impl ChainStore) {
    let chain = unworked_chain(&store.tips().blocks, 3, 1);
    let tips = store.commit(whole(&chain)).unwrap();
    assert_eq!(store.commit(whole(&chain)).unwrap(), tips);
    let mut twice = whole(&chain);
    twice.headers.extend(headers(&chain));
    twice.bodies.extend(bodies(&chain));
    assert_eq!(store.commit(twice).unwrap(), tips);
    expect_path(store, Which::Blocks, &path(&chain));
}

fn refuses_contradictions_and_changes_nothing(store: &impl ChainStore) {
    let chain = unworked_chain(&store.tips().blocks, 4, 1);
    let before = store.tips();
    let first = || headers(&chain[..1]);
    for batch in [
        // No parent.
        Batch {
            headers: headers(&chain[1..]),
            ..Batch::default()
        },
        // Child before parent.
        Batch {
            headers: headers(&chain[..2]).into_iter().rev().collect(),
            ..Batch::default()
        },
        // A body without a header.
        Batch {
            headers: first(),
            bodies: bodies(&chain[1..2]),
            ..Batch::default()
        },
        // Paths into the unknown.
        Batch {
            headers: first(),
            best_header: Some(hash(&chain, 1)),
            ..Batch::default()
        },
        // A head without its body, and with a gap below it.
        Batch {
            headers: first(),
            head: Some(hash(&chain, 0)),
            ..Batch::default()
        },
        Batch {
            bodies: bodies(&chain[1..]),
            ..whole(&chain)
        },
    ] {
        let refusal = store.commit(batch);
        assert!(
            matches!(refusal, Err(StoreError::BadBatch { .. })),
            "{refusal:?}"
        );
        assert_eq!(store.tips(), before);
        for (header, _) in &chain {
            assert_eq!(at(store, At::Hash(header.hash)), None);
            assert_eq!(store.body(&header.hash).unwrap(), None);
        }
    }
    // And it works on.
    store.commit(whole(&chain)).unwrap();
    expect_path(store, Which::Blocks, &path(&chain));
}

fn reads_runs(store: &impl ChainStore) {
    let chain = unworked_chain(&store.tips().blocks, 20, 1);
    store.commit(whole(&chain)).unwrap();
    for which in [Which::BestHeaders, Which::Blocks] {
        let heights = |from, max| -> Vec<u64> {
            let run = store.headers(which, Height(from), max).unwrap();
            run.iter().map(|header| header.height.0).collect()
        };
        assert_eq!(heights(0, 3), [0, 1, 2]);
        assert_eq!(heights(18, 100), [18, 19, 20]);
        assert!(heights(21, 1).is_empty());
        assert!(heights(u64::MAX, usize::MAX).is_empty());
        assert!(heights(5, 0).is_empty());
    }
}

fn resumes<S: ChainStore>(store: Arc<S>, reopen: &mut impl FnMut(Arc<S>) -> Arc<S>) {
    let blocks = unworked_chain(&store.tips().blocks, 6, 1);
    store.commit(whole(&blocks)).unwrap();
    let better = unworked_chain(&blocks[1].0.tip(), 8, 2);
    store
        .commit(Batch {
            headers: headers(&better),
            bodies: bodies(&better[..3]),
            best_header: Some(hash(&better, 7)),
            head: None,
        })
        .unwrap();
    let tips = store.tips();
    let store = reopen(store);
    assert_eq!(store.tips(), tips);
    let best = [&path(&blocks[..2])[..], &path(&better)[..]].concat();
    expect_path(&*store, Which::BestHeaders, &best);
    expect_path(&*store, Which::Blocks, &path(&blocks));
    for (header, body) in blocks.iter().chain(&better[..3]) {
        assert_eq!(store.body(&header.hash).unwrap().as_ref(), Some(body));
    }
    // Goes on where it was.
    store
        .commit(Batch {
            bodies: bodies(&better[3..]),
            head: Some(hash(&better, 7)),
            ..Batch::default()
        })
        .unwrap();
    let store = reopen(store);
    expect_path(&*store, Which::Blocks, &best);
}
