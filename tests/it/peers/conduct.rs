//! Peers that misbehave: penalised, banned, explained, forgiven.

use std::time::Duration;

use animica_p2p::{
    clock::{Clock as _, SystemClock},
    event::NodeEvent,
    identity::{NodeIdentity, NodeRecord, RecordFields},
    network::exchange::Lane,
    node::Handle,
    offence::Offence,
    peers::ban::Subject,
    wire::{GetPeers, Message, Peers},
};
use bytes::Bytes;
use tokio::sync::broadcast::Receiver;

use super::{becomes_connected, looking, until};
use crate::support::{
    event,
    puppet::{Puppet, genesis, identity, silent},
    soon, start,
};

/// A record of `identity` at a dialable place, with its signature as it should be or not.
fn record(identity: &NodeIdentity, forged: bool) -> Vec<u8> {
    let fields = RecordFields {
        chain_id: genesis().chain_id(),
        genesis: genesis().hash(),
        seq: 1,
        created_ms: SystemClock.now().wall_ms,
        ttl_ms: 3_600_000,
        addresses: vec!["/ip4/127.0.0.1/tcp/9".parse().unwrap()],
    };
    let record = NodeRecord::sign(identity, &fields).expect("it can be signed");
    let mut bytes = record.as_bytes().to_vec();
    if forged {
        *bytes.last_mut().expect("it ends in its signature") ^= 1;
    }
    bytes
}

/// A peer that answers whom it knows with these records.
async fn telling(identity: NodeIdentity, records: Vec<Vec<u8>>) -> Puppet {
    let records: Vec<_> = records.into_iter().map(Into::into).collect();
    let answers = move |message: &Message| match message {
        Message::GetPeers(_) => {
            let records = records.clone();
            Some(Message::Peers(Peers { records }).into())
        }
        other => silent(other),
    };
    Puppet::of(identity, answers).await
}

