//! Round trips, limits, and peers that break the rules.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use libp2p::{PeerId, Swarm, swarm::SwarmEvent};
use tokio::sync::mpsc;

use super::*;
use crate::{
    ids::{ChainId, Hash32, Height, Work},
    network::testkit::{self, listen, node},
    registry::MAX_BLOCKS_BYTES,
    wire::{Blocks, Credits, Flags, Frame, GetBlocks, GetHeaders, Headers, NotFound, TipClaim},
};

mod endings;
mod hostile;
mod lanes;
mod numbers;

const PROTOCOL: &str = "/animica/1337/sync/1";

async fn event(swarm: &mut Swarm<Behaviour>) -> Event {
    testkit::event(swarm).await.1
}

fn behaviour(config: Config) -> Swarm<Behaviour> {
    node(Behaviour::new(Lane::Sync, ChainId::DEVNET, config))
}

/// A client connected to a server that answers every request with `serve`, in a task of its own.
async fn pair<F>(config: Config, mut serve: F) -> (Swarm<Behaviour>, PeerId)
where
    F: FnMut(&mut Behaviour, Message, Token) + Send + 'static,
{
    let mut server = behaviour(config);
    let address = listen(&mut server).await;
    let peer = *server.local_peer_id();
    tokio::spawn(async move {
        loop {
            if let Event::Request { message, token, .. } = event(&mut server).await {
                serve(server.behaviour_mut(), message, token);
            }
        }
    });
    (connected(address, config).await.0, peer)
}

async fn connected(address: libp2p::Multiaddr, config: Config) -> (Swarm<Behaviour>, PeerId) {
    let mut client = behaviour(config);
    client.dial(address).unwrap();
    loop {
        if let SwarmEvent::ConnectionEstablished { peer_id, .. } = client.select_next_some().await {
            return (client, peer_id);
        }
    }
}

fn get_headers() -> Message {
    Message::GetHeaders(GetHeaders {
        locator: vec![Hash32::ZERO],
        max: 10,
    })
}

fn headers() -> Message {
    Message::Headers(Headers {
        credits: Credits::INITIAL,
        tip: TipClaim {
            height: Height(1),
            hash: Hash32::ZERO,
            work: Work(1),
        },
        blocks: Height(1),
        headers: vec![Bytes::from_static(b"header")],
    })
}

fn get_blocks(n: u8) -> Message {
    Message::GetBlocks(GetBlocks {
        hashes: (0..n).map(|i| Hash32([i; 32])).collect(),
        max_bytes: u32::try_from(MAX_BLOCKS_BYTES).unwrap(),
    })
}

fn block(byte: u8, len: usize) -> Message {
    Message::Blocks(Blocks {
        credits: Credits::INITIAL,
        blocks: vec![Bytes::from(vec![byte; len])],
        missing: vec![],
    })
}

fn frame(message: &Message, seq: u32) -> Vec<u8> {
    Frame::new(message, seq, Flags::default()).unwrap().encode()
}

#[tokio::test]
async fn a_request_is_answered() {
    let (mut client, peer) = pair(Config::default(), |server, message, token| {
        assert_eq!(message, get_headers());
        assert!(server.respond(token, headers()));
    })
    .await;
    for n in 0..50 {
        let to = client.behaviour_mut();
        to.request(peer, RequestId(n), get_headers());
    }
    let mut answered = vec![];
    while answered.len() < 50 {
        match event(&mut client).await {
            Event::Response { id, message, .. } => {
                assert_eq!(message, headers());
                answered.push(id.0);
            }
            // More at a time than the server takes from one peer.
            Event::Failed { id, .. } => answered.push(id.0),
            other => panic!("{other:?}"),
        }
    }
    answered.sort_unstable();
    assert_eq!(answered, (0..50).collect::<Vec<_>>());
    assert_eq!(client.behaviour().outbound(), 0);
    assert_eq!(client.behaviour().sequence(), Sequence::default());
}

#[tokio::test]
async fn four_megabytes_are_streamed_body_by_body_and_folded_into_one_answer() {
    let (made, mut making) = mpsc::channel(100);
    let (mut client, peer) = pair(Config::default(), move |server, message, token| {
        let Message::GetBlocks(asked) = message else {
            panic!("{message:?}");
        };
        let (frames, answer) = mpsc::channel(1);
        let made = made.clone();
        tokio::spawn(async move {
            for hash in &asked.hashes[1..] {
                let sent = frames.send(block(hash.0[0], 100_000)).await;
                let _ = made.send(sent.is_ok()).await;
            }
            let missing = vec![asked.hashes[0]];
            let credits = Credits::INITIAL;
            let missing = NotFound {
                credits,
                hashes: missing,
            };
            frames.send(Message::NotFound(missing)).await.unwrap();
        });
        server.respond(token, Answer::channel(answer));
    })
    .await;
    let to = client.behaviour_mut();
    to.request(peer, RequestId(7), get_blocks(41));
    let Event::Response { id, message, .. } = event(&mut client).await else {
        panic!("no answer");
    };
    let Message::Blocks(sum) = message else {
        panic!("{message:?}");
    };
    assert_eq!(id, RequestId(7));
    assert_eq!(sum.blocks.len(), 40);
    let bodies = sum.blocks.iter().enumerate();
    assert!(bodies.fold(true, |ok, (i, b)| ok
        && b.len() == 100_000
        && b[0] == i as u8 + 1));
    assert_eq!(sum.missing, [Hash32::ZERO]);
    let mut count = 0;
    while let Ok(sent) = making.try_recv() {
        count += u32::from(sent);
    }
    assert_eq!(count, 40);
}

#[tokio::test]
async fn an_endless_answer_of_empty_frames_ends_as_an_offence() {
    let (mut client, peer) = pair(Config::default(), |server, _, token| {
        let empty = stream::repeat_with(|| {
            Message::Blocks(Blocks {
                credits: Credits::INITIAL,
                blocks: vec![],
                missing: vec![],
            })
        });
        server.respond(token, Answer::Stream(empty.boxed()));
    })
    .await;
    client
        .behaviour_mut()
        .request(peer, RequestId(1), get_blocks(2));
    assert!(matches!(event(&mut client).await, Event::Offence { .. }));
}

#[tokio::test]
async fn a_peer_that_asks_too_much_at_once_is_told_to_wait() {
    let config = Config {
        max_inbound_per_peer: 2,
        ..Config::default()
    };
    let mut held = vec![];
    let (mut client, peer) = pair(config, move |_, _, token| held.push(token)).await;
    for n in 0..3 {
        client
            .behaviour_mut()
            .request(peer, RequestId(n), get_headers());
    }
    match event(&mut client).await {
        Event::Response { message, .. } => {
            assert!(matches!(message, Message::Busy(b) if b.retry_after_ms == 500));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(client.behaviour().outbound(), 2);
}
