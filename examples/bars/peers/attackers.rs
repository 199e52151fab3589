//! What an attacker gets of the book and of the outbound places, in a model without sockets.

use std::time::Duration;

use animica_p2p::{
    Multiaddr, PeerId,
    clock::{Clock as _, ManualClock, Rng},
    ids::{ChainId, Hash32},
    peers::{
        MemoryPeers, PeerStore as _, Table,
        book::{Book, BookConfig, MAX_PEERS, Retry, Scope},
        slots::{Action, Candidate, Config, Exclude, Failure, Plan, Verdict},
    },
    report::Direction,
};
use libp2p::swarm::ConnectionId;
use rand::{RngExt as _, SeedableRng as _};

use super::{GROUP, exchange, host, peer};
use crate::{
    Effort,
    report::{Good, Report},
};

/// Peers of the attacker have numbers from here on.
const EVIL: u64 = 1_000_000;

/// Its identities, and the groups of addresses that it has.
const IDENTITIES: u64 = 1_000;
const GROUPS: u64 = 4;

/// Addresses told to poison the book.
const POISON: u64 = 100_000;

/// Outbound places.
const OUTBOUND: usize = 40;

/// How often the plan is asked, and how often in one run.
const TICK: Duration = Duration::from_millis(250);
const TICKS: usize = 400;

/// Both attacks, with many seeds.
pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let seeds = effort.of(200) as u64;
    let runs: Vec<(usize, usize)> = (0..seeds).map(groups).collect();
    report.add(
        GROUP,
        "1 000 identities in 4 groups, outbound of 40",
        runs.iter().map(|r| r.0).max().unwrap_or(0) as f64,
        "places",
        Good::AtMost,
        (8.0, 8.0),
        format!("the most in {seeds} runs of {TICKS} ticks"),
    );
    let most = runs.iter().map(|r| r.1).max().unwrap_or(0);
    let seeds = effort.of(20) as u64;
    let runs: Vec<(usize, usize)> = (0..seeds).map(poison).collect();
    let honest = runs.iter().map(|r| r.0).min().unwrap_or(0);
    report.add(
        GROUP,
        "100 000 poisoned addresses, honest outbound",
        honest as f64 / OUTBOUND as f64 * 100.0,
        "%",
        Good::AtLeast,
        (50.0, 60.0),
        format!("the least in {seeds} restarts"),
    );
    report.add(
        GROUP,
        "peers in the book then, of its bound",
        runs.iter().map(|r| r.1).max().unwrap_or(0) as f64 / MAX_PEERS as f64 * 100.0,
        "%",
        Good::AtMost,
        (100.0, 100.0),
        format!("{most} of the 1 000 identities in it"),
    );
}

fn is_evil(peer: &PeerId) -> bool {
    let bytes = peer.to_bytes();
    let number = bytes[bytes.len() - 32..bytes.len() - 24].try_into();
    u64::from_be_bytes(number.expect("eight bytes")) >= EVIL
}

/// A node with its book and its plan.
struct Model {
    book: Book,
    plan: Plan,
    clock: ManualClock,
    rng: Rng,
    live: Vec<(PeerId, ConnectionId)>,
    ids: usize,
}

fn about() -> BookConfig {
    BookConfig {
        me: peer(u64::MAX),
        chain: ChainId(7),
        genesis: Hash32([3; 32]),
        scope: Scope::Public,
        retry: Retry::default(),
    }
}

impl Model {
    fn new(seed: u64) -> Self {
        let config = Config {
            target_outbound: OUTBOUND,
            max_outbound: OUTBOUND,
            target_peers: 60,
            max_peers: 100,
            ..Config::default()
        };
        config.validate().expect("figures that go together");
        let clock = ManualClock::at_wall_ms(1_790_000_000_000);
        let mut rng = Rng::seed_from_u64(seed);
        Self {
            book: Book::new(about(), rng.random(), clock.now()),
            plan: Plan::new(config, peer(u64::MAX), Rng::seed_from_u64(rng.random())),
            clock,
            rng,
            live: Vec::new(),
            ids: 0,
        }
    }

    fn learn(&mut self, n: u64, addresses: &[Multiaddr], from: u64) {
        let now = self.clock.now();
        self.book.learn(peer(n), addresses, exchange(from), now);
    }

