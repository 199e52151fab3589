//! Tables of several nodes over memory and stock noise. Inbound records are verified as a node
//! would verify them, only at once.

use std::{collections::HashMap, time::Duration};

use futures::{StreamExt, stream::select_all};
use libp2p::{Swarm, kad::store::MemoryStore, swarm::SwarmEvent};
use rand::SeedableRng;

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
    net.clock.advance(config.linger);
    while of(&net).iter().sum::<usize>() > 0 {
        let _ = tokio::time::timeout(Duration::from_millis(50), net.next()).await;
    }
}

/// A peer with Kademlia as libp2p has it, connected to `node`, which it takes for the only one.
async fn stranger(node: &mut Swarm<Behaviour>) -> Swarm<kad::Behaviour<MemoryStore>> {
    let name = StreamProtocol::new("/animica/7/kad/1");
    let mut stranger = node_that(|me| {
        let mut config = kad::Config::new(name);
        config.set_max_packet_size(100_000);
        let store_config = kad::store::MemoryStoreConfig {
            max_value_bytes: 100_000,
            ..Default::default()
        };
        kad::Behaviour::with_config(me, MemoryStore::with_config(me, store_config), config)
    });
    let address = listen(node).await;
    let peer = *node.local_peer_id();
    stranger.behaviour_mut().add_address(&peer, address);
    stranger
}

fn raw(key: Vec<u8>, value: Vec<u8>) -> kad::Record {
    kad::Record::new(key, value)
}

#[tokio::test]
async fn what_is_no_record_is_not_stored_and_its_sender_is_answered() {
    let clock = ManualClock::at_wall_ms(NOW);
    let mut node = table(&clock, &Config::new(NETWORK.0));
    let mut stranger = stranger(&mut node).await;
    let good = record("name", 1, Some(b"value"));
    let foreign = record("other", 1, Some(b"value")).key();
    let cases = [
        (
            vec![1; 32],
            vec![7; 20_000],
            Some(Offence::OversizedMessage),
        ),
        (
            vec![1; 31],
            good.as_bytes().to_vec(),
            Some(Offence::MalformedMessage),
        ),
        (vec![1; 32], b"junk".to_vec(), None),
        (foreign.as_bytes().to_vec(), good.as_bytes().to_vec(), None),
    ];
    for (key, value, expected) in cases {
        let only = std::iter::once(*node.local_peer_id());
        let record = raw(key, value);
        let put = stranger.behaviour_mut();
        put.put_record_to(
            record,
            only.collect::<Vec<_>>().into_iter(),
            kad::Quorum::One,
        );
        let mut offences = Vec::new();
        loop {
            tokio::select! {
                e = event(&mut node) => match e {
                    Event::Offence { offence, .. } => offences.push(offence),
                    Event::Inbound(i) => {
                        let error = verdict(&i.key, &i.record).unwrap_err();
                        offences.extend(expected.and(error.offence()));
                        node.behaviour_mut().refuse(i.id);
                    }
                    _ => {}
                },
                e = event(&mut stranger) => if let kad::Event::OutboundQueryProgressed {
                    result: kad::QueryResult::PutRecord(_), ..
                } = e {
                    break;
                },
            }
        }
        assert_eq!(offences, expected.into_iter().collect::<Vec<_>>());
    }
    assert_eq!(node.behaviour_mut().store_mut().stats().records, 0);
}

#[tokio::test]
async fn a_flood_of_records_is_cut_to_the_rate() {
    let clock = ManualClock::at_wall_ms(NOW);
    let mut config = Config::new(NETWORK.0);
    config.stores = Rate {
        per_second: 1,
        burst: 5,
    };
    let mut node = table(&clock, &config);
    let mut stranger = stranger(&mut node).await;
    for n in 0..20u8 {
        let only = vec![*node.local_peer_id()].into_iter();
        let record = raw(vec![n; 32], vec![n; 100]);
        let behaviour = stranger.behaviour_mut();
        behaviour.put_record_to(record, only, kad::Quorum::One);
    }
    let (mut inbound, mut ended) = (Vec::new(), 0);
    while ended < 15 {
        tokio::select! {
            e = event(&mut node) => if let Event::Inbound(i) = e {
                inbound.push(i.id);
            },
            e = event(&mut stranger) => if let kad::Event::OutboundQueryProgressed { .. } = e {
                ended += 1;
            },
        }
    }
    assert_eq!(inbound.len(), 5);
    // Nobody judges the five: they are turned away in time.
    clock.advance(Duration::from_secs(10));
    while ended < 20 {
        tokio::select! {
            _ = event(&mut node) => {}
            e = event(&mut stranger) => if let kad::Event::OutboundQueryProgressed { .. } = e {
                ended += 1;
            },
        }
    }
    let late = record("name", 1, Some(b"value"));
    let stored = node.behaviour_mut().accept(inbound[0], late, None);
    assert_eq!(stored, Ok(Stored::New), "a late verdict still stores");
}

