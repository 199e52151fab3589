//! What events do to scores.

use super::*;
use crate::offence::Offence;

#[test]
fn every_event_moves_the_score_by_its_figure() {
    let cases = [
        (Event::ValidMessage, 0.001),
        (Event::InvalidMessage, -0.1),
        (Event::Timeout, -0.05),
        (Event::Connected, 0.005),
        (Event::Disconnected, 0.0),
        (Event::TransferDone, 0.01),
        (Event::TransferFailed, -0.05),
        (Event::IouCreated, 0.005),
        (Event::IouRedeemed, 0.02),
        (Event::IouDefaulted, -0.1),
        (Event::PingResponded, 0.001),
        (Event::PingTimeout, -0.01),
        (Event::Offence(Offence::MalformedMessage), -0.1),
        (Event::Offence(Offence::UnknownFlags), -0.05),
        (Event::Offence(Offence::MeshAbuse), -0.2),
        (Event::Offence(Offence::BadSignature), -0.5),
        (Event::Recommended, 0.0),
        (Event::Probation, 0.0),
    ];
    for (event, delta) in cases {
        let (mut bench, peer) = (Bench::new(), PeerId::random());
        let change = bench.see(&peer, event);
        assert!(near(change.before, 0.5), "{event}");
        assert!(near(change.after, 0.5 + delta), "{event}: {change:?}");
    }
}

#[test]
fn a_magnitude_multiplies_and_is_bounded() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    let lot = Magnitude::new(1e9).unwrap();
    let seen = Observation::of(Event::TransferDone).times(lot);
    let change = bench.engine.observe(&peer, &seen, bench.now());
    assert!(near(change.after, 0.6));
    let none = Observation::of(Event::InvalidMessage).times(Magnitude::new(0.0).unwrap());
    let change = bench.engine.observe(&peer, &none, bench.now());
    assert!(near(change.after, 0.6));
}

#[test]
fn a_score_stays_between_zero_and_one() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    for _ in 0..50 {
        bench.see_times(&peer, Event::IouRedeemed, 100);
        bench.clock.advance(MINUTE * 5);
    }
    let best = bench.score(&peer);
    assert!((0.95..=1.0).contains(&best), "{best}");
    bench.see_times(&peer, Event::InvalidMessage, 100);
    assert_eq!(bench.score(&peer), 0.0);
}

#[test]
fn a_flood_of_valid_messages_buys_off_one_invalid_one_at_most() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    bench.see_times(&peer, Event::ValidMessage, 1_000_000);
    assert!(near(bench.score(&peer), 0.6));
    bench.see_times(&peer, Event::InvalidMessage, 2);
    bench.see_times(&peer, Event::ValidMessage, 1_000_000);
    assert!(near(bench.score(&peer), 0.4));
}

#[test]
fn a_score_returns_to_the_initial_one_from_both_sides() {
    let (mut bench, good, bad) = (Bench::new(), PeerId::random(), PeerId::random());
    bench.see_times(&good, Event::IouRedeemed, 5);
    bench.see_times(&bad, Event::InvalidMessage, 3);
    for steps in [1, 11, 276] {
        bench.clock.advance(MINUTE * 5 * steps);
    }
    // 288 steps at once and one by one are the same number.
    let left = 0.99_f64.powi(288);
    assert!(near(bench.score(&good), 0.5 + 0.1 * left));
    assert!(near(bench.score(&bad), 0.5 - 0.3 * left));
    bench.see(&good, Event::Disconnected);
    assert!(near(bench.score(&good), 0.5 + 0.1 * left));
}

#[test]
fn a_timeout_counts_only_while_our_own_link_is_healthy() {
    let slow = [Event::Timeout, Event::TransferFailed, Event::PingTimeout];
    for event in slow {
        let (mut bench, peer) = (Bench::new(), PeerId::random());
        let unsure = Observation::of(event);
        let change = bench.engine.observe(&peer, &unsure, bench.now());
        assert_eq!(change.after, 0.5, "{event}");
        assert_eq!(bench.view(&peer).excused, 1);
        assert_eq!(bench.view(&peer).statistics.responsiveness, 0.5);
        assert!(bench.see(&peer, event).after < 0.5, "{event}");
        assert!(bench.view(&peer).statistics.responsiveness < 0.5);
    }
}

#[test]
fn below_the_threshold_a_peer_cools_down_and_gets_another_chance() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    bench.see_times(&peer, Event::InvalidMessage, 4);
    assert!(bench.engine.standing(&peer, bench.now()).is_served());
    let change = bench.see(&peer, Event::InvalidMessage);
    let cool_down = MINUTE * 10;
    assert_eq!(change.crossed, Some(Crossing::Below { cool_down }));
    let standing = |bench: &Bench| bench.engine.standing(&peer, bench.now());
    assert_eq!(standing(&bench).retry_in, Some(cool_down));
    bench.clock.advance(cool_down - Duration::from_millis(1));
    assert!(!standing(&bench).is_served());
    bench.clock.advance(Duration::from_millis(1));
    assert!(standing(&bench).is_served());
    assert!(near(bench.score(&peer), 0.1));
    // The next fault ends the chance, for twice as long.
    let change = bench.see(&peer, Event::Timeout);
    let twice = cool_down * 2;
    assert_eq!(change.crossed, Some(Crossing::Below { cool_down: twice }));
    let names: Vec<_> = bench.view(&peer).events.iter().map(|e| e.event).collect();
    assert!(names.contains(&Event::Probation));
}

