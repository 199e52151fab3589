//! What strangers can make grow, and whom they can wash out.

use proptest::prelude::*;

use super::*;
use crate::offence::Offence;

#[test]
fn many_ids_wash_out_no_bad_record_no_connected_peer_and_no_friend() {
    let mut bench = Bench::with(|c| c.max_peers = 256);
    let connected: Vec<_> = (0..20).map(|_| PeerId::random()).collect();
    bench.see_all(&connected, Event::Connected);
    let friends: Vec<_> = (0..20).map(|_| bench.friend(0.9)).collect();
    let liars: Vec<_> = (0..20).map(|_| PeerId::random()).collect();
    let lie = Event::Offence(Offence::BadProof);
    bench.see_all(&liars, lie);
    bench.take();
    for i in 0..10_000 {
        let sybil = PeerId::random();
        bench.see(&sybil, Event::Connected);
        bench.see_times(&sybil, Event::ValidMessage, i % 5);
        bench.see(&sybil, Event::Disconnected);
    }
    assert!(bench.engine.stats(bench.now()).peers <= 256);
    for peer in connected.iter().chain(&friends).chain(&liars) {
        assert!(
            !bench
                .engine
                .list(Select::One(*peer), bench.now())
                .is_empty()
        );
    }
    for liar in &liars {
        assert!(!bench.engine.standing(liar, bench.now()).is_served());
    }
}

#[test]
fn bad_records_take_half_of_the_table_and_the_mildest_go_first() {
    let mut bench = Bench::with(|c| c.max_peers = 256);
    let honest: Vec<_> = (0..100).map(|_| PeerId::random()).collect();
    honest
        .iter()
        .for_each(|p| bench.see_times(p, Event::ValidMessage, 30));
    let liar = PeerId::random();
    for _ in 0..3 {
        bench.see(&liar, Event::Offence(Offence::BadProof));
        bench.clock.advance(MINUTE * 10);
    }
    for _ in 0..5_000 {
        bench.see_times(&PeerId::random(), Event::InvalidMessage, 3);
    }
    let known = |p: &&PeerId| !bench.engine.list(Select::One(**p), bench.now()).is_empty();
    assert_eq!(honest.iter().filter(known).count(), 100);
    assert!(known(&&liar));
}

#[test]
fn who_is_evicted_loses_its_row_and_keeps_its_trail() {
    let mut bench = Bench::with(|c| c.max_peers = 64);
    let first: Vec<_> = (0..64).map(|_| PeerId::random()).collect();
    bench.see_all(&first, Event::ValidMessage);
    assert_eq!(bench.take().peers.len(), 64);
    for _ in 0..64 {
        bench.see_times(&PeerId::random(), Event::ValidMessage, 2);
    }
    let rows = bench.take();
    let removed = rows.peers.iter().filter(|(_, row)| row.is_none());
    assert_eq!(removed.count(), 64);
    let valid = |row: &AuditRow| AuditEvent::decode(&row.bytes).unwrap().event;
    let trail = rows
        .audit
        .iter()
        .filter(|r| valid(r) == Event::ValidMessage);
    assert!(trail.count() >= 64);
}

#[test]
fn the_last_events_are_kept_and_no_more() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    bench.see(&peer, Event::Connected);
    for i in 0..100 {
        let text = format!("{i}");
        let seen = Observation::of(Event::ValidMessage).because(&text);
        bench.engine.observe(&peer, &seen, bench.now());
        bench.clock.advance(MINUTE);
    }
    let events = bench.view(&peer).events;
    assert_eq!(events.len(), 32);
    assert_eq!(events[31].evidence.as_deref(), Some("99"));
    bench.see(&peer, Event::Disconnected);
    assert_eq!(bench.view(&peer).events.len(), 8);
}

impl Bench {
    fn take(&mut self) -> Rows {
        self.engine.take_rows(false, self.clock.now())
    }
}

#[derive(Clone, Debug)]
enum Step {
    See(u8, Event, f64, bool),
    Say(u8, u8, f64),
    Wait(u64),
    Jump(u64),
    Take(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let plain = vec![
        Event::ValidMessage,
        Event::InvalidMessage,
        Event::Timeout,
        Event::Connected,
        Event::Disconnected,
        Event::IouRedeemed,
        Event::Probation,
        Event::Operator(Score::new(0.05).unwrap()),
        Event::Operator(Score::new(1.0).unwrap()),
    ];
    let offence = prop::sample::select(Offence::ALL).prop_map(Event::Offence);
    let event = prop_oneof![4 => prop::sample::select(plain), 1 => offence];
    prop_oneof![
        6 => (any::<u8>(), event, 0.0..20.0_f64, any::<bool>())
            .prop_map(|(who, event, much, link)| Step::See(who, event, much, link)),
        3 => (any::<u8>(), any::<u8>(), 0.0..=1.0_f64).prop_map(|(a, b, s)| Step::Say(a, b, s)),
        2 => (0..100_000_000_u64).prop_map(Step::Wait),
        1 => any::<u64>().prop_map(Step::Jump),
        1 => any::<bool>().prop_map(Step::Take),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens in whatever order: scores are scores, recommendations add no more than the
    /// cap, whoever is served is not below the threshold, and tables keep their bounds.
    #[test]
    fn the_invariants_hold(steps in prop::collection::vec(step(), 1..300)) {
        let mut bench = Bench::with(|c| {
            (c.max_peers, c.recommender_min_interactions) = (64, 1);
        });
        let peers: Vec<_> = (0..=255_u8).map(|i| PeerId::from_bytes(&[0, 1, i]).unwrap()).collect();
        for step in steps {
            match step {
                Step::See(who, event, much, link_healthy) => {
                    let magnitude = Magnitude::new(much).unwrap();
                    let seen = Observation {
                        link_healthy,
                        ..Observation::of(event).times(magnitude)
                    };
                    let peer = &peers[usize::from(who)];
                    let change = bench.engine.observe(peer, &seen, bench.now());
                    prop_assert!((0.0..=1.0).contains(&change.after));
                }
                Step::Say(a, b, score) => {
                    let (a, b) = (peers[usize::from(a % 32)], peers[usize::from(b)]);
                    let _ = bench.say(&a, &b, score);
                }
                Step::Wait(ms) => bench.clock.advance(Duration::from_millis(ms)),
                Step::Jump(wall_ms) => bench.clock.step_wall_to_ms(wall_ms),
                Step::Take(all) => drop(bench.engine.take_rows(all, bench.now())),
            }
            let all = Select::Best { min: 0.0, count: usize::MAX };
            let views = bench.engine.list(all, bench.now());
            prop_assert!(views.len() <= 64);
            for view in views {
                prop_assert!((0.0..=1.0).contains(&view.standing.score));
                prop_assert!((0.0..=1.0).contains(&view.standing.reputation));
                prop_assert!((0.0..=0.2 + 1e-9).contains(&view.recommended));
                let added = view.standing.score - view.direct;
                prop_assert!((-1e-12..=0.2 + 1e-9).contains(&added));
                let below = view.direct < 0.1;
                prop_assert!(!below || !view.standing.is_served());
                prop_assert!(view.events.len() <= 32);
            }
        }
    }
}
