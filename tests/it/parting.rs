//! How a node parts with peers: goodbyes, and what a peer it does not trust is still served.

use std::{sync::Arc, time::Duration};

use animica_p2p::{
    PeerId,
    clock::{Clock as _, Rng, SystemClock},
    event::NodeEvent,
    identity::NodeIdentity,
    network::{
        self, Event,
        direct::{Refusal, SendError},
        exchange::{self, Failure, Lane, RequestId, Token},
    },
    node::{Handle, PeeringConfig},
    peers::{Goodbye, signed_ping},
    wire::{ErrorCode, GetData, GetHeaders, GetPeers, ItemKind, Message, TrustedPeersRequest},
};
use futures::StreamExt as _;
use libp2p::{Swarm, swarm, swarm::SwarmEvent};
use rand::SeedableRng as _;

use crate::support::{
    TCP, address, event, listen, on_loopback,
    puppet::{genesis, transport},
    soon, start,
};

/// A peer that the test drives itself: it takes no goodbye, so its connection stays for a second.
struct Peer {
    id: PeerId,
    identity: NodeIdentity,
    swarm: Swarm<network::Behaviour>,
    requests: u64,
}

impl Peer {
    async fn beside(node: &Handle) -> Self {
        let (identity, transport, identify) = transport();
        let (own, id) = (identity.public().clone(), identity.peer_id());
        let config = network::Config::new(identify);
        let (clock, rng) = (Arc::new(SystemClock), Rng::seed_from_u64(1));
        let behaviour = network::Behaviour::new(config, own, clock, rng, None).unwrap();
        let mut swarm = network::swarm(transport, behaviour, id);
        let address = listen(&mut swarm, TCP).await;
        let mut peer = Self {
            id,
            identity,
            swarm,
            requests: 0,
        };
        let node = node.clone();
        let mut met = tokio::spawn(async move { node.connect(address).await });
        let meet = async {
            loop {
                tokio::select! {
                    _ = peer.swarm.select_next_some() => {}
                    met = &mut met => return met.unwrap(),
                }
            }
        };
        soon("it is accepted", meet).await.expect("it is accepted");
        peer
    }

    /// Drives the swarm until an event of an exchange is picked.
    async fn until<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(Lane, exchange::Event) -> Option<T>,
    ) -> T {
        let found = async {
            loop {
                let next = self.swarm.select_next_some().await;
                if let SwarmEvent::Behaviour(Event::Exchange(lane, event)) = next
                    && let Some(found) = wanted(lane, event)
                {
                    return found;
                }
            }
        };
        soon(what, found).await
    }

    /// What `node` answers to a question on every lane.
    async fn ask(&mut self, node: PeerId) -> Vec<Result<Message, Failure>> {
        let questions = self.questions(node);
        let count = questions.len() as u64;
        for (n, (lane, question)) in (1..).zip(questions) {
            let id = RequestId(self.requests + n);
            self.swarm
                .behaviour_mut()
                .lane(lane)
                .request(node, id, question);
        }
        self.requests += count;
        let mut answers = Vec::new();
        for _ in 0..count {
            let answer = |_, event| match event {
                exchange::Event::Response { message, .. } => Some(Ok(message)),
                exchange::Event::Failed { reason, .. } => Some(Err(reason)),
                _ => None,
            };
            answers.push(self.until("an answer", answer).await);
        }
        answers
    }

    /// Sends a message of an application.
    async fn send(&mut self, node: PeerId) -> Result<(), SendError> {
        let sender = self.swarm.behaviour().direct.sender();
        let sending = async move { sender.send(node, "note", &b"hello"[..]).await };
        tokio::pin!(sending);
        let sent = async {
            loop {
                tokio::select! {
                    sent = &mut sending => return sent.map(drop),
                    _ = self.swarm.select_next_some() => {}
                }
            }
        };
        soon("a receipt", sent).await
    }

    /// A request for every lane.
    fn questions(&self, node: PeerId) -> Vec<(Lane, Message)> {
        let network = (genesis().chain_id(), genesis().hash());
        let nonce = std::array::from_fn(|_| 7);
        let now = SystemClock.now();
        let ping = signed_ping::Asked::new(&self.identity, network, &node, nonce, now);
        let (_, ping) = ping.expect("it has an identity");
        let headers = GetHeaders {
            locator: vec![genesis().hash()],
            max: 1,
        };
        let data = GetData {
            kind: ItemKind::Tx,
            ids: vec![genesis().hash()],
            max_bytes: 4 << 20,
        };
        let trusted = TrustedPeersRequest { max: 1 };
        vec![
            (Lane::Sync, Message::GetHeaders(headers)),
            (Lane::Data, Message::GetData(data)),
            (Lane::Peers, Message::GetPeers(GetPeers { max: 1 })),
            (Lane::Trust, Message::TrustedPeersRequest(trusted)),
            (Lane::Ping, Message::Ping(ping)),
        ]
    }
}

