//! What a node remembers of its peers when it comes back.

use std::{path::Path, sync::Arc, time::Duration};

use animica_p2p::{
    chain::Genesis,
    identity::NodeIdentity,
    node::{DhtKey, Handle, PeeringConfig},
    peers::{ban::Subject, slots},
    storage::{DataDir, Options, Store},
};

use super::{becomes_connected, looking, meet, open, plan, until};
use crate::support::{
    address, event, on_loopback,
    puppet::{genesis, identity},
    soon, start,
};

/// Opens the store at `path`; the one that had it may still be letting go.
async fn store(path: &Path, genesis: &Genesis) -> Store {
    until("the directory is free", async || {
        let dir = DataDir::open(path).ok()?;
        let opened = Store::open(dir, genesis, &Options::default());
        Some(opened.expect("it can be opened"))
    })
    .await
}

/// The node whose memory is at `path`.
async fn run(path: &Path, identity: &NodeIdentity, config: PeeringConfig) -> Handle {
    let store = store(path, &genesis()).await;
    let builder = looking(&[]).identity(identity.clone()).peering(config);
    let builder = builder
        .store(Arc::clone(store.chain()) as _)
        .peer_store(Arc::clone(store.peers()) as _);
    start(builder).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bans_trust_marks_addresses_and_records_outlive_a_restart() {
    let (dir, identity) = (tempfile::tempdir().unwrap(), identity());
    let node = run(dir.path(), &identity, open()).await;
    let mut peers = Vec::new();
    for _ in 0..3 {
        let peer = start(looking(&[&node])).await;
        meet(&node, &peer).await;
        peers.push(peer);
    }
    let [reserved, trusted, banned] = [0, 1, 2].map(|n: usize| peers[n].peer_id());
    let place = Some(address(&peers[0]));
    let kept = node.reserve_peer(reserved, place, true);
    soon("it is reserved", kept)
        .await
        .expect("it has an address");
    let preferred = soon("it is preferred", node.prefer_peer(trusted, true)).await;
    preferred.expect("it is known");
    let scored = soon("it is scored", node.set_trust(trusted, 0.8)).await;
    scored.expect("a score");
    let hour = Duration::from_secs(3600);
    let whole = Subject::Address("203.0.113.7".parse().unwrap());
    for subject in [Subject::Peer(banned), whole] {
        let ban = soon("it is banned", node.ban(subject, hour, "a test")).await;
        ban.expect("it can be banned");
    }
    let put = soon("it is written", node.dht_put("k", "v", hour)).await;
    put.expect("somebody took it");
    let known = until("records have come", async || {
        let rows = node.known_peers(100).await.expect("runs");
        rows.iter().all(|row| row.record).then_some(rows.len())
    })
    .await;
    node.shutdown().await;
    for peer in &peers {
        peer.shutdown().await;
    }
    drop(node);

    let node = run(dir.path(), &identity, open()).await;
    let bans = node.bans().await.expect("runs");
    let mut subjects: Vec<_> = bans.iter().map(|b| b.subject.clone()).collect();
    subjects.sort();
    let mut expected = [banned.to_string(), "203.0.113.7".to_owned()];
    expected.sort();
    assert_eq!(subjects, expected);
    assert!(bans.iter().all(|ban| ban.reason == "a test"));
    let trust = node.trust(trusted).await.expect("runs").expect("kept");
    assert!((0.78..0.82).contains(&trust.score), "{trust:?}");
    let rows = node.known_peers(100).await.expect("runs");
    assert_eq!(rows.len(), known);
    let row = |id: animica_p2p::PeerId| rows.iter().find(|r| r.peer_id == id.to_string());
    assert!(row(reserved).expect("known").reserved);
    assert!(row(trusted).expect("known").trusted);
    assert!(rows.iter().all(|row| row.record), "{rows:?}");
    until("its record is counted", async || {
        (node.dht_stats().await.expect("runs").own == 1).then_some(())
    })
    .await;
    let own = DhtKey::Authored {
        author: None,
        key: b"k".to_vec(),
    };
    let got = soon("it is read", node.dht_get(own)).await;
    assert_eq!(got.expect("kept").text.as_deref(), Some("v"));
    let trail = node.trust_events(Some(trusted), 100).await;
    let trail = trail.expect("it can be read");
    assert!(
        trail.iter().any(|e| e.event.starts_with("operator")),
        "{trail:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_peer_is_dialled_again_after_a_restart() {
    let (dir, identity) = (tempfile::tempdir().unwrap(), identity());
    let friend = start(on_loopback()).await;
    let alone = PeeringConfig::default;
    let node = run(dir.path(), &identity, alone()).await;
    let kept = node.reserve_peer(friend.peer_id(), Some(address(&friend)), true);
    soon("it is reserved", kept)
        .await
        .expect("it has an address");
    becomes_connected(&node, friend.peer_id(), true).await;
    node.shutdown().await;
    drop(node);
    let node = run(dir.path(), &identity, alone()).await;
    becomes_connected(&node, friend.peer_id(), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_connection_after_a_restart_is_with_one_of_the_best_peers_of_before() {
    // One place, so that whoever comes first takes it.
    let one = || PeeringConfig {
        plan: slots::Config {
            min_peers: 0,
            target_peers: 1,
            target_outbound: 1,
            ..plan()
        },
        ..open()
    };
    let (dir, identity) = (tempfile::tempdir().unwrap(), identity());
    let node = run(dir.path(), &identity, one()).await;
    let best = start(on_loopback()).await;
    node.add_peer(address(&best)).await.expect("room");
    becomes_connected(&node, best.peer_id(), true).await;
    let mut others = Vec::new();
    for _ in 0..4 {
        let other = start(on_loopback()).await;
        node.add_peer(address(&other)).await.expect("room");
        others.push(other);
    }
    let anchor = until("its best peer is noted", async || {
        let rows = node.known_peers(100).await.expect("runs");
        rows.into_iter().find(|row| row.anchor)
    })
    .await;
    assert_eq!(anchor.peer_id, best.peer_id().to_string());
    node.shutdown().await;
    drop(node);

    let mut events = best.subscribe();
    let node = run(dir.path(), &identity, one()).await;
    let id = node.peer_id();
    event(&mut events, "its best peer is dialled", |e| match e {
        animica_p2p::event::NodeEvent::PeerConnected { peer, .. } => (peer == id).then_some(()),
        _ => None,
    })
    .await;
    becomes_connected(&node, best.peer_id(), true).await;
    let peers = super::peers(&node).await;
    assert_eq!(peers.into_iter().collect::<Vec<_>>(), [best.peer_id()]);
}
