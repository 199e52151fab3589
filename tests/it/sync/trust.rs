//! Trust decides whom to ask first, and nothing else.

use std::{sync::Arc, time::Duration};

use animica_p2p::{PeerId, chain::MemoryStore, sync::Input, trust::Score};

use super::{
    chains::chain,
    model::{Link, Manner},
    world::World,
};

const MINUTE: Duration = Duration::from_secs(60);

/// A peer with a score, which the engine learns right after the peer.
fn scored(world: &mut World, store: &Arc<MemoryStore>, manner: Manner, score: f64) -> PeerId {
    let link = Link::DSL;
    let peer = world.peer(store, manner, link);
    let score = Score::new(score).unwrap();
    world.input(link.rtt, Input::Trust { peer, score });
    peer
}

/// Whom the engine asks first: for headers when the peer that led them is gone, and for bodies.
fn first_choices(seed: u64, scores: [f64; 2]) -> [Vec<bool>; 2] {
    let target = chain(1200, 1, 1);
    let mut world = World::new(seed);
    let link = Link {
        rtt: Duration::from_millis(1),
        ..Link::DSL
    };
    let lead = world.peer(&target, Manner::KeepsBodies, link);
    let two = scores.map(|score| scored(&mut world, &target, Manner::Honest, score));
    let tried = |w: &World| two.iter().all(|peer| w.asked.contains(&(*peer, false)));
    assert!(world.run_until(MINUTE, tried));
    // Both have answered by now.
    world.run_until(Duration::from_millis(60), |_| false);
    world.down_at(world.now, lead);
    let before = world.asked.len();
    world.must_reach(&target, MINUTE);
    let asked = world.asked.split_off(before);
    let is_second = |bodies: bool| {
        let of_kind = asked.iter().filter(|(_, b)| *b == bodies);
        of_kind.map(|(peer, _)| *peer == two[1]).collect()
    };
    [is_second(false), is_second(true)]
}

#[test]
fn of_two_peers_alike_the_distrusted_one_is_asked_last() {
    for seed in 0..4 {
        let [headers, bodies] = first_choices(seed, [0.31, 0.9]);
        assert!(headers[0] && bodies[0], "{headers:?} {bodies:?}");
        assert!(bodies.contains(&false), "it has its share all the same");
        let [headers, bodies] = first_choices(seed, [0.9, 0.31]);
        assert!(!headers[0] && !bodies[0], "{headers:?} {bodies:?}");
        assert!(bodies.contains(&true));
    }
}

#[test]
fn trust_does_not_make_a_slow_peer_fast() {
    let target = chain(1200, 2, 1);
    let time = |score: f64| {
        let mut world = World::new(1);
        world.peer(&target, Manner::Honest, Link::SLOW);
        let fast = world.peer(&target, Manner::Honest, Link::LAN);
        let score = Score::new(score).unwrap();
        world.input(Link::LAN.rtt, Input::Trust { peer: fast, score });
        world.must_reach(&target, 10 * MINUTE)
    };
    let (like_all, doubted) = (time(0.5), time(0.3));
    assert!(doubted <= like_all * 2, "{doubted:?}, {like_all:?}");
}

#[test]
fn nobody_is_too_distrusted_to_be_asked_when_nobody_else_has_it() {
    let target = chain(300, 1, 1);
    for manner in [Manner::Stalls, Manner::KeepsBodies, Manner::StallsAfter(3)] {
        let mut world = World::new(1);
        scored(&mut world, &target, Manner::Honest, 0.0);
        scored(&mut world, &target, manner, 1.0);
        world.must_reach(&target, 2 * MINUTE);
        assert_eq!(world.penalties, []);
    }
}

#[test]
fn peers_that_are_trusted_alike_are_asked_as_if_trust_were_unknown() {
    let target = chain(900, 2, 1);
    let manners = || {
        [
            Manner::Honest,
            Manner::Flaky(3),
            Manner::OftenBusy,
            Manner::Late(Duration::from_secs(2)),
        ]
    };
    for seed in 0..8 {
        let run = |score: Option<f64>| {
            let mut world = World::new(seed);
            for manner in manners() {
                match score {
                    Some(score) => scored(&mut world, &target, manner, score),
                    None => world.peer(&target, manner, Link::DSL),
                };
            }
            world.must_reach(&target, 5 * MINUTE);
            (world.asked, world.now)
        };
        let unknown = run(None);
        for score in [0.0, 0.35, 1.0] {
            assert_eq!(run(Some(score)), unknown, "seed {seed}, score {score}");
        }
    }
}
