//! What belongs on which lane.

use std::collections::HashMap;

use super::*;
use crate::{
    offence::Offence,
    wire::{Disconnect, ErrorCode, GetPeers, Peers, max_payload},
};

#[test]
fn a_request_belongs_on_one_lane_and_every_lane_has_its_own_protocol() {
    let mut lanes: HashMap<Lane, usize> = HashMap::new();
    for id in MessageId::ALL {
        let of = Lane::ALL.iter().filter(|lane| lane.takes(*id));
        let of: Vec<&Lane> = of.collect();
        assert!(of.len() <= 1, "{}", id.name());
        for lane in of {
            assert!(max_payload(*id).is_some(), "{}", id.name());
            *lanes.entry(*lane).or_default() += 1;
        }
    }
    assert_eq!(lanes.len(), Lane::ALL.len());
    let names = Lane::ALL.iter().map(|lane| lane.protocol());
    let names: std::collections::HashSet<_> = names.collect();
    assert_eq!(names.len(), Lane::ALL.len());
}

/// A client and a server on `lane`; the server answers with `serve` and tells of offences.
async fn on<F>(lane: Lane, mut serve: F) -> (Swarm<Behaviour>, PeerId, mpsc::Receiver<Offence>)
where
    F: FnMut(Message) -> Answer + Send + 'static,
{
    let made = move || node(Behaviour::new(lane, ChainId::DEVNET, Config::small()));
    let mut server = made();
    let address = listen(&mut server).await;
    let peer = *server.local_peer_id();
    let (told, offences) = mpsc::channel(10);
    tokio::spawn(async move {
        loop {
            match event(&mut server).await {
                Event::Request { message, token, .. } => {
                    server.behaviour_mut().respond(token, serve(message));
                }
                Event::Offence { offence, .. } => told.send(offence).await.unwrap(),
                _ => {}
            }
        }
    });
    let mut client = made();
    client.dial(address).unwrap();
    while !client.is_connected(&peer) {
        client.select_next_some().await;
    }
    (client, peer, offences)
}

fn records(n: usize) -> Message {
    let records = vec![Bytes::from_static(b"record"); n];
    Message::Peers(Peers { records })
}

#[tokio::test]
async fn records_are_asked_for_and_a_goodbye_has_its_receipt() {
    let goodbye = Message::Disconnect(Disconnect {
        code: 2,
        retry_after_ms: 60_000,
    });
    let heard = goodbye.clone();
    let (mut client, peer, _) = on(Lane::Peers, move |message| match message {
        Message::GetPeers(asked) => records(asked.max as usize).into(),
        other => {
            assert_eq!(other, heard);
            Answer::Stream(stream::empty().boxed())
        }
    })
    .await;
    let to = client.behaviour_mut();
    to.request(peer, RequestId(1), Message::GetPeers(GetPeers { max: 3 }));
    match event(&mut client).await {
        Event::Response { message, .. } => assert_eq!(message, records(3)),
        other => panic!("{other:?}"),
    }
    let flags = Flags {
        ack: goodbye.wants_receipt(),
        priority: false,
    };
    let to = client.behaviour_mut();
    to.request_with(peer, RequestId(2), goodbye, flags);
    match event(&mut client).await {
        Event::Response { message, .. } => assert_eq!(message, Message::Ack { seq: 1 }),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn more_records_than_asked_for_are_an_offence() {
    let (mut client, peer, _) = on(Lane::Peers, |_| records(4).into()).await;
    let to = client.behaviour_mut();
    to.request(peer, RequestId(1), Message::GetPeers(GetPeers { max: 3 }));
    match event(&mut client).await {
        Event::Offence { offence, .. } => assert_eq!(offence, Offence::CreditExceeded),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_of_another_lane_is_an_unknown_message() {
    for lane in [Lane::Peers, Lane::Trust, Lane::Ping] {
        let unserved = |_| {
            let code = ErrorCode::Unsupported;
            Answer::One(Message::Error { code })
        };
        let (mut client, peer, mut offences) = on(lane, unserved).await;
        let to = client.behaviour_mut();
        to.request(peer, RequestId(1), get_headers());
        let offence = tokio::select! {
            offence = offences.recv() => offence.unwrap(),
            () = async { loop { client.select_next_some().await; } } => unreachable!(),
        };
        assert_eq!(offence, Offence::UnknownMessage);
    }
}
