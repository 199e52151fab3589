//! The audit trail.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::offence::Offence;

/// The trail as a store keeps it.
#[derive(Default)]
struct Store(BTreeMap<u64, Vec<u8>>);

impl Store {
    fn write(&mut self, rows: Rows) {
        let expired: Vec<_> = rows.expired_keys().collect();
        for row in rows.audit {
            assert!(row.bytes.len() <= MAX_AUDIT_ROW);
            assert!(self.0.insert(row.seq, row.bytes).is_none());
        }
        for key in expired {
            self.0.remove(&u64::from_be_bytes(key));
        }
    }

    fn bytes(&self) -> u64 {
        self.0.values().map(|row| row.len() as u64 + 8).sum()
    }

    fn events(&self) -> Vec<AuditEvent> {
        let rows = self.0.values();
        rows.map(|row| AuditEvent::decode(row).unwrap()).collect()
    }

    fn rows(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = self.0.iter();
        rows.map(|(seq, row)| (seq.to_be_bytes().to_vec(), row.clone()))
            .collect()
    }
}

#[test]
fn a_million_events_stay_within_the_configured_size() {
    let mut bench = Bench::with(|c| {
        (c.audit_max_rows, c.audit_max_bytes) = (20_000, 2 * 1024 * 1024);
    });
    let peers: Vec<_> = (0..2_000).map(|_| PeerId::random()).collect();
    let mut store = Store::default();
    for i in 0..1_000_000_usize {
        let peer = peers[i % peers.len()];
        // Every event differs from the one before, so that none is put together with another.
        let text = format!("event {i}");
        let seen = match i / peers.len() % 2 {
            0 => Observation::of(Event::ValidMessage).because(&text),
            _ => Observation::of(Event::InvalidMessage).because(&text),
        };
        bench.engine.observe(&peer, &seen, bench.now());
        if i % 10_000 == 0 {
            bench.clock.advance(MINUTE * 6);
            store.write(bench.engine.take_rows(false, bench.clock.now()));
            assert!(store.0.len() <= 20_000);
            assert!(store.bytes() <= 2 * 1024 * 1024);
        }
    }
    store.write(bench.engine.take_rows(true, bench.now()));
    let stats = bench.engine.stats(bench.now());
    assert_eq!(stats.audit_rows, store.0.len() as u64);
    assert_eq!(stats.audit_bytes, store.bytes());
    assert_eq!(stats.audit_lost, 0);
    assert!(store.0.len() > 15_000, "{}", store.0.len());
    assert!(store.bytes() <= 2 * 1024 * 1024);
}

#[test]
fn a_flood_of_like_events_is_one_row_that_adds_up() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    bench.see(&peer, Event::Connected);
    for _ in 0..60 {
        bench.see_times(&peer, Event::ValidMessage, 1_000);
        bench.see(&peer, Event::PingResponded);
        bench.clock.advance(Duration::from_secs(1));
    }
    let mut store = Store::default();
    store.write(bench.engine.take_rows(false, bench.now()));
    assert!(store.0.is_empty(), "they are put together for five minutes");
    bench.clock.advance(MINUTE * 5);
    store.write(bench.engine.take_rows(false, bench.now()));
    let events = store.events();
    assert_eq!(events.len(), 3);
    let valid = events.iter().find(|e| e.event == Event::ValidMessage);
    let valid = valid.unwrap();
    assert_eq!((valid.peer, valid.count), (peer, 60_000));
    assert_eq!(valid.last_ms - valid.first_ms, 59_000);
    let sum: f64 = events.iter().map(|e| e.delta).sum();
    assert!((sum - 0.1).abs() < 1e-6, "{sum}");
}

#[test]
fn bad_news_is_written_at_once_with_its_evidence() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    let lie = Event::Offence(Offence::BadProof);
    let seen = Observation::of(lie).because("sample 7 of blob\n00ff does not verify");
    bench.engine.observe(&peer, &seen, bench.now());
    bench.see(&peer, Event::Timeout);
    let mut store = Store::default();
    store.write(bench.engine.take_rows(false, bench.now()));
    let events = store.events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].event, lie);
    assert!(near(events[0].delta, -0.5));
    let evidence = events[0].evidence.as_deref();
    assert_eq!(evidence, Some("sample 7 of blob?00ff does not verify"));
    assert_eq!((events[0].first_ms, events[0].after), (WALL_MS, 0.0));
}

#[test]
fn a_flood_of_evidence_does_not_wash_the_trail() {
    let (mut bench, peer) = (Bench::new(), PeerId::random());
    bench.see(&peer, Event::Connected);
    for i in 0..10_000 {
        let text = format!("request {i}");
        let seen = Observation::of(Event::Timeout).because(&text);
        bench.engine.observe(&peer, &seen, bench.now());
    }
    let mut store = Store::default();
    store.write(bench.engine.take_rows(true, bench.now()));
    assert!(store.0.len() < 50, "{}", store.0.len());
    let events = store.events();
    let timeouts = events.iter().filter(|e| e.event == Event::Timeout);
    assert_eq!(timeouts.map(|e| e.count).sum::<u64>(), 10_000);
}

