//! Floods of the router's control messages, and messages that only the router sees.

use std::time::Duration;

use animica_p2p::{
    ids::ChainId, network::pubsub, node::Builder, offence::Offence, registry::Topic,
};

use super::{
    puppet::Puppet,
    raw::RawPeer,
    rpc,
    scene::{Scene, has_listeners},
};
use crate::support::{is_run_alone, on_loopback};

/// Resident bytes of this process.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kib.unwrap_or_default() * 1024
}

/// What a flood may leave behind: far less than it sent where it is large, and little where not.
const LEFT_BEHIND: usize = 64 * 1024 * 1024;

fn quick() -> Builder {
    on_loopback().mesh(pubsub::Config {
        heartbeat: Duration::from_millis(50),
        ..pubsub::Config::default()
    })
}

fn name(topic: Topic) -> String {
    topic.on(ChainId::DEVNET)
}

fn names() -> impl Iterator<Item = String> {
    Topic::ALL.iter().map(|topic| name(*topic))
}

/// 32 bytes that no message has.
fn ids(n: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..n).map(|i| [&i.to_be_bytes()[..], &[0xdd; 24]].concat())
}

fn slices(ids: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    ids.iter().map(Vec::as_slice)
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_nobody_has_leave_nothing_behind() {
    if is_run_alone("gossip::control::topics_that_nobody_has_leave_nothing_behind").await {
        return;
    }
    let mut scene = Scene::with(quick()).await;
    let peer = RawPeer::beside(&scene.node).await;
    let before = resident();
    let made_up = (0..120_000u64).map(|n| {
        let topic = format!("made up {n}");
        match n % 4 {
            0 => rpc::subscribe(&topic),
            1 => rpc::graft(&topic),
            2 => rpc::prune(&topic, u64::MAX),
            _ => rpc::ihave(&topic, [topic.as_bytes()]),
        }
    });
    assert!(peer.write(rpc::frames(made_up)).await);
    scene.honest_gets_through().await;
    let messages = (0..2_000u64).map(|n| rpc::message(&format!("made up {n}"), &[7; 8_000]));
    assert!(peer.write(messages).await);
    scene.honest_gets_through().await;
    let grown = resident().saturating_sub(before);
    assert!(grown < LEFT_BEHIND, "{grown} bytes for topics of nobody");
    let meshes = scene.node.meshes().await.expect("runs");
    assert_eq!(meshes.len(), Topic::COUNT);
    scene.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heart_beats_on_after_back_offs_of_any_length() {
    let mut scene = Scene::with(quick()).await;
    let peer = RawPeer::beside(&scene.node).await;
    peer.write(rpc::frames(names().map(|topic| rpc::subscribe(&topic))))
        .await;
    has_listeners(&scene.node, 2).await;
    for backoff in [u64::MAX, u64::MAX - 1, i64::MAX as u64, 1 << 62, 0, 3601] {
        let prunes = names().map(|topic| rpc::prune(&topic, backoff));
        assert!(peer.write(rpc::frames(prunes)).await);
    }
    // A heartbeat offers what is recent to those outside the mesh.
    scene.honest_gets_through().await;
    peer.hears_ihaves(1).await;
    scene.honest_gets_through().await;
    peer.hears_ihaves(3).await;
    scene.blames_nobody().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grafts_during_a_back_off_are_an_offence() {
    let mut scene = Scene::with(quick()).await;
    let peer = RawPeer::beside(&scene.node).await;
    let blocks = name(Topic::Blocks);
    let again = [rpc::prune(&blocks, 3600), rpc::graft(&blocks)].concat();
    let flood = std::iter::once(rpc::subscribe(&blocks)).chain(std::iter::repeat_n(again, 2_000));
    peer.write(rpc::frames(flood)).await;
    scene.blames(peer.id, Offence::MeshAbuse).await;
    scene.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn promises_that_are_never_kept_are_an_offence() {
    let mut scene = Scene::with(quick()).await;
    let peer = RawPeer::beside(&scene.node).await;
    let app = name(Topic::App);
    peer.write([rpc::subscribe(&app)]).await;
    let ids: Vec<Vec<u8>> = ids(100_000).collect();
    let promises = ids.chunks(400).map(|ids| rpc::ihave(&app, slices(ids)));
    let promises: Vec<Vec<u8>> = promises.collect();
    // At each heartbeat the node asks for some of them.
    let flood = async {
        for promise in promises.into_iter().cycle() {
            if !peer.write([promise]).await {
                break;
            }
            tokio::task::yield_now().await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = flood => {}
        () = scene.blames(peer.id, Offence::MeshAbuse) => {}
    }
    scene.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wishes_without_end_leave_little_behind() {
    if is_run_alone("gossip::control::wishes_without_end_leave_little_behind").await {
        return;
    }
    let mut scene = Scene::with(quick()).await;
    let peer = RawPeer::beside(&scene.node).await;
    peer.write(rpc::frames(names().map(|topic| rpc::subscribe(&topic))))
        .await;
    let before = resident();
    let ids: Vec<Vec<u8>> = ids(100_000).collect();
    let wishes = ids.chunks(400).map(|ids| rpc::iwant(slices(ids)));
    assert!(peer.write(wishes).await);
    let wishes = ids.chunks(400).map(|ids| rpc::idontwant(slices(ids)));
    assert!(peer.write(wishes).await);
    // Ids as long as a frame may be: 64 MB of them.
    let long = (0..4_000u64).map(|n| {
        let mut id = vec![0; 16_000];
        id[..8].copy_from_slice(&n.to_be_bytes());
        rpc::idontwant([&id[..]])
    });
    assert!(peer.write(long).await);
    scene.honest_gets_through().await;
    let grown = resident().saturating_sub(before);
    assert!(grown < LEFT_BEHIND / 2, "{grown} bytes for wishes");
    scene.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_too_large_for_their_topic_are_an_offence() {
    let mut scene = Scene::with(quick()).await;
    for topic in [Topic::Txs, Topic::Headers, Topic::App] {
        let peer = RawPeer::beside(&scene.node).await;
        let frames = (0..3).map(|n| rpc::message(&name(topic), &vec![n; topic.max_bytes() + 1]));
        peer.write(frames).await;
        scene.blames(peer.id, Offence::MeshAbuse).await;
    }
    scene.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_none_harm_only_their_sender() {
    let mut scene = Scene::with(quick()).await;
    let peer = RawPeer::beside(&scene.node).await;
    let too_long = ids(100_000).map(|id| rpc::iwant([&id[..]]));
    let too_long: Vec<u8> = too_long.flatten().collect();
    let mut written = 0;
    while peer.write([too_long.clone(), vec![0xff; 100]]).await {
        written += 1;
    }
    assert!(written < 20, "nobody reads on for ever: {written}");
    scene.is_unharmed().await;
    let other = Puppet::beside(&scene.node).await;
    has_listeners(&scene.node, 2).await;
    assert_ne!(other.id, peer.id);
    scene.is_unharmed().await;
}
