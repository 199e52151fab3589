use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{encoder::Sum, estimate::estimate, key::Keys, *};
use crate::{
    crypto::hash::sha3_256,
    wire::{GetSketch, Salt, ShortKey, Sketch, SketchPart, SketchQuery, Symbol},
};

mod hostile;
mod serving;

pub(super) const SALT: Salt = Salt([9; 16]);

/// Ids by number.
pub(super) fn items(numbers: impl IntoIterator<Item = u32>) -> Vec<Hash32> {
    let id = |n: u32| sha3_256(&n.to_be_bytes());
    numbers.into_iter().map(id).collect()
}

/// What a peer with the set `encoder` answers.
pub(super) fn honest(encoder: &mut Encoder, request: &GetSketch) -> Sketch {
    let part = match &request.query {
        SketchQuery::Symbols { from, count } => {
            SketchPart::Symbols(encoder.symbols(*from..from + count).to_vec())
        }
        SketchQuery::Keys { from, count } => {
            let keys = encoder.keys().skip(*from as usize);
            SketchPart::Keys(keys.take(*count as usize).collect())
        }
        SketchQuery::Ids(keys) => {
            SketchPart::Ids(keys.iter().filter_map(|key| encoder.id(*key)).collect())
        }
    };
    Sketch {
        size: encoder.len() as u32,
        tag: 0,
        part,
    }
}

/// What a session found.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) fetch: BTreeSet<Hash32>,
    pub(super) offer: BTreeSet<Hash32>,
    pub(super) end: Next,
    pub(super) stats: Stats,
}

/// Runs a session of a node with `here` to its end.
pub(super) fn run(
    salt: Salt,
    here: &[Hash32],
    mut answer: impl FnMut(&GetSketch) -> Sketch,
) -> Outcome {
    let (mut session, mut request) = Session::open(SketchSet::Pool, salt, here.iter().copied());
    let (mut fetch, mut offer) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..100 {
        let step = session.answer(answer(&request));
        fetch.extend(step.fetch);
        offer.extend(step.offer);
        (session, request) = match step.next {
            Next::Ask(session, request) => (*session, request),
            end => {
                let (Next::Done(stats) | Next::GaveUp(_, stats) | Next::Unasked(stats)) = end
                else {
                    unreachable!("the other variant is above")
                };
                return Outcome {
                    fetch,
                    offer,
                    end,
                    stats,
                };
            }
        };
    }
    panic!("the session did not end in 100 round trips");
}

/// Reconciles two sets and checks that the difference was found whole.
pub(super) fn reconcile(salt: Salt, here: &[Hash32], there: &[Hash32]) -> Stats {
    let mut far = Encoder::new(salt, there.iter().copied());
    let outcome = run(salt, here, |request| honest(&mut far, request));
    assert!(matches!(outcome.end, Next::Done(_)), "{:?}", outcome.end);
    let (here, there): (BTreeSet<_>, BTreeSet<_>) = (
        here.iter().copied().collect(),
        there.iter().copied().collect(),
    );
    assert_eq!(outcome.fetch, &there - &here);
    assert_eq!(outcome.offer, &here - &there);
    outcome.stats
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn finds_exactly_the_difference(
        salt: [u8; 16], common in 0..3000_u32, here in 0..1000_u32, there in 0..1000_u32, base: u16
    ) {
        let start = u32::from(base) << 16;
        let all: Vec<Hash32> = items(start..start + common + here + there);
        let (both, rest) = all.split_at(common as usize);
        let (a, b) = rest.split_at(here as usize);
        let stats = reconcile(Salt(salt), &[both, a].concat(), &[both, b].concat());
        prop_assert_eq!(stats.only_here, here as usize);
        prop_assert_eq!(stats.learned, there as usize);
    }

    #[test]
    fn a_decoder_finds_the_difference_whatever_the_portions(
        portions in prop::collection::vec(1..300_u32, 1..6), here in 0..60_u32, there in 0..60_u32
    ) {
        let mut far = Encoder::new(SALT, items(0..500 + there));
        let mut decoder = Decoder::new(SALT, items((0..500).chain(9000..9000 + here)));
        let (mut from, mut last) = (0, Progress::More);
        for count in portions.into_iter().chain([2000]) {
            last = decoder.push(far.symbols(from..from + count));
            from += count;
        }
        let Progress::Done { only_here, only_there } = last else {
            return Err(TestCaseError::fail("2000 symbols do not decode"));
        };
        prop_assert_eq!((only_here.len(), only_there.len()), (here as usize, there as usize));
    }
}

#[test]
fn empty_identical_and_disjoint_sets() {
    for (here, there) in [
        (0..0, 0..0),
        (0..1, 0..1),
        (0..5000, 0..5000),
        (0..0, 0..1),
        (0..1, 0..0),
        (0..0, 0..3000),
        (0..3000, 0..0),
        (0..20, 20..40),
        (0..3000, 3000..6000),
        (0..10, 0..5000),
        (0..5000, 0..10),
    ] {
        let (here, there) = (items(here), items(there));
        let stats = reconcile(SALT, &here, &there);
        // Twice a list, what it takes to begin, and what it takes to learn the ids.
        let bound = 16 * there.len() + 2 * 64 * Symbol::LEN + 41 * stats.learned + 600;
        assert!(stats.bytes <= bound, "{stats:?}");
    }
}

