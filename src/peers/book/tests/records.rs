//! Signed records: which are taken, and which are passed on.

use std::time::Duration;

use crate::{
    identity::{KeyPair, NodeIdentity, NodeRecord, RecordFields},
    registry::MESSAGE_SKEW_MS,
};

use super::{
    super::{MAX_RECORD_STORE, RecordRefusal, entry::Held},
    *,
};

const TTL: u64 = 3 * 60 * 60 * 1000;

fn node(seed: u8) -> NodeIdentity {
    NodeIdentity::from_keypair(KeyPair::deterministic([seed; 32]).unwrap())
}

fn record(seed: u8, seq: u64, addresses: &[Multiaddr]) -> NodeRecord {
    signed(seed, |fields| {
        fields.seq = seq;
        fields.addresses = addresses.to_vec();
    })
}

fn signed(seed: u8, change: impl FnOnce(&mut RecordFields)) -> NodeRecord {
    let mut fields = RecordFields {
        chain_id: ChainId(7),
        genesis: GENESIS,
        seq: 1,
        created_ms: START,
        ttl_ms: TTL,
        addresses: vec![host(seed.into(), 1)],
    };
    change(&mut fields);
    NodeRecord::sign(&node(seed), &fields).unwrap()
}

impl World {
    fn insert(&mut self, record: &NodeRecord) -> Result<Learnt, RecordRefusal> {
        let now = self.now();
        self.book.insert_record(record, exchange(9), now)
    }
}

#[test]
fn a_newer_record_replaces_and_a_replayed_one_is_refused_by_name() {
    let mut world = World::new(Scope::Public);
    let peer = node(1).peer_id();
    let first = record(1, 5, &[host(1, 1), host(1, 2)]);
    let learnt = world.insert(&first).unwrap();
    assert!(learnt.new_peer && learnt.added == 2);
    for seq in [4, 5] {
        assert!(!world.book.wants_record(&peer, seq));
        let replay = world.insert(&record(1, seq, &[host(1, 3)]));
        let refusal = RecordRefusal::Replayed {
            held: 5,
            given: seq,
        };
        assert_eq!(replay, Err(refusal));
    }
    assert!(world.book.wants_record(&peer, 6));
    let second = record(1, 6, &[host(1, 2), host(1, 3)]);
    world.insert(&second).unwrap();
    let view = world.book.entry(&peer, world.now()).unwrap();
    let addresses: Vec<_> = view.addresses.iter().map(|a| &a.address).collect();
    assert_eq!(addresses, [&host(1, 2), &host(1, 3)]);
    assert!(view.addresses.iter().all(|a| a.signed));
    let held = world.book.record_of(&peer, world.now()).unwrap();
    assert_eq!(&*held, second.as_bytes());
    assert_eq!(world.book.record_bytes(), second.as_bytes().len());
}

#[test]
fn records_of_other_chains_times_and_places_are_refused_by_name() {
    let mut world = World::new(Scope::Public);
    let mut config = config(Scope::Public);
    config.me = node(1).peer_id();
    world.book = Book::new(config, [1; 16], world.now());
    use RecordRefusal::*;
    let other_chain = signed(2, |f| f.chain_id = ChainId(8));
    let other_genesis = signed(2, |f| f.genesis = Hash32([9; 32]));
    let early = signed(2, |f| f.created_ms = START + MESSAGE_SKEW_MS + 1);
    let late = signed(2, |f| f.created_ms = START - TTL);
    let private = record(2, 1, &[at("/ip4/10.0.0.1/tcp/1"), at("/ip4/0.0.0.0/tcp/1")]);
    for (record, refusal) in [
        (signed(1, |_| ()), Own),
        (other_chain, Foreign),
        (other_genesis, Foreign),
        (early, Premature),
        (late, Expired),
        (private, NoAddress),
    ] {
        assert_eq!(world.insert(&record), Err(refusal));
        assert!(world.book.is_empty());
    }
}

