use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    clock::Rng,
    dht::{
        Body,
        record::tests::{NETWORK, NOW, signed},
    },
};

const HOUR: Duration = Duration::from_secs(3600);

fn start() -> Now {
    Now {
        mono: Instant::now(),
        wall_ms: NOW,
    }
}

fn after(now: Now, by: Duration) -> Now {
    Now {
        mono: now.mono + by,
        wall_ms: now.wall_ms + by.as_millis() as u64,
    }
}

fn store(limits: Limits) -> Store {
    let me = crate::identity::peer_id_from_digest(Hash32([5; 32]));
    Store::new(me, limits, &mut Rng::seed_from_u64(1))
}

fn named(author: u8, name: u8, edit: impl FnOnce(&mut Body)) -> Verified {
    signed(author, |b| {
        b.name = Some(vec![name]);
        edit(b);
    })
}

const HELD: Source = Source::Held(None);

fn from(place: u64) -> Source {
    Source::Held(Some(Place(place)))
}

/// What the books must say, counted anew.
fn check_books(store: &Store) {
    let mut held = Share::default();
    let mut own = Share::default();
    let mut authors: BTreeMap<Hash32, Share> = BTreeMap::new();
    for entry in store.records.values() {
        if entry.is_own() {
            own = own.plus(entry.size());
        } else {
            held = held.plus(entry.size());
            let share = authors.entry(entry.record.body().author).or_default();
            *share = share.plus(entry.size());
        }
    }
    assert_eq!((store.held, store.own), (held, own));
    let kept: BTreeMap<_, _> = store.authors.iter().map(|(k, v)| (*k, *v)).collect();
    assert_eq!(kept, authors);
    assert_eq!(store.by_distance.len(), held.records);
    assert!(held.bytes <= store.limits.bytes && own.bytes <= store.limits.own_bytes);
}

#[test]
fn the_highest_number_wins_and_a_replay_is_answered_with_ours() {
    let (mut store, now) = (store(Limits::default()), start());
    let (old, new) = (signed(1, |_| ()), signed(1, |b| b.seq = 2));
    assert_eq!(store.insert(old.clone(), HELD, now), Ok(Stored::New));
    assert_eq!(store.insert(old.clone(), HELD, now), Ok(Stored::Same));
    assert_eq!(store.insert(new.clone(), HELD, now), Ok(Stored::Newer));
    let ours = Refused::Stale(Box::new(new.clone()));
    assert_eq!(store.insert(old, HELD, now), Err(ours));
    assert_eq!(store.get(&new.key(), now.mono), Some(&new));
    assert!(store.holds(&new.key(), new.as_bytes(), now.mono));
    assert_eq!(store.stats().records, 1);
}

#[test]
fn two_nodes_agree_whichever_of_two_equals_they_saw_first() {
    let now = start();
    let (a, b) = (signed(1, |_| ()), signed(1, |b| b.value = Some(vec![7])));
    let kept = |first: &Verified, second: &Verified| {
        let mut store = store(Limits::default());
        store.insert(first.clone(), HELD, now).unwrap();
        let _ = store.insert(second.clone(), HELD, now);
        store.get(&a.key(), now.mono).unwrap().id()
    };
    assert_eq!(kept(&a, &b), kept(&b, &a));
}

#[test]
fn a_deleted_value_does_not_come_back() {
    let (mut store, now) = (store(Limits::default()), start());
    let old = signed(1, |b| b.ttl_ms = 7_200_000);
    let gone = signed(1, |b| (b.seq, b.value) = (2, None));
    store.insert(old.clone(), HELD, now).unwrap();
    assert_eq!(store.insert(gone.clone(), HELD, now), Ok(Stored::Newer));
    assert_eq!(store.stats().tombstones, 1);
    let replayed = store.insert(old.clone(), HELD, now);
    assert!(matches!(replayed, Err(Refused::Stale(_))));
    // The tombstone ends before the value would have: its number is still remembered.
    let later = after(now, HOUR);
    assert_eq!(store.expire(later.mono), 1);
    assert_eq!(store.get(&gone.key(), later.mono), None);
    assert_eq!(store.next_seq(&gone.key(), 0), Some(3));
    assert_eq!(store.insert(old.clone(), HELD, later), Err(Refused::Spent));
    let next = signed(1, |b| (b.seq, b.created_ms) = (3, later.wall_ms));
    assert_eq!(store.insert(next, HELD, later), Ok(Stored::New));
    // And forgotten when it no longer matters.
    let end = after(now, 3 * HOUR);
    store.expire(end.mono);
    assert!(store.spent.is_empty() && store.records.is_empty());
    assert_eq!(store.insert(old, HELD, end), Err(Refused::Expired));
}

