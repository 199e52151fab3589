use proptest::prelude::*;

use super::*;

/// An announce of `block` with every short id wrong.
fn lie(block: &Block) -> Announce {
    let mut announce = build(block, 1, []);
    let wrong: Vec<u8> = announce.short_ids.iter().map(|b| !b).collect();
    announce.short_ids = wrong.into();
    announce
}

#[test]
fn withheld_transactions_cost_one_request_and_the_next_announcer_is_asked() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 5);
    assert_eq!(
        ask(&world.announce(1, &build(&block, 1, []))).map(|a| a.0),
        Some(peer(1))
    );
    assert_eq!(world.announce(2, &build(&block, 2, [])), []);
    let out = world.wait_until_due();
    assert_eq!(verdicts(&out), [ignored(1, Ignored::Unknown)]);
    let (whom, get) = ask(&out).expect("asked");
    assert_eq!(whom, peer(2));
    // The late answer of the first changes nothing.
    let items = serve(&block, &get).expect("fits").txs;
    assert_eq!(world.answer(1, &block, items.clone()), []);
    let out = world.answer(2, &block, items);
    assert!(rebuilt(&out).is_some());
    // The first was slow and honest: the block says so.
    assert_eq!(
        offences(&world.engine.on_known(block.hash(), Some(&block))),
        []
    );
    assert!(world.engine.is_empty());
}

#[test]
fn a_bad_announce_never_leads_to_more_than_one_request() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 10);
    let bad = lie(&block);
    let mut requests = 0;
    let mut count = |out: &[Output]| {
        let asks = |o: &&Output| matches!(o, Output::Request { .. } | Output::FetchFull { .. });
        requests += out.iter().filter(asks).count();
    };
    count(&world.announce(1, &bad));
    for _ in 0..5 {
        count(&world.announce(1, &bad));
        count(&world.announce(1, &build(&block, 9, [])));
        count(&world.wait(Duration::from_millis(700)));
    }
    assert_eq!(requests, 1);
}

#[test]
fn a_lie_that_nothing_here_shows_is_punished_when_the_block_comes() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 10);
    assert!(ask(&world.announce(1, &lie(&block))).is_some());
    let out = world.failure(1, &block, Failure::NotFound);
    assert_eq!(offences(&out), []);
    // An honest announce still gets its attempt.
    let out = world.announce(2, &build(&block, 2, []));
    assert!(rebuilt(&out).is_some());
    let out = world.engine.on_known(block.hash(), Some(&block));
    assert_eq!(offences(&out), [(peer(1), Offence::BodyMismatch)]);
}

#[test]
fn wrong_transactions_are_punished_at_once_and_the_next_announcer_is_asked() {
    let (block, _) = new_block(1);
    for (answer, offence) in [
        (txs(500..505, 200), Offence::BodyMismatch),
        (block.txs[5..9].to_vec(), Offence::MalformedMessage),
        (txs(500..506, 200), Offence::CreditExceeded),
        (txs(500..505, 9000), Offence::CreditExceeded),
    ] {
        let mut world = World::with(&block, 5);
        world.announce(1, &build(&block, 1, []));
        world.announce(2, &build(&block, 2, []));
        let out = world.answer(1, &block, answer);
        assert_eq!(offences(&out), [(peer(1), offence)]);
        assert_eq!(ask(&out).map(|a| a.0), Some(peer(2)));
    }
}

#[test]
fn nobody_is_blamed_for_a_false_match() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 9);
    // Stands for something else with the same short id: other bytes under the tenth's id.
    let id = crate::chain::object_id(&block.txs[9]);
    world.pool.push((id, tx(999, 77)));
    let out = world.announce(1, &build(&block, 1, []));
    assert_eq!(verdicts(&out), [ignored(1, Ignored::Unknown)]);
    assert_eq!(fetches(&out), Some((&[peer(1)][..], FullReason::Length)));
    let out = world.engine.on_known(block.hash(), Some(&block));
    assert_eq!(out, []);
}

#[test]
fn an_answer_that_nobody_asked_for_changes_nothing() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 5);
    world.announce(1, &build(&block, 1, []));
    let before = world.engine.bytes();
    assert_eq!(world.answer(2, &block, block.txs.clone()), []);
    assert_eq!(world.failure(2, &block, Failure::NotFound), []);
    assert_eq!(world.engine.bytes(), before);
}

#[test]
fn repeats_are_ignored() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 5);
    world.announce(1, &build(&block, 1, []));
    for salt in 1..4 {
        let out = world.announce(1, &build(&block, salt, []));
        assert_eq!(out.len(), 1);
        assert_eq!(verdicts(&out), [ignored(1, Ignored::Duplicate)]);
    }
}

#[test]
fn one_peer_has_two_places_and_strangers_leave_two_to_proven_peers() {
    let (good, _) = new_block(50);
    let mut world = World::with(&good, 10);
    assert!(rebuilt(&world.announce(9, &build(&good, 1, []))).is_some());
    world.pool.clear();
    let mut full = Vec::new();
    for n in 1..=9u64 {
        let (block, _) = new_block(n);
        let from = n.div_ceil(3) as u8;
        let out = world.announce(from, &build(&block, 1, []));
        if verdicts(&out) == [ignored(from, Ignored::Full)] {
            full.push(n);
        }
    }
    assert_eq!(full, [3, 6, 9]);
    let (more, _) = new_block(10);
    let out = world.announce(4, &build(&more, 1, []));
    assert_eq!(verdicts(&out), [ignored(4, Ignored::Full)]);
    assert!(ask(&world.announce(9, &build(&more, 1, []))).is_some());
    assert!(world.engine.len() <= Config::default().blocks);
}

