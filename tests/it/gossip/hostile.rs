//! What no honest peer publishes: each is refused with its offence, and the neighbour has no part in
//! it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use animica_p2p::{
    chain::{HeaderError, ProofEnvelope, ProofType},
    clock::{Clock, Now, SystemClock},
    ids::{ChainId, Hash32, Theta},
    network::pubsub,
    offence::Offence,
    registry::Topic,
};
use bytes::Bytes;

use super::{
    made::{self, now_ms},
    puppet::Puppet,
    scene::{Scene, ignored},
};
use crate::support::{on_loopback, soon};

#[tokio::test]
async fn refuses_malformed_and_non_canonical_messages_of_every_topic() {
    let mut scene = Scene::new().await;
    // A map of one pair, whose key is longer than it needs to be.
    let long_key = [0xa1, 0x18, 0x05, 0x00];
    for topic in Topic::ALL {
        scene
            .rejects(*topic, [0x01], Offence::MalformedMessage)
            .await;
        let offence = match topic {
            Topic::Txs => Offence::NonCanonicalCbor,
            // They know that it cannot be theirs before they see the key.
            _ => Offence::MalformedMessage,
        };
        scene.rejects(*topic, long_key, offence).await;
    }
    let mut tx = made::tx(1, 10);
    tx.push(0);
    scene
        .rejects(Topic::Txs, tx, Offence::NonCanonicalCbor)
        .await;
    let mut message = made::unsigned(b"text").to_vec();
    assert_eq!(message[..2], [0xa4, 0x01]);
    message.splice(1..2, [0x18, 0x01]);
    scene
        .rejects(Topic::AppUnsigned, message, Offence::NonCanonicalCbor)
        .await;
    scene.is_unharmed().await;
    let blamed = scene.node.stats().await.expect("runs").offences;
    assert_eq!(blamed, 2 + 2 * Topic::COUNT as u64, "one for each, no more");
}

#[tokio::test]
async fn refuses_messages_on_a_topic_that_is_not_theirs() {
    let mut scene = Scene::new().await;
    let envelope = made::envelope(|_| {}).as_bytes().clone();
    let header = made::header(|_| {}, Result::is_ok).encode();
    let share = ProofEnvelope {
        kind: ProofType::Ai,
        body: &[0xa0],
        nullifier: Hash32([1; 32]),
    };
    let share = share.encode();
    for (topic, payload) in [
        (Topic::App, made::unsigned(b"text").to_vec()),
        (Topic::AppUnsigned, envelope.to_vec()),
        (Topic::Blocks, header.clone()),
        (Topic::Headers, made::tx(1, 10)),
        (Topic::Blobs, header),
        (Topic::SharesHash, share.clone()),
        (Topic::SharesQuantum, share),
    ] {
        scene
            .rejects(topic, payload, Offence::MalformedMessage)
            .await;
    }
    scene.is_unharmed().await;
}

#[tokio::test]
async fn refuses_forged_messages_and_those_of_other_networks() {
    let mut scene = Scene::new().await;
    let other_chain = made::envelope(|body| body.chain_id = ChainId::MAINNET);
    let other_genesis = made::envelope(|body| body.genesis = Hash32([9; 32]));
    let other_domain = made::envelope(|body| body.domain = "chat".to_owned());
    for (payload, offence) in [
        (other_chain.as_bytes().to_vec(), Offence::WrongNetwork),
        (other_genesis.as_bytes().to_vec(), Offence::WrongNetwork),
        (other_domain.as_bytes().to_vec(), Offence::MalformedMessage),
        (made::forged(&made::envelope(|_| {})), Offence::BadSignature),
    ] {
        scene.rejects(Topic::App, payload, offence).await;
    }
    scene.is_unharmed().await;
}

#[tokio::test]
async fn an_invalid_message_with_the_id_of_a_valid_one_does_not_keep_it_out() {
    let mut scene = Scene::new().await;
    let valid = made::envelope(|_| {});
    let forged = made::forged(&valid);
    scene
        .rejects(Topic::App, forged, Offence::BadSignature)
        .await;
    let honest = Puppet::beside(&scene.node).await;
    honest.publish(Topic::App, valid.as_bytes().to_vec()).await;
    let delivery = soon("the valid one arrives", scene.inbox.recv()).await;
    assert_eq!(delivery.expect("runs").id, valid.id());
    scene.is_unharmed().await;
}