#[test]
fn steps_of_the_wall_clock_neither_end_nor_prolong_a_life() {
    let (mut store, now) = (store(Limits::default()), start());
    let record = signed(1, |_| ());
    store.insert(record.clone(), HELD, now).unwrap();
    for (name, wall_ms) in [(1, 0), (2, NOW + 50 * 3_600_000)] {
        let stepped = Now { wall_ms, ..now };
        let other = named(2, name, |b| b.created_ms = wall_ms);
        store.insert(other, HELD, stepped).unwrap();
        assert_eq!(store.expire(now.mono + HOUR / 2), 0);
    }
    // By a clock that went back a day the record would live for a day more: it does not.
    let back = Now {
        wall_ms: NOW - 24 * 3_600_000,
        ..now
    };
    store.insert(named(3, 1, |_| ()), HELD, back).unwrap();
    assert_eq!(store.expire(now.mono + HOUR), 4);
    assert_eq!(store.stats(), Stats::default());
}

#[test]
fn an_author_has_as_much_as_one_may() {
    let limits = Limits {
        author_records: 2,
        ..Limits::default()
    };
    let (mut store, now) = (store(limits), start());
    store.insert(named(1, 1, |_| ()), HELD, now).unwrap();
    store.insert(named(1, 2, |_| ()), HELD, now).unwrap();
    let third = named(1, 3, |_| ());
    assert_eq!(
        store.insert(third.clone(), HELD, now),
        Err(Refused::AuthorFull)
    );
    // What is there can be replaced, and others are not concerned.
    let newer = named(1, 2, |b| b.seq = 2);
    assert_eq!(store.insert(newer, HELD, now), Ok(Stored::Newer));
    store.insert(named(2, 1, |_| ()), HELD, now).unwrap();
    // This node's own are counted apart.
    assert_eq!(store.insert(third, Source::Own, now), Ok(Stored::New));
    check_books(&store);
}

#[test]
fn a_place_has_as_much_as_one_may_whoever_the_authors_are() {
    let size = named(1, 1, |_| ()).as_bytes().len() + 4096;
    let limits = Limits {
        place_bytes: 2 * size,
        ..Limits::default()
    };
    let (mut store, now) = (store(limits), start());
    for author in 1..=2 {
        store
            .insert(named(author, 1, |_| ()), from(9), now)
            .unwrap();
    }
    let third = named(3, 1, |_| ());
    assert_eq!(
        store.insert(third.clone(), from(9), now),
        Err(Refused::PlaceFull)
    );
    store.insert(third, from(8), now).unwrap();
    for author in 4..=7 {
        store.insert(named(author, 1, |_| ()), HELD, now).unwrap();
    }
    check_books(&store);
    // What has ended is given back.
    store.expire(now.mono + HOUR);
    assert!(store.places.is_empty() && store.authors.is_empty());
}

#[test]
fn the_farthest_make_room_and_own_records_never_do() {
    let size = named(1, 1, |_| ()).as_bytes().len() + 4096;
    let limits = Limits {
        bytes: 3 * size,
        own_bytes: size,
        ..Limits::default()
    };
    let (mut store, now) = (store(limits), start());
    let own = named(9, 1, |_| ());
    store.insert(own.clone(), Source::Own, now).unwrap();
    let refused = store.insert(named(9, 2, |_| ()), Source::Own, now);
    assert_eq!(refused, Err(Refused::OwnFull));
    let mut all: Vec<Verified> = (1..=8).map(|author| named(author, 1, |_| ())).collect();
    for record in &all {
        let outcome = store.insert(record.clone(), HELD, now);
        assert!(matches!(outcome, Ok(Stored::New) | Err(Refused::Full)));
        check_books(&store);
    }
    all.sort_by_key(|r| store.distance(&r.key()));
    for (rank, record) in all.iter().enumerate() {
        assert_eq!(store.get(&record.key(), now.mono).is_some(), rank < 3);
    }
    assert!(store.get(&own.key(), now.mono).is_some());
}

#[test]
fn a_record_is_sent_on_in_time_and_not_twice() {
    let (mut store, now) = (store(Limits::default()), start());
    let (own, held) = (named(1, 1, |_| ()), named(2, 1, |_| ()));
    store.insert(own.clone(), Source::Own, now).unwrap();
    store.insert(held.clone(), HELD, now).unwrap();
    let mut due = |after: Duration| store.due_republish(now.mono + after, 10);
    assert_eq!(due(OWN_REPUBLISH - Duration::from_secs(1)), []);
    assert_eq!(due(OWN_REPUBLISH), std::slice::from_ref(&own));
    assert_eq!(due(OWN_REPUBLISH), []);
    // Somebody else sends it: wait anew.
    let half = now.mono + HELD_REPUBLISH / 2;
    assert!(store.holds(&held.key(), held.as_bytes(), half));
    let due = store.due_republish(now.mono + HELD_REPUBLISH - 2 * TOO_LATE, 10);
    assert_eq!(due, [own]);
    // What is about to end is left alone.
    assert_eq!(store.due_republish(now.mono + HOUR - TOO_LATE, 10), []);
}