/// The reason of a goodbye, and the right to answer it.
fn goodbye(_: Lane, event: exchange::Event) -> Option<(Goodbye, Token)> {
    match event {
        exchange::Event::Request {
            message: Message::Disconnect(goodbye),
            token,
            ..
        } => Some((Goodbye::from_code(goodbye.code), token)),
        _ => None,
    }
}

/// Why `peer` is gone.
async fn end(events: &mut tokio::sync::broadcast::Receiver<NodeEvent>, gone: PeerId) -> String {
    event(events, "it is gone", |e| match e {
        NodeEvent::PeerDisconnected { peer, reason } if peer == gone => Some(reason),
        _ => None,
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_below_the_threshold_is_served_nothing_until_it_is_gone() {
    let node = start(on_loopback()).await;
    let mut notes = node.register_handler("note", 4).expect("free");
    let mut events = node.subscribe();
    let mut peer = Peer::beside(&node).await;
    let (id, me) = (node.peer_id(), peer.id);
    for answer in peer.ask(id).await {
        let answer = answer.expect("it is served");
        assert!(!matches!(answer, Message::Error { .. }), "{answer:?}");
    }
    peer.send(id).await.expect("taken");
    assert!(soon("a note", notes.recv()).await.is_some());

    let setting = tokio::spawn({
        let node = node.clone();
        async move { node.set_trust(me, 0.05).await }
    });
    // Without a receipt the connection stays for a second.
    let (reason, _token) = peer.until("a goodbye", goodbye).await;
    assert_eq!(reason, Goodbye::LowTrust);
    let answers = peer.ask(id).await;
    let code = ErrorCode::BadRequest;
    let refused = Ok(Message::Error { code });
    assert!(answers.contains(&refused), "{answers:?}");
    // On a slow machine the second may be over.
    let mut nothing = answers.iter().map(|a| a.is_err() || *a == refused);
    assert!(nothing.all(|nothing| nothing), "{answers:?}");
    let sent = peer.send(id).await.expect_err("nobody takes it");
    let refused = SendError::Refused(Refusal::NoHandler);
    let late = [SendError::NotConnected, SendError::Disconnected];
    assert!(sent == refused || late.contains(&sent), "{sent}");
    let gone = tokio::spawn(async move { end(&mut events, me).await });
    let closed = async {
        while !gone.is_finished() {
            let _ = tokio::time::timeout(Duration::from_millis(50), peer.swarm.next()).await;
        }
    };
    soon("it closes", closed).await;
    assert_eq!(gone.await.unwrap(), "we said goodbye: low_trust");
    setting.await.unwrap().expect("kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_never_says_who_it_is_is_dropped_with_that_reason() {
    let mut config = PeeringConfig::default();
    config.plan.identify_secs = 1;
    let node = start(on_loopback().peering(config)).await;
    let mut events = node.subscribe();
    // It speaks the protocol of goodbyes alone.
    let (identity, transport, _) = transport();
    let id = identity.peer_id();
    let spoken =
        exchange::Behaviour::new(Lane::Peers, genesis().chain_id(), exchange::Config::small());
    let config = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(Duration::from_secs(3600));
    let mut silent = Swarm::new(transport, spoken, id, config);
    silent.dial(address(&node)).expect("an address");
    let told = async {
        loop {
            if let SwarmEvent::Behaviour((lane, event)) = silent.select_next_some().await
                && let Some((reason, _)) = goodbye(lane, event)
            {
                return reason;
            }
        }
    };
    assert_eq!(soon("a goodbye", told).await, Goodbye::Unidentified);
    let closed = async {
        while silent.is_connected(&node.peer_id()) {
            silent.select_next_some().await;
        }
    };
    soon("it is dropped", closed).await;
    let reason = end(&mut events, id).await;
    assert_eq!(reason, "we said goodbye: unidentified");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_stop_at_the_same_time_both_end() {
    let a = start(on_loopback()).await;
    let b = start(on_loopback().bootstrap(address(&a))).await;
    crate::support::has_peer(&b).await;
    soon(
        "both end",
        futures::future::join(a.shutdown(), b.shutdown()),
    )
    .await;
}
