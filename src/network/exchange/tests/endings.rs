//! How requests end without an answer.

use super::*;

/// Says so when it is dropped.
struct Dropped(Option<tokio::sync::oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.take().map(|tx| tx.send(()));
    }
}

#[tokio::test]
async fn a_cancelled_request_frees_the_server() {
    let config = Config {
        stall_timeout: Duration::from_millis(30),
        ..Config::default()
    };
    let (began, mut beginning) = mpsc::channel(1);
    let (stopped, stopping) = tokio::sync::oneshot::channel();
    let mut stopped = Some(Dropped(Some(stopped)));
    let (mut client, peer) = pair(config, move |server, _, token| {
        let (stopped, began) = (stopped.take(), began.clone());
        let waits = stream::once(async move {
            let _ = (&stopped, began.send(()).await);
            // Far more than the window holds, made only when the client has gone.
            began.closed().await;
            block(1, 4_000_000)
        });
        server.respond(token, Answer::Stream(waits.boxed()));
    })
    .await;
    let to = client.behaviour_mut();
    to.request(peer, RequestId(1), get_blocks(2));
    tokio::select! {
        _ = beginning.recv() => {}
        e = event(&mut client) => panic!("{e:?}"),
    }
    assert!(client.behaviour_mut().cancel(RequestId(1)));
    assert!(!client.behaviour_mut().cancel(RequestId(1)));
    drop(beginning);
    tokio::select! {
        _ = stopping => {}
        e = event(&mut client) => panic!("{e:?}"),
    }
}

#[tokio::test]
async fn requests_end_with_the_connection_and_without_one_at_once() {
    let mut held = vec![];
    let (mut client, peer) = pair(Config::default(), move |_, _, token| held.push(token)).await;
    client
        .behaviour_mut()
        .request(peer, RequestId(1), get_headers());
    client.disconnect_peer_id(peer).unwrap();
    for id in [RequestId(1), RequestId(2)] {
        match event(&mut client).await {
            Event::Failed {
                id: failed, reason, ..
            } => {
                assert_eq!((failed, reason), (id, Failure::Disconnected));
            }
            other => panic!("{other:?}"),
        }
        client
            .behaviour_mut()
            .request(peer, RequestId(2), get_headers());
    }
}

#[tokio::test]
async fn a_silent_server_is_a_timeout_and_an_unanswered_request_is_no_answer() {
    let config = Config {
        timeout: Duration::from_millis(50),
        ..Config::default()
    };
    let mut held = vec![];
    let (mut client, peer) = pair(config, move |_, message, token| {
        if message == get_headers() {
            held.push(token);
        }
    })
    .await;
    client
        .behaviour_mut()
        .request(peer, RequestId(1), get_blocks(1));
    match event(&mut client).await {
        Event::Failed {
            reason: Failure::Broken(_),
            ..
        } => {}
        other => panic!("{other:?}"),
    }
    client
        .behaviour_mut()
        .request(peer, RequestId(2), get_headers());
    match event(&mut client).await {
        Event::Failed {
            reason: Failure::Timeout,
            ..
        } => {}
        other => panic!("{other:?}"),
    }
}
