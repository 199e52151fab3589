//! What the plan does, claim by claim.

use std::{cell::RefCell, collections::BTreeSet};

use rand::SeedableRng as _;

use super::*;

struct World {
    plan: Plan,
    now: Instant,
    ids: usize,
    book: RefCell<Vec<Candidate>>,
    trust: BTreeMap<PeerId, f64>,
}

fn id(n: usize) -> ConnectionId {
    ConnectionId::new_unchecked(n)
}

fn at(text: &str) -> Multiaddr {
    text.parse().unwrap()
}

fn somewhere(n: usize) -> Multiaddr {
    at(&format!("/ip4/{}.{}.0.1/tcp/1", 20 + n / 200, n % 200))
}

impl World {
    fn new(config: Config) -> Self {
        config.validate().unwrap();
        let own = PeerId::random();
        Self {
            plan: Plan::new(config, own, Rng::seed_from_u64(9)),
            now: Instant::now(),
            ids: 1000,
            book: RefCell::default(),
            trust: BTreeMap::new(),
        }
    }

    fn know(&self, address: Multiaddr) -> PeerId {
        let peer = PeerId::random();
        self.book.borrow_mut().push(Candidate {
            peer,
            addresses: vec![address],
        });
        peer
    }

    fn plan(&mut self) -> Vec<Action> {
        let (book, trust) = (&self.book, &self.trust);
        let trust = |peer: &PeerId| trust.get(peer).copied().unwrap_or(0.5);
        self.plan
            .plan(self.now, &trust, &mut |exclude: &Exclude<'_>| {
                let book = book.borrow();
                book.iter().find(|c| !exclude.candidate(c)).cloned()
            })
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        let peers: Vec<_> = self.plan.table.peers.keys().copied().collect();
        for peer in peers {
            self.plan.alive(&peer, self.now);
        }
    }

    fn id(&mut self) -> ConnectionId {
        self.ids += 1;
        id(self.ids)
    }

    fn inbound(&mut self, from: Multiaddr) -> (PeerId, ConnectionId, Verdict) {
        let (id, peer) = (self.id(), PeerId::random());
        let verdict = self.comes(peer, id, from);
        (peer, id, verdict)
    }

    fn comes(&mut self, peer: PeerId, id: ConnectionId, from: Multiaddr) -> Verdict {
        let inbound = Direction::Inbound;
        let verdict = self.plan.established(id, peer, inbound, from, self.now);
        if verdict == Verdict::Keep {
            self.plan.identified(peer, self.now);
        }
        verdict
    }

    /// Every dial of `actions` comes through.
    fn answer(&mut self, actions: &[Action]) -> Vec<(PeerId, ConnectionId)> {
        let mut up = Vec::new();
        for action in actions {
            if let Action::Dial {
                ticket,
                peer,
                addresses,
            } = action
            {
                let (id, peer) = (self.id(), peer.unwrap_or_else(PeerId::random));
                self.plan.began(*ticket, id);
                let outbound = Direction::Outbound;
                let to = addresses[0].clone();
                let verdict = self.plan.established(id, peer, outbound, to, self.now);
                assert_eq!(verdict, Verdict::Keep);
                self.plan.identified(peer, self.now);
                up.push((peer, id));
            }
        }
        up
    }

    /// Every dial of `actions` fails.
    fn fail(&mut self, actions: &[Action]) {
        for action in actions {
            if let Action::Dial { ticket, .. } = action {
                let id = self.id();
                self.plan.began(*ticket, id);
                self.plan.failed(id, Failure::Unreachable, self.now);
            }
        }
    }

    /// Ticks until nothing more is dialled.
    fn settle(&mut self) {
        for _ in 0..200 {
            let actions = self.plan();
            self.answer(&actions);
            self.pass(1);
        }
    }
}

fn dialled(actions: &[Action]) -> Vec<PeerId> {
    let dials = actions.iter().filter_map(|a| match a {
        Action::Dial { peer, .. } => *peer,
        Action::Disconnect { .. } => None,
    });
    dials.collect()
}

fn parted(actions: &[Action]) -> Vec<(PeerId, Goodbye)> {
    let gone = actions.iter().filter_map(|a| match a {
        Action::Disconnect { peer, reason } => Some((*peer, *reason)),
        Action::Dial { .. } => None,
    });
    gone.collect()
}