#[test]
fn a_restart_finds_what_was_there() {
    let (mut first, now) = (store(Limits::default()), start());
    first.insert(named(1, 1, |_| ()), Source::Own, now).unwrap();
    first.insert(named(2, 1, |_| ()), from(4), now).unwrap();
    first
        .insert(named(3, 1, |b| b.ttl_ms = 1000), HELD, now)
        .unwrap();
    let foreign = signed(1, |b| b.genesis = Hash32::ZERO);
    first.insert(foreign.clone(), HELD, now).unwrap();
    let mut rows: BTreeMap<Key, Vec<u8>> = BTreeMap::new();
    for (key, row) in first.take_changes() {
        rows.insert(key, row.unwrap());
    }
    assert_eq!(first.take_changes(), []);
    let written = rows.len();
    let bad = Key(Hash32([0; 32]));
    rows.insert(bad, vec![0x84, 9, 0, 0, 0]);
    let later = after(now, HOUR / 2);
    let mut second = store(Limits::default());
    let disk = rows.iter().map(|(k, v)| (k.as_bytes().to_vec(), v.clone()));
    assert_eq!(second.load(disk, NETWORK, later), Err(RowError::Version(9)));
    check_books(&second);
    let stats = second.stats();
    assert_eq!((written, stats.records, stats.own), (4, 2, 1));
    assert_eq!(second.places[&Place(4)].records, 1);
    // What was not taken is removed, and nothing else is written again.
    let changes = second.take_changes();
    assert_eq!(changes.len(), 3);
    assert!(changes.iter().all(|(_, row)| row.is_none()));
    assert!(changes.iter().any(|(key, _)| *key == foreign.key()));
    // Ours is sent at once: who held it may have gone.
    let due = second.due_republish(later.mono, 10);
    assert_eq!(due, [second.own().next().unwrap().clone()]);
    // Half of the life was over.
    assert_eq!(second.expire(later.mono + HOUR / 2), 2);
}

#[test]
fn a_name_once_written_here_stays_our_own() {
    let (mut store, now) = (store(Limits::default()), start());
    let mine = signed(1, |_| ());
    store.insert(mine.clone(), HELD, now).unwrap();
    assert_eq!(store.insert(mine, Source::Own, now), Ok(Stored::Same));
    let elsewhere = signed(1, |b| b.seq = 7);
    assert_eq!(store.insert(elsewhere, HELD, now), Ok(Stored::Newer));
    assert_eq!((store.stats().own, store.own().count()), (1, 1));
    assert_eq!(
        store.next_seq(&store.own().next().unwrap().key(), 5),
        Some(8)
    );
    check_books(&store);
}

#[test]
fn numbers_spent_are_bounded() {
    let (mut store, now) = (store(Limits::default()), start());
    for n in 0..MAX_SPENT as u64 {
        let key = Key(Hash32(crate::crypto::hash::sha3_256(&n.to_be_bytes()).0));
        store.spent.insert(key, (1, now.mono + 2 * HOUR));
    }
    store
        .insert(signed(1, |b| b.ttl_ms *= 3), HELD, now)
        .unwrap();
    store.insert(signed(1, |b| b.seq = 2), HELD, now).unwrap();
    store.end(signed(1, |_| ()).key(), now.mono + HOUR);
    assert_eq!(store.spent.len(), MAX_SPENT);
}

/// A step of a history: who writes which name with which number, from where, and how late.
type Step = (u8, u8, u64, bool, Option<u64>, u64);

fn step() -> impl Strategy<Value = Step> {
    (
        1..5u8,
        1..4u8,
        1..6u64,
        any::<bool>(),
        prop::option::of(0..3u64),
        0..1800u64,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn books_and_bounds_hold_whatever_comes(steps in prop::collection::vec(step(), 1..30)) {
        let limits = Limits {
            bytes: 50_000,
            own_bytes: 20_000,
            author_bytes: 30_000,
            author_records: 3,
            place_bytes: 30_000,
        };
        let (mut store, mut now) = (store(limits), start());
        let mut highest: HashMap<Key, u64> = HashMap::new();
        for (author, name, seq, own, place, wait) in steps {
            now = after(now, Duration::from_secs(wait));
            let record = named(author, name, |b| {
                (b.seq, b.created_ms) = (seq, now.wall_ms);
            });
            let source = if own { Source::Own } else { Source::Held(place.map(Place)) };
            let key = record.key();
            let held = store.get(&key, now.mono).map(|r| r.body().seq);
            if store.insert(record, source, now).is_ok() {
                prop_assert!(held.is_none_or(|held| held <= seq));
                highest.insert(key, seq);
            }
            store.expire(now.mono);
            check_books(&store);
        }
    }
}
