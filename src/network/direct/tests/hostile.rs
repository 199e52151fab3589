//! Bytes no honest peer writes.

use super::*;
use crate::{
    gossip::direct::{Ack, encode_ack, encode_chunk_head, encode_message_head, encode_stream},
    network::testkit::{dial_raw, listen_raw},
};

fn message(seq: u64) -> Vec<u8> {
    let mut out = Vec::new();
    encode_message_head(&mut out, seq, "x", 1);
    out.push(0);
    out
}

fn receipt(up_to: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let refused = Vec::new();
    encode_ack(&mut out, &Ack { up_to, refused });
    out
}

fn stream(len: u64) -> Vec<u8> {
    let mut out = Vec::new();
    encode_stream(&mut out, "x", len);
    out
}

fn chunk(len: usize) -> Vec<u8> {
    [&encode_chunk_head(len)[..], &vec![0; len]].concat()
}

/// What a node makes of a peer that opens a substream and writes `bytes`.
async fn offence_of(bytes: Vec<u8>) -> Offence {
    let (mut to, address) = Peer::listening(Config::default()).await;
    let mut messages = to.sender.register("x", 8).unwrap();
    tokio::spawn(async move {
        while let Some(inbound) = messages.recv().await {
            if let Body::Stream(mut chunks) = inbound.body {
                while let Some(Ok(_)) = chunks.next().await {}
            }
        }
    });
    dial_raw(address, PROTOCOL, move |mut stream| {
        async move {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
            let _ = stream.read(&mut [0; 1024]).await;
            std::future::pending::<()>().await;
        }
        .boxed()
    });
    soon(to.offences.recv()).await.unwrap()
}

#[tokio::test]
async fn every_breach_of_a_sender_is_an_offence() {
    let malformed = Offence::MalformedMessage;
    let unknown = Offence::UnknownMessage;
    for (what, bytes, offence) in [
        ("unknown type", vec![7, 0, 0, 0, 0], unknown),
        (
            "oversized",
            vec![1, 0x7f, 0, 0, 0],
            Offence::OversizedMessage,
        ),
        (
            "oversized chunk",
            [stream(9), vec![4, 0, 1, 0, 1]].concat(),
            Offence::OversizedMessage,
        ),
        ("not a message", vec![1, 0, 0, 0, 1, 0xa0], malformed),
        (
            "not canonical",
            vec![1, 0, 0, 0, 2, 0xbf, 0xff],
            Offence::NonCanonicalCbor,
        ),
        (
            "a number skipped",
            [message(1), message(3)].concat(),
            malformed,
        ),
        (
            "a number repeated",
            [message(1), message(1)].concat(),
            malformed,
        ),
        ("does not begin at 1", message(2), malformed),
        ("a receipt to a receiver", receipt(1), unknown),
        (
            "a receipt among messages",
            [message(1), receipt(1)].concat(),
            unknown,
        ),
        ("a chunk first", chunk(1), unknown),
        (
            "a stream among messages",
            [message(1), stream(5)].concat(),
            unknown,
        ),
        (
            "a message in a stream",
            [stream(5), message(1)].concat(),
            unknown,
        ),
        (
            "more than announced",
            [stream(5), chunk(3), chunk(3)].concat(),
            malformed,
        ),
        ("an empty chunk", [stream(5), chunk(0)].concat(), malformed),
        ("an empty stream", stream(0), malformed),
    ] {
        assert_eq!(offence_of(bytes).await, offence, "{what}");
    }
}

/// What a node makes of a peer that answers a message, or a stream of 2 MiB, with `bytes`.
async fn offence_of_answer(bytes: Vec<u8>, len: usize) -> (Offence, SendError) {
    let address = listen_raw(PROTOCOL, move |mut stream| {
        let bytes = bytes.clone();
        async move {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
            std::future::pending::<()>().await;
        }
        .boxed()
    })
    .await;
    let mut from = Peer::new(Config::default());
    let peer = from.connect(address).await;
    let error = soon(from.sender.send(peer, "x", vec![0; len]))
        .await
        .unwrap_err();
    (soon(from.offences.recv()).await.unwrap(), error)
}

#[tokio::test]
async fn every_breach_of_a_receiver_is_an_offence() {
    for (what, bytes, offence) in [
        (
            "a receipt for what was not sent",
            receipt(2),
            Offence::UnsolicitedResponse,
        ),
        (
            "a receipt for nothing",
            receipt(0),
            Offence::UnsolicitedResponse,
        ),
        (
            "a message for an answer",
            message(1),
            Offence::UnknownMessage,
        ),
        (
            "an unknown type",
            vec![0, 0, 0, 0, 0],
            Offence::UnknownMessage,
        ),
        (
            "a receipt too long",
            vec![2, 1, 0, 0, 0],
            Offence::OversizedMessage,
        ),
    ] {
        for len in [1, 2 << 20] {
            let answer = offence_of_answer(bytes.clone(), len).await;
            assert_eq!(answer, (offence, SendError::Disconnected), "{what}, {len}");
        }
    }
}

#[tokio::test]
async fn a_half_frame_and_a_hang_up_are_nobodys_offence() {
    let (mut to, address) = Peer::listening(Config::default()).await;
    let mut messages = to.sender.register("x", 8).unwrap();
    dial_raw(address, PROTOCOL, |mut stream| {
        async move {
            let whole = message(1);
            stream
                .write_all(&[&whole[..], &whole[..3]].concat())
                .await
                .unwrap();
            stream.close().await.unwrap();
            // The receipt of the whole one, then the end.
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            assert_eq!(answer, receipt(1));
        }
        .boxed()
    });
    assert!(soon(messages.recv()).await.is_some());
    assert!(to.offences.try_recv().is_err());
}

#[tokio::test]
async fn a_flood_of_substreams_is_not_served() {
    let (to, address) = Peer::listening(Config::default()).await;
    let flooding = Config {
        streams: 20,
        ..Config::default()
    };
    let mut from = Peer::new(flooding);
    from.connect(address).await;
    let mut messages = to.sender.register("x", 64).unwrap();
    let deliveries: Vec<_> = (0..20)
        .map(|_| from.sender.try_send(to.id, "x", vec![0; 2 << 20]).unwrap())
        .collect();
    let (served, dropped) = (Config::default().streams + 2, 14);
    let mut held = vec![];
    while held.len() < served {
        held.push(soon(messages.recv()).await.unwrap());
    }
    let mut waiting: futures::stream::FuturesUnordered<_> = deliveries.into_iter().collect();
    for _ in 0..dropped {
        let ended = soon(waiting.next()).await.unwrap();
        assert_eq!(ended, Err(SendError::Disconnected));
    }
    assert!(messages.try_recv().is_none());
    drop(held);
    for _ in 0..served {
        let ended = soon(waiting.next()).await.unwrap();
        assert_eq!(ended, Err(SendError::Refused(Refusal::HandlerGone)));
    }
}
