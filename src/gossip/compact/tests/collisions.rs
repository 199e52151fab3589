//! Two transactions with the same short id under one key, found by a birthday search over 2^25.

use super::*;

/// The number in one of the pair.
const A: u64 = 1_099_524_943_346;

/// The number in the other.
const B: u64 = 1_099_526_969_735;

/// `{0: number}`.
fn found(number: u64) -> Bytes {
    let mut w = Writer::new();
    w.map(1).uint(0).uint(number);
    w.finish().into()
}

/// The header whose key, with salt 0, was searched: as long as that of any block made here.
fn searched() -> Bytes {
    let header = Header {
        nonce: example().nonce + 1,
        ..example()
    };
    header.encode().into()
}

/// An announce of `block` whose key is that of the search.
/// Only a test can make one, since a real key covers the roots of its own block.
fn announce(block: &Block, prefill: &[u32]) -> Announce {
    let mut announce = build(block, 0, prefill.iter().copied());
    announce.header_bytes = searched();
    announce.salt = 0;
    let keys = announce.keys();
    let items = (0u32..).zip(block.txs.iter().chain(&block.proofs));
    let short_ids: Vec<_> = items
        .filter(|(number, _)| !prefill.contains(number))
        .map(|(_, item)| keys.of(&object_id(item)).to_bytes())
        .collect();
    announce.short_ids = short_ids.concat().into();
    announce
}

fn start(announce: Announce, pool: &[Bytes]) -> Rebuild {
    Rebuild::start(announce.into(), 1, &known(pool), &ExtraPool::new(0))
}

fn answered(block: &Block, missing: Missing) -> Rebuild {
    let answer = serve(block, missing.request()).expect("fits");
    missing.fill(answer.txs, 1).expect("as announced")
}

#[test]
fn the_pair_collides() {
    let keys = ShortIds::new(&searched(), 0);
    let [a, b] = [A, B].map(|n| object_id(&found(n)));
    assert_ne!(a, b);
    assert_eq!(keys.of(&a), keys.of(&b));
}

#[test]
fn a_transaction_of_the_pool_that_collides_with_a_missing_one_never_gives_a_wrong_block() {
    let block = block(vec![tx(1, 5), found(A), tx(2, 5)], Vec::new());
    let pool = [tx(1, 5), found(B), tx(2, 5)];
    let end = start(announce(&block, &[]), &pool);
    assert!(matches!(end, Rebuild::Full(FullReason::Roots)), "{end:?}");
    // The announce was honest, so nobody is blamed.
    let honest = build(&block, 0, []);
    assert!(honest.describes(&block));
}

#[test]
fn two_transactions_of_the_pool_that_collide_are_asked_for_by_number() {
    let block = block(vec![tx(1, 5), found(A), tx(2, 5)], Vec::new());
    for pool in [
        [tx(1, 5), found(A), found(B), tx(2, 5)],
        [tx(1, 5), found(B), found(A), tx(2, 5)],
    ] {
        let Rebuild::Missing(missing) = start(announce(&block, &[]), &pool) else {
            panic!("asked for");
        };
        assert_eq!(missing.request().indexes, [1]);
        assert_eq!(missing.collisions(), 1);
        let Rebuild::Complete(rebuilt) = answered(&block, missing) else {
            panic!("rebuilt");
        };
        assert_eq!(rebuilt.bytes, block.encode());
    }
}

#[test]
fn two_transactions_of_the_block_that_collide_are_asked_for_by_number() {
    let block = block(vec![found(A), tx(1, 5), found(B)], Vec::new());
    let pool = [found(A), tx(1, 5), found(B)];
    let Rebuild::Missing(missing) = start(announce(&block, &[]), &pool) else {
        panic!("asked for");
    };
    assert_eq!(missing.request().indexes, [0, 2]);
    let Rebuild::Complete(rebuilt) = answered(&block, missing) else {
        panic!("rebuilt");
    };
    assert_eq!(rebuilt.bytes, block.encode());
}

#[test]
fn the_colliding_twin_as_an_answer_is_caught_by_the_root() {
    let block = block(vec![found(A), tx(1, 5)], Vec::new());
    let Rebuild::Missing(missing) = start(announce(&block, &[]), &[tx(1, 5)]) else {
        panic!("asked for");
    };
    let end = missing.fill(vec![found(B)], 1).expect("has the short id");
    assert!(matches!(end, Rebuild::Full(FullReason::Roots)));
}

#[test]
fn a_prefilled_transaction_does_not_collide() {
    let block = block(vec![found(A), tx(1, 5), found(B)], Vec::new());
    let pool = [tx(1, 5), found(B)];
    let Rebuild::Complete(rebuilt) = start(announce(&block, &[0]), &pool) else {
        panic!("rebuilt");
    };
    assert_eq!(rebuilt.bytes, block.encode());
}