#[test]
fn an_expired_record_goes_and_its_number_stays() {
    let mut world = World::new(Scope::Public);
    let peer = node(1).peer_id();
    world.insert(&record(1, 5, &[host(1, 1)])).unwrap();
    world.clock.advance(Duration::from_millis(TTL));
    assert_eq!(world.book.record_of(&peer, world.now()), None);
    world.book.prune(world.now());
    assert_eq!(world.book.record_bytes(), 0);
    let replay = signed(1, |f| (f.seq, f.ttl_ms) = (4, 2 * TTL));
    let refusal = RecordRefusal::Replayed { held: 5, given: 4 };
    assert_eq!(world.insert(&replay), Err(refusal));
}

#[test]
fn records_of_connected_nodes_are_passed_on_and_of_others_only_fresh_ones() {
    let mut world = World::new(Scope::Public);
    for seed in 1..=8 {
        world.insert(&signed(seed, |_| ())).unwrap();
    }
    for seed in 1..=4 {
        world.book.seen(&node(seed).peer_id(), world.now());
    }
    let sample = |world: &mut World, count: usize| {
        let now = world.now();
        let all = world
            .book
            .sample_records(count, &mut world.rng, |_| true, now);
        let of = |bytes: &[u8]| NodeRecord::decode(bytes).unwrap().identity().peer_id();
        let peers: Vec<PeerId> = all.iter().map(|b| of(b)).collect();
        let met = |p: &PeerId| (1..=4).any(|seed| *p == node(seed).peer_id());
        let connected = peers.iter().filter(|p| met(p)).count();
        (connected, peers.len() - connected)
    };
    assert_eq!(sample(&mut world, 2), (2, 0));
    assert_eq!(sample(&mut world, 8), (4, 2));
    assert_eq!(sample(&mut world, usize::MAX), (4, 2));
    assert_eq!(sample(&mut world, 0), (0, 0));
    world.clock.advance(Duration::from_secs(60 * 60));
    assert_eq!(sample(&mut world, 8), (4, 0), "no longer fresh");
    let now = world.now();
    let none = world.book.sample_records(8, &mut world.rng, |_| false, now);
    assert!(none.is_empty());
    world.clock.advance(Duration::from_millis(TTL));
    assert_eq!(sample(&mut world, 8), (0, 0), "expired");
}

#[test]
fn a_record_that_names_a_private_address_is_not_passed_on_where_that_leads_nowhere() {
    for (scope, passed) in [(Scope::Public, 0), (Scope::Any, 1)] {
        let mut world = World::new(scope);
        let mixed = record(1, 1, &[host(1, 1), at("/ip4/192.168.1.1/tcp/1")]);
        world.insert(&mixed).unwrap();
        world.book.seen(&node(1).peer_id(), world.now());
        let now = world.now();
        let sample = world.book.sample_records(8, &mut world.rng, |_| true, now);
        assert_eq!(sample.len(), passed);
    }
}

#[test]
fn records_stay_within_their_bytes_and_those_of_reached_peers_go_last() {
    let mut world = World::new(Scope::Public);
    let held = |expires: u64| Held {
        bytes: vec![0; 24 * 1024].into(),
        created: START,
        expires: START + expires,
        global: true,
    };
    for n in 0..3_000 {
        let address = host(n, 1);
        world.learn(n, &address, exchange(n));
        if n < 500 {
            world.book.succeeded(&id(n), &address, world.now());
        }
        // Those of reached peers expire first, and yet stay.
        world.book.hold_record(&id(n), held(1 + n));
    }
    assert!(world.book.record_bytes() <= MAX_RECORD_STORE);
    assert!(world.book.record_bytes() > MAX_RECORD_STORE - 24 * 1024);
    let has = |n: u64| {
        let entry = world.book.entries.get(&id(n));
        entry.is_some_and(|e| e.record.is_some())
    };
    assert!((0..500).all(has));
    let kept = (500..3_000).filter(|n| has(*n)).count();
    assert!((1..1_000).contains(&kept), "{kept}");
    // All of it is given back.
    for n in 0..3_000 {
        world.book.remove(&id(n));
    }
    assert_eq!(world.book.record_bytes(), 0);
    assert!(world.book.records.is_empty());
}
