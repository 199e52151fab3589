//! Two swarms, and peers that break the rules.

use std::time::Duration;

use futures::{AsyncReadExt as _, AsyncWriteExt as _, FutureExt as _, StreamExt as _};
use libp2p::{Multiaddr, PeerId, Swarm, swarm::SwarmEvent};
use tokio::{sync::mpsc, task::JoinHandle};

use super::*;
use crate::{
    ids::ChainId,
    network::testkit::{listen, node},
};

mod hostile;
mod streams;

const PROTOCOL: &str = "/animica/1337/direct/1";

/// Longest wait for anything: a test that reaches it has failed.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, work)
        .await
        .expect("it happens in time")
}

/// A swarm that runs in a task of its own.
struct Peer {
    id: PeerId,
    sender: Sender,
    dial: mpsc::Sender<Multiaddr>,
    connected: mpsc::Receiver<PeerId>,
    offences: mpsc::Receiver<Offence>,
    task: JoinHandle<()>,
}

impl Peer {
    fn run(mut swarm: Swarm<Behaviour>) -> Self {
        let (id, sender) = (*swarm.local_peer_id(), swarm.behaviour().sender());
        let (dial, mut dials) = mpsc::channel::<Multiaddr>(8);
        let (connections, connected) = mpsc::channel(8);
        let (faults, offences) = mpsc::channel(8);
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(address) = dials.recv() => swarm.dial(address).unwrap(),
                    event = swarm.select_next_some() => match event {
                        SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                            let _ = connections.try_send(peer_id);
                        }
                        SwarmEvent::Behaviour(Event::Offence { offence, .. }) => {
                            let _ = faults.try_send(offence);
                        }
                        _ => {}
                    },
                }
            }
        });
        Self {
            id,
            sender,
            dial,
            connected,
            offences,
            task,
        }
    }

    fn new(config: Config) -> Self {
        Self::run(node(Behaviour::new(ChainId::DEVNET, config)))
    }

    async fn listening(config: Config) -> (Self, Multiaddr) {
        let mut swarm = node(Behaviour::new(ChainId::DEVNET, config));
        let address = listen(&mut swarm).await;
        (Self::run(swarm), address)
    }

    async fn connect(&mut self, address: Multiaddr) -> PeerId {
        self.dial.send(address).await.unwrap();
        soon(self.connected.recv()).await.unwrap()
    }
}

/// One that sends, connected to one that receives.
async fn pair(sending: Config, receiving: Config) -> (Peer, Peer) {
    let (to, address) = Peer::listening(receiving).await;
    let mut from = Peer::new(sending);
    from.connect(address).await;
    (from, to)
}

async fn defaults() -> (Peer, Peer) {
    pair(Config::default(), Config::default()).await
}

fn numbered(n: u32) -> Vec<u8> {
    let mut payload = vec![n as u8; (n as usize * 37) % 900];
    payload.extend(n.to_be_bytes());
    payload
}

#[tokio::test]
async fn ten_thousand_messages_arrive_in_order_and_are_acknowledged() {
    let (from, to) = defaults().await;
    let mut messages = to.sender.register("numbers", 64).unwrap();
    let reader = tokio::spawn(async move {
        for n in 0..10_000 {
            let inbound = messages.recv().await.unwrap();
            assert_eq!(inbound.payload().unwrap()[..], numbered(n)[..], "{n}");
        }
        messages
    });
    let (queued, mut deliveries) = mpsc::channel(10_000);
    for n in 0..10_000 {
        let delivery = soon(from.sender.queue(to.id, "numbers", numbered(n))).await;
        queued.try_send(delivery.unwrap()).unwrap();
    }
    drop(queued);
    while let Some(delivery) = deliveries.recv().await {
        soon(delivery).await.unwrap();
    }
    let mut messages = soon(reader).await.unwrap();
    assert!(messages.try_recv().is_none());
    let (sent, received) = (from.sender.stats(), to.sender.stats());
    assert_eq!(
        (sent.sent, sent.acknowledged, sent.refused),
        (10_000, 10_000, 0)
    );
    assert_eq!(received.received, 10_000);
    assert_eq!(received.received_bytes, sent.sent_bytes);
}

#[tokio::test]
async fn both_sides_send_at_once() {
    let (a, mut b) = defaults().await;
    let mut at_a = a.sender.register("x", 8).unwrap();
    let mut at_b = b.sender.register("x", 8).unwrap();
    assert_eq!(soon(b.connected.recv()).await, Some(a.id));
    for _ in 0..100 {
        let (left, right) = soon(futures::future::join(
            a.sender.send(b.id, "x", "from a"),
            b.sender.send(a.id, "x", "from b"),
        ))
        .await;
        assert!(left.is_ok() && right.is_ok());
        assert_eq!(at_a.recv().await.unwrap().payload().unwrap(), "from b");
        assert_eq!(at_b.recv().await.unwrap().payload().unwrap(), "from a");
    }
}

#[tokio::test]
async fn a_dropped_connection_fails_what_is_unacknowledged_and_a_new_one_works() {
    let (mut from, to) = defaults().await;
    let mut messages = to.sender.register("m", 5).unwrap();
    let mut deliveries = vec![];
    for n in 0..50 {
        deliveries.push(from.sender.try_send(to.id, "m", numbered(n)).unwrap());
    }
    let later = deliveries.split_off(5);
    for delivery in deliveries {
        soon(delivery).await.unwrap();
    }
    to.task.abort();
    for delivery in later {
        assert_eq!(soon(delivery).await, Err(SendError::Disconnected));
    }
    assert_eq!(
        messages.try_recv().unwrap().payload().unwrap()[..],
        numbered(0)[..]
    );
    let closed = async {
        while from.sender.try_send(to.id, "m", "x").is_ok() {
            tokio::task::yield_now().await;
        }
    };
    soon(closed).await;
    let gone = from.sender.send(to.id, "m", "x").await;
    assert_eq!(gone, Err(SendError::NotConnected));
    let (again, address) = Peer::listening(Config::default()).await;
    let mut messages = again.sender.register("m", 5).unwrap();
    assert_eq!(from.connect(address).await, again.id);
    soon(from.sender.send(again.id, "m", "back")).await.unwrap();
    assert_eq!(messages.recv().await.unwrap().payload().unwrap(), "back");
}