#[test]
fn cool_downs_stop_growing_and_are_forgotten_in_good_times() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    let lie = Event::Offence(Offence::BadProof);
    let mut last = Duration::ZERO;
    for _ in 0..20 {
        let Some(Crossing::Below { cool_down }) = bench.see(&peer, lie).crossed else {
            panic!("a lie was let pass");
        };
        last = cool_down;
        bench.clock.advance(cool_down);
    }
    assert_eq!(last, MINUTE * 10 * 64);
    bench.clock.advance(HOUR * 24);
    let Some(Crossing::Below { cool_down }) = bench.see(&peer, lie).crossed else {
        panic!("a lie was let pass");
    };
    assert_eq!(cool_down, MINUTE * 10);
}

#[test]
fn an_operator_sets_a_score_exactly_and_ends_a_cool_down() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    let friend = bench.friend(1.0);
    bench.say(&friend, &peer, 1.0).unwrap();
    bench.see(&peer, Event::Offence(Offence::BadProof));
    let change = bench.see(&peer, Event::Operator(Score::new(0.8).unwrap()));
    assert_eq!(change.crossed, Some(Crossing::Above));
    assert!(near(change.after, 0.8));
    assert!(bench.engine.standing(&peer, bench.now()).is_served());
    assert_eq!(bench.view(&peer).falls, 0);
}

#[test]
fn whoever_reconnects_all_the_time_earns_what_one_connection_earns() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    for _ in 0..1_000 {
        bench.see(&peer, Event::Connected);
        bench.see(&peer, Event::Disconnected);
    }
    assert!(near(bench.score(&peer), 0.505));
}

#[test]
fn the_reputation_has_three_parts() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    let of = |bench: &Bench| bench.engine.standing(&peer, bench.now()).reputation;
    assert!(near(of(&bench), 0.5));
    bench.see(&peer, Event::ValidMessage);
    let view = bench.view(&peer);
    assert!(near(view.statistics.valid, 2.0 / 3.0));
    let statistics = (2.0 / 3.0 + 0.5 + 0.5) / 3.0;
    assert!(near(of(&bench), 0.6 * 0.501 + 0.2 * 0.5 + 0.2 * statistics));
    bench.see(&peer, Event::InvalidMessage);
    let view = bench.view(&peer);
    assert!((view.trend + 0.1).abs() < 1e-4);
    let statistics = (0.5 + 0.5 + 0.5) / 3.0;
    let expected = 0.6 * 0.401 + 0.2 * (0.5 + view.trend) + 0.2 * statistics;
    assert!(near(of(&bench), expected));
}

#[test]
fn a_fast_answer_makes_a_better_reputation_than_a_slow_one() {
    let (mut bench, fast, slow) = (Bench::new(), PeerId::random(), PeerId::random());
    for (peer, ms) in [(&fast, 20), (&slow, 3_000)] {
        let seen = Observation::of(Event::PingResponded).after(Duration::from_millis(ms));
        bench.engine.observe(peer, &seen, bench.now());
    }
    let of = |peer| bench.engine.standing(peer, bench.now());
    assert_eq!(of(&fast).score, of(&slow).score);
    assert!(of(&fast).reputation > of(&slow).reputation);
    assert_eq!(bench.view(&slow).rtt, Some(Duration::from_secs(3)));
}

#[test]
fn this_node_has_no_score() {
    let mut bench = Bench::new();
    let local = bench.local;
    bench.see_times(&local, Event::InvalidMessage, 9);
    assert_eq!(bench.score(&local), 0.5);
    assert_eq!(bench.engine.stats(bench.now()).peers, 0);
}

#[test]
fn stepping_the_wall_clock_by_hours_moves_no_score_and_no_cool_down() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    bench.see(&peer, Event::Offence(Offence::BadProof));
    let before = bench.engine.standing(&peer, bench.now());
    for wall_ms in [0, WALL_MS - 36_000_000, WALL_MS + 36_000_000, u64::MAX] {
        bench.clock.step_wall_to_ms(wall_ms);
        assert_eq!(bench.engine.standing(&peer, bench.now()), before);
        bench.see(&PeerId::random(), Event::ValidMessage);
    }
}

#[test]
fn lists_are_in_order_and_bounded() {
    let mut bench = Bench::new();
    let scores = [0.9, 0.2, 0.75, 0.6];
    let peers: Vec<_> = scores.iter().map(|s| bench.friend(*s)).collect();
    let best = Select::Best {
        min: 0.7,
        count: usize::MAX,
    };
    let of = |views: Vec<View>| views.iter().map(|v| v.peer).collect::<Vec<_>>();
    let best = of(bench.engine.list(best, bench.now()));
    assert_eq!(best, [peers[0], peers[2]]);
    let worst = bench.engine.list(Select::Worst { count: 2 }, bench.now());
    assert_eq!(of(worst), [peers[3], peers[1]]);
    let trusted = bench.engine.trusted(0.7, 1, bench.now());
    assert_eq!(trusted, [(peers[0], 0.9)]);
}