#[tokio::test]
async fn refuses_headers_that_break_the_rules_of_the_chain() {
    let mut scene = Scene::new().await;
    let no_work = made::header(
        |_| {},
        |judged| matches!(judged, Err(HeaderError::InsufficientWork { .. })),
    );
    let any = |_: &_| true;
    let easy = made::header(|h| h.theta = Theta(h.theta.0 - 1), any);
    let height = made::header(|h| h.height = h.height.saturating_add(1), any);
    let other_chain = made::header(|h| h.chain_id = ChainId::MAINNET, any);
    let mut orphan = other_chain.clone();
    orphan.parent_hash = Hash32([3; 32]);
    let policy = made::header(|h| h.poies_policy_root = Hash32([3; 32]), any);
    for (header, offence) in [
        (no_work, Offence::InsufficientWork),
        (easy, Offence::WrongTheta),
        (height, Offence::BrokenLink),
        (other_chain, Offence::BrokenLink),
        (orphan, Offence::BrokenLink),
        (policy, Offence::WrongPolicyRoot),
    ] {
        scene
            .rejects(Topic::Headers, header.encode(), offence)
            .await;
    }
    assert_eq!(scene.node.store().tips().headers.height.0, 0, "none stored");
    scene.is_unharmed().await;
}

#[tokio::test]
async fn what_is_early_late_or_ahead_of_the_chain_is_nobodys_fault() {
    let mut scene = Scene::new().await;
    let peer = Puppet::beside(&scene.node).await;
    let hour = 3_600_000;
    let late = made::envelope(|body| body.created_ms = now_ms() - hour);
    let early = made::envelope(|body| body.created_ms = now_ms() + hour);
    for (envelope, why) in [(late, "stale"), (early, "future")] {
        peer.publish(Topic::App, envelope.as_bytes().to_vec()).await;
        ignored(&scene.node, Topic::App, why).await;
    }
    let any = |_: &_| true;
    let late = made::header(|h| h.timestamp -= 3600, any);
    let early = made::header(|h| h.timestamp += 3600, any);
    let orphan = made::header(|h| h.parent_hash = Hash32([3; 32]), any);
    for (header, why) in [
        (late, "stale"),
        (early, "future"),
        (orphan, "unknown_parent"),
    ] {
        peer.publish(Topic::Headers, header.encode()).await;
        ignored(&scene.node, Topic::Headers, why).await;
    }
    scene.blames_nobody().await;
}

/// The system's time and some hours.
#[derive(Default)]
struct Later(AtomicU64);

impl Later {
    fn hours(&self, hours: u64) {
        self.0.store(hours * 3600, Ordering::Relaxed);
    }
}

impl Clock for Later {
    fn now(&self) -> Now {
        let later = Duration::from_secs(self.0.load(Ordering::Relaxed));
        let Now { mono, wall_ms } = SystemClock.now();
        Now {
            mono: mono + later,
            wall_ms: wall_ms + later.as_millis() as u64,
        }
    }
}

/// Another peer sends `payload` again; a message that follows it is the next to arrive.
async fn is_not_delivered_again(scene: &mut Scene, clock_ms: u64, topic: Topic, payload: &Bytes) {
    let replayer = Puppet::beside(&scene.node).await;
    replayer.publish(topic, payload.to_vec()).await;
    let next = made::envelope(|body| body.created_ms = clock_ms);
    replayer.publish(Topic::App, next.as_bytes().to_vec()).await;
    let delivery = soon("the next arrives", scene.inbox.recv()).await;
    assert_eq!(delivery.expect("runs").id, next.id(), "a replay came in");
}

#[tokio::test]
async fn replays_come_in_never_again_whatever_has_been_forgotten() {
    let clock = Arc::new(Later::default());
    let mesh = pubsub::Config {
        // The router forgets at once.
        duplicates: Duration::from_millis(1),
        ..pubsub::Config::default()
    };
    let builder = on_loopback().clock(Arc::clone(&clock) as _).mesh(mesh);
    let mut scene = Scene::with(builder).await;
    let life = 10 * 3_600_000;
    let signed = made::envelope(|body| body.ttl_ms = life);
    let unsigned = animica_p2p::gossip::app::Unsigned::new("news", b"x", now_ms(), life);
    let unsigned = unsigned.expect("it is one").as_bytes().clone();
    let messages = [
        (Topic::App, signed.as_bytes().clone()),
        (Topic::AppUnsigned, unsigned),
    ];
    for (topic, payload) in &messages {
        let author = Puppet::beside(&scene.node).await;
        author.publish(*topic, payload.to_vec()).await;
        let delivery = soon("it arrives once", scene.inbox.recv()).await;
        assert_eq!(delivery.expect("runs").bytes, payload);
    }
    // Within every window; beyond all but that of the message; beyond its life.
    for hours in [0, 9, 11] {
        clock.hours(hours);
        for (topic, payload) in &messages {
            let now = clock.now().wall_ms;
            is_not_delivered_again(&mut scene, now, *topic, payload).await;
        }
    }
    let stats = scene.node.stats().await.expect("runs");
    assert_eq!(stats.offences, 0, "a replay may be an honest repetition");
}