/// The bar: two sets of 10 000 that differ by 100, at most 5 · 100 · 32 bytes and 3 round trips.
#[test]
fn a_hundred_of_ten_thousand_in_three_round_trips_and_half_the_bytes() {
    let mut rng = StdRng::seed_from_u64(1);
    let (mut most, mut sum) = (0, 0);
    const RUNS: usize = 40;
    for run in 0..RUNS as u32 {
        // From all of the difference on one side to all on the other.
        let here = run * 100 / (RUNS as u32 - 1);
        let common = run * 20_000..run * 20_000 + 9_900 + 100 - here;
        let near = items(common.clone().chain(10_000_000..10_000_000 + here));
        let far = items(common.chain(11_000_000..11_000_000 + 100 - here));
        let (near, far) = (&near[..], &far[..]);
        assert!(near.len().abs_diff(10_000) <= 100 && far.len().abs_diff(10_000) <= 100);
        let stats = reconcile(Salt(rng.random()), near, far);
        assert_eq!(stats.only_here + stats.only_there, 100);
        assert!(stats.round_trips <= 3, "{stats:?}");
        most = most.max(stats.bytes);
        sum += stats.bytes;
    }
    assert!(
        most <= 5 * 100 * 32 / 3 * 2,
        "{most} bytes in the worst run"
    );
    assert!(sum / RUNS <= 5 * 100 * 32 / 2, "{} on average", sum / RUNS);
}

#[test]
fn bytes_grow_with_the_difference_and_not_with_the_sets() {
    let cost = |common: u32, differ: u32| {
        let here = items(0..common + differ / 2);
        let there = items((0..common).chain(1_000_000..1_000_000 + differ.div_ceil(2)));
        reconcile(SALT, &here, &there).bytes
    };
    let (small, large) = (cost(2_000, 40), cost(40_000, 40));
    assert!(small.abs_diff(large) < 1_500, "{small} and {large}");
    for differ in [200, 400, 800] {
        let bytes = cost(20_000, differ);
        assert!(bytes <= 80 * differ as usize + 1_000, "{differ}: {bytes}");
    }
}

#[test]
fn a_large_difference_costs_no_more_than_listing_the_keys() {
    let (here, there) = (items(0..10_000), items(5_000..15_000));
    let stats = reconcile(SALT, &here, &there);
    assert_eq!((stats.listed, stats.learned), (10_000, 5_000));
    assert!(
        stats.bytes <= 900 + 8 * 10_000 + 40 * 5_000 + 600,
        "{stats:?}"
    );
    assert!(stats.saved() > 0);
}

#[test]
fn the_estimate_is_near() {
    for differ in [50_u32, 500, 5_000] {
        let (mut a, mut b) = (
            Encoder::new(SALT, items(0..differ / 2)),
            Encoder::new(SALT, items(1_000_000..1_000_000 + differ / 2)),
        );
        let cells: Vec<Symbol> = {
            let (a, b) = (a.symbols(0..256), b.symbols(0..256));
            a.iter().zip(b).map(|(a, b)| a.less(*b)).collect()
        };
        let near = estimate(&cells) as f64 / f64::from(differ);
        assert!((0.65..1.5).contains(&near), "{differ}: {near}");
    }
    assert_eq!(estimate(&[]), 0);
    assert_eq!(estimate(&[Symbol::default(); 9]), 0);
}

#[test]
fn an_encoder_makes_the_same_symbols_in_any_order_of_asking() {
    let mut whole = Encoder::new(SALT, items(0..500));
    let mut parts = Encoder::new(SALT, items((0..500).rev()));
    let late = parts.symbols(100..300).to_vec();
    assert_eq!(whole.symbols(0..300)[100..], late);
    assert_eq!(whole.symbols(0..100), parts.symbols(0..100));
    assert_eq!(parts.made(), 300);
    assert!(whole.symbols(40_000..40_010).is_empty(), "there are none");
    assert_eq!(whole.symbols(32_760..40_010).len(), 8);
}

#[test]
fn a_repeated_item_counts_once() {
    let mut twice = Encoder::new(SALT, items([1, 2, 1]));
    assert_eq!(twice.len(), 2);
    assert_eq!(twice.symbols(0..1)[0].count, 2);
}

#[test]
fn keys_depend_on_the_salt() {
    let id = Hash32([1; 32]);
    let (a, b) = (Keys::new(Salt([0; 16])), Keys::new(Salt([1; 16])));
    assert_ne!(a.of(&id), b.of(&id));
    assert_ne!(a.check(ShortKey(1)), b.check(ShortKey(1)));
}
