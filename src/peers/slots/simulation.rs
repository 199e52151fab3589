//! Many plans in one model of a network, with a clock moved by hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, multihash::Multihash, swarm::ConnectionId};
use proptest::{prelude::ProptestConfig, prop_assert, prop_assert_eq, proptest};
use rand::{RngExt as _, SeedableRng as _, seq::IndexedRandom as _};

use super::*;

const TICK: Duration = Duration::from_millis(250);
const DISTANCE: Duration = Duration::from_millis(60);
const NOBODY_THERE: Duration = Duration::from_secs(1);

/// Addresses that one exchange brings.
const EXCHANGED: usize = 32;

struct Node {
    peer: PeerId,
    address: Multiaddr,
    plan: Plan,
    book: BTreeMap<PeerId, Multiaddr>,
    links: BTreeSet<usize>,
    alive: bool,
}

enum Event {
    Dialled {
        by: usize,
        id: ConnectionId,
        to: Multiaddr,
    },
    Identified {
        a: usize,
        b: usize,
        id: ConnectionId,
    },
    Closed {
        at: usize,
        id: ConnectionId,
        with: usize,
        told: Option<Goodbye>,
    },
}

struct Net {
    nodes: Vec<Node>,
    by_address: BTreeMap<Multiaddr, usize>,
    links: BTreeMap<usize, (usize, usize)>,
    events: BTreeMap<(Instant, u64), Event>,
    now: Instant,
    next_tick: Instant,
    count: u64,
    rng: Rng,
    most: usize,
}

fn peer(n: u64) -> PeerId {
    let hash = Multihash::wrap(0, &n.to_be_bytes()).unwrap();
    PeerId::from_multihash(hash).unwrap()
}

/// Every node is in a group of its own.
fn address(n: usize) -> Multiaddr {
    let (a, b) = (20 + n / 200, n % 200);
    format!("/ip4/{a}.{b}.0.1/tcp/1").parse().unwrap()
}

impl Net {
    /// `n` nodes that know the first one.
    fn new(n: usize, config: &Config, seed: u64) -> Self {
        let mut rng = Rng::seed_from_u64(seed);
        let now = Instant::now();
        let node = |i: usize, rng: &mut Rng| {
            let me = peer(i as u64);
            let mut plan = Plan::new(config.clone(), me, Rng::seed_from_u64(rng.random()));
            if i > 0 {
                plan.add_static(address(0));
            }
            Node {
                peer: me,
                address: address(i),
                plan,
                book: BTreeMap::new(),
                links: BTreeSet::new(),
                alive: true,
            }
        };
        let nodes: Vec<_> = (0..n).map(|i| node(i, &mut rng)).collect();
        Self {
            by_address: (0..n).map(|i| (address(i), i)).collect(),
            nodes,
            links: BTreeMap::new(),
            events: BTreeMap::new(),
            now,
            next_tick: now,
            count: 0,
            rng,
            most: 0,
        }
    }

    fn later(&mut self, after: Duration, event: Event) {
        self.count += 1;
        self.events.insert((self.now + after, self.count), event);
    }

    fn run(&mut self, lasts: Duration) {
        let end = self.now + lasts;
        while self.now < end {
            let event = self
                .events
                .first_entry()
                .filter(|e| e.key().0 < self.next_tick);
            if let Some(event) = event {
                self.now = event.key().0.max(self.now);
                let event = event.remove();
                self.handle(event);
            } else {
                self.now = self.next_tick;
                self.next_tick += TICK;
                (0..self.nodes.len()).for_each(|i| self.tick(i));
            }
        }
    }

