//! Direct messages between whole nodes.

use animica_p2p::network::direct::{Body, Refusal, SendError};

use crate::support::{address, assert_nobody_blamed, on_loopback, soon, start};

#[tokio::test]
async fn nodes_exchange_direct_messages() {
    let (a, b) = (start(on_loopback()).await, start(on_loopback()).await);
    soon("they connect", a.connect(address(&b))).await.unwrap();
    let refused = soon("an answer", a.send(b.peer_id(), "echo", "x")).await;
    assert_eq!(refused, Err(SendError::Refused(Refusal::NoHandler)));
    // Answers are messages the other way.
    let mut answers = a.register_handler("answer", 128).unwrap();
    let replier = b.clone();
    let echo = b.on_message("echo", 16, move |inbound| {
        let node = replier.clone();
        async move {
            let payload = inbound.payload().unwrap().clone();
            node.send(inbound.peer, "answer", payload).await.unwrap();
        }
    });
    let echo = echo.unwrap();
    for n in 0..100_u32 {
        let payload = n.to_be_bytes().to_vec();
        soon("a receipt", a.send(b.peer_id(), "echo", payload))
            .await
            .unwrap();
    }
    for n in 0..100_u32 {
        let answer = soon("an answer", answers.recv()).await.unwrap();
        assert_eq!(answer.peer, b.peer_id());
        assert_eq!(answer.payload().unwrap()[..], n.to_be_bytes());
    }
    drop(echo);
    let gone = async { while a.send(b.peer_id(), "echo", "x").await.is_ok() {} };
    soon("the handler goes", gone).await;
    let mut files = b.register_handler("file", 1).unwrap();
    let file: Vec<u8> = (0..3 << 20).map(|i| (i % 251) as u8).collect();
    let reading = async {
        let Body::Stream(mut chunks) = files.recv().await.unwrap().body else {
            panic!("not streamed");
        };
        let mut all = Vec::new();
        while let Some(chunk) = chunks.next().await {
            all.extend_from_slice(&chunk.unwrap());
        }
        all
    };
    let sending = a.send(b.peer_id(), "file", file.clone());
    let (sent, read) = soon("a file", futures::future::join(sending, reading)).await;
    assert!(sent.is_ok() && read == file);
    assert_nobody_blamed(&[&a, &b]).await;
    soon("it disconnects", a.disconnect(b.peer_id()))
        .await
        .unwrap();
    let gone =
        async { while a.send(b.peer_id(), "file", "x").await != Err(SendError::NotConnected) {} };
    soon("the connection goes", gone).await;
    a.shutdown().await;
    b.shutdown().await;
}
