//! Gossip: libp2p's gossipsub, anonymous, with content ids and our verdicts.
//!
//! A message is named by its bytes and topic, carries neither sender nor signature of the router,
//! and is passed on only after [`verdict()`]: the event loop hands it to the gossip task
//! and returns what that task says. Peers may subscribe to our topics only, so nothing a peer
//! announces grows a table. `specs/gossip/README.md` says why each figure is what it is.

mod guarded;

use std::{io, sync::Arc, time::Duration};

use libp2p::{
    PeerId,
    gossipsub::{
        self, DataTransform, IdentTopic, MaxCountSubscriptionFilter, Message, MessageAcceptance,
        MessageAuthenticity, MetricsConfig, PeerScoreParams, PeerScoreThresholds, PublishError,
        RawMessage, TopicScoreParams, ValidationMode, WhitelistSubscriptionFilter,
    },
};
use prometheus_client::registry::Registry;

use guarded::Router;

use crate::{
    crypto::hash::sha3_256_parts,
    gossip::Verdict,
    ids::ChainId,
    registry::{MAX_GOSSIP_BYTES, Topic},
    report::MeshReport,
};

pub use super::copies::{Copied, Copies};
pub use gossipsub::{Event, MessageId, TopicHash};
pub use guarded::Behaviour;

/// Bytes of a frame beside its payload: topic, field headers.
const ENVELOPE: usize = 128;

/// The router compares its cap with its read buffer, which may hold this much of the next frame.
const READ_AHEAD: usize = 8 * 1024;

/// Ids in one IHAVE or IWANT. A receiver takes 16 KiB of control bytes, 34 an id; the router's own
/// 5 000 would make busy honest nodes break each other's streams.
const MAX_CONTROL_IDS: usize = 400;

/// Most topics a peer may say it listens to, and most such words in one frame.
const MAX_SUBSCRIPTIONS: usize = 16;

/// The first heartbeat comes soon: until then a fresh node has no mesh and passes nothing on.
const FIRST_HEARTBEAT: Duration = Duration::from_millis(100);

/// How long the router remembers the score of a peer that is gone.
pub const SCORE_MEMORY: Duration = Duration::from_secs(60);

/// The mesh and its memory. The defaults are gossipsub's own and the original network's where they
/// agree: degree 6 between 4 and 12, a heartbeat a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Peers of a topic's mesh: each message goes to about this many.
    pub mesh: usize,
    /// Below this many peers the mesh takes in more.
    pub mesh_low: usize,
    /// Above this many peers it lets some go.
    pub mesh_high: usize,
    /// Of the mesh at least this many were dialled by us: peers that no attacker placed. At most
    /// half of `mesh` and no more than `mesh_low`.
    pub mesh_outbound: usize,
    /// Peers outside the mesh that are told of recent messages at each heartbeat, at least.
    pub lazy: usize,
    /// The same as a share of those outside the mesh, in percent, where that is more.
    pub lazy_percent: u8,
    /// How long an IWANT may remain unanswered before the promise counts as broken.
    pub promise: Duration,
    /// How long a peer that was let go must not come back into the mesh.
    pub prune_backoff: Duration,
    /// How long peers are kept for a topic on which we publish and nobody of the mesh listens.
    pub fanout_ttl: Duration,
    /// Time between two heartbeats: upkeep of the mesh, IHAVE.
    pub heartbeat: Duration,
    /// Heartbeats for which a message can be asked for.
    pub history: usize,
    /// Heartbeats for which it is announced.
    pub history_gossip: usize,
    /// How long the router knows a message it has seen.
    pub duplicates: Duration,
    /// Largest message; the topics' own caps are below it.
    pub max_bytes: usize,
    /// Messages that may wait for one peer. Each is a copy, so this bounds what a peer that does not
    /// read costs; what does not fit is counted as dropped and recovered like other losses.
    pub queue: usize,
    /// Messages longer than this are called off (IDONTWANT) at the others when they arrive. For
    /// shorter ones the call costs as much as the copy it may spare.
    pub call_off: usize,
    /// Whether our own messages go to every subscribed peer at once instead of the mesh.
    pub flood_publish: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mesh: 6,
            mesh_low: 4,
            mesh_high: 12,
            mesh_outbound: 2,
            lazy: 6,
            lazy_percent: 25,
            promise: Duration::from_secs(3),
            prune_backoff: Duration::from_secs(60),
            fanout_ttl: Duration::from_secs(60),
            heartbeat: Duration::from_secs(1),
            history: 6,
            history_gossip: 3,
            duplicates: Duration::from_secs(120),
            max_bytes: MAX_GOSSIP_BYTES,
            queue: 1_024,
            call_off: 16 * 1024,
            flood_publish: true,
        }
    }
}