    fn tick(&mut self, i: usize) {
        if !self.nodes[i].alive {
            return;
        }
        let peers: Vec<_> = self
            .neighbours(i)
            .into_iter()
            .map(|j| self.nodes[j].peer)
            .collect();
        let (now, rng) = (self.now, &mut self.rng);
        let node = &mut self.nodes[i];
        self.most = self.most.max(peers.len()).max(node.plan.counts().total());
        for peer in &peers {
            node.plan.alive(peer, now);
        }
        let book: Vec<_> = node.book.iter().collect();
        let actions = node.plan.plan(now, &|_| 0.5, &mut |exclude: &Exclude<'_>| {
            let free: Vec<_> = book
                .iter()
                .filter(|(p, a)| !exclude.peer(p) && !exclude.address(a))
                .collect();
            let (peer, address) = free.choose(rng)?;
            Some(Candidate {
                peer: **peer,
                addresses: vec![(*address).clone()],
            })
        });
        for action in actions {
            match action {
                Action::Dial {
                    ticket, addresses, ..
                } => {
                    self.count += 1;
                    let id = ConnectionId::new_unchecked(self.count as usize);
                    self.nodes[i].plan.began(ticket, id);
                    let to = addresses[0].clone();
                    let there = self
                        .by_address
                        .get(&to)
                        .is_some_and(|j| self.nodes[*j].alive);
                    let after = if there { DISTANCE } else { NOBODY_THERE };
                    self.later(after, Event::Dialled { by: i, id, to });
                }
                Action::Disconnect { peer, reason } => self.part(i, peer, reason),
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Dialled { by, id, to } => self.dialled(by, id, &to),
            Event::Identified { a, b, id } => {
                if self.links.contains_key(&number(id)) {
                    self.identified(a, b);
                    self.identified(b, a);
                }
            }
            Event::Closed { at, id, with, told } => {
                let peer = self.nodes[with].peer;
                let node = &mut self.nodes[at];
                if let Some(reason) = told {
                    node.plan.told(&peer, reason);
                }
                node.plan.closed(id, peer, self.now);
            }
        }
    }

    fn dialled(&mut self, by: usize, id: ConnectionId, to: &Multiaddr) {
        if !self.nodes[by].alive {
            return;
        }
        let other = self
            .by_address
            .get(to)
            .copied()
            .filter(|j| self.nodes[*j].alive);
        let Some(other) = other else {
            self.nodes[by]
                .plan
                .failed(id, Failure::Unreachable, self.now);
            return;
        };
        let (me, them) = (self.nodes[by].peer, self.nodes[other].peer);
        let now = self.now;
        let from = self.nodes[by].address.clone();
        let outbound = Direction::Outbound;
        let ours = self.nodes[by]
            .plan
            .established(id, them, outbound, to.clone(), now);
        let theirs = self.nodes[other]
            .plan
            .established(id, me, Direction::Inbound, from, now);
        let verdict = (ours, theirs);
        if verdict == (Verdict::Keep, Verdict::Keep) {
            self.links.insert(number(id), (by, other));
            self.nodes[by].links.insert(number(id));
            self.nodes[other].links.insert(number(id));
            self.later(
                DISTANCE,
                Event::Identified {
                    a: by,
                    b: other,
                    id,
                },
            );
            return;
        }
        for (at, with, answer) in [(by, other, theirs), (other, by, ours)] {
            let told = match answer {
                Verdict::Refuse(reason) => Some(reason),
                Verdict::Keep => None,
            };
            self.later(DISTANCE, Event::Closed { at, id, with, told });
        }
    }

    fn identified(&mut self, at: usize, with: usize) {
        let (peer, address) = (self.nodes[with].peer, self.nodes[with].address.clone());
        let known: Vec<_> = self.nodes[with].book.clone().into_iter().collect();
        let told: Vec<_> = known.sample(&mut self.rng, EXCHANGED).cloned().collect();
        let node = &mut self.nodes[at];
        node.plan.identified(peer, self.now);
        node.book.extend(told);
        node.book.insert(peer, address);
    }

