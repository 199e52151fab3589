//! What outlives the node, and clocks that were wrong meanwhile.

use proptest::prelude::*;

use super::*;
use crate::offence::Offence;

type Stored = Vec<(Vec<u8>, Vec<u8>)>;

fn stored(rows: Rows) -> Stored {
    let written = rows.peers.into_iter();
    written.filter_map(|(k, v)| v.map(|v| (k, v))).collect()
}

impl Bench {
    /// Stops the node and starts it when the wall clock shows this.
    fn restart_at(&mut self, wall_ms: u64) -> Loaded {
        let rows = stored(self.engine.take_rows(true, self.now()));
        self.load_at(wall_ms, rows)
    }

    fn load_at(&mut self, wall_ms: u64, rows: Stored) -> Loaded {
        self.clock = ManualClock::at_wall_ms(wall_ms);
        let (config, local) = (self.engine.config().clone(), self.local);
        let (engine, loaded) = Engine::load(config, local, rows, [], self.now()).unwrap();
        self.engine = engine;
        loaded
    }
}

#[test]
fn a_restart_forgets_nothing_that_counts() {
    let mut bench = Bench::new();
    let (peer, subject) = (bench.friend(0.8), PeerId::random());
    let seen = Observation::of(Event::PingResponded).after(Duration::from_millis(80));
    bench.engine.observe(&peer, &seen, bench.now());
    bench.see(&subject, Event::InvalidMessage);
    bench.say(&peer, &subject, 1.0).unwrap();
    bench.see(&subject, Event::Connected);
    bench.clock.advance(HOUR);
    let before = [peer, subject].map(|p| bench.view(&p));
    let loaded = bench.restart_at(bench.now().wall_ms);
    assert_eq!((loaded.peers, loaded.bad_peers.len()), (2, 0));
    for old in before {
        let new = bench.view(&old.peer);
        assert!((new.standing.score - old.standing.score).abs() < 1e-6);
        assert!((new.standing.reputation - old.standing.reputation).abs() < 1e-6);
        assert!((new.recommended - old.recommended).abs() < 1e-6);
        assert_eq!(new.counts, old.counts);
        assert_eq!(new.first_seen_ms, old.first_seen_ms);
        assert_eq!(new.interactions, old.interactions);
        assert!(!new.connected);
    }
    assert_eq!(bench.say(&peer, &subject, 1.0), Err(Refused::Repeated));
    assert_eq!(stored(bench.engine.take_rows(false, bench.now())).len(), 0);
}

#[test]
fn only_what_changed_is_written() {
    let (mut bench, a, b) = (Bench::new(), PeerId::random(), PeerId::random());
    bench.see(&a, Event::ValidMessage);
    bench.see(&b, Event::ValidMessage);
    assert_eq!(stored(bench.engine.take_rows(false, bench.now())).len(), 2);
    assert!(bench.engine.take_rows(false, bench.now()).is_empty());
    bench.see(&b, Event::ValidMessage);
    let rows = stored(bench.engine.take_rows(false, bench.now()));
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].0, b.to_bytes());
}

#[test]
fn decay_goes_on_while_the_node_is_off_for_a_day_at_most() {
    let mut bench = Bench::new();
    let peer = bench.friend(0.9);
    let rows = stored(bench.engine.take_rows(true, bench.now()));
    bench.load_at(WALL_MS + 3_600_000, rows.clone());
    let hour = 0.5 + 0.4 * 0.99_f64.powi(12);
    assert!((bench.score(&peer) - hour).abs() < 1e-6);
    bench.load_at(WALL_MS + 400 * 86_400_000, rows);
    let day = 0.5 + 0.4 * 0.99_f64.powi(288);
    assert!((bench.score(&peer) - day).abs() < 1e-6);
}

#[test]
fn a_clock_that_went_back_hours_changes_no_score_and_prolongs_no_cool_down() {
    let mut bench = Bench::new();
    let (good, liar) = (bench.friend(0.9), PeerId::random());
    bench.see(&liar, Event::Offence(Offence::BadProof));
    bench.clock.advance(MINUTE * 4);
    bench.restart_at(WALL_MS - 10 * 3_600_000);
    assert!((bench.score(&good) - 0.9).abs() < 1e-6);
    let standing = bench.engine.standing(&liar, bench.now());
    assert_eq!(standing.retry_in, Some(MINUTE * 10));
    assert!(bench.view(&good).last_seen_ms <= bench.now().wall_ms);
    bench.clock.advance(MINUTE * 10);
    assert!(bench.engine.standing(&liar, bench.now()).is_served());
}

#[test]
fn a_clock_that_went_ahead_hours_makes_no_liar_a_friend() {
    let mut bench = Bench::new();
    let (good, liar) = (bench.friend(0.9), PeerId::random());
    bench.see(&liar, Event::Offence(Offence::BadProof));
    bench.restart_at(WALL_MS + 10 * 3_600_000);
    let standing = bench.engine.standing(&liar, bench.now());
    assert!(standing.score < 0.5, "{standing:?}");
    assert!(bench.score(&good) > 0.5);
    // One fault more, and it is out again for twice as long.
    let change = bench.see(&liar, Event::Offence(Offence::BadProof));
    let cool_down = MINUTE * 20;
    assert_eq!(change.crossed, Some(Crossing::Below { cool_down }));
}

#[test]
fn a_cool_down_outlives_a_restart() {
    let (mut bench, liar) = (Bench::new(), PeerId::random());
    bench.see(&liar, Event::Offence(Offence::BadProof));
    bench.clock.advance(MINUTE * 4);
    bench.restart_at(bench.now().wall_ms + 60_000);
    let standing = bench.engine.standing(&liar, bench.now());
    assert_eq!(standing.retry_in, Some(MINUTE * 5));
}

#[test]
fn damaged_rows_are_named_and_left_out() {
    let mut bench = Bench::new();
    let peer = bench.friend(0.7);
    let mut rows = stored(bench.engine.take_rows(true, bench.now()));
    rows.push((b"no peer".to_vec(), rows[0].1.clone()));
    rows.push((PeerId::random().to_bytes(), vec![0xa0]));
    rows.push((bench.local.to_bytes(), rows[0].1.clone()));
    let config = Config::default();
    let (engine, loaded) = Engine::load(config, bench.local, rows, [], bench.now()).unwrap();
    assert_eq!((loaded.peers, loaded.bad_peers.len()), (1, 3));
    assert!((engine.standing(&peer, bench.now()).score - 0.7).abs() < 1e-6);
}

proptest! {
    #[test]
    fn no_row_makes_a_score_that_is_none(at in 0_usize..1_000, with: u8, wall_ms: u64) {
        let mut bench = Bench::new();
        let (peer, other) = (bench.friend(0.8), bench.friend(0.9));
        bench.say(&other, &peer, 1.0).unwrap();
        let mut rows = stored(bench.engine.take_rows(true, bench.now()));
        for (_, row) in &mut rows {
            let at = at % row.len();
            row[at] = with;
        }
        bench.clock = ManualClock::at_wall_ms(wall_ms);
        let config = Config::default();
        let (engine, _) = Engine::load(config, bench.local, rows, [], bench.now()).unwrap();
        bench.engine = engine;
        for _ in 0..3 {
            let standing = bench.engine.standing(&peer, bench.now());
            prop_assert!((0.0..=1.0).contains(&standing.score));
            prop_assert!((0.0..=1.0).contains(&standing.reputation));
            prop_assert!(bench.see(&peer, Event::Connected).after <= 1.0);
            bench.clock.advance(HOUR * 1_000);
        }
    }
}
