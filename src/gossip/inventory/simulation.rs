//! Twenty peers over a modelled link: some withhold, some frames are lost, time is virtual.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand::{RngExt, SeedableRng};

use super::{Inventory, Limits, Output, RequestId, serve, tests::peer};
use crate::{
    chain::object_id,
    clock::Rng,
    report::InventoryReport,
    wire::{Answer, Flags, Frame, GetData, Inv, Item, ItemKind, Message},
};

const PEERS: u8 = 20;
/// Of them: announce everything they hear of at once, and never deliver.
const WITHHOLD: u8 = 6;
const TXS: usize = 60;
/// When the exchange below gives up on a request.
const EXCHANGE_TIMEOUT: u64 = 20_000;

struct Node {
    engine: Inventory,
    held: BTreeMap<Item, Bytes>,
    /// For those that withhold: what they have claimed to have.
    claimed: BTreeSet<Item>,
    neighbours: Vec<u8>,
    withholds: bool,
    /// When it is to be woken next, in milliseconds.
    wake: u64,
}

#[derive(Clone, Debug)]
enum Event {
    Request(u8, u8, RequestId, Message),
    Answer(u8, u8, RequestId, Option<Message>),
    Publish(u8, Bytes),
    Wake(u8),
}

struct World {
    nodes: Vec<Node>,
    queue: BTreeMap<(Reverse<u64>, u64), Event>,
    rng: Rng,
    start: Instant,
    at: u64,
    number: u64,
    lossy: bool,
    penalised: Vec<u8>,
}

impl World {
    fn new(seed: u64, withhold: u8, lossy: bool) -> Self {
        let mut rng = Rng::seed_from_u64(seed);
        let mut nodes: Vec<Node> = (0..PEERS)
            .map(|n| Node {
                engine: Inventory::new(Limits::default(), rng.random()),
                held: BTreeMap::new(),
                claimed: BTreeSet::new(),
                neighbours: vec![],
                withholds: n < withhold,
                wake: u64::MAX,
            })
            .collect();
        // A ring of the honest ones, so that they are connected without the others, and chords.
        let honest: Vec<u8> = (withhold..PEERS).collect();
        let mut edges: BTreeSet<(u8, u8)> = BTreeSet::new();
        for (i, a) in honest.iter().enumerate() {
            edges.insert((*a, honest[(i + 1) % honest.len()]));
        }
        while edges.len() < usize::from(PEERS) * 3 {
            let (a, b) = (rng.random_range(0..PEERS), rng.random_range(0..PEERS));
            if a != b && !edges.contains(&(b, a)) {
                edges.insert((a, b));
            }
        }
        for (a, b) in edges {
            for (from, to, outbound) in [(a, b, true), (b, a, false)] {
                let node = &mut nodes[usize::from(from)];
                node.engine.up(peer(to), outbound);
                node.neighbours.push(to);
            }
        }
        Self {
            nodes,
            queue: BTreeMap::new(),
            rng,
            start: Instant::now(),
            at: 0,
            number: 0,
            lossy,
            penalised: vec![],
        }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.at)
    }

    fn later(&mut self, ms: u64, event: Event) {
        self.number += 1;
        self.queue
            .insert((Reverse(self.at + ms), u64::MAX - self.number), event);
    }

    /// One way over a link.
    fn latency(&mut self) -> u64 {
        self.rng.random_range(20..80)
    }

    fn loses(&mut self) -> bool {
        self.lossy && self.rng.random_ratio(1, 20)
    }

    fn run(&mut self, until: u64) {
        while let Some(((Reverse(at), number), event)) = self.queue.pop_last() {
            if at > until {
                self.queue.insert((Reverse(at), number), event);
                break;
            }
            self.at = at;
            let node = match event {
                Event::Publish(node, bytes) => {
                    let kind = ItemKind::Tx;
                    let id = object_id(&bytes);
                    self.take(node, Item { kind, id }, bytes);
                    node
                }
                Event::Request(from, to, id, message) => {
                    self.on_request(from, to, id, message);
                    to
                }
                Event::Answer(node, of, id, answer) => {
                    let now = self.now();
                    let node_mut = &mut self.nodes[usize::from(node)];
                    node_mut.engine.answer(peer(of), id, answer, now);
                    node
                }
                Event::Wake(node) => {
                    let now = self.now();
                    let woken = &mut self.nodes[usize::from(node)];
                    if woken.wake == at {
                        woken.wake = u64::MAX;
                    }
                    woken.engine.tick(now);
                    node
                }
            };
            self.drain(node);
        }
    }

    fn take(&mut self, node: u8, item: Item, bytes: Bytes) {
        let now = self.now();
        let node = &mut self.nodes[usize::from(node)];
        node.held.insert(item, bytes);
        node.engine.learned(item, now);
    }

    fn on_request(&mut self, from: u8, to: u8, id: RequestId, message: Message) {
        let now = self.now();
        let node = &mut self.nodes[usize::from(to)];
        let answer = match message {
            Message::Inv(Inv { items }) if node.withholds => {
                let new = items.into_iter().filter(|item| node.claimed.insert(*item));
                let items: Vec<Item> = new.collect();
                let neighbours = node.neighbours.clone();
                for neighbour in neighbours.into_iter().filter(|_| !items.is_empty()) {
                    // At once, to be the first. Nobody cares for its receipt.
                    let items = items.clone();
                    let inv = Message::Inv(Inv { items });
                    self.later(1, Event::Request(to, neighbour, RequestId(u64::MAX), inv));
                }
                Some(Message::Ack { seq: 0 })
            }
            Message::Inv(Inv { items }) => {
                let Node { engine, held, .. } = node;
                engine.announced(peer(from), &items, |i| held.contains_key(i), now);
                Some(Message::Ack { seq: 0 })
            }
            Message::GetData(_) if node.withholds => None,
            Message::GetData(request) => Some(honest_answer(&node.held, &request)),
            other => panic!("{other:?}"),
        };
        if id == RequestId(u64::MAX) {
            return;
        }
        if answer.is_none() || self.loses() {
            self.later(EXCHANGE_TIMEOUT, Event::Answer(from, to, id, None));
        } else {
            let latency = self.latency();
            self.later(latency, Event::Answer(from, to, id, answer));
        }
    }

    fn drain(&mut self, node: u8) {
        while let Some(output) = self.nodes[usize::from(node)].engine.poll_output() {
            match output {
                Output::Request { peer, id, message } | Output::Announce { peer, id, message } => {
                    let to = peer.to_bytes()[2];
                    if self.nodes[usize::from(node)].withholds {
                        continue;
                    }
                    if self.loses() {
                        self.later(EXCHANGE_TIMEOUT, Event::Answer(node, to, id, None));
                    } else {
                        let latency = self.latency();
                        self.later(latency, Event::Request(node, to, id, message));
                    }
                }
                Output::Received { item, bytes, .. } => self.take(node, item, bytes),
                Output::Penalise { peer, .. } => self.penalised.push(peer.to_bytes()[2]),
                Output::Heard { .. } => {}
            }
        }
        let engine = &self.nodes[usize::from(node)].engine;
        if let Some(next) = engine.next_timeout() {
            let wait = next.saturating_duration_since(self.now());
            let wait = u64::try_from(wait.as_millis()).expect("short").max(1);
            let at = self.at + wait;
            if at < self.nodes[usize::from(node)].wake {
                self.nodes[usize::from(node)].wake = at;
                self.later(wait, Event::Wake(node));
            }
        }
    }

    fn honest(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| !node.withholds)
    }

    fn counts(&self) -> InventoryReport {
        let mut sum = InventoryReport::default();
        for counts in self.honest().map(|node| node.engine.counts()) {
            sum.requests += counts.requests;
            sum.asked += counts.asked;
            sum.received += counts.received;
            sum.duplicates += counts.duplicates;
            sum.withheld += counts.withheld;
            sum.lost += counts.lost;
        }
        sum
    }

    /// Publishes [`TXS`] transactions in three seconds at honest peers.
    fn publish_all(&mut self, withhold: u8) {
        for n in 0..TXS {
            let node = self.rng.random_range(withhold..PEERS);
            let at = self.rng.random_range(0..3000);
            let mut bytes = vec![0; 20_000];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            self.later(at, Event::Publish(node, bytes.into()));
        }
    }

    /// Runs until every honest peer has everything, and says how long that took, in milliseconds.
    fn run_until_all_have_all(&mut self, limit: u64) -> u64 {
        let mut until = 0;
        while self.honest().any(|node| node.held.len() < TXS) {
            until += 100;
            assert!(until <= limit, "not everywhere after {limit} ms");
            self.run(until);
        }
        until
    }
}