impl Config {
    /// Peers that a message of our own goes to at once: every listener when publishing floods,
    /// else the mesh, filled up with other listeners to its degree.
    #[must_use]
    pub fn fanout(&self, mesh: usize, listeners: usize) -> usize {
        if self.flood_publish {
            return listeners;
        }
        mesh.max(self.mesh).min(listeners)
    }
}

/// Why gossip cannot be set up or a message not be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The figures contradict each other.
    #[error("gossip cannot be set up: {0}")]
    Config(String),
    /// The router has seen the same bytes on this topic lately.
    #[error("the message was published before")]
    Duplicate,
    /// Nobody we are connected to listens to the topic.
    #[error("no connected peer listens to the topic")]
    NoPeers,
    /// Above the cap.
    #[error("the message is too large")]
    TooLarge,
    /// Every peer's queue is full.
    #[error("the queues of all peers are full")]
    Full,
    /// The router cannot take it.
    #[error("the message cannot be published: {0}")]
    Other(String),
}

impl Error {
    /// The metric label.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Config(_) => "config",
            Self::Duplicate => "duplicate",
            Self::NoPeers => "no_peers",
            Self::TooLarge => "too_large",
            Self::Full => "queues_full",
            Self::Other(_) => "other",
        }
    }
}

impl From<PublishError> for Error {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Duplicate => Self::Duplicate,
            PublishError::NoPeersSubscribedToTopic => Self::NoPeers,
            PublishError::MessageTooLarge => Self::TooLarge,
            PublishError::AllQueuesFull(_) => Self::Full,
            other => Self::Other(other.to_string()),
        }
    }
}

/// Lets messages on our topics pass, up to their caps. Without it the router keeps messages of any
/// topic for some seconds before it finds that nobody here listens to it.
#[derive(Clone, Debug)]
pub struct OurTopics {
    topics: Topics,
    copies: Arc<Copies>,
}

impl DataTransform for OurTopics {
    fn inbound_transform(&self, raw: RawMessage) -> io::Result<Message> {
        let topic = self.topics.topic(&raw.topic);
        let within = topic.filter(|topic| raw.data.len() <= topic.max_bytes());
        let Some(topic) = within else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        self.copies.came(topic, raw.data.len());
        Ok(Message {
            source: raw.source,
            data: raw.data,
            sequence_number: raw.sequence_number,
            topic: raw.topic,
        })
    }

    fn outbound_transform(&self, _: &TopicHash, data: Vec<u8>) -> io::Result<Vec<u8>> {
        Ok(data)
    }
}

/// The topics of a chain and their names in the router.
#[derive(Clone, Debug)]
pub struct Topics(Vec<(TopicHash, Topic)>);

impl Topics {
    /// Every topic of `chain`.
    #[must_use]
    pub fn of(chain: ChainId) -> Self {
        let named = |topic: &Topic| (IdentTopic::new(topic.on(chain)).hash(), *topic);
        Self(Topic::ALL.iter().map(named).collect())
    }

    /// The topic with this name; others cannot be subscribed to.
    #[must_use]
    pub fn topic(&self, name: &TopicHash) -> Option<Topic> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, topic)| *topic)
    }

    /// The name of `topic`.
    #[must_use]
    pub fn name(&self, topic: Topic) -> TopicHash {
        self.0[topic.index()].0.clone()
    }

    fn iter(&self) -> impl Iterator<Item = &(TopicHash, Topic)> {
        self.0.iter()
    }
}

