//! What comes back after a restart.

use std::time::Duration;

use proptest::prelude::*;

use crate::peers::{Change, MemoryPeers, PeerStore, Row, Table as StoreTable};

use super::{
    super::{
        Flags, LoadReport, Place,
        address::Known,
        entry::{Entry, Held},
        row,
    },
    *,
};

fn rows_of(changes: &[Change]) -> (Vec<Row>, Vec<Row>) {
    let store = MemoryPeers::default();
    store.commit(changes).unwrap();
    let load = |table| store.load(table).unwrap();
    (load(StoreTable::Book), load(StoreTable::State))
}

fn reopen(world: &mut World) -> LoadReport {
    let (rows, state) = rows_of(&world.book.take_changes());
    load(world, &rows, &state)
}

fn load(world: &mut World, rows: &[Row], state: &[Row]) -> LoadReport {
    let config = config(Scope::Public);
    let (book, report) = Book::load(config, [77; 16], rows, state, world.now());
    world.book = book;
    report
}

/// A book with peers of every kind.
fn filled(peers: u64) -> World {
    let mut world = World::new(Scope::Public);
    for n in 0..peers {
        let address = host(n, n);
        world.learn(n, &address, exchange(n % 211));
        match n % 4 {
            0 => world.book.succeeded(&id(n), &address, world.now()),
            1 => world.book.failed(&id(n), &address, world.now()),
            _ => {}
        }
        if n % 3 == 0 && world.knows(n) {
            let held = Held {
                bytes: vec![n as u8; 900].into(),
                created: START,
                expires: START + 3_600_000,
                global: n % 2 == 0,
            };
            world.book.hold_record(&id(n), held);
        }
    }
    let trusted = Flags {
        trusted: true,
        ..Flags::default()
    };
    let now = world.now();
    let address = [at("/dns/me.example/tcp/1")];
    world.book.add(id(peers), &address, trusted, now).unwrap();
    world.book.set_anchors(&[id(4), id(0), id(4), id(99_999)]);
    world
}

#[test]
fn everything_comes_back() {
    let mut world = filled(600);
    let before = world.book.known(usize::MAX, world.now());
    let (sizes, bytes) = (world.book.sizes(), world.book.record_bytes());
    let report = reopen(&mut world);
    assert_eq!((report.damaged, report.no_room), (0, 0));
    assert_eq!(report.peers, before.len());
    assert_eq!(world.book.known(usize::MAX, world.now()), before);
    assert_eq!(world.book.sizes(), sizes);
    assert_eq!(world.book.record_bytes(), bytes);
    let anchors: Vec<_> = world.book.anchors(world.now());
    let anchors: Vec<PeerId> = anchors.iter().map(|c| c.peer).collect();
    assert_eq!(anchors, [id(4), id(0)]);
    assert_eq!(world.book.take_changes(), [], "nothing is written twice");
    assert_eq!(
        world.book.entry(&id(600), world.now()).unwrap().place,
        Place::Kept
    );
    // The secret came back, too: a peer learnt again lies where it lay.
    let slots = |book: &Book| {
        let found = book.tables.new_slots(&id(7), b"place", b"source");
        found.collect::<Vec<_>>()
    };
    assert_eq!(slots(&world.book), slots(&filled(0).book));
}

#[test]
fn what_was_forgotten_leaves_the_store_and_what_was_never_there_is_not_removed() {
    let mut world = filled(20);
    world.book.remove(&id(3));
    let rows = |changes: &[Change]| {
        let of = changes.iter().filter(|c| c.table == StoreTable::Book);
        of.map(|c| (c.key.clone(), c.value.is_some()))
            .collect::<Vec<_>>()
    };
    let first = rows(&world.book.take_changes());
    assert!(
        first
            .iter()
            .all(|(key, put)| *put && *key != id(3).to_bytes())
    );
    world.book.remove(&id(2));
    let changes = world.book.take_changes();
    assert_eq!(rows(&changes), [(id(2).to_bytes(), false)]);
    assert_eq!(world.book.take_changes(), []);
    world.book.put_back(&changes);
    assert_eq!(world.book.take_changes(), changes, "tried again");
}

