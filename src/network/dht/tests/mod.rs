//! Tables of several nodes over memory and stock noise. Inbound records are verified as a node
//! would verify them, only at once.

use std::{collections::HashMap, time::Duration};

use futures::{StreamExt, stream::select_all};
use libp2p::{Swarm, kad::store::MemoryStore, swarm::SwarmEvent};
use rand::SeedableRng;

mod hostile;

use super::*;
use crate::{
    bucket::Rate,
    clock::{Clock, ManualClock, Rng},
    dht::{
        Body, DEFAULT_QUORUM, Heard, Key, Place, Read, Record, RecordError, Refused, Source,
        Stored, Verified, judge,
    },
    identity::{Delegations, KeyPair, NodeIdentity, Policy, SerialMemory},
    ids::{ChainId, Hash32},
    network::testkit::{event, listen, node, node_that},
    offence::Offence,
};
use libp2p::{Multiaddr, PeerId, StreamProtocol, kad};

const NETWORK: (ChainId, Hash32) = (ChainId(7), Hash32([3; 32]));
const NOW: u64 = 1_700_000_000_000;
const TTL: u64 = 3_600_000;

fn author() -> NodeIdentity {
    NodeIdentity::from_keypair(KeyPair::deterministic([1; 32]).unwrap())
}

fn record(name: &str, seq: u64, value: Option<&[u8]>) -> Verified {
    let body = Body {
        author: author().public().digest(),
        chain_id: NETWORK.0,
        genesis: NETWORK.1,
        seq,
        created_ms: NOW,
        ttl_ms: TTL,
        name: Some(name.as_bytes().to_vec()),
        value: value.map(<[u8]>::to_vec),
    };
    Record::sign(&author(), &body).unwrap()
}

fn verdict(key: &Key, bytes: &bytes::Bytes) -> Result<Verified, RecordError> {
    let memory = Delegations::new(NETWORK.0, NETWORK.1, SerialMemory::default());
    judge(key, bytes.clone(), &memory, &Policy::default_fips(), NOW)
}

fn table(clock: &ManualClock, config: &Config) -> Swarm<Behaviour> {
    let clock = std::sync::Arc::new(clock.clone());
    node_that(|me| {
        let mut table = Behaviour::new(config, me, clock, Rng::seed_from_u64(1));
        table.set_mode(Mode::Server);
        table
    })
}

/// Nodes that know each other as far as they have met.
struct Net {
    clock: ManualClock,
    nodes: Vec<Swarm<Behaviour>>,
    addresses: HashMap<PeerId, Multiaddr>,
    refused: Vec<Refused>,
}

impl Net {
    async fn of(n: usize) -> Self {
        Self::with(n, &Config::new(NETWORK.0)).await
    }

    /// `n` nodes that know the first one, and then whom they meet.
    async fn with(n: usize, config: &Config) -> Self {
        let clock = ManualClock::at_wall_ms(NOW);
        let mut net = Self {
            nodes: (0..n).map(|_| table(&clock, config)).collect(),
            clock,
            addresses: HashMap::new(),
            refused: Vec::new(),
        };
        for node in &mut net.nodes {
            let address = listen(node).await;
            net.addresses.insert(*node.local_peer_id(), address);
        }
        let first = *net.nodes[0].local_peer_id();
        let mut walks = Vec::new();
        for (i, node) in net.nodes.iter_mut().enumerate().skip(1) {
            let table = node.behaviour_mut();
            assert!(table.add_address(&first, net.addresses[&first].clone()));
            walks.push((i, table.walk().unwrap()));
        }
        // Twice: the first walk meets those that came before.
        for _ in 0..2 {
            while !walks.is_empty() {
                let (at, event) = net.next().await;
                if let Event::Walked { query, .. } = event {
                    walks.retain(|walk| *walk != (at, query));
                }
            }
            for (i, node) in net.nodes.iter_mut().enumerate() {
                walks.push((i, node.behaviour_mut().walk().unwrap()));
            }
        }
        net
    }

    /// The next event of any node but those that the harness answers.
    async fn next(&mut self) -> (usize, Event) {
        loop {
            let swarms = self.nodes.iter_mut().enumerate();
            let mut all = select_all(swarms.map(|(i, s)| s.map(move |e| (i, e))));
            let (at, event) = all.next().await.unwrap();
            drop(all);
            let SwarmEvent::Behaviour(event) = event else {
                continue;
            };
            let table = self.nodes[at].behaviour_mut();
            match event {
                Event::Inbound(inbound) => match verdict(&inbound.key, &inbound.record) {
                    Ok(record) => {
                        let outcome = table.accept(inbound.id, record, Some(Place(1)));
                        self.refused.extend(outcome.err());
                    }
                    Err(_) => table.refuse(inbound.id),
                },
                Event::Routable { peer, .. } => {
                    if let Some(address) = self.addresses.get(&peer) {
                        table.add_address(&peer, address.clone());
                    }
                }
                event => return (at, event),
            }
        }
    }

    fn publish(&mut self, at: usize, record: &Verified) -> QueryId {
        let now = self.clock.now();
        let table = self.nodes[at].behaviour_mut();
        let stored = table.store_mut();
        stored.insert(record.clone(), Source::Own, now).unwrap();
        table.put(record, 3).unwrap()
    }

