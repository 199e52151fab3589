//! What an attacker can take of the book, and of the outbound connections after a restart.

use std::collections::HashSet;

use crate::peers::{MemoryPeers, PeerStore, Table as StoreTable};

use super::{
    super::{MAX_PEERS, NEW_BUCKETS_PER_SOURCE, NEW_SLOTS, TRIED_BUCKETS_PER_GROUP, TRIED_SLOTS},
    *,
};

/// Peers of the attacker have numbers from here on.
const EVIL: u64 = 1_000_000;
const POISON: u64 = 100_000;

fn is_evil(peer: &PeerId) -> bool {
    let bytes = peer.to_bytes();
    let number = bytes[4..12].try_into().unwrap();
    u64::from_be_bytes(number) >= EVIL
}

fn evil(world: &World) -> usize {
    world.book.entries.keys().filter(|p| is_evil(p)).count()
}

#[test]
fn a_thousand_identities_in_four_groups_get_four_buckets_from_one_source() {
    let mut world = World::new(Scope::Public);
    for n in 0..1_000 {
        world.learn(EVIL + n, &host(n % 4, n), exchange(0));
    }
    let taken = evil(&world);
    assert!(taken <= 4 * NEW_SLOTS, "{taken}");
    assert!(
        taken > 2 * NEW_SLOTS,
        "{taken}: a full bucket is nearly full"
    );
}

#[test]
fn a_thousand_reachable_identities_in_four_groups_displace_no_working_peer() {
    let mut world = World::new(Scope::Public);
    for n in 0..1_000 {
        world.reach(n, &host(100 + n, 1));
    }
    let tried = |world: &World| world.book.sizes().1;
    let before: HashSet<PeerId> = world.book.entries.keys().copied().collect();
    let honest = tried(&world);
    assert!(honest > 990, "{honest}");
    for n in 0..1_000 {
        world.reach(EVIL + n, &host(n % 4, n));
    }
    let taken = tried(&world) - honest;
    assert!(
        taken <= 4 * TRIED_BUCKETS_PER_GROUP * TRIED_SLOTS,
        "{taken}"
    );
    assert!(before.iter().all(|p| world.book.entries.contains_key(p)));
    // Nobody who was connected this hour is even tested.
    assert_eq!(world.book.next_test(|_| true, world.now()), None);
}

#[test]
fn a_hundred_thousand_addresses_from_one_source_get_an_eighth_of_the_new_table() {
    let mut world = World::new(Scope::Public);
    for n in 0..POISON {
        world.learn(EVIL + n, &host(n, n), exchange(0));
    }
    let most = NEW_BUCKETS_PER_SOURCE * NEW_SLOTS;
    assert!(evil(&world) <= most, "{} of {most}", evil(&world));
    // Others find nearly as much room as before.
    let fit = (0..2_000).filter(|n| world.learn(*n, &host(*n, 1), exchange(1 + n % 40)).new_peer);
    let fit = fit.count();
    assert!(fit > 1_700, "{fit} of 2 000");
}

#[test]
fn no_flood_makes_the_book_larger_or_pushes_out_who_was_there() {
    let mut world = World::new(Scope::Public);
    for n in 0..500 {
        world.learn(n, &host(n, 1), exchange(n % 50));
    }
    let before: Vec<PeerId> = world.book.entries.keys().copied().collect();
    for n in 0..POISON {
        world.learn(EVIL + n, &host(n, n), exchange(n));
    }
    assert!(world.book.len() <= MAX_PEERS);
    assert!(before.iter().all(|p| world.book.entries.contains_key(p)));
    assert!(world.book.take_changes().len() <= 2 * MAX_PEERS + 2);
}