/// The router on `chain`, subscribed to every topic. It counts what arrives in `copies`, and
/// registers its own metrics, those that see every frame, in `registry`.
///
/// # Errors
/// The figures contradict each other.
pub fn behaviour(
    config: &Config,
    chain: ChainId,
    copies: Arc<Copies>,
    registry: Option<&mut Registry>,
) -> Result<Behaviour, Error> {
    let topics = Topics::of(chain);
    let refused = |e: &dyn std::fmt::Display| Error::Config(e.to_string());
    let mut builder = gossipsub::ConfigBuilder::default();
    builder
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(|message| message_id(message.topic.as_str(), &message.data))
        .mesh_n(config.mesh)
        .mesh_n_low(config.mesh_low)
        .mesh_n_high(config.mesh_high)
        .mesh_outbound_min(
            config
                .mesh_outbound
                .min(config.mesh_low)
                .min(config.mesh / 2),
        )
        .gossip_lazy(config.lazy)
        .gossip_factor(f64::from(config.lazy_percent.min(100)) / 100.0)
        .iwant_followup_time(config.promise)
        .fanout_ttl(config.fanout_ttl)
        .heartbeat_interval(config.heartbeat)
        .heartbeat_initial_delay(FIRST_HEARTBEAT)
        .history_length(config.history)
        .history_gossip(config.history_gossip)
        .duplicate_cache_time(config.duplicates)
        .max_transmit_size(config.max_bytes + ENVELOPE + READ_AHEAD)
        .max_control_messages_sent(MAX_CONTROL_IDS)
        .idontwant_message_size_threshold(config.call_off)
        .opportunistic_graft_peers(0)
        .connection_handler_queue_len(config.queue)
        .flood_publish(config.flood_publish)
        .prune_backoff(config.prune_backoff);
    for (name, topic) in topics.iter() {
        let cap = (*topic).max_bytes().min(config.max_bytes);
        builder.max_transmit_size_for_topic(cap + ENVELOPE, name.clone());
    }
    let built = builder.build().map_err(|e| refused(&e))?;
    let names = topics.iter().map(|(name, _)| name.clone()).collect();
    let filter = MaxCountSubscriptionFilter {
        filter: WhitelistSubscriptionFilter(names),
        max_subscribed_topics: MAX_SUBSCRIPTIONS,
        max_subscriptions_per_request: MAX_SUBSCRIPTIONS,
    };
    let mut router = Router::new_with_subscription_filter_and_transform(
        MessageAuthenticity::Anonymous,
        built,
        filter,
        OurTopics {
            topics: topics.clone(),
            copies,
        },
    )
    .map_err(|e| refused(&e))?;
    if let Some(registry) = registry {
        let registry = registry.sub_registry_with_prefix("libp2p_gossipsub");
        router = router.with_metrics(registry, MetricsConfig::default());
    }
    router
        .with_peer_score(scores(&topics), thresholds())
        .map_err(|e| refused(&e))?;
    for topic in Topic::ALL {
        let topic = IdentTopic::new(topic.on(chain));
        router.subscribe(&topic).map_err(|e| refused(&e))?;
    }
    Ok(Behaviour::new(router))
}

/// `SHA3-256(u8 len(topic) || topic || payload)`: over every byte, so that an invalid message
/// cannot take the name of a valid one.
#[must_use]
pub fn message_id(topic: &str, payload: &[u8]) -> MessageId {
    let len = u8::try_from(topic.len()).unwrap_or(u8::MAX);
    let id = sha3_256_parts(&[&[len], topic.as_bytes(), payload]);
    MessageId(id.as_bytes().to_vec())
}

/// Publishes `payload` on the topic with this name.
///
/// # Errors
/// It does not leave this node.
pub fn publish(router: &mut Behaviour, name: TopicHash, payload: Vec<u8>) -> Result<(), Error> {
    router.router.publish(name, payload)?;
    Ok(())
}

/// Passes a message on, or not, and blames whoever sent it, or not.
pub fn verdict(router: &mut Behaviour, id: &MessageId, from: &PeerId, verdict: &Verdict) {
    let acceptance = match verdict {
        Verdict::Accept => MessageAcceptance::Accept,
        Verdict::Ignore(_) => MessageAcceptance::Ignore,
        Verdict::Reject { .. } => MessageAcceptance::Reject,
    };
    // False: the router has forgotten the message, so there is nothing to pass on.
    let _ = router
        .router
        .report_message_validation_result(id, from, acceptance);
}

/// Connected peers whose score is so low that the router reads nothing of theirs.
#[must_use]
pub fn unread(router: &Behaviour) -> Vec<PeerId> {
    let (router, lowest) = (&router.router, thresholds().graylist_threshold);
    let is_low = |peer: &&PeerId| router.peer_score(peer).is_some_and(|score| score < lowest);
    let peers = router.all_peers().map(|(peer, _)| peer);
    peers.filter(is_low).copied().collect()
}

