//! Peers that speak Kademlia and keep none of our rules.

use super::*;

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
    assert!(table.known() >= 20, "a full answer");
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
