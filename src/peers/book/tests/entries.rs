//! What enters the book, and what an entry holds.

use super::{
    super::{AddError, AddressRefusal, Flags, MAX_ADDRESSES_PER_PEER, MAX_PINNED, Place},
    *,
};

const RESERVED: Flags = Flags {
    operator: false,
    reserved: true,
    trusted: false,
};

#[test]
fn only_addresses_that_lead_somewhere_enter_the_book() {
    let mut world = World::new(Scope::Public);
    world
        .book
        .set_own_addresses(&[at("/ip4/9.9.9.9/tcp/4001"), at("/ip4/8.8.8.8/tcp/1")]);
    let other = format!("/ip4/7.7.7.7/tcp/1/p2p/{}", id(2));
    let far = exchange(5);
    let neighbour = Origin::remote(Source::Identify, &at("/ip4/10.0.0.9/tcp/1"));
    let long = format!("/dns/{}.example/tcp/1", "a".repeat(250));
    use AddressRefusal::*;
    for (address, origin, refusal) in [
        ("/ip4/7.7.7.7/tcp/1", far, None),
        ("/dns/node.example/tcp/1", far, None),
        (&other, far, Some(OtherPeer)),
        (&long, far, Some(TooLong)),
        ("/ip4/9.9.9.9/tcp/4001", far, Some(Own)),
        ("/ip4/0.0.0.0/tcp/1", far, Some(Undialable)),
        ("/ip6/::/tcp/1", far, Some(Undialable)),
        ("/ip4/7.7.7.7/tcp/0", far, Some(Undialable)),
        ("/ip4/7.7.7.7", far, Some(Undialable)),
        ("/ip4/7.7.7.7/udp/1/quic-v1", far, Some(Undialable)),
        ("/ip4/224.0.0.251/tcp/1", far, Some(Undialable)),
        ("/ip4/255.255.255.255/tcp/1", far, Some(Undialable)),
        ("/memory/7", far, Some(Private)),
        ("/ip4/10.0.0.1/tcp/1", far, Some(Private)),
        ("/ip4/127.0.0.1/tcp/1", far, Some(Private)),
        ("/ip6/::ffff:192.168.1.1/tcp/1", far, Some(Private)),
        ("/ip6/fd00::1/tcp/1", far, Some(Private)),
        ("/dns/localhost/tcp/1", far, Some(Private)),
        ("/dns/router/tcp/1", far, Some(Private)),
        ("/dns/printer.LOCAL./tcp/1", far, Some(Private)),
        (
            "/ip4/10.0.0.1/tcp/1",
            Origin::here(Source::Seed),
            Some(Private),
        ),
        ("/ip4/10.0.0.1/tcp/1", Origin::here(Source::Lan), None),
        ("/ip4/10.0.0.1/tcp/1", Origin::here(Source::Operator), None),
        ("/ip4/10.0.0.9/tcp/1", neighbour, None),
        ("/dns/router/tcp/1", neighbour, Some(Private)),
    ] {
        let checked = world.book.check(&id(1), &at(address), origin);
        assert_eq!(checked.err(), refusal, "{address} from {origin}");
    }
    let own = id(u64::MAX);
    let checked = world.book.check(&own, &at("/ip4/7.7.7.7/tcp/1"), far);
    assert_eq!(checked, Err(Own));
    let named = at(&format!("/ip4/7.7.7.7/tcp/1/p2p/{}", id(1)));
    let bare = world.book.check(&id(1), &named, far);
    assert_eq!(bare, Ok(at("/ip4/7.7.7.7/tcp/1")));
}

#[test]
fn a_test_network_may_be_anywhere() {
    let mut world = World::new(Scope::Any);
    // Hundreds of nodes on one machine, all told by one of them.
    for n in 0..300 {
        let address = at(&format!("/ip4/127.0.0.1/tcp/{}", 1000 + n));
        let origin = Origin::remote(Source::Exchange, &at("/ip4/127.0.0.1/tcp/1"));
        world.learn(n, &address, origin);
        if n % 2 == 0 {
            world.book.succeeded(&id(n), &address, world.now());
        }
    }
    let (new, tried, _) = world.book.sizes();
    assert!(new + tried >= 297, "{new} and {tried} of 300");
    assert!(tried >= 148, "{tried} of 150");
    let memory = at("/memory/9");
    assert!(world.learn(400, &memory, exchange(1)).new_peer);
}