/// What an honest peer sends, through the frames and rules of the wire.
fn honest_answer(held: &BTreeMap<Item, Bytes>, request: &GetData) -> Message {
    let kind = request.kind;
    let ids = request.ids.iter();
    let found: Vec<Option<Bytes>> = ids
        .map(|id| held.get(&Item { kind, id: *id }).cloned())
        .collect();
    let mut answer = Answer::to(&Message::GetData(request.clone())).expect("a request");
    for message in serve(request, &found) {
        let frame = Frame::new(&message, 0, Flags::default()).expect("fits");
        answer.push(&frame).expect("an honest answer");
    }
    answer.finish().expect("an answer")
}

#[test]
fn without_faults_everybody_gets_everything_once_and_soon() {
    let mut world = World::new(1, 0, false);
    world.publish_all(0);
    let took = world.run_until_all_have_all(10_000);
    let counts = world.counts();
    assert!(took < 6000, "{took} ms");
    let needed = (usize::from(PEERS) - 1) * TXS;
    assert_eq!(counts.received, needed as u64);
    assert_eq!(counts.asked, counts.received, "each object asked for once");
    assert_eq!((counts.duplicates, counts.withheld), (0, 0));
    assert!(world.penalised.is_empty());
}

#[test]
fn withholders_and_losses_delay_but_nobody_honest_goes_without_or_is_blamed() {
    for seed in 1..=3 {
        let mut world = World::new(seed, WITHHOLD, true);
        world.publish_all(WITHHOLD);
        let took = world.run_until_all_have_all(120_000);
        let counts = world.counts();
        assert!(counts.withheld > 0, "the attack took place");
        assert!(world.penalised.is_empty(), "{:?}", world.penalised);
        let honest = usize::from(PEERS - WITHHOLD);
        let needed = ((honest - 1) * TXS) as u64;
        assert_eq!(counts.received, needed);
        assert!(
            counts.asked < 4 * needed && counts.duplicates < needed / 5,
            "seed {seed}, {took} ms: {counts:?} for {needed} objects"
        );
    }
}
