//! Picks, rests, tests of old peers, outages and clocks.

use std::{collections::HashSet, time::Duration};

use super::{super::Place, *};

const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn every_second_pick_was_reached_before() {
    let mut world = World::new(Scope::Public);
    for n in 0..30 {
        world.reach(n, &host(n, 1));
        world.learn(100 + n, &host(100 + n, 1), exchange(n));
    }
    let mut seen = HashSet::new();
    for n in 0..60 {
        let picked = world.pick().unwrap();
        assert_eq!(picked.proven, n % 2 == 0);
        assert!(seen.insert(picked.peer), "picked while it is being dialled");
        let now = world.now();
        world.book.attempt(&picked.peer, &picked.addresses[0], now);
    }
    assert_eq!(world.pick(), None);
    world.clock.advance(Duration::from_secs(60));
    assert!(world.pick().is_some());
}

#[test]
fn a_full_bucket_is_picked_no_more_often_than_one_with_a_single_peer() {
    let mut world = World::new(Scope::Public);
    for n in 0..1_000 {
        world.learn(1_000 + n, &host(1, n), exchange(1));
    }
    world.learn(1, &host(500, 1), exchange(500));
    let picks = (0..400)
        .filter(|_| world.pick().unwrap().peer == id(1))
        .count();
    assert!((140..260).contains(&picks), "{picks} of 400");
}

#[test]
fn only_accepted_addresses_come_along() {
    let mut world = World::new(Scope::Public);
    world.learn(1, &host(1, 1), exchange(1));
    world.learn(1, &host(2, 1), exchange(1));
    let now = world.now();
    let book = &mut world.book;
    let picked = book.pick(&mut world.rng, |_, a| *a == host(2, 1), now);
    assert_eq!(picked.unwrap().addresses, [host(2, 1)]);
    assert_eq!(book.pick(&mut world.rng, |_, _| false, now), None);
}

#[test]
fn rests_double_within_a_quarter_up_to_an_hour() {
    let retry = Retry::default();
    for (failures, base) in [(1, 5_000), (2, 10_000), (5, 80_000), (11, 3_600_000)] {
        for jitter in [0, 1, 77, u64::MAX / 3, u64::MAX] {
            let rest = retry.rest(failures, jitter);
            let (least, most) = (base * 3 / 4, base * 5 / 4);
            assert!((least..=most).contains(&rest), "{failures}: {rest}");
        }
    }
    assert!(retry.rest(u32::MAX, 0) <= 3_600_000);
    let odd = Retry {
        first: Duration::ZERO,
        longest: Duration::MAX,
    };
    assert_eq!(odd.rest(40, 7), 0);
    let endless = Retry {
        first: Duration::MAX,
        longest: Duration::MAX,
    };
    assert!(endless.rest(u32::MAX, u64::MAX) > 0);
}

#[test]
fn a_failed_address_rests_and_a_success_ends_that() {
    let mut world = World::new(Scope::Public);
    world.reach(1, &host(1, 1));
    world.book.failed(&id(1), &host(1, 1), world.now());
    assert_eq!(world.pick(), None);
    world.clock.advance(Duration::from_millis(6_250));
    assert!(world.pick().is_some());
    world.book.failed(&id(1), &host(1, 1), world.now());
    world.book.succeeded(&id(1), &host(1, 1), world.now());
    assert!(world.pick().is_some());
}

#[test]
fn a_stepping_wall_clock_neither_frees_nor_holds_an_address() {
    for step in [START + 6 * 3_600_000, START - 6 * 3_600_000, 0, u64::MAX] {
        let mut world = World::new(Scope::Public);
        world.reach(1, &host(1, 1));
        world.reach(2, &host(2, 1));
        world.book.failed(&id(1), &host(1, 1), world.now());
        world.clock.step_wall_to_ms(step);
        let only = |p: &PeerId, _: &Multiaddr| *p == id(1);
        let now = world.now();
        assert_eq!(world.book.pick(&mut world.rng, only, now), None, "{step}");
        assert_eq!(world.book.prune(now), 0);
        world.clock.advance(Duration::from_secs(7));
        let now = world.now();
        assert!(
            world.book.pick(&mut world.rng, only, now).is_some(),
            "{step}"
        );
    }
}

#[test]
fn a_two_hour_outage_forgets_nobody() {
    let mut world = World::new(Scope::Public);
    for n in 0..300 {
        world.reach(n, &host(n, 1));
        world.learn(1_000 + n, &host(1_000 + n, 1), exchange(n));
    }
    let before = world.book.sizes();
    for _ in 0..2 * 60 * 6 {
        world.clock.advance(Duration::from_secs(10));
        for _ in 0..20 {
            let Some(picked) = world.pick() else { break };
            let now = world.now();
            world.book.attempt(&picked.peer, &picked.addresses[0], now);
            world.book.failed(&picked.peer, &picked.addresses[0], now);
        }
        let now = world.now();
        world.book.prune(now);
    }
    // Whoever comes first after the outage finds nobody gone and takes nobody's place.
    for n in 0..20_000 {
        world.learn(10_000 + n, &host(n, 7), exchange(n));
    }
    assert_eq!(world.book.sizes().1, before.1);
    let gone = (0..300).find(|n| !world.knows(*n) || !world.knows(1_000 + n));
    assert_eq!(gone, None);
    // And everybody is due again within the hour and a quarter.
    world.clock.advance(HOUR + HOUR / 4);
    assert!((0..300).all(|n| world.book.candidate_of(&id(n), world.now()).is_some()));
}