#[test]
fn rows_expire_by_age_and_a_wrong_clock_expires_none_while_running() {
    let mut bench = Bench::with(|c| c.audit_max_age = 3_600);
    let mut store = Store::default();
    for _ in 0..4 {
        for _ in 0..100 {
            bench.see(&PeerId::random(), Event::InvalidMessage);
        }
        store.write(bench.engine.take_rows(false, bench.now()));
        bench.clock.advance(MINUTE * 15);
    }
    bench.clock.step_wall_to_ms(WALL_MS + 100 * 3_600_000);
    store.write(bench.engine.take_rows(false, bench.now()));
    assert_eq!(store.0.len(), 400);
    bench.clock.advance(MINUTE * 16);
    store.write(bench.engine.take_rows(false, bench.now()));
    assert!((200..400).contains(&store.0.len()), "{}", store.0.len());
}

#[test]
fn a_restart_goes_on_where_the_trail_ended() {
    let mut bench = Bench::with(|c| c.audit_max_rows = 1_024);
    let mut store = Store::default();
    for _ in 0..1_000 {
        bench.see(&PeerId::random(), Event::InvalidMessage);
    }
    store.write(bench.engine.take_rows(true, bench.now()));
    let mut rows = store.rows();
    rows.insert(500, (vec![1, 2], vec![]));
    let config = bench.engine.config().clone();
    let (engine, loaded) = Engine::load(config, bench.local, [], rows, bench.now()).unwrap();
    assert_eq!((loaded.events, loaded.bad_events.len()), (1_000, 1));
    bench.engine = engine;
    for _ in 0..1_000 {
        bench.see(&PeerId::random(), Event::InvalidMessage);
    }
    store.write(bench.engine.take_rows(true, bench.now()));
    assert!((900..=1_024).contains(&store.0.len()), "{}", store.0.len());
    assert_eq!(store.0.keys().next_back(), Some(&1_999));
}

#[test]
fn a_damaged_number_makes_no_endless_range() {
    let mut bench = Bench::with(|c| c.audit_max_age = 60);
    let mut store = Store::default();
    bench.see(&PeerId::random(), Event::InvalidMessage);
    store.write(bench.engine.take_rows(true, bench.now()));
    let row = store.0[&0].clone();
    let seqs = [0, 1, 1 << 60, u64::MAX / 2, u64::MAX];
    let rows = seqs.map(|seq| (seq.to_be_bytes().to_vec(), row.clone()));
    let config = bench.engine.config().clone();
    let (mut engine, loaded) = Engine::load(config, bench.local, [], rows, bench.now()).unwrap();
    assert_eq!((loaded.events, loaded.bad_events.len()), (4, 1));
    bench.clock.advance(MINUTE * 2);
    let rows = engine.take_rows(true, bench.now());
    let expired: Vec<_> = rows.expired_keys().map(u64::from_be_bytes).collect();
    assert_eq!(expired, seqs[..4]);
}

#[test]
fn nobody_who_takes_the_rows_costs_the_oldest_of_them() {
    let mut bench = Bench::with(|c| {
        c.max_peers = 64;
        c.audit_max_rows = 1 << 20;
        c.audit_max_bytes = 1 << 30;
    });
    for _ in 0..66_000 {
        bench.see(&PeerId::random(), Event::InvalidMessage);
    }
    let rows = bench.engine.take_rows(true, bench.now());
    assert_eq!(rows.audit.len(), 65_536);
    assert_eq!(bench.engine.stats(bench.now()).audit_lost, 66_000 - 65_536);
}

fn event() -> impl Strategy<Value = AuditEvent> {
    let offence = prop::sample::select(Offence::ALL).prop_map(Event::Offence);
    let plain = prop::sample::select(vec![Event::Timeout, Event::Recommended]);
    let evidence = prop::option::of("[a-z ]{0,160}");
    (
        prop_oneof![offence, plain],
        any::<[u64; 2]>(),
        1..u64::MAX,
        -1000.0..1000.0_f64,
        0.0..=1.0_f64,
        evidence,
    )
        .prop_map(|(event, [first_ms, last_ms], count, delta, after, text)| {
            let nano = |x: f64| (x * 1e9).round() / 1e9;
            AuditEvent {
                peer: PeerId::random(),
                event,
                first_ms,
                last_ms,
                count,
                delta: nano(delta),
                after: nano(after),
                evidence: text.map(Into::into),
            }
        })
}

proptest! {
    #[test]
    fn a_row_holds_the_event_it_was_made_of(event in event()) {
        let row = event.encode();
        prop_assert!(row.len() <= MAX_AUDIT_ROW);
        prop_assert_eq!(AuditEvent::decode(&row).unwrap(), event);
    }

    #[test]
    fn no_bytes_are_taken_for_another_row(event in event(), at in 0_usize..400, with: u8) {
        let mut row = event.encode();
        let at = at % row.len();
        row[at] = with;
        if let Ok(read) = AuditEvent::decode(&row) {
            let again = AuditEvent::decode(&read.encode());
            prop_assert_eq!(again.unwrap(), read);
        }
    }
}