    /// One tick. Who is dialled answers if `answers` says so; a peer that does is connected.
    fn tick(&mut self, answers: &mut dyn FnMut(&mut Rng, &PeerId, &[Multiaddr]) -> bool) {
        self.clock.advance(TICK);
        let now = self.clock.now();
        let (book, rng) = (&mut self.book, &mut self.rng);
        let mut next = |out: &Exclude<'_>| {
            let may = |p: &PeerId, a: &Multiaddr| !out.peer(p) && !out.address(a);
            let picked = book.pick(rng, may, now)?;
            for address in &picked.addresses {
                book.attempt(&picked.peer, address, now);
            }
            Some(Candidate {
                peer: picked.peer,
                addresses: picked.addresses,
            })
        };
        let actions = self.plan.plan(now.mono, &|_| 0.5, &mut next);
        for action in actions {
            match action {
                Action::Dial {
                    ticket,
                    peer: Some(to),
                    addresses,
                } => {
                    self.ids += 1;
                    let id = ConnectionId::new_unchecked(self.ids);
                    self.plan.began(ticket, id);
                    let at = addresses[addresses.len() - 1].clone();
                    if !answers(&mut self.rng, &to, &addresses) {
                        self.book.failed(&to, &at, now);
                        self.plan.failed(id, Failure::Unreachable, now.mono);
                        continue;
                    }
                    let out = Direction::Outbound;
                    let kept = self.plan.established(id, to, out, at.clone(), now.mono);
                    self.book.succeeded(&to, &at, now);
                    if kept == Verdict::Keep {
                        self.plan.identified(to, now.mono);
                        self.live.push((to, id));
                    }
                }
                Action::Dial { .. } => {}
                Action::Disconnect { peer, .. } => self.close(|p| *p == peer),
            }
        }
        for (peer, _) in &self.live {
            self.plan.alive(peer, now.mono);
        }
    }

    fn close(&mut self, who: impl Fn(&PeerId) -> bool) {
        let now = self.clock.now().mono;
        let (gone, live) = self.live.drain(..).partition(|(p, _)| who(p));
        self.live = live;
        for (peer, id) in gone {
            self.plan.closed(id, peer, now);
        }
    }

    fn evil(&self) -> usize {
        self.live.iter().filter(|(p, _)| is_evil(p)).count()
    }
}

/// The attacker answers wherever it is, and claims addresses of others besides; honest peers are
/// away now and then, and connections break. Its most places, and its peers in the book.
fn groups(seed: u64) -> (usize, usize) {
    let mut model = Model::new(seed);
    for n in 0..200 {
        model.learn(n, &[host(100 + n, 1)], 300 + n % 40);
    }
    for n in 0..IDENTITIES {
        let mut addresses = vec![host(n % GROUPS, n)];
        if n % 3 == 0 {
            addresses.insert(0, host(100 + n % 200, 1));
        }
        for from in 0..GROUPS {
            model.learn(EVIL + n, &addresses, from);
        }
    }
    let inside = model.book.known(MAX_PEERS, model.clock.now());
    let inside = inside.iter().filter(|v| is_evil(&v.peer)).count();
    let mut most = 0;
    for _ in 0..TICKS {
        model.tick(&mut |rng, peer, addresses| {
            let last = &addresses[addresses.len() - 1];
            let there = (0..GROUPS).any(|g| {
                let group = host(g, 0);
                last.as_ref()[..3] == group.as_ref()[..3]
            });
            if is_evil(peer) {
                there
            } else {
                rng.random_bool(0.8)
            }
        });
        most = most.max(model.evil());
        if model.rng.random_bool(0.25) && !model.live.is_empty() {
            let at = model.rng.random_range(0..model.live.len());
            let gone = model.live[at].0;
            model.close(|p| *p == gone);
        }
    }
    (most, inside)
}

/// A node that knew 40 peers, with eight of which it was best off, is told 100 000 others from as
/// many sources and groups as there are, and started again. Everybody answers, the worst for it.
/// Its honest outbound peers when all places are taken, and the most peers in its book.
fn poison(seed: u64) -> (usize, usize) {
    let mut model = Model::new(seed);
    let now = model.clock.now();
    for n in 0..40 {
        let at = host(300 + n, 1);
        model.learn(n, std::slice::from_ref(&at), n);
        model.book.succeeded(&peer(n), &at, now);
    }
    let best: Vec<PeerId> = (0..8).map(peer).collect();
    model.book.set_anchors(&best);
    for n in 0..POISON {
        model.learn(EVIL + n, &[host(n, n)], n);
    }
    let store = MemoryPeers::default();
    let changes = model.book.take_changes();
    store.commit(&changes).expect("in memory");
    let rows = store.load(Table::Book).expect("in memory");
    let state = store.load(Table::State).expect("in memory");
    model.clock.advance(Duration::from_secs(60));
    let (book, _) = Book::load(about(), [0; 16], &rows, &state, model.clock.now());
    model.book = book;
    let anchors = model.book.anchors(model.clock.now()).into_iter();
    model.plan.set_anchors(anchors.map(|a| Candidate {
        peer: a.peer,
        addresses: a.addresses,
    }));
    for _ in 0..TICKS {
        model.tick(&mut |_, _, _| true);
        if model.live.len() >= OUTBOUND {
            break;
        }
    }
    assert_eq!(model.live.len(), OUTBOUND, "places stay empty");
    (OUTBOUND - model.evil(), model.book.len())
}