#[test]
fn damaged_rows_are_skipped_counted_and_removed() {
    let mut world = filled(100);
    let (mut rows, state) = rows_of(&world.book.take_changes());
    let all = rows.len();
    let last = rows[7].1.len() - 1;
    rows[7].1[last] ^= 1;
    rows[8].1.truncate(5);
    rows[9].1.clear();
    rows[10].0 = b"no peer".to_vec();
    let report = load(&mut world, &rows, &state);
    assert_eq!((report.damaged, report.peers), (4, all - 4));
    let changes = world.book.take_changes();
    let removed: Vec<_> = changes.iter().map(|c| (&c.key, &c.value)).collect();
    assert_eq!(removed.len(), 4);
    assert!(
        rows[7..=10]
            .iter()
            .all(|(key, _)| removed.contains(&(key, &None)))
    );
}

#[test]
fn a_lost_secret_and_lost_anchors_cost_no_peer() {
    let mut world = filled(100);
    let (rows, _) = rows_of(&world.book.take_changes());
    for state in [vec![], vec![(b"book/secret".to_vec(), vec![0x80])]] {
        let report = load(&mut world, &rows, &state);
        assert_eq!((report.peers, report.no_room), (rows.len(), 0));
        assert!(world.book.anchors(world.now()).is_empty());
        assert_eq!(world.book.take_changes().len(), 2, "a new secret is kept");
    }
}

#[test]
fn rests_go_on_after_a_restart_and_a_clock_that_was_ahead_does_not_prolong_them() {
    let mut world = World::new(Scope::Public);
    world.reach(1, &host(1, 1));
    for _ in 0..8 {
        world.book.failed(&id(1), &host(1, 1), world.now());
    }
    let rests = |world: &World| {
        let entry = world.book.entry(&id(1), world.now()).unwrap();
        entry.addresses[0].rests_ms
    };
    let whole = rests(&world);
    assert!((480_000..=800_000).contains(&whole), "{whole}");
    let (rows, state) = rows_of(&world.book.take_changes());
    world.clock.advance(Duration::from_secs(100));
    load(&mut world, &rows, &state);
    assert_eq!(rests(&world), whole - 100_000);
    // Started with a clock that is hours behind or ahead of the one before.
    world.clock.step_wall_to_ms(START - 6 * 3_600_000);
    load(&mut world, &rows, &state);
    assert_eq!(rests(&world), whole);
    world.clock.step_wall_to_ms(START + 6 * 3_600_000);
    load(&mut world, &rows, &state);
    assert_eq!(rests(&world), 0);
    assert!(world.knows(1));
}

#[test]
fn rows_that_claim_one_place_do_not_share_it() {
    let mut world = World::new(Scope::Public);
    world.reach(1, &host(1, 1));
    let (rows, state) = rows_of(&world.book.take_changes());
    let same = |n: u64| (id(n).to_bytes(), rows[0].1.clone());
    let rows: Vec<Row> = (1..=5).map(same).collect();
    let report = load(&mut world, &rows, &state);
    assert_eq!(report.peers + report.no_room, 5);
    let (new, tried, _) = world.book.sizes();
    assert_eq!((new + tried, tried), (report.peers, 1));
}

#[test]
#[ignore = "a measurement"]
fn load_of_ten_thousand() {
    let mut world = filled(14_000);
    let (entry, known) = (size_of::<Entry>(), size_of::<Known>());
    println!("entry {entry}, address {known}, id {}", size_of::<PeerId>());
    let (rows, state) = rows_of(&world.book.take_changes());
    let begin = std::time::Instant::now();
    let report = load(&mut world, &rows, &state);
    println!("{report:?} in {:?}", begin.elapsed());
    let begin = std::time::Instant::now();
    let picks = (0..1_000).filter(|_| world.pick().is_some()).count();
    println!("{picks} picks in {:?}", begin.elapsed());
}

proptest! {
    #[test]
    fn no_row_makes_the_decoder_panic(
        key in prop::collection::vec(any::<u8>(), 0..50),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = row::decode(&key, &bytes);
    }

    #[test]
    fn a_changed_row_is_refused_and_a_body_that_reads_writes_the_same(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        which in 0..12_u64,
    ) {
        let world = filled(12);
        let mut bytes = row::encode(&world.book.entries[&id(which)]);
        let key = id(which).to_bytes();
        let (peer, entry) = row::decode(&key, &bytes).unwrap();
        prop_assert_eq!(peer, id(which));
        prop_assert_eq!(row::encode(&entry), bytes.clone());
        let at = at.index(bytes.len());
        let changed = bytes[at] != byte;
        bytes[at] = byte;
        prop_assert_eq!(row::decode(&key, &bytes).is_err(), changed);
    }
}