    /// Puts `record` on node `at`, and returns how many others have it.
    async fn put(&mut self, at: usize, record: &Verified) -> usize {
        let query = self.publish(at, record);
        let mut told = false;
        loop {
            match self.next().await {
                (i, Event::Stored { query: q, copies }) if (i, q) == (at, query) => {
                    assert_eq!(copies, 3);
                    told = true;
                }
                (
                    i,
                    Event::Spread {
                        query: q, copies, ..
                    },
                ) if (i, q) == (at, query) => {
                    assert_eq!(told, copies >= 3);
                    return copies;
                }
                _ => {}
            }
        }
    }

    /// Reads `key` on node `at`.
    async fn get(&mut self, at: usize, key: Key) -> Read {
        let query = self.nodes[at].behaviour_mut().get(key).unwrap();
        let mut read = Read::new(key, DEFAULT_QUORUM);
        loop {
            match self.next().await {
                (
                    i,
                    Event::Answer {
                        query: q,
                        peer,
                        record,
                    },
                ) if (i, q) == (at, query) => {
                    if let Ok(record) = verdict(&key, &record)
                        && read.answer(peer, record) == Heard::Enough
                    {
                        self.nodes[at].behaviour_mut().finish(query);
                    }
                }
                (i, Event::Ended { query: q, .. }) if (i, q) == (at, query) => return read,
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn a_value_outlives_its_writer_until_it_is_deleted() {
    let mut net = Net::of(10).await;
    let value = record("name", 1, Some(b"value"));
    let key = value.key();
    assert!(net.put(3, &value).await >= 7);
    // Gone without a word; the others hold on.
    drop(net.nodes.remove(3));
    let read = net.get(6, key).await;
    assert_eq!(read.best(), Some(&value));
    assert_eq!(read.stale(), []);
    let gone = record("name", 2, None);
    net.put(5, &gone).await;
    for at in [0, 8] {
        let read = net.get(at, key).await;
        assert_eq!(read.best(), Some(&gone));
    }
    let nothing = net.get(2, record("other", 1, None).key()).await;
    assert!(nothing.best().is_none());
}

#[tokio::test]
async fn an_old_record_is_answered_with_the_newer_one_and_the_stale_are_repaired() {
    let mut net = Net::of(4).await;
    let (old, new) = (
        record("name", 1, Some(b"old")),
        record("name", 2, Some(b"new")),
    );
    for at in 1..4 {
        let now = net.clock.now();
        let held = if at == 3 { &old } else { &new };
        let store = net.nodes[at].behaviour_mut().store_mut();
        store.insert(held.clone(), Source::Held(None), now).unwrap();
    }
    let query = net.publish(0, &old);
    let mut newer = Vec::new();
    let (copies, refused) = loop {
        match net.next().await {
            (0, Event::Newer { record, .. }) => newer.push(record),
            (
                0,
                Event::Spread {
                    query: q,
                    copies,
                    refused,
                },
            ) if q == query => {
                break (copies, refused);
            }
            _ => {}
        }
    };
    assert_eq!((copies, refused), (1, 2));
    assert!(newer.iter().all(|r| r == new.as_bytes()) && newer.len() == 2);
    assert!(net.refused.iter().all(|r| r.name() == "stale"));
    // Our own answer is old too, and so is that of the third.
    let key = old.key();
    let query = net.nodes[0].behaviour_mut().get(key).unwrap();
    let mut read = Read::new(key, 4);
    while let (_, event) = net.next().await
        && event.clone()
            != (Event::Ended {
                query,
                answers: 4,
                without: vec![],
            })
    {
        if let Event::Answer { peer, record, .. } = event {
            read.answer(peer, verdict(&key, &record).unwrap());
        }
    }
    let third = *net.nodes[3].local_peer_id();
    assert_eq!(read.stale(), [third]);
    let table = net.nodes[0].behaviour_mut();
    let query = table.repair(read.best().unwrap(), &read.stale()).unwrap();
    while net.next().await.1
        != (Event::Spread {
            query,
            copies: 1,
            refused: 0,
        })
    {}
    let now = net.clock.now().mono;
    let third = net.nodes[3].behaviour_mut().store_mut();
    assert_eq!(third.get(&key, now), Some(&new));
}

#[tokio::test]
async fn connections_made_for_a_query_end_by_themselves() {
    let mut config = Config::new(NETWORK.0);
    config.borrowed = 16;
    let mut net = Net::with(8, &config).await;
    let value = record("name", 1, Some(b"value"));
    net.put(7, &value).await;
    let of =
        |net: &Net| -> Vec<usize> { net.nodes.iter().map(|n| n.behaviour().borrowed()).collect() };
    assert!(of(&net).iter().sum::<usize>() > 0);
    let first = *net.nodes[0].local_peer_id();
    assert!(net.nodes[7].behaviour_mut().adopt(first) || of(&net)[7] > 0);
    // A dial in flight may land after the clock was moved: it is moved again.
    while of(&net).iter().sum::<usize>() > 0 {
        net.clock.advance(config.linger);
        let _ = tokio::time::timeout(Duration::from_millis(50), net.next()).await;
    }
}