async fn refuses(events: &mut Receiver<NodeEvent>) -> &'static str {
    event(events, "a connection is refused", |e| match e {
        NodeEvent::InboundFailed { label, .. } => Some(label),
        _ => None,
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liar_is_banned_and_explained_refused_from_anywhere_and_forgiven_at_once() {
    let node = start(looking(&[])).await;
    let liar = telling(identity(), vec![record(&identity(), true)]).await;
    let honest = telling(identity(), vec![record(&identity(), false)]).await;
    let mut events = node.subscribe();
    honest.meets(&node).await;
    liar.meets(&node).await;
    let banned = event(&mut events, "somebody is banned", |e| match e {
        NodeEvent::Banned { peer, offence, .. } => Some((peer, offence)),
        _ => None,
    });
    assert_eq!(banned.await, (liar.id, Offence::BadSignature));
    becomes_connected(&node, liar.id, false).await;

    let explained = until("the ban is explained", async || {
        let explained = node.explain(liar.id).await.expect("runs");
        (explained.trust.as_ref()?.score < 0.1).then_some(explained)
    })
    .await;
    let ban = &explained.bans[0];
    assert_eq!(
        (ban.reason.as_str(), ban.by.as_str()),
        ("bad_signature", "node")
    );
    assert!(ban.evidence.starts_with("a node record: "), "{ban:?}");
    assert_eq!(explained.connection, None);
    assert!(explained.summary[0].contains("banned"), "{explained:?}");
    let worst = explained.events.iter().find(|e| e.delta < 0.0);
    let worst = worst.expect("the trail has what it did");
    assert!(worst.event.contains("bad_signature"), "{worst:?}");
    assert!(worst.evidence.is_some(), "{worst:?}");

    // The same name, another port.
    let again = Puppet::of(liar.identity.clone(), silent).await;
    again.dials(&node).await;
    assert_eq!(refuses(&mut events).await, "banned");
    let dialled = soon("it is not dialled", node.connect(again.address.clone())).await;
    assert_eq!(dialled.expect_err("banned").label(), "banned");

    let lifted = node.unban(Subject::Peer(liar.id)).await.expect("runs");
    assert_eq!(lifted.lifted.len(), 1, "{lifted:?}");
    assert!(lifted.trust_before < Some(0.1), "{lifted:?}");
    assert_eq!(lifted.trust_after, Some(0.5), "{lifted:?}");
    again.meets(&node).await;
    becomes_connected(&node, liar.id, true).await;
    let explained = node.explain(liar.id).await.expect("runs");
    assert_eq!(
        (explained.bans, explained.cool_down_until_ms),
        (vec![], None)
    );

    let honest = node.explain(honest.id).await.expect("runs");
    assert!(honest.bans.is_empty() && honest.connection.is_some());
    let known = node.known_peers(100).await.expect("runs");
    assert!(known.iter().any(|peer| peer.record), "{known:?}");
}

/// Asks for peers without end until `node` has counted `offences`.
async fn floods(peer: &Puppet, node: &Handle, offences: u64) {
    until("the flood is noticed", async || {
        let ask = Message::GetPeers(GetPeers { max: 32 });
        let _ = peer.asks(Lane::Peers, node.peer_id(), ask).await;
        let counted = node.stats().await.expect("runs").offences;
        (counted >= offences).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_peers_without_end_is_sent_away_and_then_banned() {
    let node = start(looking(&[])).await;
    let peer = Puppet::beside(&node).await;
    for _ in 0..3 {
        let ask = Message::GetPeers(GetPeers { max: 32 });
        let answer = peer.asks(Lane::Peers, node.peer_id(), ask).await;
        assert!(matches!(answer, Ok(Message::Peers(_))), "{answer:?}");
    }
    let ask = Message::GetPeers(GetPeers { max: 32 });
    let answer = peer.asks(Lane::Peers, node.peer_id(), ask).await;
    assert!(matches!(answer, Ok(Message::Busy(_))), "{answer:?}");
    floods(&peer, &node, 1).await;
    becomes_connected(&node, peer.id, false).await;
    assert!(node.bans().await.expect("runs").is_empty(), "once");
    peer.meets(&node).await;
    floods(&peer, &node, 2).await;
    let bans = until("it is banned", async || {
        let bans = node.bans().await.expect("runs");
        (!bans.is_empty()).then_some(bans)
    })
    .await;
    assert_eq!(bans[0].subject, peer.id.to_string());
    assert_eq!(bans[0].reason, "credit_exceeded");
    let evidence = &bans[0].evidence;
    assert!(evidence.contains("too soon"), "{evidence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_none_is_forgiven_once() {
    let node = start(looking(&[])).await;
    let peer = Puppet::beside(&node).await;
    for offences in [1, 2] {
        let words = Message::TrustUpdate(Bytes::from_static(b"\xa0"));
        let _ = peer.asks(Lane::Trust, node.peer_id(), words).await;
        becomes_connected(&node, peer.id, false).await;
        let stats = node.stats().await.expect("runs");
        assert_eq!(stats.offences, offences);
        assert_eq!(stats.bans.len(), usize::from(offences == 2));
        if offences == 1 {
            peer.meets(&node).await;
        }
    }
    let explained = node.explain(peer.id).await.expect("runs");
    assert_eq!(explained.bans[0].reason, "malformed_message");
    let evidence = &explained.bans[0].evidence;
    assert!(evidence.starts_with("a statement of trust: "), "{evidence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_peer_that_misbehaves_is_only_warned_about() {
    let node = start(looking(&[])).await;
    let peer = telling(identity(), vec![record(&identity(), true)]).await;
    let kept = node.reserve_peer(peer.id, Some(peer.address.clone()), true);
    soon("it is reserved", kept)
        .await
        .expect("it has an address");
    becomes_connected(&node, peer.id, true).await;
    floods(&peer, &node, 4).await;
    assert!(node.bans().await.expect("runs").is_empty());
    becomes_connected(&node, peer.id, true).await;
    let explained = node.explain(peer.id).await.expect("runs");
    assert!(explained.connection.expect("it stays").reserved);
    let ban = Subject::Peer(peer.id);
    let refused = node.ban(ban, Duration::from_secs(60), "no").await;
    assert!(refused.is_err(), "{refused:?}");
}