#[test]
fn an_empty_node_dials_many_and_a_fed_one_few() {
    let mut world = World::new(Config::default());
    for i in 0..100 {
        world.know(somewhere(i));
    }
    assert_eq!(world.plan.needs(), 16);
    let first = world.plan();
    assert_eq!(first.len(), 16, "as many as may be in flight");
    let (met, failed) = first.split_at(6);
    world.answer(met);
    world.fail(failed);
    assert!(!world.plan.is_urgent());
    world.pass(1);
    assert_eq!(world.plan().len(), 4, "the rest in its own time");
    world.settle();
    let counts = world.plan.counts();
    assert_eq!((counts.outbound, world.plan.needs()), (16, 0));
    assert!(world.plan.is_at_target());
}

#[test]
fn no_group_has_more_than_two_outbound_peers_not_even_in_flight() {
    let mut world = World::new(Config::default());
    for i in 0..50 {
        world.know(at(&format!("/ip4/9.9.0.{i}/tcp/1")));
    }
    for i in 0..50 {
        world.know(at(&format!("/dns4/n{i}.example/tcp/1")));
    }
    let actions = world.plan();
    assert_eq!(actions.len(), 4);
    world.answer(&actions);
    world.settle();
    assert_eq!(world.plan.counts().outbound, 4);
}

#[test]
fn private_networks_have_no_groups_unless_asked_for() {
    let mut world = World::new(Config::default());
    for i in 0..50 {
        world.know(at(&format!("/ip4/127.0.0.1/tcp/{}", 1 + i)));
    }
    world.settle();
    assert_eq!(world.plan.counts().outbound, 16);
    let limit_local = true;
    let mut world = World::new(Config {
        limit_local,
        ..Config::default()
    });
    for i in 0..50 {
        world.know(at(&format!("/ip4/127.0.0.1/tcp/{}", 1 + i)));
    }
    world.settle();
    assert_eq!(world.plan.counts().outbound, 2);
}

#[test]
fn anchors_come_first_then_peers_that_are_trusted_by_hand() {
    let mut world = World::new(Config::default());
    for i in 0..50 {
        world.know(somewhere(i));
    }
    let (anchor, friend) = (PeerId::random(), PeerId::random());
    world.plan.prefer(friend, vec![somewhere(101)]);
    let addresses = vec![somewhere(100)];
    world.plan.set_anchors([Candidate {
        peer: anchor,
        addresses,
    }]);
    let dialled = dialled(&world.plan());
    assert_eq!(dialled[..2], [anchor, friend]);
}

#[test]
fn a_peer_that_cannot_be_reached_is_tried_less_and_less() {
    let mut world = World::new(Config::default());
    let peer = world.know(somewhere(1));
    let mut dials = 0;
    for _ in 0..3600 {
        let actions = world.plan();
        assert!(actions.len() <= 1);
        dials += actions.len();
        world.fail(&actions);
        world.pass(1);
    }
    // Below the minimum, half a minute is the longest pause.
    assert!((80..180).contains(&dials), "{dials}");
    assert!(world.plan.paused(&peer, world.now).is_some());
}

#[test]
fn what_a_peer_says_when_it_goes_is_how_long_it_is_left_alone() {
    let mut world = World::new(Config::default());
    world.know(somewhere(1));
    let actions = world.plan();
    let (peer, id) = world.answer(&actions)[0];
    world.plan.told(&peer, Goodbye::TooManyPeers);
    world.plan.closed(id, peer, world.now);
    world.pass(59);
    assert!(world.plan().is_empty(), "even alone");
    world.pass(20);
    assert_eq!(dialled(&world.plan()), [peer]);
}

#[test]
fn our_own_address_in_the_book_is_dialled_once() {
    let mut world = World::new(Config::default());
    world.know(somewhere(1));
    let actions = world.plan();
    let Action::Dial { ticket, .. } = &actions[0] else {
        panic!("dials");
    };
    world.plan.began(*ticket, id(1));
    world.plan.failed(id(1), Failure::Ourselves, world.now);
    world.pass(3600);
    assert!(world.plan().is_empty());
}