#[test]
fn bytes_in_flight_are_bounded_in_total_and_per_peer() {
    let (block, _) = mined(&txs(0..500, 5000), 1);
    let (other, _) = mined(&txs(0..500, 5000), 2);
    let mut world = World::with(&block, 1);
    let one = block.encoded_len() + 100_000;
    world.engine = Engine::new(Config {
        bytes: 2 * one,
        bytes_per_peer: one,
        ..Config::default()
    });
    assert!(ask(&world.announce(1, &build(&block, 1, []))).is_some());
    let out = world.announce(1, &build(&other, 1, []));
    assert_eq!(verdicts(&out), [ignored(1, Ignored::Full)]);
    assert_eq!(fetches(&out), Some((&[peer(1)][..], FullReason::NoRoom)));
    assert!(world.engine.bytes() <= one);
    let (third, _) = mined(&txs(0..500, 5000), 3);
    assert!(ask(&world.announce(2, &build(&third, 1, []))).is_some());
    let (fourth, _) = mined(&txs(0..500, 5000), 4);
    let out = world.announce(3, &build(&fourth, 1, []));
    assert_eq!(verdicts(&out), [ignored(3, Ignored::Full)]);
    assert!(world.engine.bytes() <= 2 * one);
}

#[test]
fn too_many_announcers_of_a_block_are_not_tried_but_may_be_asked_for_it() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 5);
    for n in 1..=4 {
        world.announce(n, &lie(&block));
    }
    let out = world.announce(5, &build(&block, 5, []));
    assert_eq!(verdicts(&out), [ignored(5, Ignored::Full)]);
    assert_eq!(fetches(&out), None);
    for n in 1..=4 {
        world.failure(n, &block, Failure::NotFound);
    }
    let out = world.announce(6, &build(&block, 6, []));
    assert_eq!(fetches(&out), Some((&[peer(6)][..], FullReason::NoAnswer)));
}

#[test]
fn what_was_given_up_is_forgotten_in_time() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 5);
    world.announce(1, &lie(&block));
    world.failure(1, &block, Failure::Refused);
    assert_eq!(world.engine.len(), 1);
    world.wait(Config::default().given_up);
    assert!(world.engine.is_empty());
    assert_eq!(world.engine.deadline(), None);
}

/// What can happen, with the peer and the block it is about.
#[derive(Clone, Copy, Debug)]
enum Event {
    Announce(bool),
    Header,
    Answer(bool),
    Fail,
    Gone,
    Known,
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => any::<bool>().prop_map(Event::Announce),
        1 => Just(Event::Header),
        3 => any::<bool>().prop_map(Event::Answer),
        1 => Just(Event::Fail),
        1 => Just(Event::Gone),
        1 => Just(Event::Known),
        2 => (0u64..2000).prop_map(Event::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_announce_gets_exactly_one_verdict_and_at_most_one_request(
        events in prop::collection::vec((event(), 1u8..6, 0usize..3), 1..60),
    ) {
        let blocks: Vec<_> = (1..=3).map(new_block).collect();
        let mut world = World::with(&blocks[0].0, 6);
        let (mut announced, mut judged, mut requests, mut made) = (0, 0, 0, 0);
        let mut all = Vec::new();
        for (event, n, at) in events {
            let (block, header) = &blocks[at];
            let out = match event {
                Event::Announce(honest) => {
                    announced += 1;
                    let announce = if honest { build(block, n.into(), []) } else { lie(block) };
                    world.announce(n, &announce)
                }
                Event::Header => {
                    world.engine.on_header(peer(n), header, world.now);
                    Vec::new()
                }
                Event::Answer(whole) => {
                    let items = if whole { block.txs.clone() } else { block.txs[6..].to_vec() };
                    world.answer(n, block, items)
                }
                Event::Fail => world.failure(n, block, Failure::Refused),
                Event::Gone => world.engine.on_gone(peer(n), &world.pool, world.now),
                Event::Known => world.engine.on_known(block.hash(), Some(block)),
                Event::Wait(ms) => world.wait(Duration::from_millis(ms)),
            };
            all.extend(out);
            prop_assert!(world.engine.len() <= Config::default().blocks);
        }
        // Everything ends by itself.
        while world.engine.deadline().is_some() {
            let out = world.wait_until_due();
            all.extend(out);
        }
        prop_assert!(world.engine.is_empty());
        prop_assert_eq!(world.engine.bytes(), 0);
        for output in &all {
            match output {
                Output::Verdict { .. } => judged += 1,
                Output::Block { rebuilt, .. } => {
                    made += 1;
                    let (block, _) = blocks.iter().find(|(b, _)| b.hash() == rebuilt.hash).expect("ours");
                    prop_assert_eq!(&rebuilt.bytes, &block.encode());
                }
                Output::Request { message: Message::GetTx(_), .. } => requests += 1,
                Output::FetchFull { peers, .. } => prop_assert!(!peers.is_empty()),
                _ => {}
            }
        }
        prop_assert_eq!(judged + made, announced);
        prop_assert!(requests <= announced);
    }
}
