//! A node under attack, and an honest neighbour of it.

use std::time::Duration;

use animica_p2p::{
    PeerId,
    event::NodeEvent,
    gossip::app::Delivery,
    node::{Builder, Handle},
    offence::{Offence, Severity},
    registry::Topic,
    report::TopicReport,
};
use tokio::sync::broadcast::Receiver;

use super::puppet::Puppet;
use crate::support::{address, assert_nobody_blamed, event, on_loopback, soon, start};

pub(super) struct Scene {
    pub(super) node: Handle,
    pub(super) honest: Handle,
    pub(super) events: Receiver<NodeEvent>,
    pub(super) inbox: Receiver<Delivery>,
    /// Numbers the messages of the honest one.
    sent: u64,
}

/// Waits until `node` knows `count` peers that listen to every topic.
pub(super) async fn has_listeners(node: &Handle, count: usize) {
    let listen = async {
        loop {
            let meshes = node.meshes().await.expect("runs");
            if meshes.iter().all(|mesh| mesh.listeners >= count) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    soon("peers listen", listen).await;
}

/// Waits until what `node` counted on `topic` satisfies `done`.
pub(super) async fn counted(node: &Handle, topic: Topic, done: impl Fn(&TopicReport) -> bool) {
    let counted = async {
        loop {
            let topics = node.gossip().topics;
            let report = topics.iter().find(|t| t.topic == topic.leaf());
            if report.is_some_and(&done) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("it is counted", counted).await;
}

/// Waits until a message was ignored for this reason.
pub(super) async fn ignored(node: &Handle, topic: Topic, why: &str) {
    counted(node, topic, |t| t.ignored.get(why).is_some_and(|n| *n > 0)).await;
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::with(on_loopback()).await
    }

    /// With a node made by `builder`.
    pub(super) async fn with(builder: Builder) -> Self {
        let node = start(builder).await;
        let honest = start(on_loopback().bootstrap(address(&node))).await;
        has_listeners(&node, 1).await;
        has_listeners(&honest, 1).await;
        Self {
            events: node.subscribe(),
            inbox: node.deliveries(),
            node,
            honest,
            sent: 0,
        }
    }

    /// What `peer` does next is held against it as `offence`, with the consequence that has.
    pub(super) async fn blames(&mut self, peer: PeerId, offence: Offence) {
        let seen = event(&mut self.events, offence.name(), |e| match e {
            NodeEvent::Offence {
                peer,
                offence,
                detail,
            } => Some((peer, offence, detail)),
            _ => None,
        })
        .await;
        assert_eq!((seen.0, seen.1), (peer, offence), "{}", seen.2);
        if offence.severity() == Severity::Lying {
            let ban = event(&mut self.events, "a ban", |e| match e {
                NodeEvent::Banned { peer, offence, .. } => Some((peer, offence)),
                _ => None,
            });
            assert_eq!(ban.await, (peer, offence));
        }
        event(&mut self.events, "it is disconnected", |e| match e {
            NodeEvent::PeerDisconnected { peer: gone, .. } => (gone == peer).then_some(()),
            _ => None,
        })
        .await;
    }

    /// A new peer publishes `payload` and is blamed for it.
    pub(super) async fn rejects(
        &mut self,
        topic: Topic,
        payload: impl Into<Vec<u8>>,
        why: Offence,
    ) {
        let liar = Puppet::beside(&self.node).await;
        liar.publish(topic, payload).await;
        self.blames(liar.id, why).await;
    }

    /// A message of the honest neighbour arrives, and the next one that does is its.
    pub(super) async fn honest_gets_through(&mut self) {
        self.sent += 1;
        let text = format!("honest {}", self.sent);
        let life = Duration::from_secs(60);
        let sent = self.honest.broadcast("news", text.clone(), life).await;
        let id = sent.expect("it can be published");
        let delivery = soon("an honest message arrives", self.inbox.recv()).await;
        let delivery = delivery.expect("runs");
        assert_eq!(
            (delivery.id, &delivery.payload[..]),
            (id, text.as_bytes()),
            "about {:?}",
            delivery.topic
        );
    }

    /// The honest neighbour is blamed for nothing and blames nobody.
    pub(super) async fn is_unharmed(&mut self) {
        self.honest_gets_through().await;
        assert_nobody_blamed(&[&self.honest]).await;
        let bans = self.node.bans().await.expect("runs");
        let honest = self.honest.peer_id().to_string();
        assert!(bans.iter().all(|ban| ban.subject != honest), "{bans:?}");
    }

    /// Nobody at all is blamed.
    pub(super) async fn blames_nobody(&mut self) {
        self.is_unharmed().await;
        assert_nobody_blamed(&[&self.node]).await;
    }
}