#[test]
fn a_reserved_peer_has_its_place_whatever_the_limits_say() {
    let mut world = World::new(Config::of_max(4));
    let friend = PeerId::random();
    world.plan.reserve(friend, vec![at("/ip4/9.9.9.9/tcp/1")]);
    while world.inbound(at("/ip4/9.9.9.9/tcp/2")).2 == Verdict::Keep {}
    let full = world.plan.counts();
    let number = world.id();
    assert_eq!(
        world.comes(friend, number, at("/ip4/9.9.9.9/tcp/3")),
        Verdict::Keep
    );
    assert_eq!(world.plan.slot(&friend), Some(Slot::Reserved));
    assert_eq!(world.plan.counts().limited(), full.limited());
    assert!(!world.plan.cool_down(friend, world.now + SERVED, world.now));
    world.plan.closed(number, friend, world.now);
    world.pass(1);
    for wait in [2, 3, 5, 10, 20, 38, 38, 38] {
        let dial: Vec<_> = world
            .plan()
            .into_iter()
            .filter(|a| dialled(std::slice::from_ref(a)) == [friend])
            .collect();
        assert_eq!(dial.len(), 1, "after {wait} s");
        world.fail(&dial);
        world.pass(wait);
    }
    let number = world.id();
    world.comes(friend, number, at("/ip4/9.9.9.9/tcp/3"));
    assert!(world.plan.unreserve(&friend));
    assert_eq!(world.plan.slot(&friend), Some(Slot::Inbound));
    world.plan.closed(number, friend, world.now);
    assert!(!dialled(&world.plan()).contains(&friend));
}

#[test]
fn a_full_node_refuses_and_its_last_places_rotate() {
    let config = Config::default();
    let mut world = World::new(config.clone());
    let mut first = Vec::new();
    for i in 0..config.max_inbound {
        let (peer, _, verdict) = world.inbound(somewhere(i));
        assert_eq!(verdict, Verdict::Keep);
        first.push(peer);
    }
    assert!(!world.plan.has_inbound_place());
    let refused = world.inbound(somewhere(90)).2;
    assert_eq!(refused, Verdict::Refuse(Goodbye::TooManyPeers));
    assert!(parted(&world.plan()).is_empty(), "everybody has a grace");
    world.pass(2);
    let gone = parted(&world.plan());
    assert_eq!(gone.len(), config.surplus);
    assert!(
        gone.iter()
            .all(|(p, r)| first.contains(p) && *r == Goodbye::TooManyPeers)
    );
    assert!(parted(&world.plan()).is_empty(), "told once");
    world.pass(5);
    let again: BTreeSet<_> = parted(&world.plan()).into_iter().collect();
    assert_eq!(again, gone.into_iter().collect(), "and again if it stays");
}

#[test]
fn a_peer_trusted_by_hand_is_let_in_and_kept() {
    let mut world = World::new(Config::default());
    let friend = PeerId::random();
    world.plan.prefer(friend, Vec::new());
    while world.inbound(somewhere(1)).2 == Verdict::Keep {}
    let number = world.id();
    assert_eq!(world.comes(friend, number, somewhere(1)), Verdict::Keep);
    world.trust.insert(friend, 0.0);
    world.pass(10);
    assert!(
        parted(&world.plan())
            .iter()
            .all(|(peer, _)| *peer != friend)
    );
}

#[test]
fn silence_has_deadlines() {
    let idle_secs = 600;
    let mut world = World::new(Config {
        idle_secs,
        ..Config::default()
    });
    let mute = PeerId::random();
    let number = world.id();
    let inbound = Direction::Inbound;
    world
        .plan
        .established(number, mute, inbound, somewhere(1), world.now);
    world.pass(9);
    assert!(parted(&world.plan()).is_empty());
    world.pass(1);
    assert_eq!(parted(&world.plan()), [(mute, Goodbye::Unidentified)]);
    world.plan.closed(number, mute, world.now);

    let (busy, ..) = world.inbound(somewhere(2));
    let (idle, number, _) = world.inbound(somewhere(3));
    world.pass(599);
    world.plan.useful(&busy, 1, world.now);
    world.pass(1);
    assert_eq!(parted(&world.plan()), [(idle, Goodbye::Idle)]);
    world.plan.closed(number, idle, world.now);
    world.now += Duration::from_secs(60);
    assert_eq!(parted(&world.plan()), [(busy, Goodbye::Dead)]);
}

