//! Answers that no set gives.

use super::*;

/// A peer that claims `size` items and answers with noise of the right shape.
fn noise(rng: &mut StdRng, size: u32, request: &GetSketch) -> Sketch {
    let part = match &request.query {
        SketchQuery::Symbols { count, .. } => {
            let mut symbol = || Symbol {
                keys: rng.random(),
                checks: rng.random(),
                count: rng.random_range(0..3),
            };
            SketchPart::Symbols((0..*count).map(|_| symbol()).collect())
        }
        SketchQuery::Keys { from, count } => {
            let first = u64::from(*from);
            let keys = (first..first + u64::from(*count)).map(ShortKey);
            SketchPart::Keys(keys.collect())
        }
        SketchQuery::Ids(_) => SketchPart::Ids(vec![]),
    };
    Sketch { size, tag: 0, part }
}

#[test]
fn what_never_decodes_is_cut_at_the_bound_and_ends_in_a_list() {
    for size in [0, 10, 1_000, 131_072] {
        let mut rng = StdRng::seed_from_u64(2);
        let outcome = run(SALT, &items(0..1000), |r| noise(&mut rng, size, r));
        let Next::Done(stats) = outcome.end else {
            panic!("{:?}", outcome.end)
        };
        assert!(stats.symbols <= 32_768 && stats.listed == size as usize);
        assert!(stats.round_trips <= 70, "{stats:?}");
        assert_eq!(stats.learned, 0, "it has none of what it claims");
        assert!(
            stats.bytes <= 14 * 32_768 + 17 * size as usize + 9_000,
            "{stats:?}"
        );
    }
}

#[test]
fn symbols_that_contradict_each_other_are_given_up_without_blame() {
    let here = items(0..100);
    // One more item in the second symbol than in the first: the first decodes, the others never.
    let mut far = Encoder::new(SALT, here.iter().copied());
    let outcome = run(SALT, &here, |request| {
        let mut sketch = honest(&mut far, request);
        if let SketchPart::Symbols(symbols) = &mut sketch.part {
            symbols[1].keys ^= 1;
        }
        sketch
    });
    assert!(matches!(outcome.end, Next::GaveUp(GiveUp::Inconsistent, _)));
    assert!(outcome.fetch.is_empty() && outcome.offer.is_empty());
}

#[test]
fn a_symbol_of_an_item_on_the_wrong_side_is_inconsistent() {
    let keys = Keys::new(SALT);
    let near = items([1])[0];
    let key = keys.of(&near);
    for count in [1, u16::MAX] {
        // Says the peer has what we have already, or that we have what we have not.
        let local = if count == 1 { vec![near] } else { vec![] };
        let mut decoder = Decoder::new(SALT, local.clone());
        let mut ours = Encoder::new(SALT, local);
        let mut symbol = ours.symbols(0..1)[0];
        symbol.toggle(key, keys.check(key), count);
        assert_eq!(
            decoder.push(&[symbol]),
            Progress::Failed(DecodeError::Inconsistent)
        );
    }
}

#[test]
fn more_symbols_than_a_session_has_are_refused() {
    let mut decoder = Decoder::new(SALT, []);
    let symbol = Symbol {
        keys: 1,
        checks: 1,
        count: 2,
    };
    assert_eq!(decoder.push(&vec![symbol; 32_768]), Progress::More);
    assert_eq!(
        decoder.push(&[symbol]),
        Progress::Failed(DecodeError::TooMany)
    );
}

#[test]
fn a_set_that_changes_between_two_parts_is_given_up() {
    let mut asked = 0;
    let mut far = Encoder::new(SALT, items(0..5_300));
    let outcome = run(SALT, &items(0..5_000), |request| {
        asked += 1;
        let mut sketch = honest(&mut far, request);
        sketch.tag = asked;
        sketch
    });
    assert!(matches!(outcome.end, Next::GaveUp(GiveUp::Changed, _)));
    assert_eq!(asked, 2);
}

#[test]
fn an_answer_that_is_short_is_inconsistent() {
    let far = items(0..1_000);
    for cut_list in [false, true] {
        let mut encoder = Encoder::new(SALT, far.iter().copied());
        let outcome = run(SALT, &[], |request| {
            let mut sketch = honest(&mut encoder, request);
            match &mut sketch.part {
                SketchPart::Symbols(symbols) if !cut_list => drop(symbols.pop()),
                SketchPart::Keys(keys) => drop(keys.pop()),
                _ => {}
            }
            sketch
        });
        assert!(matches!(outcome.end, Next::GaveUp(GiveUp::Inconsistent, _)));
    }
}

#[test]
fn an_id_that_was_not_asked_for_is_told_from_one_that_was() {
    let mut far = Encoder::new(SALT, items(0..10));
    let outcome = run(SALT, &[], |request| {
        let mut sketch = honest(&mut far, request);
        if let SketchPart::Ids(ids) = &mut sketch.part {
            ids[3] = Hash32([0xbb; 32]);
        }
        sketch
    });
    assert!(matches!(outcome.end, Next::Unasked(_)));
    assert!(outcome.fetch.is_empty(), "nothing of it is fetched");
}

#[test]
fn ids_that_are_gone_meanwhile_are_not_missed() {
    let mut far = Encoder::new(SALT, items(0..10));
    let outcome = run(SALT, &[], |request| {
        let mut sketch = honest(&mut far, request);
        if let SketchPart::Ids(ids) = &mut sketch.part {
            ids.truncate(4);
            ids.push(ids[0]);
        }
        sketch
    });
    let Next::Done(stats) = outcome.end else {
        panic!("{:?}", outcome.end)
    };
    assert_eq!((stats.only_there, stats.learned), (10, 4));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_symbols_make_a_decoder_panic_or_find_more_than_there_are_symbols(
        edits in prop::collection::vec((0..400_usize, any::<u64>(), any::<u32>(), any::<u16>()), 0..40),
        keys in prop::collection::vec((any::<u64>(), 0..400_usize, any::<bool>()), 0..200)
    ) {
        let mut far = Encoder::new(SALT, items(0..300));
        let mut symbols = far.symbols(0..400).to_vec();
        let hash = Keys::new(SALT);
        // Pure-looking cells at random places, and noise.
        for (key, at, there) in keys {
            let (keys, checks) = (key, hash.check(ShortKey(key)));
            symbols[at] = Symbol { keys, checks, count: if there { 1 } else { u16::MAX } };
        }
        for (at, keys, checks, count) in edits {
            symbols[at] = Symbol { keys, checks, count };
        }
        let mut decoder = Decoder::new(SALT, items(100..350));
        for portion in symbols.chunks(77) {
            match decoder.push(portion) {
                Progress::More => {}
                Progress::Done { only_here, only_there } => {
                    prop_assert!(only_here.len() + only_there.len() <= decoder.symbols());
                }
                Progress::Failed(_) => break,
            }
        }
    }
}
