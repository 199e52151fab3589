//! How far peers are believed, what follows, and what they tell each other about it.

use std::sync::{Arc, Mutex};

use animica_p2p::{
    PeerId,
    event::NodeEvent,
    network::exchange::Lane,
    node::{Handle, PeeringConfig, PeeringError, PingTarget, ShareWith},
    peers::ban::Subject,
    wire::{GetPeers, Message},
};

use super::{becomes_connected, looking, meet, open, until};
use crate::support::{
    address, assert_nobody_blamed, event, on_loopback, puppet::Puppet, soon, start,
};

async fn score(node: &Handle, peer: PeerId) -> f64 {
    let trust = node.trust(peer).await.expect("runs");
    trust.map_or(0.5, |trust| trust.score)
}

/// The events of the trail about `peer`, the latest first.
async fn trail(node: &Handle, peer: PeerId) -> Vec<String> {
    let rows = soon("the trail is read", node.trust_events(Some(peer), 100)).await;
    let rows = rows.expect("it can be read");
    assert!(rows.iter().all(|row| row.peer_id == peer.to_string()));
    assert!(rows.is_sorted_by(|a, b| a.seq > b.seq));
    rows.into_iter().map(|row| row.event).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_an_operator_distrusts_goes_until_it_is_trusted_again() {
    let node = start(looking(&[])).await;
    let peer = start(on_loopback()).await;
    let id = peer.peer_id();
    soon("connects", node.connect(address(&peer)))
        .await
        .expect("accepted");
    let mut events = node.subscribe();
    let set = node.set_trust(id, 0.0).await.expect("a score");
    assert!(set.below_threshold, "{set:?}");
    event(&mut events, "it is disconnected", |e| match e {
        NodeEvent::PeerDisconnected { peer, .. } => (peer == id).then_some(()),
        _ => None,
    })
    .await;
    becomes_connected(&peer, node.peer_id(), false).await;
    let out = soon("is not dialled", node.connect(address(&peer))).await;
    assert_eq!(out.expect_err("cools down").label(), "cool_down");
    let back = soon("is not admitted", peer.connect(address(&node))).await;
    back.expect_err("cools down");
    let explained = node.explain(id).await.expect("runs");
    assert!(explained.cool_down_until_ms.is_some() && explained.bans.is_empty());

    node.set_trust(id, 0.6).await.expect("a score");
    until("it is dialled again", async || {
        node.connect(address(&peer)).await.ok()
    })
    .await;
    node.set_trust(id, 0.0).await.expect("a score");
    becomes_connected(&node, id, false).await;
    becomes_connected(&peer, node.peer_id(), false).await;
    let lifted = node.unban(Subject::Peer(id)).await.expect("runs");
    assert!(lifted.cool_down && lifted.lifted.is_empty(), "{lifted:?}");
    assert_eq!(lifted.trust_after, Some(0.5));
    soon("connects", peer.connect(address(&node)))
        .await
        .expect("accepted");

    let trail = trail(&node, id).await;
    let operator = trail.iter().filter(|e| e.starts_with("operator")).count();
    assert_eq!(operator, 4, "{trail:?}");
    assert!(trail.iter().any(|e| e == "connected"), "{trail:?}");
    assert!(trail.iter().any(|e| e == "disconnected"), "{trail:?}");
    for bad in [f64::NAN, -0.1, 1.1] {
        let refused = node.set_trust(id, bad).await;
        assert!(
            matches!(refused, Err(PeeringError::Score(_))),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_trust_by_what_it_does_cools_down_and_is_not_banned() {
    let mut config = open();
    config.trust.trust_penalty_invalid = 0.45;
    let node = start(looking(&[]).peering(config)).await;
    let peer = Puppet::beside(&node).await;
    until("it is not served", async || {
        let ask = Message::GetPeers(GetPeers { max: 32 });
        let _ = peer.asks(Lane::Peers, node.peer_id(), ask).await;
        let trust = node.trust(peer.id).await.expect("runs")?;
        trust.below_threshold.then_some(())
    })
    .await;
    becomes_connected(&node, peer.id, false).await;
    assert!(node.bans().await.expect("runs").is_empty());
    let mut events = node.subscribe();
    peer.dials(&node).await;
    let refused = event(&mut events, "it is refused", |e| match e {
        NodeEvent::InboundFailed { label, .. } => Some(label),
        _ => None,
    });
    assert_eq!(refused.await, "cool_down");
    let explained = node.explain(peer.id).await.expect("runs");
    assert!(explained.cool_down_until_ms.is_some(), "{explained:?}");
    let fell = explained.events.iter().find(|e| e.delta < -0.4);
    assert!(fell.is_some_and(|e| e.evidence.is_some()), "{explained:?}");
}

/// Who shares, and with whom, so that the second hears of the first.
type Way = fn(&Handle, &Handle) -> (Handle, ShareWith);

/// Trusts on little experience, and believes others more than anybody should.
fn credulous() -> PeeringConfig {
    let mut config = open();
    config.trust.recommender_min_interactions = 1;
    config.trust.trust_gain_limit = 1.0;
    config.trust.recommendation_weight = 1.0;
    config
}

/// What others say about `subject` at `node`, as soon as somebody said something.
async fn recommended(node: &Handle, subject: PeerId) -> f64 {
    until("a word counts", async || {
        let trust = node.trust(subject).await.expect("runs")?;
        (trust.recommended > 0.0).then_some(trust.recommended)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn words_about_a_third_count_up_to_the_cap_however_they_come() {
    let cap = credulous().trust.recommendation_cap;
    let friend = start(on_loopback()).await;
    let friends = friend.peer_id();
    let says = start(looking(&[&friend]).peering(credulous())).await;
    meet(&says, &friend).await;
    says.set_trust(friends, 0.9).await.expect("a score");
    let ways: [Way; 3] = [
        |says, hears| (hears.clone(), ShareWith::Ask(says.peer_id())),
        |says, hears| (says.clone(), ShareWith::Peer(hears.peer_id())),
        |says, _| (says.clone(), ShareWith::Network),
    ];
    for way in ways {
        let hears = on_loopback().peering(PeeringConfig {
            discovery: PeeringConfig::default().discovery,
            ..credulous()
        });
        let hears = start(hears.bootstrap(address(&says))).await;
        meet(&says, &hears).await;
        let (who, with) = way(&says, &hears);
        // The network is told by gossip, which nobody hears before its mesh has formed.
        let moved = until("a word comes", async || {
            let named = soon("it is shared", who.share_trust(with)).await;
            assert!(named.is_ok_and(|n| n >= 1));
            let trust = hears.trust(friends).await.expect("runs")?;
            (trust.recommended > 0.0).then_some(trust)
        })
        .await;
        assert!(moved.recommended <= cap + 1e-9, "{moved:?}");
        assert!(moved.recommended > 0.15, "{moved:?}");
        assert!(moved.score <= 0.5 + cap + 1e-9, "{moved:?}");
        // Once for each subject.
        let _ = soon("it is shared", who.share_trust(with)).await;
        assert!(recommended(&hears, friends).await <= cap + 1e-9);
        let events = trail(&hears, friends).await;
        assert!(
            events.iter().any(|e| e.starts_with("recommended")),
            "{events:?}"
        );
        hears.shutdown().await;
    }
    let nobody = says.share_trust(ShareWith::Ask(PeerId::random())).await;
    assert!(
        matches!(nobody, Err(PeeringError::NotConnected(_))),
        "{nobody:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_trusted_come_first_and_only_those_that_are_trusted_enough() {
    let node = start(looking(&[])).await;
    let mut peers = Vec::new();
    for score in [0.3, 0.9, 0.7] {
        let peer = start(on_loopback().bootstrap(address(&node))).await;
        meet(&node, &peer).await;
        node.set_trust(peer.peer_id(), score)
            .await
            .expect("a score");
        peers.push(peer);
    }
    let ids: Vec<_> = peers.iter().map(|p| p.peer_id().to_string()).collect();
    let trusted = node.get_trusted_peers(0.65).await.expect("runs");
    let trusted: Vec<_> = trusted.iter().map(|t| &t.peer_id).collect();
    assert_eq!(trusted, [&ids[1], &ids[2]]);
    let best = node.most_trusted(1).await.expect("runs");
    assert_eq!((best.len(), &best[0].peer_id), (1, &ids[1]));
    assert!(score(&node, peers[0].peer_id()).await < 0.35);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_ping_is_answered_both_ways() {
    let a = start(on_loopback()).await;
    let b = start(on_loopback().bootstrap(address(&a))).await;
    meet(&a, &b).await;
    for (from, to) in [(&a, &b), (&b, &a)] {
        let pong = from.signed_ping(PingTarget::Peer(to.peer_id()));
        let pong = soon("a pong comes", pong).await.expect("it is valid");
        assert_eq!(pong.peer_id, to.peer_id().to_string());
        assert!(!pong.fresh_connection);
        assert!(pong.clock_offset_ms.abs() < 60_000, "{pong:?}");
    }
    let c = start(on_loopback()).await;
    let pong = c.signed_ping(PingTarget::Address(address(&a)));
    let pong = soon("a pong comes", pong).await.expect("it is valid");
    assert!(pong.fresh_connection);
    let stranger = PingTarget::Peer(PeerId::random());
    let refused = soon("it fails", c.signed_ping(stranger)).await;
    assert!(
        matches!(refused, Err(PeeringError::NotConnected(_))),
        "{refused:?}"
    );
    assert_nobody_blamed(&[&a, &b, &c]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_back_hear_of_peers_that_come_and_go() {
    let node = start(on_loopback()).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (came, went) = (Arc::clone(&heard), Arc::clone(&heard));
    let up = node.on_peer_connected(move |peer| came.lock().unwrap().push((peer, None)));
    let down = node.on_peer_disconnected(move |peer, why| {
        went.lock().unwrap().push((peer, Some(why)));
    });
    let peer = start(on_loopback().bootstrap(address(&node))).await;
    meet(&node, &peer).await;
    peer.shutdown().await;
    let heard = until("both are heard", async || {
        let heard = heard.lock().unwrap();
        (heard.len() == 2).then(|| heard.clone())
    })
    .await;
    assert_eq!(heard[0], (peer.peer_id(), None));
    assert_eq!(heard[1].0, peer.peer_id());
    assert!(heard[1].1.as_ref().is_some_and(|why| !why.is_empty()));
    node.shutdown().await;
    for task in [up, down] {
        soon("it ends with the node", task).await.expect("no panic");
    }
}
