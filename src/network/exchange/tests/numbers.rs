//! Frame numbers and receipts.

use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};
use libp2p::Multiaddr;
use tokio::sync::oneshot;

use super::*;
use crate::{network::testkit::dial_raw, wire::Frame};

/// Sends `request` to `address` on a connection of its own; the answer's bytes come later.
fn ask(address: Multiaddr, request: Vec<u8>) -> oneshot::Receiver<Bytes> {
    let (heard, hearing) = oneshot::channel();
    dial_raw(address, PROTOCOL, |mut stream| {
        async move {
            stream.write_all(&request).await.unwrap();
            stream.close().await.unwrap();
            let mut answer = vec![];
            stream.read_to_end(&mut answer).await.unwrap();
            heard.send(Bytes::from(answer)).unwrap();
        }
        .boxed()
    });
    hearing
}

#[tokio::test]
async fn each_connection_counts_from_zero() {
    let mut server = behaviour(Config::default());
    let address = listen(&mut server).await;
    for _ in 0..2 {
        let hearing = ask(address.clone(), frame(&get_headers(), 0));
        let Event::Request { token, .. } = event(&mut server).await else {
            panic!("no request");
        };
        server.behaviour_mut().respond(token, headers());
        let answer = tokio::select! {
            answer = hearing => answer.unwrap(),
            e = event(&mut server) => panic!("{e:?}"),
        };
        assert_eq!(Frame::decode(&answer).unwrap().0.seq, 0);
    }
    assert_eq!(server.behaviour().sequence(), Sequence::default());
}

#[tokio::test]
async fn a_request_that_wants_a_receipt_gets_one_before_the_answer() {
    let mut server = behaviour(Config::default());
    let address = listen(&mut server).await;
    let flags = Flags {
        ack: true,
        priority: true,
    };
    let request = Frame::new(&get_headers(), 41, flags).unwrap().encode();
    let hearing = ask(address, request);
    let Event::Request {
        priority, token, ..
    } = event(&mut server).await
    else {
        panic!("no request");
    };
    assert!(priority);
    server.behaviour_mut().respond(token, headers());
    let answer = tokio::select! {
        answer = hearing => answer.unwrap(),
        e = event(&mut server) => panic!("{e:?}"),
    };
    let (ack, end) = Frame::decode(&answer).unwrap();
    assert_eq!(ack.message(), Ok(Message::Ack { seq: 41 }));
    let (rest, _) = Frame::decode(&answer.slice(end..)).unwrap();
    assert_eq!(rest.message(), Ok(headers()));
    assert_eq!((ack.seq, rest.seq), (0, 1));
    // The slot is free again once the answer is written.
    std::future::poll_fn(|cx| {
        let _ = server.poll_next_unpin(cx);
        match server.behaviour().inbound() {
            0 => std::task::Poll::Ready(()),
            _ => std::task::Poll::Pending,
        }
    })
    .await;
}

#[tokio::test]
async fn our_own_receipts_are_understood() {
    let (mut client, peer) = pair(Config::default(), |server, _, token| {
        server.respond(token, headers());
    })
    .await;
    let flags = Flags {
        ack: true,
        priority: false,
    };
    let to = client.behaviour_mut();
    to.request_with(peer, RequestId(3), get_headers(), flags);
    assert!(matches!(event(&mut client).await, Event::Response { .. }));
}