#[test]
fn a_cool_down_parts_and_keeps_away_until_it_ends() {
    let mut world = World::new(Config::default());
    let (peer, number, _) = world.inbound(somewhere(1));
    let until = world.now + Duration::from_secs(600);
    assert!(world.plan.cool_down(peer, until, world.now));
    assert_eq!(parted(&world.plan()), [(peer, Goodbye::LowTrust)]);
    world.plan.closed(number, peer, world.now);
    let again = world.id();
    let refused = Verdict::Refuse(Goodbye::LowTrust);
    assert_eq!(world.comes(peer, again, somewhere(1)), refused);
    world.pass(600);
    assert_eq!(world.comes(peer, again, somewhere(1)), Verdict::Keep);
}

#[test]
fn a_much_more_trusted_peer_replaces_the_least_trusted_once_it_is_there() {
    let mut world = World::new(Config::default());
    let peers: Vec<_> = (0..16).map(|i| world.know(somewhere(i))).collect();
    world.settle();
    // Inbound peers fill the rest up to the target.
    for i in 30..40 {
        world.inbound(somewhere(i));
    }
    world.trust.insert(peers[3], 0.3);
    // One place of sixteen is free for the newcomer.
    let gone = *world
        .plan
        .table
        .peers
        .keys()
        .find(|p| peers.contains(p) && **p != peers[3])
        .unwrap();
    let link = (1..=world.ids).find(|n| {
        world.plan.closed(id(*n), gone, world.now);
        world.plan.slot(&gone).is_none()
    });
    assert!(link.is_some());
    world.book.borrow_mut().clear();
    let better = world.know(somewhere(60));
    world.trust.insert(better, 0.9);
    assert!(world.plan().is_empty(), "in its own time");
    world.pass(700);
    let actions = world.plan();
    assert_eq!(dialled(&actions), [better]);
    world.answer(&actions);
    assert_eq!(parted(&world.plan()), [(peers[3], Goodbye::Replaced)]);
}

#[test]
fn both_sides_dialling_at_once_make_one_peer_that_counts_as_chosen() {
    let mut world = World::new(Config::default());
    world.know(somewhere(1));
    let actions = world.plan();
    let peer = dialled(&actions)[0];
    let first = world.id();
    assert_eq!(
        world.comes(peer, first, at("/ip4/20.1.0.1/tcp/50000")),
        Verdict::Keep
    );
    assert_eq!(world.plan.slot(&peer), Some(Slot::Inbound));
    world.answer(&actions);
    assert_eq!(world.plan.counts().total(), 1);
    assert_eq!(world.plan.slot(&peer), Some(Slot::Outbound));
    world.plan.closed(first, peer, world.now);
    assert_eq!(world.plan.slot(&peer), Some(Slot::Outbound));
    assert_eq!(world.plan.best(&|_| 0.5)[0].addresses, [somewhere(1)]);
}

#[test]
fn a_dial_of_which_nothing_is_heard_gives_its_place_back() {
    let mut world = World::new(Config::default());
    world.know(somewhere(1));
    assert_eq!(world.plan().len(), 1);
    world.pass(89);
    assert!(world.plan().is_empty());
    world.pass(1);
    world.plan();
    assert_eq!(world.plan.counts().dialling, 0);
}

#[test]
fn a_book_that_ignores_what_is_excluded_does_not_hold_up_the_tick() {
    let mut world = World::new(Config::default());
    let own = Candidate {
        peer: world.plan.own,
        addresses: vec![somewhere(1)],
    };
    let asked = RefCell::new(0);
    let actions = world.plan.plan(world.now, &|_| f64::NAN, &mut |_| {
        *asked.borrow_mut() += 1;
        Some(own.clone())
    });
    assert!(actions.is_empty());
    assert!(*asked.borrow() < 100);
}

#[test]
fn a_static_address_is_kept_beside_the_outbound_places() {
    let mut world = World::new(Config::default());
    let bootstrap = at("/ip4/127.0.0.1/tcp/9");
    assert!(world.plan.add_static(bootstrap.clone()));
    assert!(world.plan.is_searching());
    let actions = world.plan();
    let (peer, link) = world.answer(&actions)[0];
    assert_eq!(world.plan.slot(&peer), Some(Slot::Asked));
    world.plan.closed(link, peer, world.now);
    assert!(world.plan().is_empty());
    world.pass(1);
    assert_eq!(world.plan().len(), 1, "half a second after the first loss");
    assert!(world.plan.remove_static(&bootstrap));
}