/// Keeps `peers` in the meshes rather than others, and nobody else.
pub fn favour(router: &mut Behaviour, peers: &[PeerId]) {
    router.favour(peers);
}

/// Sets what the rest of the node thinks of peers, besides a favour.
pub fn rate(router: &mut Behaviour, scores: &[(PeerId, f64)]) {
    for (peer, score) in scores {
        router.rate(*peer, *score);
    }
}

/// Who is in the mesh of each topic, and how many listen to it.
#[must_use]
pub fn meshes(router: &Behaviour, topics: &Topics, config: &Config) -> Vec<MeshReport> {
    let router = &router.router;
    let mesh_of = |(name, topic): &(TopicHash, Topic)| {
        let listens = |(_, topics): &(&PeerId, Vec<&TopicHash>)| topics.contains(&name);
        let mesh: Vec<String> = router.mesh_peers(name).map(PeerId::to_string).collect();
        let listeners = router.all_peers().filter(listens).count();
        MeshReport {
            topic: topic.leaf().to_owned(),
            fanout: config.fanout(mesh.len(), listeners),
            mesh,
            listeners,
        }
    };
    topics.iter().map(mesh_of).collect()
}

/// Only what is wrong counts. Time in the mesh and first deliveries would let a peer earn credit
/// for later invalid messages, missing deliveries would blame peers of a quiet topic, and peers of
/// one address are limited by the gate.
fn scores(topics: &Topics) -> PeerScoreParams {
    let topic = TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        // One invalid message reaches the gossip threshold, three the one below which nothing of
        // the peer is read; forgotten after ten minutes.
        invalid_message_deliveries_weight: -10.0,
        invalid_message_deliveries_decay: gossipsub::score_parameter_decay(Duration::from_secs(
            600,
        )),
        ..TopicScoreParams::default()
    };
    PeerScoreParams {
        topics: topics
            .iter()
            .map(|(name, _)| (name.clone(), topic.clone()))
            .collect(),
        app_specific_weight: 1.0,
        ip_colocation_factor_weight: 0.0,
        // A saturated peer is not a bad one; what it misses it asks for later.
        slow_peer_weight: 0.0,
        // Longer would keep a record of every peer ever seen.
        retain_score: SCORE_MEMORY,
        behaviour_penalty_weight: -1.0,
        // Broken promises and grafts too soon: a handful may happen to an honest peer, and one a
        // second to one that is overloaded, which with this decay never makes it unread.
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: gossipsub::score_parameter_decay(Duration::from_secs(60)),
        ..PeerScoreParams::default()
    }
}

fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        opportunistic_graft_threshold: 0.0,
        ..PeerScoreThresholds::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_message_covers_topic_and_payload() {
        let id = message_id("a", b"bc");
        assert_ne!(id, message_id("ab", b"c"));
        assert_ne!(id, message_id("a", b"bd"));
        assert_eq!(id, message_id("a", b"bc"));
    }

    #[test]
    fn the_defaults_can_be_set_up_and_a_contradiction_cannot() {
        let set_up = |config: &Config| behaviour(config, ChainId::DEVNET, Arc::default(), None);
        assert!(set_up(&Config::default()).is_ok());
        let config = Config {
            mesh: 2,
            ..Config::default()
        };
        let refused = set_up(&config).map(|_| ());
        assert!(matches!(refused, Err(Error::Config(_))));
    }

    #[test]
    fn our_own_messages_go_to_all_who_listen_or_to_a_full_mesh() {
        let flood = Config::default();
        assert_eq!(flood.fanout(6, 40), 40);
        let sparing = Config {
            flood_publish: false,
            ..flood
        };
        let fanouts = [(0, 3), (2, 40), (9, 40)].map(|(m, l)| sparing.fanout(m, l));
        assert_eq!(fanouts, [3, 6, 9]);
    }

    #[test]
    fn an_invalid_message_always_costs_score() {
        let topics = Topics::of(ChainId::DEVNET);
        let params = scores(&topics);
        params.validate().expect("gossipsub takes them");
        thresholds().validate().expect("gossipsub takes them");
        for topic in params.topics.values() {
            assert!(topic.time_in_mesh_weight == 0.0);
            assert!(topic.first_message_deliveries_weight == 0.0);
            assert!(topic.invalid_message_deliveries_weight < 0.0);
        }
    }
}