/// Fills 40 outbound slots as a node does after a restart: anchors, then picks, at most two of a
/// group. Everybody the attacker names is there and answers, the worst for us.
fn outbound(world: &mut World) -> Vec<PeerId> {
    let now = world.now();
    let mut connected: Vec<(PeerId, Vec<u8>)> = Vec::new();
    let group = |address: &Multiaddr| address.as_ref()[..3].to_vec();
    for anchor in world.book.anchors(now) {
        connected.push((anchor.peer, group(&anchor.addresses[0])));
    }
    while connected.len() < 40 {
        let may = |peer: &PeerId, address: &Multiaddr| {
            let same = connected.iter().filter(|(_, g)| *g == group(address));
            connected.iter().all(|(p, _)| p != peer) && same.count() < 2
        };
        let picked = world.book.pick(&mut world.rng, may, now).unwrap();
        let address = picked.addresses[0].clone();
        world.book.attempt(&picked.peer, &address, now);
        world.book.succeeded(&picked.peer, &address, now);
        connected.push((picked.peer, group(&address)));
    }
    connected.into_iter().map(|(peer, _)| peer).collect()
}

#[test]
fn after_a_flood_and_a_restart_half_of_the_outbound_peers_are_honest() {
    for seed in 0..4 {
        let mut world = World::new(Scope::Public);
        world.rng = Rng::seed_from_u64(seed);
        // A node that knew 40 peers, with eight of which it was best off.
        for n in 0..40 {
            world.reach(n, &host(300 + n, 1));
        }
        let best: Vec<PeerId> = (0..8).map(id).collect();
        world.book.set_anchors(&best);
        // As many sources and groups as the attacker likes.
        for n in 0..POISON {
            world.learn(EVIL + n, &host(n, n), exchange(n));
        }
        assert!(evil(&world) > 5_000, "{}", evil(&world));
        let store = MemoryPeers::default();
        store.commit(&world.book.take_changes()).unwrap();
        let rows = store.load(StoreTable::Book).unwrap();
        let state = store.load(StoreTable::State).unwrap();
        world.clock.advance(std::time::Duration::from_secs(60));
        let secret = [seed as u8; 16];
        let config = config(Scope::Public);
        let (book, report) = Book::load(config, secret, &rows, &state, world.now());
        assert_eq!((report.damaged, report.no_room), (0, 0));
        world.book = book;
        let outbound = outbound(&mut world);
        assert_eq!(outbound[..8], best);
        let honest = outbound.iter().filter(|p| !is_evil(p)).count();
        assert!(honest >= 24, "seed {seed}: {honest} of 40");
    }
}

#[test]
fn poison_that_was_dialled_in_vain_makes_room() {
    let mut world = World::new(Scope::Public);
    for n in 0..400 {
        world.learn(EVIL + n, &host(1, n), exchange(0));
    }
    let taken = evil(&world);
    world.reach(1, &host(500, 1));
    for _ in 0..3 {
        for peer in world.book.entries.keys().copied().collect::<Vec<_>>() {
            if let Some(candidate) = world.book.candidate_of(&peer, world.now())
                && is_evil(&peer)
            {
                let now = world.now();
                world.book.failed(&peer, &candidate.addresses[0], now);
            }
        }
        world.book.succeeded(&id(1), &host(500, 1), world.now());
        world.clock.advance(std::time::Duration::from_secs(60));
    }
    for n in 0..400 {
        world.learn(100 + n, &host(1, 1_000 + n), exchange(0));
    }
    assert!(evil(&world) * 4 < taken, "{} of {taken}", evil(&world));
}

#[test]
fn a_flood_on_the_local_network_leaves_the_seeds_their_room() {
    let mut world = World::new(Scope::Public);
    for n in 0..20_000 {
        let neighbour = at(&format!("/ip4/10.{}.{}.9/tcp/1", n / 250, n % 250));
        world.learn(EVIL + n, &neighbour, Origin::here(Source::Lan));
    }
    let most = NEW_BUCKETS_PER_SOURCE * NEW_SLOTS;
    assert!(evil(&world) <= most, "{} of {most}", evil(&world));
    let seeds = (0..200).filter(|n| {
        let learnt = world.learn(*n, &host(*n, 1), Origin::here(Source::Seed));
        learnt.new_peer
    });
    let fit = seeds.count();
    assert!(fit > 150, "{fit} of 200");
}
