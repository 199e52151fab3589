use proptest::prelude::*;

use super::*;
use crate::{offence::Offence, registry::MAX_GET_TX, wire::GetTx};

fn start(announce: &Announce, known: &[(Hash32, Bytes)]) -> Rebuild {
    let bytes = announce.encode().len();
    let extra = ExtraPool::new(0);
    Rebuild::start(announce.clone().into(), bytes, &known.to_vec(), &extra)
}

fn missing(rebuild: Rebuild) -> Missing {
    match rebuild {
        Rebuild::Missing(missing) => missing,
        other => panic!("{other:?}"),
    }
}

fn complete(rebuild: Rebuild) -> Rebuilt {
    match rebuild {
        Rebuild::Complete(rebuilt) => rebuilt,
        other => panic!("{other:?}"),
    }
}

fn sample() -> Block {
    block(txs(0..10, 40), vec![proof(1, 20)])
}

#[test]
fn a_pool_that_has_everything_gives_the_block_at_once() {
    let block = sample();
    let all = known(block.txs.iter().chain(&block.proofs));
    let rebuilt = complete(start(&build(&block, 3, []), &all));
    assert_eq!(rebuilt.bytes, block.encode());
    assert_eq!(rebuilt.hash, block.hash());
    assert_eq!(
        (rebuilt.stats.from_pool, rebuilt.stats.round_trips()),
        (11, 0)
    );
    assert_eq!(Block::decode(rebuilt.bytes), Ok(block));
}

#[test]
fn an_empty_block_needs_nothing() {
    let block = block(Vec::new(), Vec::new());
    let rebuilt = complete(start(&build(&block, 3, []), &[]));
    assert_eq!(rebuilt.bytes, block.encode());
    assert!((rebuilt.stats.hit_rate() - 1.0).abs() < f64::EPSILON);
}

#[test]
fn what_is_missing_is_asked_for_by_number_and_bounded_in_bytes() {
    let block = sample();
    let waiting = missing(start(&build(&block, 3, [0]), &known(&block.txs[..8])));
    let request = waiting.request().clone();
    assert_eq!(request.indexes, [8, 9, 10]);
    let answer = serve(&block, &request).expect("fits");
    let bytes: usize = answer.txs.iter().map(Bytes::len).sum();
    let slack = request.max_bytes as usize - bytes;
    assert!(slack <= 3 * 2, "the bound is the real length, heads apart");
    let rebuilt = complete(waiting.fill(answer.txs, bytes).expect("right"));
    assert_eq!(rebuilt.bytes, block.encode());
    assert_eq!(rebuilt.stats.requested, 3);
}

#[test]
fn refuses_answers_with_wrong_too_many_too_few_or_too_long_items() {
    let block = sample();
    let waiting = || missing(start(&build(&block, 3, []), &known(&block.txs[..8])));
    let right = serve(&block, waiting().request()).expect("fits").txs;
    let with = |change: fn(&mut Vec<Bytes>)| {
        let mut items = right.clone();
        change(&mut items);
        waiting().fill(items, 1).expect_err("refused")
    };
    let offence = |change| with(change).offence();
    assert_eq!(
        with(|i| i[1] = tx(77, 40)),
        AnswerError::OtherItem { number: 9 }
    );
    assert_eq!(offence(|i| i[1] = tx(77, 40)), Offence::BodyMismatch);
    assert_eq!(offence(|i| i.swap(0, 1)), Offence::BodyMismatch);
    assert_eq!(offence(|i| i.push(tx(8, 40))), Offence::CreditExceeded);
    assert_eq!(offence(|i| drop(i.pop())), Offence::MalformedMessage);
    assert_eq!(offence(Vec::clear), Offence::MalformedMessage);
    assert_eq!(offence(|i| i[0] = tx(8, 9000)), Offence::CreditExceeded);
    assert!(waiting().fill(right, 1).is_ok());
}

#[test]
fn more_than_one_request_can_ask_for_is_fetched_whole() {
    let block = block(txs(0..MAX_GET_TX as u64 + 1, 0), Vec::new());
    let announce = build(&block, 1, []);
    assert!(matches!(
        start(&announce, &[]),
        Rebuild::Full(FullReason::TooMuchMissing { .. })
    ));
    let one = known(&block.txs[..1]);
    assert_eq!(
        missing(start(&announce, &one)).request().indexes.len(),
        MAX_GET_TX
    );
}

#[test]
fn a_length_that_lies_is_noticed_before_anything_is_asked_or_at_the_end() {
    let block = sample();
    let honest = build(&block, 1, []);
    let all = known(block.txs.iter().chain(&block.proofs));
    let long = Announce {
        block_bytes: honest.block_bytes + 1,
        ..honest.clone()
    };
    assert!(matches!(
        start(&long, &all),
        Rebuild::Full(FullReason::Length)
    ));
    let short = Announce {
        block_bytes: honest.block_bytes - block.proofs[0].len() - 1,
        ..honest
    };
    assert!(matches!(
        start(&short, &all[..10]),
        Rebuild::Full(FullReason::Length)
    ));
}

