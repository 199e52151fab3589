//! Figures of gossip that contradict each other, and their ranges.

use super::Complaint;
use crate::{
    node::config::{Config, Gossip},
    registry::MAX_ENVELOPE_TTL_MS,
};

/// A week, in seconds.
const WEEK: u64 = 7 * 86_400;

/// What contradicts what.
pub(super) fn contradictions(gossip: &Gossip) -> Vec<Complaint> {
    let mut out = Vec::new();
    let mut bad = |key, message, hint| out.push((key, message, Some(hint)));
    if gossip.mesh_low > gossip.mesh {
        bad(
            "gossip.mesh_low",
            format!("{} is above gossip.mesh, {}", gossip.mesh_low, gossip.mesh),
            "leave gossip.mesh_low out to have it follow gossip.mesh",
        );
    }
    if gossip.mesh > gossip.mesh_high {
        bad(
            "gossip.mesh_high",
            format!("{} is below gossip.mesh, {}", gossip.mesh_high, gossip.mesh),
            "leave gossip.mesh_high out to have it follow gossip.mesh",
        );
    }
    if gossip.history_gossip > gossip.history {
        bad(
            "gossip.history_gossip",
            format!(
                "{} heartbeats announce what can be asked for in gossip.history, {}",
                gossip.history_gossip, gossip.history
            ),
            "announce messages for no longer than they can be asked for",
        );
    }
    let history_ms = u64::from(gossip.history).saturating_mul(gossip.heartbeat_ms);
    if gossip.duplicates_secs.saturating_mul(1000) < history_ms {
        bad(
            "gossip.duplicates_secs",
            format!(
                "{} s is shorter than gossip.history times gossip.heartbeat_ms, {history_ms} ms",
                gossip.duplicates_secs
            ),
            "peers offer a message for that long: remember it at least as long",
        );
    }
    let limits = &gossip.limits;
    if limits.address_factor > limits.global_factor {
        bad(
            "gossip.limits.address_factor",
            format!(
                "{} is above gossip.limits.global_factor, {}",
                limits.address_factor, limits.global_factor
            ),
            "one address is a part of all",
        );
    }
    out
}

/// (key, value, least, most).
pub(super) fn ranges(config: &Config) -> [(&'static str, u64, u64, u64); 34] {
    let (g, l, p) = (&config.gossip, &config.gossip.limits, &config.pool);
    let most = 1_000_000;
    [
        ("gossip.mesh", g.mesh.into(), 1, 100),
        ("gossip.mesh_low", g.mesh_low.into(), 1, 100),
        ("gossip.mesh_high", g.mesh_high.into(), 1, 200),
        ("gossip.mesh_outbound", g.mesh_outbound.into(), 0, 50),
        ("gossip.lazy", g.lazy.into(), 0, 100),
        ("gossip.lazy_percent", g.lazy_percent.into(), 0, 100),
        ("gossip.promise_ms", g.promise_ms, 100, 60_000),
        ("gossip.prune_backoff_secs", g.prune_backoff_secs, 1, 3600),
        ("gossip.fanout_ttl_secs", g.fanout_ttl_secs, 1, 3600),
        ("gossip.heartbeat_ms", g.heartbeat_ms, 10, 60_000),
        ("gossip.history", g.history.into(), 1, 120),
        ("gossip.history_gossip", g.history_gossip.into(), 0, 120),
        ("gossip.duplicates_secs", g.duplicates_secs, 1, 3600),
        ("gossip.queue", g.queue.into(), 16, 100_000),
        ("gossip.call_off_bytes", g.call_off_bytes.into(), 1, 1 << 20),
        ("gossip.seen_secs", g.seen_secs, 2, 86_400),
        // The filter of more would be larger than filters may be.
        ("gossip.seen_ids", g.seen_ids, 1000, 10_000_000),
        ("gossip.seen_exact", g.seen_exact.into(), 0, 10_000_000),
        ("gossip.reconcile_secs", g.reconcile_secs, 1, 3600),
        (
            "gossip.message_ttl_secs",
            g.message_ttl_secs,
            1,
            MAX_ENVELOPE_TTL_MS / 1000,
        ),
        ("gossip.limits.tx_per_sec", l.tx_per_sec.into(), 1, most),
        (
            "gossip.limits.block_per_min",
            l.block_per_min.into(),
            1,
            most,
        ),
        (
            "gossip.limits.header_per_sec",
            l.header_per_sec.into(),
            1,
            most,
        ),
        (
            "gossip.limits.share_per_sec",
            l.share_per_sec.into(),
            1,
            most,
        ),
        ("gossip.limits.blob_per_sec", l.blob_per_sec.into(), 1, most),
        ("gossip.limits.app_per_sec", l.app_per_sec.into(), 1, most),
        (
            "gossip.limits.address_factor",
            l.address_factor.into(),
            1,
            10_000,
        ),
        (
            "gossip.limits.global_factor",
            l.global_factor.into(),
            1,
            10_000,
        ),
        (
            "gossip.limits.direct_per_sec",
            l.direct_per_sec.into(),
            1,
            10 * most,
        ),
        (
            "gossip.limits.direct_mib_per_sec",
            l.direct_mib_per_sec.into(),
            1,
            4000,
        ),
        (
            "gossip.limits.direct_max_mib",
            l.direct_max_mib.into(),
            1,
            most,
        ),
        ("pool.max_txs", p.max_txs.into(), 1, most),
        ("pool.max_mib", p.max_mib, 1, 1 << 16),
        ("pool.ttl_secs", p.ttl_secs, 1, WEEK),
    ]
}