    fn part(&mut self, by: usize, from: PeerId, reason: Goodbye) {
        let of_pair = |(_, (a, b)): &(&usize, &(usize, usize))| {
            let peers = (self.nodes[*a].peer, self.nodes[*b].peer);
            (*a == by && peers.1 == from) || (*b == by && peers.0 == from)
        };
        let links: Vec<_> = self
            .links
            .iter()
            .filter(of_pair)
            .map(|(id, l)| (*id, *l))
            .collect();
        for (id, (a, b)) in links {
            self.unlink(id, a, b);
            let other = if a == by { b } else { a };
            let id = ConnectionId::new_unchecked(id);
            self.nodes[by].plan.closed(id, from, self.now);
            let told = Some(reason);
            self.later(
                DISTANCE,
                Event::Closed {
                    at: other,
                    id,
                    with: by,
                    told,
                },
            );
        }
    }

    fn kill(&mut self, i: usize) {
        self.nodes[i].alive = false;
        let links: Vec<_> = self.links.iter().map(|(id, l)| (*id, *l)).collect();
        for (id, (a, b)) in links.into_iter().filter(|(_, (a, b))| *a == i || *b == i) {
            self.unlink(id, a, b);
            let at = if a == i { b } else { a };
            let id = ConnectionId::new_unchecked(id);
            self.later(
                DISTANCE,
                Event::Closed {
                    at,
                    id,
                    with: i,
                    told: None,
                },
            );
        }
    }

    fn unlink(&mut self, id: usize, a: usize, b: usize) {
        self.links.remove(&id);
        self.nodes[a].links.remove(&id);
        self.nodes[b].links.remove(&id);
    }

    fn neighbours(&self, i: usize) -> BTreeSet<usize> {
        let links = &self.nodes[i].links;
        links
            .iter()
            .map(|id| self.links[id])
            .map(|(a, b)| if a == i { b } else { a })
            .collect()
    }

    fn alive(&self) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|i| self.nodes[*i].alive)
            .collect()
    }

    fn is_connected(&self) -> bool {
        let alive = self.alive();
        let (mut seen, mut next) = (BTreeSet::new(), vec![alive[0]]);
        while let Some(i) = next.pop() {
            if seen.insert(i) {
                next.extend(self.neighbours(i));
            }
        }
        seen.len() == alive.len()
    }

    fn all_at_target(&self) -> bool {
        self.alive()
            .into_iter()
            .all(|i| self.nodes[i].plan.is_at_target())
    }

    fn fewest(&self) -> usize {
        let degrees = self.alive().into_iter().map(|i| self.neighbours(i).len());
        degrees.min().unwrap_or(0)
    }

    fn kill_share(&mut self, tenths: usize) {
        let alive = self.alive();
        let dead: Vec<_> = alive
            .sample(&mut self.rng, alive.len() * tenths / 10)
            .copied()
            .collect();
        dead.into_iter().for_each(|i| self.kill(i));
    }
}

fn number(id: ConnectionId) -> usize {
    id.to_string().parse().unwrap()
}

#[test]
fn fifty_nodes_grow_from_one_and_outlive_the_loss_of_forty_in_a_hundred() {
    for seed in 0..4 {
        let config = Config::default();
        let mut net = Net::new(50, &config, seed);
        net.run(Duration::from_secs(30));
        assert!(net.all_at_target(), "seed {seed}");
        assert!(net.fewest() >= config.max_outbound, "seed {seed}");
        assert!(net.is_connected());
        net.kill_share(4);
        net.run(Duration::from_secs(30));
        assert!(
            net.fewest() >= config.min_peers,
            "seed {seed}: {}",
            net.fewest()
        );
        assert!(net.is_connected());
        assert!(net.most <= config.max_peers, "seed {seed}: {}", net.most);
    }
}

#[test]
fn a_sparse_network_dials_itself_back_to_the_minimum() {
    let config = Config {
        target_peers: 6,
        target_outbound: 3,
        ..Config::default()
    };
    for seed in 0..4 {
        let mut net = Net::new(50, &config, seed);
        net.run(Duration::from_secs(30));
        assert!(net.is_connected() && net.fewest() >= 6, "seed {seed}");
        for _ in 0..2 {
            net.kill_share(4);
            net.run(Duration::from_secs(30));
            assert!(
                net.fewest() >= config.min_peers,
                "seed {seed}: {}",
                net.fewest()
            );
            assert!(net.is_connected(), "seed {seed}");
        }
    }
}

