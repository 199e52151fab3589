//! Figures about peers that contradict each other, and their ranges.

use super::Complaint;
use crate::{
    node::config::{Config, Seed, SeedSource, Trust, schema},
    peers::seeds::SeedKey,
};

/// A year, in seconds.
const YEAR: u64 = 365 * 86_400;

/// Longest life of a record of the hash table, in seconds: the wire bounds it.
const MOST_TTL: u64 = 7 * 86_400;

/// How long a ping may take, in seconds: a peer is dead when a second one has been lost.
const PING_TIMEOUT: u64 = 20;

/// Least time between two lists of trusted peers for the whole network, in seconds: each costs every
/// node a signature check.
const LEAST_SHARE: u64 = 60;

/// Most keys of publishers: each costs a signature check per list.
const MAX_SEED_KEYS: usize = 16;

/// What contradicts what.
pub(super) fn contradictions(config: &Config) -> Vec<Complaint> {
    let mut out = Vec::new();
    let mut bad = |key, message, hint| out.push((key, message, Some(hint)));
    let max = config.max_peers;
    if config.min_peers > max {
        bad(
            "min_peers",
            format!("{} is above max_peers, {max}", config.min_peers),
            "leave min_peers out to have it follow max_peers",
        );
    }
    if config.target_peers > max {
        bad(
            "target_peers",
            format!("{} is above max_peers, {max}", config.target_peers),
            "leave target_peers out to have it follow max_peers",
        );
    }
    for addr in &config.reserved {
        if addr.unsupported().is_none() && addr.peer_id().is_none() {
            bad(
                "reserved",
                format!("`{addr}` does not say whose it is"),
                "end it in /p2p/PEER_ID, as `status` of that node shows it",
            );
        }
    }
    let network = &config.network;
    let silence = network.ping_secs.saturating_add(PING_TIMEOUT);
    if network.dead_secs <= silence {
        bad(
            "network.dead_secs",
            format!(
                "{} s is not longer than network.ping_secs and a slow answer, {silence} s",
                network.dead_secs
            ),
            "healthy peers would be taken for dead: raise network.dead_secs or lower network.ping_secs",
        );
    }
    out.extend(scores(&config.trust));
    out.extend(discovery(config));
    out
}

fn scores(trust: &Trust) -> Vec<Complaint> {
    let mut out = Vec::new();
    let mut bad = |key, message, hint| out.push((key, message, Some(hint)));
    let (initial, least) = (trust.initial_trust_score, trust.min_trust_threshold);
    if initial < least {
        bad(
            "trust.initial_trust_score",
            format!("{initial} is below trust.min_trust_threshold, {least}"),
            "nobody new would ever be served: raise the one or lower the other",
        );
    }
    if initial > trust.max_trust_score {
        bad(
            "trust.initial_trust_score",
            format!(
                "{initial} is above trust.max_trust_score, {}",
                trust.max_trust_score
            ),
            "raise trust.max_trust_score; its default is 1.0",
        );
    }
    if (1..LEAST_SHARE).contains(&trust.share_interval_secs) {
        bad(
            "trust.share_interval_secs",
            format!("{} s is too often", trust.share_interval_secs),
            "at least 60, or 0 for never",
        );
    }
    out
}

fn discovery(config: &Config) -> Vec<Complaint> {
    let mut out = Vec::new();
    let keys = &config.discovery.seed_keys;
    let mut bad = |message| {
        let hint = "KEY or KEY@FROM..UNTIL: an Ed25519 key as 44 characters of base64 or 64 of hex";
        out.push(("discovery.seed_keys", message, Some(hint)));
    };
    if keys.len() > MAX_SEED_KEYS {
        bad(format!("{} keys are more than {MAX_SEED_KEYS}", keys.len()));
    }
    for key in keys {
        if let Err(error) = key.parse::<SeedKey>() {
            let shown = key.chars().take(80).collect::<String>();
            bad(format!("`{}`: {error}", shown.escape_debug()));
        }
    }
    out
}

/// Lists of seeds that nobody could believe.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    use SeedSource as S;
    let is_list = |seed: &&Seed| matches!(seed.source(), Some(S::Https(_) | S::File(_)));
    if !config.discovery.seed_keys.is_empty() {
        return Vec::new();
    }
    let lists = config.seeds.iter().filter(is_list);
    let line = |list| {
        format!("seeds: `{list}` is skipped, discovery.seed_keys names no key to believe it on")
    };
    lists.map(line).collect()
}

/// (key, value, least, most).
pub(super) fn ranges(config: &Config) -> [(&'static str, u64, u64, u64); 17] {
    let (n, t) = (&config.network, &config.trust);
    let (d, h) = (&config.discovery, &config.dht);
    [
        ("min_peers", config.min_peers.into(), 0, 10_000),
        ("target_peers", config.target_peers.into(), 0, 10_000),
        (
            "network.max_outbound_per_group",
            n.max_outbound_per_group.into(),
            1,
            10_000,
        ),
        ("network.ping_secs", n.ping_secs, 1, 300),
        ("network.identify_secs", n.identify_secs, 1, 300),
        ("network.idle_secs", n.idle_secs, 0, YEAR),
        ("network.dead_secs", n.dead_secs, 1, YEAR),
        ("discovery.interval_secs", d.interval_secs, 1, 86_400),
        ("discovery.refresh_hours", d.refresh_hours, 1, 24 * 14),
        (
            "trust.trust_decay_interval",
            t.trust_decay_interval,
            1,
            86_400,
        ),
        ("trust.cool_down_secs", t.cool_down_secs, 1, YEAR),
        ("trust.audit_days", t.audit_days, 1, 3650),
        ("trust.audit_mib", t.audit_mib, 1, 1 << 16),
        (
            "trust.share_interval_secs",
            t.share_interval_secs,
            0,
            86_400,
        ),
        ("dht.max_mib", h.max_mib, 1, 1 << 12),
        ("dht.ttl_secs", h.ttl_secs, 60, MOST_TTL),
        ("dht.quorum", h.quorum.into(), 1, 20),
    ]
}

/// Numbers that are parts of a whole: (key, value, least, most).
pub(super) fn shares(t: &Trust) -> [(&'static str, f64, f64, f64); 8] {
    [
        ("trust.initial_trust_score", t.initial_trust_score, 0.0, 1.0),
        ("trust.min_trust_threshold", t.min_trust_threshold, 0.0, 1.0),
        ("trust.max_trust_score", t.max_trust_score, 0.0, 1.0),
        ("trust.trust_decay_rate", t.trust_decay_rate, 0.0, 1.0),
        ("trust.trust_boost_message", t.trust_boost_message, 0.0, 1.0),
        (
            "trust.trust_penalty_invalid",
            t.trust_penalty_invalid,
            0.0,
            1.0,
        ),
        (
            "trust.trust_penalty_timeout",
            t.trust_penalty_timeout,
            0.0,
            1.0,
        ),
        (
            "trust.trust_boost_connection",
            t.trust_boost_connection,
            0.0,
            1.0,
        ),
    ]
}

/// The default of `key`, as a file writes it.
pub(super) fn usual(key: &str) -> Option<String> {
    schema::keys().get(key).map(|info| info.default.to_string())
}