#[test]
fn an_address_that_became_our_own_is_never_dialled() {
    let mut world = World::new(Scope::Public);
    world.learn(1, &host(1, 1), exchange(2));
    world.book.set_own_addresses(&[host(1, 1)]);
    assert_eq!(world.pick(), None);
    world.book.set_own_addresses(&[]);
    assert_eq!(world.pick().unwrap().peer, id(1));
}

#[test]
fn claims_about_a_peer_never_push_out_what_it_says_itself() {
    let mut world = World::new(Scope::Public);
    // Two tellers flood an entry before its owner is heard.
    for n in 0..50 {
        world.learn(1, &host(n, 1), exchange(70));
        world.learn(1, &host(n, 2), exchange(71));
    }
    let entry = world.book.entry(&id(1), world.now()).unwrap();
    assert_eq!(entry.addresses.len(), 4);
    let identify = Origin::remote(Source::Identify, &host(80, 1));
    for n in 0..8 {
        let learnt = world.learn(1, &host(80 + n, 1), identify);
        assert_eq!((learnt.added, learnt.no_room), (1, 0));
    }
    let own = |world: &World| {
        let entry = world.book.entry(&id(1), world.now()).unwrap();
        assert!(entry.addresses.len() <= MAX_ADDRESSES_PER_PEER);
        let all = entry.addresses.iter();
        all.filter(|a| a.origin == identify).count()
    };
    assert_eq!(own(&world), 8);
    for group in 0..200 {
        let learnt = world.learn(1, &host(group, 7), exchange(group));
        assert_eq!(learnt.no_room, 1);
    }
    assert_eq!(own(&world), 8);
}

#[test]
fn an_address_that_worked_is_not_pushed_out_by_claims() {
    let mut world = World::new(Scope::Public);
    world.reach(1, &host(1, 1));
    for n in 0..500 {
        world.learn(1, &host(n, 9), exchange(n));
    }
    let first = world.pick().unwrap();
    assert_eq!(first.addresses[0], host(1, 1));
    assert!(first.proven);
}

#[test]
fn what_the_operator_adds_stays_until_it_is_removed() {
    let mut world = World::new(Scope::Public);
    let now = world.now();
    let private = at("/ip4/10.1.1.1/tcp/1");
    let add = |world: &mut World, n: u64, address: &Multiaddr| {
        let addresses = std::slice::from_ref(address);
        world.book.add(id(n), addresses, RESERVED, now)
    };
    add(&mut world, 1, &private).unwrap();
    let entry = world.book.entry(&id(1), now).unwrap();
    assert_eq!(entry.place, Place::Kept);
    assert!(entry.flags.operator && entry.flags.reserved && !entry.flags.trusted);
    assert!(world.book.kept(now)[0].addresses.contains(&private));
    assert_eq!(world.pick().unwrap().peer, id(1));
    let zero = at("/ip4/0.0.0.0/tcp/1");
    let refused = AddError::Addresses(AddressRefusal::Undialable);
    assert_eq!(add(&mut world, 2, &zero), Err(refused));
    assert!(!world.knows(2));
    assert_eq!(add(&mut world, u64::MAX, &private), Err(AddError::Own));
    for n in 1..=MAX_PINNED as u64 {
        add(&mut world, n, &host(n, 1)).unwrap();
    }
    assert_eq!(add(&mut world, 9_999, &private), Err(AddError::Full));
    assert!(world.book.remove(&id(1)));
    assert!(!world.book.remove(&id(1)));
    add(&mut world, 9_999, &private).unwrap();
}

#[test]
fn who_is_no_longer_kept_goes_back_among_the_others() {
    let mut world = World::new(Scope::Public);
    let now = world.now();
    world.reach(1, &host(1, 1));
    world.learn(2, &host(2, 1), exchange(2));
    for n in [1, 2] {
        assert_eq!(world.book.set_flags(&id(n), RESERVED, now), Ok(true));
    }
    assert_eq!(world.book.sizes(), (0, 0, 2));
    for n in [1, 2] {
        assert_eq!(
            world.book.set_flags(&id(n), Flags::default(), now),
            Ok(true)
        );
    }
    assert_eq!(world.book.sizes(), (1, 1, 0));
    assert_eq!(world.book.set_flags(&id(3), RESERVED, now), Ok(false));
}