#[test]
fn a_full_bootstrap_node_serves_four_times_as_many_as_it_holds() {
    let config = Config::of_max(30);
    let mut net = Net::new(120, &config, 5);
    net.run(Duration::from_secs(60));
    assert!(net.all_at_target() && net.fewest() >= config.max_outbound);
    assert!(net.is_connected());
    assert!(net.most <= config.max_peers, "{}", net.most);
}

#[test]
fn the_same_seed_gives_the_same_network() {
    let links = |seed| {
        let mut net = Net::new(12, &Config::default(), seed);
        net.run(Duration::from_secs(10));
        net.links
    };
    assert_eq!(links(3), links(3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A thousand identities in four groups, many of which claim an address in a group of
    /// somebody honest as well, against two hundred honest peers.
    #[test]
    fn an_attacker_with_four_groups_has_eight_places_of_forty(seed: u64, share in 1..1000_u32) {
        let mut rng = Rng::seed_from_u64(seed);
        let config = Config {
            target_outbound: 40,
            max_outbound: 40,
            target_peers: 60,
            max_peers: 100,
            ..Config::default()
        };
        config.validate().unwrap();
        let mut plan = Plan::new(config, peer(u64::MAX), Rng::seed_from_u64(seed));
        let evil = |rng: &mut Rng| -> Candidate {
            let n = rng.random_range(0..1000_u64);
            let at = format!("/ip4/{}.7.1.{}/tcp/{}", 90 + n % 4, n % 250 + 1, 1 + n);
            let mut addresses = vec![at.parse().unwrap()];
            if n % 3 == 0 {
                addresses.insert(0, address(usize::try_from(n % 200).unwrap()));
            }
            Candidate { peer: peer(1_000_000 + n), addresses }
        };
        let honest = |rng: &mut Rng| {
            let n = rng.random_range(0..200);
            Candidate { peer: peer(n), addresses: vec![address(usize::try_from(n).unwrap())] }
        };
        let (mut now, mut ids) = (Instant::now(), 0);
        let mut live: Vec<(PeerId, ConnectionId)> = Vec::new();
        for _ in 0..400 {
            now += TICK;
            let actions = plan.plan(now, &|_| 0.5, &mut |_| {
                Some(if rng.random_range(0..1000) < share { evil(&mut rng) } else { honest(&mut rng) })
            });
            for action in actions {
                let Action::Dial { ticket, peer: Some(to), addresses } = action else { continue };
                ids += 1;
                let id = ConnectionId::new_unchecked(ids);
                plan.began(ticket, id);
                // The attacker never answers where it is not; an honest peer may be off.
                let at = addresses.last().unwrap().clone();
                let is_evil = to >= peer(1_000_000) && to < peer(1_001_000);
                if is_evil && !at.to_string().contains(".7.1.") {
                    plan.failed(id, Failure::Unreachable, now);
                    continue;
                }
                let verdict = plan.established(id, to, Direction::Outbound, at, now);
                prop_assert_eq!(verdict, Verdict::Keep);
                plan.identified(to, now);
                live.push((to, id));
            }
            if let Some(at) = (!live.is_empty()).then(|| rng.random_range(0..live.len() * 4))
                && at < live.len()
            {
                let (gone, id) = live.swap_remove(at);
                plan.closed(id, gone, now);
            }
            for (peer, _) in &live {
                plan.alive(peer, now);
            }
            let bad = live.iter().filter(|(p, _)| *p >= peer(1_000_000) && *p < peer(1_001_000));
            prop_assert!(bad.count() <= 8);
            prop_assert!(plan.counts().outbound <= 40);
        }
    }
}
