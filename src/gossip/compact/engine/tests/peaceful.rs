use super::*;
use crate::registry::MAX_GET_TX;

#[test]
fn a_pool_that_has_everything_gives_the_block_without_a_request() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 10);
    let out = world.announce(1, &build(&block, 1, []));
    let (from, rebuilt) = rebuilt(&out).expect("rebuilt");
    assert_eq!((from, &rebuilt.bytes), (peer(1), &block.encode()));
    assert_eq!((out.len(), world.engine.len()), (1, 0));
}

#[test]
fn what_is_missing_takes_one_round_trip() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 7);
    let out = world.announce(1, &build(&block, 1, [7]));
    let (whom, get) = ask(&out).expect("asked");
    assert_eq!((whom, get.indexes.as_slice()), (peer(1), &[8, 9][..]));
    let out = world.answer(1, &block, serve(&block, &get).expect("fits").txs);
    let (_, rebuilt) = rebuilt(&out).expect("rebuilt");
    assert_eq!(rebuilt.bytes, block.encode());
    assert_eq!(rebuilt.stats.round_trips(), 1);
    assert_eq!((out.len(), world.engine.bytes()), (1, 0));
}

#[test]
fn a_transaction_that_left_the_pool_is_not_asked_for() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 9);
    let last = &block.txs[9];
    let id = crate::chain::object_id(last);
    world.engine.extra_mut().insert(id, last);
    assert!(rebuilt(&world.announce(1, &build(&block, 1, []))).is_some());
}

#[test]
fn a_header_without_an_announce_makes_one_be_asked_for() {
    let (block, header) = new_block(1);
    let mut world = World::with(&block, 10);
    world.engine.on_header(peer(1), &header, world.now);
    world.engine.on_header(peer(2), &header, world.now);
    assert_eq!(world.wait(Duration::from_millis(100)), []);
    let out = world.wait(Duration::from_millis(100));
    assert_eq!(asks_announce_of(&out), Some(peer(1)));
    // It does not have it, so the other is asked.
    let out = world.failure(1, &block, Failure::NotFound);
    assert_eq!(asks_announce_of(&out), Some(peer(2)));
    assert!(rebuilt(&world.announce(2, &build(&block, 1, []))).is_some());
}

#[test]
fn an_announce_in_time_spares_the_question() {
    let (block, header) = new_block(1);
    let mut world = World::with(&block, 9);
    world.engine.on_header(peer(1), &header, world.now);
    let (_, get) = ask(&world.announce(2, &build(&block, 1, []))).expect("asked");
    assert_eq!(world.wait(Duration::from_millis(500)), []);
    let out = world.answer(2, &block, serve(&block, &get).expect("fits").txs);
    assert!(rebuilt(&out).is_some());
}

#[test]
fn a_header_that_nobody_answers_for_is_given_up() {
    let (block, header) = new_block(1);
    let mut world = World::with(&block, 10);
    for n in 1..=6 {
        world.engine.on_header(peer(n), &header, world.now);
    }
    let mut asked = Vec::new();
    let out = loop {
        let out = world.wait_until_due();
        match asks_announce_of(&out) {
            Some(peer) => asked.push(peer),
            None => break out,
        }
    };
    assert_eq!(
        asked,
        [1, 2, 3, 4].map(peer),
        "at most as many as announcers"
    );
    assert_eq!(
        fetches(&out),
        None,
        "and whoever did not answer is not asked again"
    );
    assert!(world.engine.deadline().is_some());
}

#[test]
fn a_block_of_which_hardly_anything_is_here_is_fetched_whole_at_once() {
    let (block, header) = mined(&txs(0..MAX_GET_TX as u64 + 1, 0), 1);
    let mut world = World::with(&block, 0);
    world.engine.on_header(peer(2), &header, world.now);
    let out = world.announce(1, &build(&block, 1, []));
    let (peers, reason) = fetches(&out).expect("fetched");
    assert_eq!(peers, [2, 1].map(peer));
    assert!(matches!(reason, FullReason::TooMuchMissing { .. }));
    assert_eq!((ask(&out), asks_announce_of(&out)), (None, None));
}

#[test]
fn the_peers_that_were_first_lately_are_in_high_bandwidth_mode_and_asked_first() {
    let (first, _) = new_block(1);
    let mut world = World::with(&first, 10);
    for n in 1..=5 {
        let (block, _) = new_block(n.into());
        world.pool = known(&block.txs);
        assert!(rebuilt(&world.announce(n, &build(&block, 1, []))).is_some());
    }
    let high: Vec<PeerId> = world.engine.high_bandwidth().copied().collect();
    assert_eq!(high, [5, 4, 3].map(peer));

    let (block, header) = new_block(9);
    world.engine.on_header(peer(1), &header, world.now);
    world.engine.on_header(peer(4), &header, world.now);
    let out = world.wait(Duration::from_millis(200));
    assert_eq!(asks_announce_of(&out), Some(peer(4)));
    // Who does not answer loses the place.
    world.failure(4, &block, Failure::TimedOut);
    let high: Vec<PeerId> = world.engine.high_bandwidth().copied().collect();
    assert_eq!(high, [5, 3].map(peer));
}

#[test]
fn a_block_that_comes_another_way_ends_the_rebuild() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 5);
    assert!(ask(&world.announce(1, &build(&block, 1, []))).is_some());
    world.announce(2, &build(&block, 2, []));
    let out = world.engine.on_known(block.hash(), Some(&block));
    let duplicate = [1, 2].map(|n| ignored(n, Ignored::Duplicate));
    assert_eq!(verdicts(&out), duplicate);
    assert_eq!(world.answer(1, &block, block.txs[5..].to_vec()), []);
    assert!(world.engine.is_empty());
    let out = world.announce(3, &build(&block, 3, []));
    assert_eq!(verdicts(&out), [ignored(3, Ignored::Duplicate)]);
}

#[test]
fn a_peer_that_leaves_is_replaced_by_the_next_announcer() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 5);
    world.announce(1, &build(&block, 1, []));
    world.announce(2, &build(&block, 2, []));
    world.announce(3, &build(&block, 3, []));
    let out = world.engine.on_gone(peer(2), &world.pool, world.now);
    assert_eq!(verdicts(&out), [ignored(2, Ignored::Unknown)]);
    let out = world.engine.on_gone(peer(1), &world.pool, world.now);
    let (whom, get) = ask(&out).expect("asked");
    assert_eq!(whom, peer(3));
    let out = world.answer(3, &block, serve(&block, &get).expect("fits").txs);
    assert!(rebuilt(&out).is_some());
}

#[test]
fn a_block_that_could_not_be_imported_here_is_welcome_again() {
    let (block, _) = new_block(1);
    let mut world = World::with(&block, 10);
    let announce = build(&block, 1, []);
    assert!(rebuilt(&world.announce(1, &announce)).is_some());
    let again = world.announce(2, &announce);
    assert_eq!(verdicts(&again), [ignored(2, Ignored::Duplicate)]);
    world.engine.on_lost(&block.hash());
    assert!(rebuilt(&world.announce(2, &announce)).is_some());
}
