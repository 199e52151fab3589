//! What nodes that like each other say: identify, sync and keys.

use animica_p2p::{
    identity::digest_from_peer_id,
    ids::Hash32,
    network::{
        Event,
        exchange::{self, Answer, RequestId},
        identify, keys,
    },
    wire::{Blocks, Credits, GetBlocks, Message},
};
use bytes::Bytes;
use libp2p::swarm::SwarmEvent;
use tokio::sync::mpsc;

use super::support::{MEMORY, Node, Setup, TCP, head, id, introduce, listen, node, until};

async fn identify_both_ways(a: &mut Node, b: &mut Node, on: &str) {
    let address = listen(a, on).await;
    a.behaviour_mut().identify.set_head(head(5));
    introduce(a, b, address.clone()).await;
    let of_a = b.behaviour().identify.info(&id(a)).unwrap();
    assert_eq!(of_a.head, head(5));
    let spoken: Vec<_> = of_a.protocols.iter().map(AsRef::as_ref).collect();
    for name in ["identify", "sync", "keys"] {
        let name = format!("/animica/1337/{name}/1");
        assert!(spoken.contains(&name.as_str()), "{spoken:?}");
    }
    assert!(spoken.contains(&"/ipfs/ping/1.0.0"), "{spoken:?}");
    let mut bare = address;
    bare.pop();
    assert_eq!(of_a.addresses, std::slice::from_ref(&bare));
    let of_b = a.behaviour().identify.info(&id(b)).unwrap();
    assert_eq!(of_b.observed_addr.as_ref(), Some(&bare));

    a.behaviour_mut().identify.set_head(head(6));
    let told = until(&mut [a, b], |at, event, _| match event {
        SwarmEvent::Behaviour(Event::Identify(identify::Event::Received { info, .. })) => {
            (at == 1).then_some(info.head)
        }
        _ => None,
    })
    .await;
    assert_eq!(told, head(6));
}

#[tokio::test]
async fn nodes_learn_who_the_other_is_over_memory() {
    identify_both_ways(&mut node(), &mut node(), MEMORY).await;
}

#[tokio::test]
async fn nodes_learn_who_the_other_is_over_tcp() {
    identify_both_ways(&mut node(), &mut node(), TCP).await;
}

#[cfg(feature = "round3")]
#[tokio::test]
async fn nodes_of_round_3_learn_who_the_other_is_over_tcp() {
    let (mut a, mut b) = (Setup::round3().start(), Setup::round3().start());
    identify_both_ways(&mut a, &mut b, TCP).await;
}

#[tokio::test]
async fn a_name_is_looked_up() {
    let (mut a, mut b) = (node(), node());
    let address = listen(&mut a, TCP).await;
    let named = address
        .to_string()
        .replace("/ip4/127.0.0.1", "/dns4/localhost");
    introduce(&mut a, &mut b, named.parse().unwrap()).await;
}

fn get_blocks(n: u8) -> Message {
    Message::GetBlocks(GetBlocks {
        hashes: (0..n).map(|i| Hash32([i; 32])).collect(),
        max_bytes: 4 << 20,
    })
}

fn block(byte: u8, len: usize) -> Message {
    Message::Blocks(Blocks {
        credits: Credits::INITIAL,
        blocks: vec![Bytes::from(vec![byte; len])],
        missing: vec![],
    })
}

/// Answers every request at `server` with its blocks, 100 kB each, made one by one.
fn serve(server: &mut Node, event: exchange::Event) {
    let exchange::Event::Request { message, token, .. } = event else {
        panic!("{event:?}");
    };
    let Message::GetBlocks(asked) = message else {
        panic!("{message:?}");
    };
    let (frames, answer) = mpsc::channel(1);
    tokio::spawn(async move {
        for hash in asked.hashes {
            frames.send(block(hash.0[0], 100_000)).await.unwrap();
        }
    });
    let exchange = &mut server.behaviour_mut().sync;
    assert!(exchange.respond(token, Answer::channel(answer)));
}

#[tokio::test]
async fn two_peers_stream_four_megabytes_each_from_a_third() {
    let (mut a, mut b, mut c) = (node(), node(), node());
    let (tcp, memory) = (listen(&mut a, TCP).await, listen(&mut a, MEMORY).await);
    introduce(&mut a, &mut b, tcp).await;
    introduce(&mut a, &mut c, memory).await;
    let server = id(&a);
    for (n, client) in [&mut b, &mut c].into_iter().enumerate() {
        let exchange = &mut client.behaviour_mut().sync;
        exchange.request(server, RequestId(n as u64), get_blocks(40));
    }
    let mut sums = vec![];
    until(&mut [&mut a, &mut b, &mut c], |at, event, node| {
        match event {
            SwarmEvent::Behaviour(Event::Exchange(_, event)) if at == 0 => serve(node, event),
            SwarmEvent::Behaviour(Event::Exchange(
                _,
                exchange::Event::Response {
                    id,
                    message: Message::Blocks(sum),
                    ..
                },
            )) => {
                assert_eq!(id.0 as usize, at - 1);
                sums.push(sum);
            }
            SwarmEvent::Behaviour(Event::Exchange(_, other)) => panic!("{other:?}"),
            _ => {}
        }
        (sums.len() == 2).then_some(())
    })
    .await;
    for sum in sums {
        let right = |(i, b): (usize, &Bytes)| b.len() == 100_000 && usize::from(b[0]) == i;
        assert_eq!(sum.blocks.len(), 40);
        assert!(sum.blocks.iter().enumerate().all(right));
    }
    assert_eq!(b.behaviour().sync.sequence(), exchange::Sequence::default());
}

#[tokio::test]
async fn a_key_is_fetched_by_its_digest() {
    let (mut a, mut b) = (node(), node());
    let address = listen(&mut a, MEMORY).await;
    introduce(&mut a, &mut b, address).await;
    let digest = digest_from_peer_id(&id(&a)).unwrap();
    let from = id(&a);
    let wanted = vec![Hash32([1; 32]), digest];
    b.behaviour_mut().keys.fetch(from, wanted);
    let keys = until(&mut [&mut a, &mut b], |_, event, _| match event {
        SwarmEvent::Behaviour(Event::Keys(keys::Event::Received { keys, .. })) => Some(keys),
        SwarmEvent::Behaviour(Event::Keys(other)) => panic!("{other:?}"),
        _ => None,
    })
    .await;
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].peer_id(), id(&a));
    assert!(b.behaviour().keys.ring().get(&digest).is_some());
}

#[tokio::test]
async fn bytes_are_counted_where_somebody_wants_to_know() {
    let mut setup = Setup {
        registry: Some(prometheus_client::registry::Registry::default()),
        ..Setup::default()
    };
    let (mut a, mut b) = (setup.start(), node());
    let address = listen(&mut a, TCP).await;
    introduce(&mut a, &mut b, address).await;
    let mut text = String::new();
    let registry = setup.registry.as_ref().unwrap();
    prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
    assert!(text.contains("libp2p_bandwidth_bytes_total{"), "{text}");
}
