//! Messages above 1 MiB.

use futures::io::Cursor;

use super::*;

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

async fn read(inbound: Inbound) -> Result<Vec<u8>, Interrupted> {
    let Body::Stream(mut chunks) = inbound.body else {
        panic!("not streamed");
    };
    let mut all = Vec::new();
    while let Some(chunk) = chunks.next().await {
        all.extend_from_slice(&chunk?);
        assert!(chunks.len() >= all.len() as u64);
    }
    Ok(all)
}

#[tokio::test]
async fn eight_mebibytes_arrive_intact() {
    let (from, to) = defaults().await;
    let mut messages = to.sender.register("file", 1).unwrap();
    let content = pattern(8 << 20);
    for streamed in [false, true] {
        let receive = async { read(messages.recv().await.unwrap()).await };
        let send = async {
            if streamed {
                let (len, source) = (content.len() as u64, Cursor::new(content.clone()));
                from.sender.send_stream(to.id, "file", len, source).await
            } else {
                from.sender.send(to.id, "file", content.clone()).await
            }
        };
        let (receipt, received) = soon(futures::future::join(send, receive)).await;
        receipt.unwrap();
        assert!(received.unwrap() == content);
    }
    assert_eq!(to.sender.stats().received, 2);
}

#[tokio::test]
async fn a_stream_nobody_takes_is_refused() {
    let receiving = Config {
        max_stream: 3 << 20,
        streams_total: 1,
        ..Config::default()
    };
    let (from, to) = pair(Config::default(), receiving).await;
    let refused = |refusal| Err(SendError::Refused(refusal));
    let answer = soon(from.sender.send(to.id, "file", pattern(2 << 20))).await;
    assert_eq!(answer, refused(Refusal::NoHandler));
    let mut messages = to.sender.register("file", 4).unwrap();
    let answer = soon(from.sender.send(to.id, "file", pattern(4 << 20))).await;
    assert_eq!(answer, refused(Refusal::TooLarge));
    let first = from
        .sender
        .try_send(to.id, "file", pattern(2 << 20))
        .unwrap();
    let held = soon(messages.recv()).await.unwrap();
    let answer = soon(from.sender.send(to.id, "file", pattern(2 << 20))).await;
    assert_eq!(answer, refused(Refusal::Busy));
    drop(held);
    assert_eq!(soon(first).await, refused(Refusal::HandlerGone));
}

#[tokio::test]
async fn a_stream_moves_only_as_it_is_read() {
    let (from, to) = defaults().await;
    let mut messages = to.sender.register("file", 1).unwrap();
    let delivery = from
        .sender
        .try_send(to.id, "file", pattern(32 << 20))
        .unwrap();
    let inbound = soon(messages.recv()).await.unwrap();
    // Whole messages go past it.
    let mut small = to.sender.register("small", 1).unwrap();
    soon(from.sender.send(to.id, "small", "past"))
        .await
        .unwrap();
    assert_eq!(small.recv().await.unwrap().payload().unwrap(), "past");
    let Body::Stream(chunks) = &inbound.body else {
        panic!("not streamed");
    };
    assert!(chunks.chunks.len() <= 4);
    assert_eq!(soon(read(inbound)).await.unwrap().len(), 32 << 20);
    soon(delivery).await.unwrap();
}

#[tokio::test]
async fn a_source_that_ends_early_is_named_on_both_sides() {
    let (from, to) = defaults().await;
    let mut messages = to.sender.register("file", 1).unwrap();
    let source = Cursor::new(pattern(1 << 20));
    let send = from.sender.send_stream(to.id, "file", 2 << 20, source);
    let receive = async { read(messages.recv().await.unwrap()).await };
    let (sent, received) = soon(futures::future::join(send, receive)).await;
    assert!(matches!(sent, Err(SendError::Source(_))), "{sent:?}");
    assert_eq!(received, Err(Interrupted { left: 1 << 20 }));
}
