//! Peers that break the rules of the frames.

use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};

use super::*;
use crate::{
    network::testkit::{dial_raw, listen_raw},
    offence::Offence,
    wire::HEADER_LEN,
};

/// What a server reports of a peer that opens a substream and writes `bytes`.
async fn asked(bytes: Vec<u8>) -> Event {
    let mut server = behaviour(Config::default());
    let address = listen(&mut server).await;
    dial_raw(address, PROTOCOL, |mut stream| {
        async move {
            stream.write_all(&bytes).await.unwrap();
            let _ = stream.close().await;
        }
        .boxed()
    });
    event(&mut server).await
}

fn header(id: u16, flags: u8, len: u32) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend([0, 0, 0, 0, flags]);
    out.extend(len.to_be_bytes());
    out
}

#[tokio::test]
async fn malformed_requests_are_offences() {
    let get = 0x0300;
    for (what, bytes, expected) in [
        ("unknown id", header(0x7777, 0, 0), Offence::UnknownMessage),
        ("not sync", header(0x0001, 0, 0), Offence::UnknownMessage),
        (
            "an answer",
            header(0x0303, 0, 4_000_000),
            Offence::UnknownMessage,
        ),
        ("flags", header(get, 0x80, 0), Offence::UnknownFlags),
        (
            "too long",
            header(get, 0, 1 << 20),
            Offence::OversizedMessage,
        ),
        (
            "bomb",
            header(0x0302, 0, u32::MAX),
            Offence::OversizedMessage,
        ),
        (
            "not CBOR",
            [header(get, 0, 1), vec![0xff]].concat(),
            Offence::NonCanonicalCbor,
        ),
        (
            "not this",
            [header(get, 0, 1), vec![0]].concat(),
            Offence::MalformedMessage,
        ),
    ] {
        match asked(bytes).await {
            Event::Offence { offence, .. } => assert_eq!(offence, expected, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

/// What a client reports of a server that answers `GET_BLOCKS` with `bytes`.
async fn answered(bytes: Vec<u8>) -> Vec<Event> {
    let address = listen_raw(PROTOCOL, move |mut stream| {
        let bytes = bytes.clone();
        async move {
            let mut request = vec![0; HEADER_LEN];
            stream.read_exact(&mut request).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            let _ = stream.close().await;
        }
        .boxed()
    })
    .await;
    let (mut client, peer) = connected(address, Config::default()).await;
    client
        .behaviour_mut()
        .request(peer, RequestId(1), get_blocks(1));
    let mut events = vec![event(&mut client).await];
    if matches!(events[0], Event::Offence { .. }) {
        events.push(event(&mut client).await);
    }
    events
}

#[tokio::test]
async fn malformed_answers_are_offences_and_fail_their_request() {
    let good = frame(&block(1, 10), 0);
    for (what, bytes, expected) in [
        ("unknown id", header(0x7777, 0, 0), Offence::UnknownMessage),
        (
            "a request",
            frame(&get_headers(), 0),
            Offence::UnknownMessage,
        ),
        (
            "another answer",
            frame(&headers(), 0),
            Offence::UnknownMessage,
        ),
        (
            "too long",
            header(0x0303, 0, u32::MAX),
            Offence::OversizedMessage,
        ),
        (
            "not CBOR",
            [header(0x0303, 0, 1), vec![0xff]].concat(),
            Offence::NonCanonicalCbor,
        ),
        (
            "twice",
            [good.clone(), good.clone()].concat(),
            Offence::CreditExceeded,
        ),
        (
            "foreign ack",
            frame(&Message::Ack { seq: 9 }, 0),
            Offence::UnknownMessage,
        ),
    ] {
        match &answered(bytes).await[..] {
            [Event::Offence { offence, .. }, Event::Failed { reason, .. }] => {
                assert_eq!(*offence, expected, "{what}");
                assert!(matches!(reason, Failure::Refused(_)), "{what}: {reason}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn cut_answers_are_nobodys_offence() {
    let good = frame(&block(1, 10), 0);
    for bytes in [vec![], good[..5].to_vec(), good[..good.len() - 1].to_vec()] {
        match &answered(bytes).await[..] {
            [
                Event::Failed {
                    reason: Failure::Broken(_),
                    ..
                },
            ] => {}
            other => panic!("{other:?}"),
        }
    }
}