#[test]
fn who_fails_for_a_month_is_forgotten_and_who_was_never_dialled_is_not() {
    let mut world = World::new(Scope::Public);
    for n in 0..3 {
        world.reach(n, &host(n, 1));
    }
    for _ in 0..40 {
        world.clock.advance(24 * HOUR);
        world.book.failed(&id(0), &host(0, 1), world.now());
        // Others work, so it is not us.
        world.book.succeeded(&id(1), &host(1, 1), world.now());
    }
    assert_eq!(world.book.prune(world.now()), 1);
    assert!(!world.knows(0) && world.knows(1) && world.knows(2));
}

#[test]
fn an_address_where_somebody_else_answers_goes_unless_it_ever_was_right() {
    let mut world = World::new(Scope::Public);
    world.learn(1, &host(1, 1), exchange(1));
    world.reach(2, &host(2, 1));
    for n in [1, 2] {
        world.book.misled(&id(n), &host(n, 1), world.now());
    }
    assert!(!world.knows(1) && world.knows(2));
    assert_eq!(world.pick(), None, "it rests");
}

/// A tried table in which the next peer of group 1 has no place.
fn crowded() -> (World, u64) {
    let mut world = World::new(Scope::Public);
    let mut n = 0;
    loop {
        world.reach(n, &host(1, n));
        let place = world.book.entry(&id(n), world.now()).unwrap().place;
        if place == Place::New {
            break;
        }
        n += 1;
    }
    // Nobody has been connected lately, so the next one may ask for a test.
    world.clock.advance(5 * HOUR);
    world.book.succeeded(&id(n), &host(1, n), world.now());
    (world, n)
}

fn place(world: &World, peer: &PeerId) -> Place {
    world.book.entry(peer, world.now()).unwrap().place
}

#[test]
fn a_tried_peer_that_passes_its_test_stays() {
    let (mut world, newcomer) = crowded();
    let test = world.book.next_test(|_| true, world.now()).unwrap();
    assert_eq!(world.book.next_test(|_| true, world.now()), None, "once");
    world
        .book
        .succeeded(&test.peer, &test.addresses[0], world.now());
    assert_eq!(place(&world, &test.peer), Place::Tried);
    assert_eq!(place(&world, &id(newcomer)), Place::New);
}

#[test]
fn a_tried_peer_that_fails_its_test_gives_its_place_and_is_not_forgotten() {
    let (mut world, newcomer) = crowded();
    let test = world.book.next_test(|_| true, world.now()).unwrap();
    world
        .book
        .failed(&test.peer, &test.addresses[0], world.now());
    assert_eq!(place(&world, &test.peer), Place::New);
    assert_eq!(place(&world, &id(newcomer)), Place::Tried);
}

#[test]
fn without_a_test_the_old_peer_stays() {
    let (mut world, newcomer) = crowded();
    assert_eq!(world.book.next_test(|_| false, world.now()), None);
    world.clock.advance(HOUR);
    assert_eq!(world.book.next_test(|_| true, world.now()), None);
    assert_eq!(place(&world, &id(newcomer)), Place::New);
}

#[test]
fn a_connected_peer_and_an_anchor_need_no_test() {
    let (mut world, _) = crowded();
    let test = world.book.next_test(|_| true, world.now()).unwrap();
    world.book.seen(&test.peer, world.now());
    world
        .book
        .failed(&test.peer, &test.addresses[0], world.now());
    assert_eq!(place(&world, &test.peer), Place::Tried);

    let (mut world, _) = crowded();
    let test = world.book.next_test(|_| true, world.now()).unwrap();
    world.book.set_anchors(&[test.peer]);
    world
        .book
        .failed(&test.peer, &test.addresses[0], world.now());
    assert_eq!(place(&world, &test.peer), Place::Tried);
}

#[test]
fn a_dial_that_nobody_announced_counts() {
    let mut world = World::new(Scope::Public);
    world.book.succeeded(&id(1), &host(1, 1), world.now());
    assert_eq!(place(&world, &id(1)), Place::Tried);
    world.book.seen(&id(2), world.now());
    world.book.failed(&id(2), &host(1, 1), world.now());
    assert!(
        !world.knows(2),
        "a connection to us says nothing about where a peer is"
    );
}