#[test]
fn a_false_item_in_full_never_gives_a_wrong_block() {
    let block = sample();
    let honest = build(&block, 1, [4]);
    let lie = Announce {
        prefilled: vec![(4, tx(11, 40))],
        ..honest
    };
    let all = known(block.txs.iter().chain(&block.proofs));
    assert!(matches!(
        start(&lie, &all),
        Rebuild::Full(FullReason::Roots)
    ));
}

#[test]
fn an_item_announced_twice_never_gives_a_wrong_block() {
    // Duplicate-last: [1..6] and [1..6, 5, 6] share a root.
    let six = block(txs(0..6, 10), Vec::new());
    let eight = Block {
        txs: six.txs.iter().chain(&six.txs[4..]).cloned().collect(),
        ..six.clone()
    };
    let announce = build(&eight, 1, []);
    let waiting = missing(start(&announce, &known(&six.txs)));
    assert_eq!(waiting.request().indexes, [4, 5, 6, 7]);
    assert_eq!(waiting.collisions(), 4);
    let answer = serve(&eight, waiting.request()).expect("fits");
    let end = waiting.fill(answer.txs, 1).expect("as announced");
    assert!(matches!(end, Rebuild::Full(FullReason::Roots)));
}

#[test]
fn what_left_the_pool_is_found_in_the_extra_pool() {
    let block = sample();
    let mut extra = ExtraPool::new(100_000);
    for tx in block.txs.iter().chain(&block.proofs) {
        extra.insert(object_id(tx), tx);
    }
    let announce = build(&block, 1, []);
    let rebuild = Rebuild::start(announce.into(), 9, &known(&block.txs[..2]), &extra);
    let stats = complete(rebuild).stats;
    assert_eq!((stats.from_pool, stats.from_extra), (2, 9));
}

#[test]
fn serving_is_bounded_by_the_block_and_the_request() {
    let block = sample();
    let ask = |indexes: Vec<u32>, max_bytes| {
        let request = GetTx {
            block: block.hash(),
            indexes,
            max_bytes,
        };
        serve(&block, &request)
    };
    let error = ask(vec![0, 11], 9999).expect_err("out of range");
    let expected = ServeError::OutOfRange {
        number: 11,
        items: 11,
    };
    assert_eq!(error, expected);
    assert_eq!(error.offence(), Some(Offence::MalformedMessage));
    let error = ask(vec![0, 1], block.txs[0].len() as u32).expect_err("too large");
    assert_eq!(error.offence(), None);
    let items = ask(vec![1, 10], 9999).expect("fits").txs;
    assert_eq!(items, [block.txs[1].clone(), block.proofs[0].clone()]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_was_announced_is_what_is_rebuilt(
        sizes in prop::collection::vec(0usize..400, 0..60),
        bodies in prop::collection::vec(0usize..300, 0..8),
        places in prop::collection::vec(0u8..4, 68),
        strangers in 0u64..30,
        salt: u64,
    ) {
        let txs: Vec<Bytes> = (0u64..).zip(&sizes).map(|(n, len)| tx(n, *len)).collect();
        let proofs: Vec<Bytes> = (0u8..).zip(&bodies).map(|(n, len)| proof(n, *len)).collect();
        let block = block(txs, proofs);
        let (mut pool, mut extra, mut prefill) = (Vec::new(), ExtraPool::new(1 << 20), Vec::new());
        for (number, item) in (0u32..).zip(block.txs.iter().chain(&block.proofs)) {
            match places[number as usize] {
                0 => pool.push(item.clone()),
                1 => extra.insert(object_id(item), item),
                2 => prefill.push(number),
                _ => {}
            }
        }
        pool.extend((1000..1000 + strangers).map(|n| tx(n, 30)));
        let payload = build(&block, salt, prefill).encode();
        let announce = Announce::decode(&payload, &params()).expect("honest");
        prop_assert!(announce.describes(&block));
        let mut rebuild = Rebuild::start(announce.into(), payload.len(), &known(&pool), &extra);
        if let Rebuild::Missing(missing) = rebuild {
            let answer = serve(&block, missing.request()).expect("fits");
            rebuild = missing.fill(answer.txs, 0).expect("right");
        }
        let rebuilt = complete(rebuild);
        prop_assert_eq!(rebuilt.bytes, block.encode());
        let s = rebuilt.stats;
        prop_assert_eq!(s.from_pool + s.from_extra + s.prefilled + s.requested, s.items);
    }
}
