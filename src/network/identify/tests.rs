//! Two swarms over memory and stock noise: what each learns of the other, and what is refused.

use std::time::Duration;

use futures::{AsyncWriteExt, FutureExt, StreamExt};
use libp2p::{Swarm, swarm::SwarmEvent};

use super::{Behaviour, Config, Event, Head};
use crate::{
    ids::{ChainId, Hash32, Height, Work},
    network::testkit::{dial_raw, event, listen, node},
    offence::Offence,
};

fn config() -> Config {
    let mut config = Config::new(ChainId::DEVNET, Hash32([1; 32]), Hash32([2; 32]));
    config.push_interval = Duration::from_millis(20);
    config
}

fn identify(config: Config) -> Swarm<Behaviour> {
    node(Behaviour::new(config))
}

/// Runs both until `done` says so of an event of `a` (`true`) or `b` (`false`).
async fn run(
    a: &mut Swarm<Behaviour>,
    b: &mut Swarm<Behaviour>,
    mut done: impl FnMut(bool, SwarmEvent<Event>) -> bool,
) {
    loop {
        let over = tokio::select! {
            e = a.select_next_some() => done(true, e),
            e = b.select_next_some() => done(false, e),
        };
        if over {
            return;
        }
    }
}

#[tokio::test]
async fn both_sides_learn_who_the_other_is_and_hear_of_a_new_head() {
    let (mut a, mut b) = (identify(config()), identify(config()));
    let address = listen(&mut a).await;
    let head = |height| Head {
        height: Height(height),
        hash: Hash32([height as u8; 32]),
        work: Work(1000 * u128::from(height)),
    };
    a.behaviour_mut().set_head(head(5));
    b.dial(address.clone()).unwrap();
    let (a_id, b_id) = (*a.local_peer_id(), *b.local_peer_id());
    let (mut a_knows, mut b_knows, mut of_peer, mut candidates) = (false, false, vec![], vec![]);
    run(&mut a, &mut b, |at_a, event| {
        match event {
            SwarmEvent::Behaviour(Event::Received {
                peer, info, first, ..
            }) => {
                assert!(first);
                assert_eq!(peer, if at_a { b_id } else { a_id });
                assert_eq!(info.agent, crate::registry::AGENT_VERSION);
                assert_eq!(info.protocols, ["/animica/1337/identify/1"]);
                if at_a {
                    a_knows = true;
                } else {
                    assert_eq!(info.head, head(5));
                    assert_eq!(info.addresses, std::slice::from_ref(&address));
                    b_knows = true;
                }
            }
            SwarmEvent::NewExternalAddrOfPeer { address, .. } => of_peer.push(address),
            SwarmEvent::NewExternalAddrCandidate { address } if at_a => candidates.push(address),
            _ => {}
        }
        a_knows && b_knows && !of_peer.is_empty() && !candidates.is_empty()
    })
    .await;
    assert_eq!(of_peer[0].iter().next(), address.iter().next());
    // The address it was dialled at, without the peer id.
    assert_eq!(candidates, [address]);
    assert_eq!(b.behaviour().info(&a_id).unwrap().head, head(5));

    // Many heads in a row cost few messages, and the last one always arrives.
    (6..200).for_each(|h| a.behaviour_mut().set_head(head(h)));
    let mut pushes = 0;
    run(&mut a, &mut b, |at_a, event| match event {
        SwarmEvent::Behaviour(Event::Received { info, first, .. }) if !at_a => {
            assert!(!first);
            pushes += 1;
            info.head == head(199)
        }
        _ => false,
    })
    .await;
    assert!(pushes <= 2, "{pushes}");
}

#[tokio::test]
async fn a_peer_of_another_genesis_is_refused() {
    let mut other = config();
    other.genesis = Hash32([9; 32]);
    let (mut a, mut b) = (identify(config()), identify(other));
    let address = listen(&mut a).await;
    b.dial(address).unwrap();
    run(&mut a, &mut b, |at_a, event| match event {
        SwarmEvent::Behaviour(Event::Refused { offence, .. }) if at_a => {
            assert_eq!(offence, Offence::WrongNetwork);
            true
        }
        _ => false,
    })
    .await;
    assert!(a.behaviour().info(b.local_peer_id()).is_none());
}

/// Writes `bytes` on an identify substream to `a` and returns what identify says of it.
async fn said(bytes: Vec<u8>) -> Event {
    let mut a = identify(config());
    let address = listen(&mut a).await;
    dial_raw(address, "/animica/1337/identify/1", |mut stream| {
        async move {
            stream.write_all(&bytes).await.unwrap();
            let _ = stream.close().await;
        }
        .boxed()
    });
    loop {
        if let event @ Event::Refused { .. } = event(&mut a).await {
            return event;
        }
    }
}

#[tokio::test]
async fn oversized_and_malformed_messages_are_offences() {
    let mut wrong_map = vec![0, 0, 0, 1];
    wrong_map.push(0xa0);
    let mut not_cbor = vec![0, 0, 0, 2];
    not_cbor.extend([0xff, 0xff]);
    for (bytes, expected) in [
        (vec![0xff, 0xff, 0xff, 0xff], Offence::OversizedMessage),
        (wrong_map, Offence::MalformedMessage),
        (not_cbor, Offence::NonCanonicalCbor),
    ] {
        match said(bytes).await {
            Event::Refused { offence, .. } => assert_eq!(offence, expected),
            other => panic!("{other:?}"),
        }
    }
}
