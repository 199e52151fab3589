//! Engines wired back to back under a clock moved by hand.

use std::{cell::RefCell, collections::BTreeSet, time::Duration};

use libp2p::PeerId;

use super::{tests::items, *};
use crate::{
    clock::{Clock, ManualClock, Now},
    offence::Offence,
    wire::{Busy, Credits, ErrorCode, Message, Sketch, SketchPart},
};

mod schedule;

const ROUND_TRIP: Duration = Duration::from_millis(40);

/// The sets of a node.
#[derive(Default)]
struct Items {
    pool: RefCell<BTreeSet<Hash32>>,
    app: RefCell<BTreeSet<Hash32>>,
}

impl Items {
    fn of(&self, set: SketchSet) -> &RefCell<BTreeSet<Hash32>> {
        match set {
            SketchSet::Pool => &self.pool,
            SketchSet::App => &self.app,
        }
    }
}

impl Sets for Items {
    fn ids(&self, set: SketchSet) -> Option<Vec<Hash32>> {
        Some(self.of(set).borrow().iter().copied().collect())
    }
}

struct Node {
    peer: PeerId,
    items: Items,
    engine: Engine,
    server: Server,
    done: Vec<(SketchSet, Stats)>,
    gave_up: Vec<GiveUp>,
}

impl Node {
    fn new(seed: u8, pool: Vec<Hash32>, now: Now) -> Self {
        let items = Items::default();
        items.pool.borrow_mut().extend(pool);
        Self {
            peer: PeerId::random(),
            items,
            engine: Engine::new(Config::default(), [seed; 32], now),
            server: Server::new(Limits::default()),
            done: Vec::new(),
            gave_up: Vec::new(),
        }
    }

    fn bytes(&self) -> usize {
        self.done.iter().map(|(_, stats)| stats.bytes).sum()
    }

    /// Does what is due and everything that follows from it, with `other` at the end of the line.
    fn drive(&mut self, other: &mut Node, clock: &ManualClock) {
        self.engine.tick(&self.items, clock.now());
        while let Some(action) = self.engine.poll_action() {
            match action {
                Action::Request { peer, id, message } => {
                    assert_eq!(peer, other.peer);
                    clock.advance(ROUND_TRIP);
                    let answer = other.serve(self.peer, &message, clock.now());
                    self.engine
                        .answer(&peer, id, answer, &self.items, clock.now());
                }
                Action::Fetch { set, ids, .. } => {
                    let theirs = other.items.of(set).borrow();
                    assert!(
                        ids.iter().all(|id| theirs.contains(id)),
                        "fetches what is there"
                    );
                    self.items.of(set).borrow_mut().extend(ids);
                }
                Action::Offer { set, ids, .. } => {
                    other.items.of(set).borrow_mut().extend(ids);
                }
                Action::Done { set, stats, .. } => self.done.push((set, stats)),
                Action::GaveUp { why, .. } => self.gave_up.push(why),
                Action::Penalise { offence, .. } => panic!("blames an honest peer: {offence}"),
            }
        }
    }

    fn serve(&mut self, peer: PeerId, message: &Message, now: Now) -> Message {
        let Message::GetSketch(request) = message else {
            panic!("{message:?}")
        };
        match self.server.answer(peer, request, &self.items, now) {
            Reply::Sketch(sketch) => Message::Sketch(sketch),
            Reply::Busy { retry_after } => Message::Busy(Busy {
                retry_after_ms: retry_after.as_millis() as u64,
                credits: Credits::INITIAL,
            }),
            Reply::Unsupported => Message::Error {
                code: ErrorCode::Unsupported,
            },
        }
    }
}

/// Two nodes whose sets were the same, until they were apart and `differ` items came to each.
fn after_a_partition(common: u32, differ: u32) -> (Node, Node, ManualClock) {
    let clock = ManualClock::at_wall_ms(0);
    let mut a = Node::new(1, items(0..common), clock.now());
    let mut b = Node::new(2, items(0..common), clock.now());
    connect(&mut a, &mut b, &clock);
    settle(&mut a, &mut b, &clock, Duration::from_secs(10));
    a.engine.peer_down(&b.peer);
    b.engine.peer_down(&a.peer);
    clock.advance(Duration::from_secs(300));
    for (node, start) in [(&mut a, 1_000_000), (&mut b, 2_000_000)] {
        node.items
            .pool
            .borrow_mut()
            .extend(items(start..start + differ));
        node.items
            .app
            .borrow_mut()
            .extend(items(start..start + differ / 10));
        node.done.clear();
    }
    connect(&mut a, &mut b, &clock);
    (a, b, clock)
}