#[tokio::test]
async fn a_slow_handler_stops_its_senders_instead_of_filling_memory() {
    let sending = Config {
        queue: 8,
        window: 16,
        ..Config::default()
    };
    let (from, to) = pair(sending, Config::default()).await;
    let mut messages = to.sender.register("slow", 4).unwrap();
    let mut deliveries = vec![];
    // Until nothing moves any more: the handler's queue, one in hand, the window, our queue.
    let stuck = async {
        loop {
            match from
                .sender
                .try_send(to.id, "slow", numbered(deliveries.len() as u32))
            {
                Ok(delivery) => deliveries.push(delivery),
                Err(SendError::QueueFull)
                    if to.sender.stats().blocked > 0 && from.sender.stats().sent >= 20 =>
                {
                    break;
                }
                Err(SendError::QueueFull) => tokio::task::yield_now().await,
                Err(e) => panic!("{e}"),
            }
        }
    };
    soon(stuck).await;
    assert!(deliveries.len() <= 4 + 16 + 8 + 1, "{}", deliveries.len());
    assert_eq!((messages.unread(), to.sender.stats().received), (4, 4));
    for n in 0..deliveries.len() as u32 {
        let inbound = soon(messages.recv()).await.unwrap();
        assert_eq!(inbound.payload().unwrap()[..], numbered(n)[..]);
    }
    for delivery in deliveries {
        soon(delivery).await.unwrap();
    }
}

#[tokio::test]
async fn unread_bytes_stop_senders_too() {
    let receiving = Config {
        unread_bytes: 1,
        ..Config::default()
    };
    let (from, to) = pair(Config::default(), receiving).await;
    let mut messages = to.sender.register("big", 100).unwrap();
    let half = vec![7; 600 * 1024];
    let first = from.sender.try_send(to.id, "big", half.clone()).unwrap();
    let second = from.sender.try_send(to.id, "big", half).unwrap();
    soon(first).await.unwrap();
    let blocked = async {
        while to.sender.stats().blocked == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon(blocked).await;
    assert_eq!(messages.unread(), 1);
    // Taking it out of the queue is not enough: its bytes are still there.
    let inbound = messages.recv().await.unwrap();
    assert_eq!(to.sender.stats().received, 1);
    drop(inbound);
    soon(second).await.unwrap();
}

#[tokio::test]
async fn a_message_nobody_takes_is_refused() {
    let (from, to) = defaults().await;
    let refused = Err(SendError::Refused(Refusal::NoHandler));
    assert_eq!(soon(from.sender.send(to.id, "x", "1")).await, refused);
    let messages = to.sender.register("x", 1).unwrap();
    assert_eq!(
        to.sender.register("x", 1).unwrap_err(),
        RegisterError::Taken
    );
    assert_eq!(to.sender.register("", 1).unwrap_err(), RegisterError::Kind);
    soon(from.sender.send(to.id, "x", "2")).await.unwrap();
    // One message is in the queue, so the next one waits, until the handler goes.
    let waiting = from.sender.try_send(to.id, "x", "3").unwrap();
    let blocked = async {
        while to.sender.stats().blocked == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon(blocked).await;
    drop(messages);
    assert_eq!(
        soon(waiting).await,
        Err(SendError::Refused(Refusal::HandlerGone))
    );
    assert_eq!(soon(from.sender.send(to.id, "x", "4")).await, refused);
}

#[tokio::test]
async fn a_send_without_receipt_ends_at_its_deadline() {
    let sending = Config {
        deadline: Duration::from_millis(50),
        ..Config::default()
    };
    let (from, to) = pair(sending, Config::default()).await;
    let _messages = to.sender.register("x", 1).unwrap();
    soon(from.sender.send(to.id, "x", "1")).await.unwrap();
    let second = soon(from.sender.send(to.id, "x", "2")).await;
    assert_eq!(second, Err(SendError::Deadline));
}

#[tokio::test]
async fn what_cannot_be_sent_is_named() {
    let (from, to) = defaults().await;
    let stranger = from.sender.send(PeerId::random(), "x", "1").await;
    assert_eq!(stranger, Err(SendError::NotConnected));
    for kind in ["", "a\tb", &"k".repeat(65)] {
        let refused = from.sender.try_send(to.id, kind, "1");
        assert_eq!(refused.unwrap_err(), SendError::Kind);
    }
    let empty = from.sender.send_stream(to.id, "x", 0, futures::io::empty());
    assert_eq!(empty.await, Err(SendError::Empty));
}

#[tokio::test]
async fn a_peer_without_the_protocol_is_told_apart() {
    let mut other = node(libp2p::swarm::dummy::Behaviour);
    let address = listen(&mut other).await;
    tokio::spawn(async move {
        loop {
            other.select_next_some().await;
        }
    });
    let mut from = Peer::new(Config::default());
    let peer = from.connect(address).await;
    let answer = soon(from.sender.send(peer, "x", "1")).await;
    assert_eq!(answer, Err(SendError::Unsupported));
    let large = vec![0; 2 << 20];
    let answer = soon(from.sender.send(peer, "x", large)).await;
    assert_eq!(answer, Err(SendError::Unsupported));
}
