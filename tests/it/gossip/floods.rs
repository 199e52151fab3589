//! A peer that floods one topic while an honest one uses the others.

use animica_p2p::{node::Limits, registry::Topic};

use super::{
    made,
    puppet::Puppet,
    scene::{Scene, counted},
};
use crate::support::{on_loopback, soon};

/// More than a peer may send at once, and in the time of the test.
const FLOOD: u64 = 10_000;

async fn refused(scene: &Scene, topic: Topic) {
    counted(&scene.node, topic, |t| {
        t.ignored.get("rate_limited").is_some_and(|n| *n > 100)
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_unsigned_messages_stops_no_signed_one() {
    // So little that the flood exceeds it on the slowest machine.
    let mut limits = Limits::default();
    let unsigned = &mut limits.gossip.app_unsigned.messages;
    (unsigned.per_second, unsigned.burst) = (10, 1000);
    let mut scene = Scene::with(on_loopback().limits(limits)).await;
    let flooder = Puppet::beside(&scene.node).await;
    let flood = (0..FLOOD).map(|n| made::unsigned(&n.to_be_bytes()).to_vec());
    flooder.flood(Topic::AppUnsigned, flood.collect()).await;
    refused(&scene, Topic::AppUnsigned).await;
    // What was let in is delivered, too.
    scene.inbox = scene.node.deliveries();
    let life = std::time::Duration::from_secs(60);
    for n in 0..100u32 {
        let text = n.to_string();
        let sent = scene.honest.broadcast("news", text.clone(), life).await;
        let id = sent.expect("it can be published");
        let arrives = async {
            loop {
                use tokio::sync::broadcast::error::RecvError;
                match scene.inbox.recv().await {
                    Ok(delivery) if delivery.id == id => return,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => panic!("message {n} may have been missed"),
                    Err(RecvError::Closed) => panic!("the node stopped"),
                }
            }
        };
        soon("each arrives", arrives).await;
    }
    assert_eq!(scene.node.stats().await.expect("runs").offences, 0);
}

#[tokio::test]
async fn a_flood_of_transactions_stops_no_message_and_no_other_transaction() {
    let mut scene = Scene::new().await;
    let flooder = Puppet::beside(&scene.node).await;
    let flood = (0..FLOOD).map(|n| made::tx(n, 16)).collect();
    flooder.flood(Topic::Txs, flood).await;
    refused(&scene, Topic::Txs).await;
    for _ in 0..50 {
        scene.honest_gets_through().await;
    }
    // More bytes than the flood has.
    for n in 0..20 {
        let tx = made::tx(FLOOD + n, 15_000);
        scene.honest.submit(&tx).expect("the pool has room");
    }
    let arrive = async {
        while scene.node.mempool().bytes < 20 * 15_000 {
            tokio::task::yield_now().await;
        }
    };
    soon("the honest transactions arrive", arrive).await;
    scene.blames_nobody().await;
}