fn connect(a: &mut Node, b: &mut Node, clock: &ManualClock) {
    a.engine.peer_up(b.peer, clock.now());
    b.engine.peer_up(a.peer, clock.now());
}

/// Runs both for `time`.
fn settle(a: &mut Node, b: &mut Node, clock: &ManualClock, time: Duration) {
    let end = clock.now().mono + time;
    while clock.now().mono < end {
        a.drive(b, clock);
        b.drive(a, clock);
        clock.advance(Duration::from_millis(10));
    }
}

#[test]
fn nodes_that_were_apart_converge_at_a_cost_that_grows_with_the_difference() {
    let mut costs = Vec::new();
    for differ in [20, 200] {
        let (mut a, mut b, clock) = after_a_partition(10_000, differ);
        settle(&mut a, &mut b, &clock, Duration::from_secs(8));
        assert_eq!(a.items.pool, b.items.pool);
        assert_eq!(a.items.app, b.items.app);
        assert_eq!(a.items.pool.borrow().len(), 10_000 + 2 * differ as usize);
        assert!(a.gave_up.is_empty() && b.gave_up.is_empty());
        let cost = a.bytes() + b.bytes();
        let bound = 60 * (2 * differ as usize + 2 * differ as usize / 10) + 8 * 1_024;
        assert!(cost <= bound, "{cost} bytes for {differ} on either side");
        let found: usize = a.done.iter().chain(&b.done).map(|(_, s)| s.learned).sum();
        assert_eq!(
            found,
            (differ + differ / 10) as usize,
            "each was learned once"
        );
        costs.push(cost);
    }
    let [small, large] = costs[..] else {
        unreachable!("two costs")
    };
    assert!(large <= 10 * small, "{small} and {large} bytes");
}

#[test]
fn in_turn_reconciliation_finds_what_was_missed_while_connected() {
    let clock = ManualClock::at_wall_ms(0);
    let mut a = Node::new(1, items(0..100), clock.now());
    let mut b = Node::new(2, items(0..100), clock.now());
    connect(&mut a, &mut b, &clock);
    settle(&mut a, &mut b, &clock, Duration::from_secs(5));
    a.items.pool.borrow_mut().extend(items(500..510));
    settle(&mut a, &mut b, &clock, Duration::from_secs(40));
    assert_eq!(a.items.pool, b.items.pool);
    // Both sides and both sets, on connect and in turn, and no more than that.
    assert!((4..=12).contains(&(a.done.len() + b.done.len())));
}

#[test]
fn the_same_seed_gives_the_same_requests() {
    let trace = || {
        let clock = ManualClock::at_wall_ms(0);
        let mut engine = Engine::new(Config::default(), [5; 32], clock.now());
        let sets = Items::default();
        let peers: Vec<PeerId> = (0..3_u8)
            .map(|n| {
                let digest = libp2p::multihash::Multihash::wrap(0, &[n; 8]).expect("short");
                PeerId::from_multihash(digest).expect("an identity digest")
            })
            .collect();
        for peer in &peers {
            engine.peer_up(*peer, clock.now());
        }
        let mut out = Vec::new();
        for _ in 0..2_000 {
            clock.advance(Duration::from_millis(100));
            engine.tick(&sets, clock.now());
            out.extend(std::iter::from_fn(|| engine.poll_action()));
        }
        out
    };
    assert!(trace().len() > 10);
    assert_eq!(trace(), trace());
}

#[test]
fn a_peer_that_names_unasked_ids_is_penalised_and_one_that_is_silent_is_not() {
    let clock = ManualClock::at_wall_ms(0);
    let mut node = Node::new(1, vec![], clock.now());
    let mut far = Node::new(2, items(0..10), clock.now());
    node.engine.peer_up(far.peer, clock.now());
    clock.advance(Duration::from_secs(3));
    node.engine.tick(&node.items, clock.now());
    let mut penalties = Vec::new();
    while let Some(action) = node.engine.poll_action() {
        match action {
            Action::Request { id, message, .. } => {
                let mut answer = far.serve(node.peer, &message, clock.now());
                if let Message::Sketch(Sketch {
                    part: SketchPart::Ids(ids),
                    ..
                }) = &mut answer
                {
                    ids[0] = Hash32([1; 32]);
                }
                node.engine
                    .answer(&far.peer, id, answer, &node.items, clock.now());
            }
            Action::Penalise { peer, offence, .. } => penalties.push((peer, offence)),
            Action::GaveUp { why, .. } => assert_eq!(why, GiveUp::Inconsistent),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(penalties, [(far.peer, Offence::UnsolicitedResponse)]);
}