#[tokio::test]
async fn nobody_is_a_provider_and_lookups_have_a_rate() {
    let clock = ManualClock::at_wall_ms(NOW);
    let mut config = Config::new(NETWORK.0);
    config.lookups = Rate {
        per_second: 1,
        burst: 3,
    };
    let mut node = table(&clock, &config);
    let mut stranger = stranger(&mut node).await;
    let held = record("name", 1, Some(b"value"));
    let store = node.behaviour_mut().store_mut();
    store
        .insert(held.clone(), Source::Own, clock.now())
        .unwrap();
    let key = kad::RecordKey::new(held.key().as_bytes());
    let behaviour = stranger.behaviour_mut();
    behaviour.get_providers(key.clone());
    for _ in 0..5 {
        behaviour.get_record(key.clone());
    }
    let (mut found, mut ended) = (0, 0);
    while ended < 6 {
        tokio::select! {
            _ = event(&mut node) => {}
            e = event(&mut stranger) => if let kad::Event::OutboundQueryProgressed {
                result, step, ..
            } = e {
                ended += usize::from(step.last);
                let hit = |r: &kad::QueryResult| {
                    matches!(r, kad::QueryResult::GetRecord(Ok(kad::GetRecordOk::FoundRecord(_))))
                };
                found += usize::from(hit(&result));
            },
        }
    }
    // One of the burst may go to the look-up that the stranger starts for itself.
    assert!((2..=3).contains(&found), "{found}");
}

#[tokio::test]
async fn the_longest_value_comes_with_as_many_peers_as_fit_a_packet() {
    let clock = ManualClock::at_wall_ms(NOW);
    let config = Config::new(NETWORK.0);
    let mut nodes = [table(&clock, &config), table(&clock, &config)];
    let value = record("name", 1, Some(&[7; 8192]));
    let address = listen(&mut nodes[0]).await;
    let first = *nodes[0].local_peer_id();
    let table = nodes[0].behaviour_mut();
    let stored = table.store_mut();
    stored
        .insert(value.clone(), Source::Own, clock.now())
        .unwrap();
    for _ in 0..60 {
        let peer = PeerId::random();
        for n in 0..6 {
            let host = format!("{}{n}", "long-name.".repeat(18));
            let address = format!("/dns/{host}/tcp/41000").parse().unwrap();
            table.add_address(&peer, address);
        }
    }
    assert!(table.known() >= 40);
    let [a, b] = &mut nodes;
    assert!(b.behaviour_mut().add_address(&first, address));
    b.behaviour_mut().get(value.key()).unwrap();
    loop {
        tokio::select! {
            _ = event(a) => {}
            e = event(b) => if let Event::Answer { peer, record, .. } = e {
                assert_eq!((peer, &record), (Some(first), value.as_bytes()));
                break;
            },
        }
    }
}

#[tokio::test]
async fn what_others_name_is_dialled_for_queries_alone() {
    let clock = ManualClock::at_wall_ms(NOW);
    let mut config = Config::new(NETWORK.0);
    config.dialable = |address| !address.to_string().contains("/memory/");
    let mut node = table(&clock, &config);
    let peer = PeerId::random();
    let address: Multiaddr = "/memory/12345".parse().unwrap();
    node.behaviour_mut().add_address(&peer, address);
    // By itself: the table has an address and does not say it.
    assert!(node.dial(peer).is_err());
    // For a query: it may not be dialled.
    node.behaviour_mut().get(Key(Hash32::ZERO)).unwrap();
    let ended = loop {
        match node.select_next_some().await {
            SwarmEvent::Behaviour(Event::Ended { answers, .. }) => break answers,
            SwarmEvent::OutgoingConnectionError { error, .. } => {
                let none = matches!(error, libp2p::swarm::DialError::NoAddresses);
                assert!(none, "{error}");
            }
            _ => {}
        }
    };
    assert_eq!(ended, 0);
}

#[tokio::test]
async fn too_many_queries_are_refused() {
    let clock = ManualClock::at_wall_ms(NOW);
    let mut table = node(Behaviour::new(
        &Config::new(NETWORK.0),
        PeerId::random(),
        std::sync::Arc::new(clock),
        Rng::seed_from_u64(1),
    ));
    let table = table.behaviour_mut();
    while table.walk().is_ok() {}
    assert_eq!(table.get(Key(Hash32::ZERO)), Err(Busy));
    assert_eq!(table.put(&record("name", 1, None), 1), Err(Busy));
}
