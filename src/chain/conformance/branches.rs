//! Branches: both paths move between them together and apart.

use crate::ids::Height;

use super::{
    At, Batch, ChainStore, Which, at, bodies, expect_path, hash, headers, path, unworked_chain,
    whole,
};

pub(super) fn moves_both_paths_to_branches(store: &impl ChainStore) {
    let old = unworked_chain(&store.tips().blocks, 6, 1);
    store.commit(whole(&old)).unwrap();
    let new = unworked_chain(&old[2].0.tip(), 5, 2);
    store.commit(whole(&new)).unwrap();
    let both = [&path(&old[..3])[..], &path(&new)[..]].concat();
    expect_path(store, Which::BestHeaders, &both);
    expect_path(store, Which::Blocks, &both);
    // The old branch stays available.
    for (header, body) in &old {
        assert_eq!(at(store, At::Hash(header.hash)), Some(header.hash));
        assert_eq!(store.body(&header.hash).unwrap().as_ref(), Some(body));
    }
    // Back to a shorter one: heights above it are no more.
    store
        .commit(Batch {
            best_header: Some(hash(&old, 4)),
            head: Some(hash(&old, 4)),
            ..Batch::default()
        })
        .unwrap();
    expect_path(store, Which::BestHeaders, &path(&old[..5]));
    expect_path(store, Which::Blocks, &path(&old[..5]));
    // To genesis and from there.
    let genesis = store.header(At::Block(Height(0))).unwrap().expect("stored");
    let tips = store
        .commit(Batch {
            best_header: Some(genesis.hash),
            head: Some(genesis.hash),
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(
        (tips.headers.height, tips.blocks.height),
        (Height(0), Height(0))
    );
    assert_eq!(at(store, At::BestHeader(Height(1))), None);
    assert_eq!(at(store, At::Block(Height(1))), None);
}

pub(super) fn heads_may_be_on_different_branches(store: &impl ChainStore) {
    let blocks = unworked_chain(&store.tips().blocks, 6, 1);
    store.commit(whole(&blocks)).unwrap();
    let better = unworked_chain(&blocks[1].0.tip(), 8, 2);
    store
        .commit(Batch {
            headers: headers(&better),
            best_header: Some(hash(&better, 7)),
            ..Batch::default()
        })
        .unwrap();
    let best = [&path(&blocks[..2])[..], &path(&better)[..]].concat();
    expect_path(store, Which::BestHeaders, &best);
    expect_path(store, Which::Blocks, &path(&blocks));
    assert_eq!(at(store, At::Block(Height(4))), Some(hash(&blocks, 3)));
    assert_eq!(at(store, At::BestHeader(Height(4))), Some(hash(&better, 1)));

    // The blocks grow while they are a branch, then follow the best headers half-way.
    let more = unworked_chain(&blocks[5].0.tip(), 1, 1);
    let side = Batch {
        best_header: None,
        ..whole(&more)
    };
    store.commit(side).unwrap();
    let longer = [&path(&blocks)[..], &path(&more)[..]].concat();
    expect_path(store, Which::Blocks, &longer);
    expect_path(store, Which::BestHeaders, &best);
    store
        .commit(Batch {
            bodies: bodies(&better[..4]),
            head: Some(hash(&better, 3)),
            ..Batch::default()
        })
        .unwrap();
    expect_path(store, Which::Blocks, &best[..6]);
    expect_path(store, Which::BestHeaders, &best);
}

/// Headers leave the block branch and return to it, with no body changing.
pub(super) fn moves_the_head_back_and_forth(store: &impl ChainStore) {
    let a = unworked_chain(&store.tips().blocks, 5, 1);
    let b = unworked_chain(&store.tips().blocks, 7, 2);
    store.commit(whole(&a)).unwrap();
    let headers_only = Batch {
        headers: headers(&b),
        best_header: Some(hash(&b, 6)),
        ..Batch::default()
    };
    store.commit(headers_only).unwrap();
    expect_path(store, Which::Blocks, &path(&a));
    let point = |hash| Batch {
        best_header: Some(hash),
        ..Batch::default()
    };
    store.commit(point(hash(&a, 4))).unwrap();
    expect_path(store, Which::BestHeaders, &path(&a));
    expect_path(store, Which::Blocks, &path(&a));
    // Best headers may also end below the blocks, on the same branch or another.
    store.commit(point(hash(&a, 1))).unwrap();
    expect_path(store, Which::BestHeaders, &path(&a[..2]));
    expect_path(store, Which::Blocks, &path(&a));
    store.commit(point(hash(&b, 0))).unwrap();
    expect_path(store, Which::BestHeaders, &path(&b[..1]));
    expect_path(store, Which::Blocks, &path(&a));
}
