//! What `[gossip]` and `[pool]` mean to the engines.

use std::time::Duration;

use super::mib;
use crate::{
    bucket::Rate,
    gossip::{
        buckets::{Allowance, Limits},
        reconcile, seen,
    },
    network::{direct, pubsub},
    node::config::{Gossip, GossipLimits, Pool},
    pool,
};

/// Seconds of a minute.
const MINUTE: u32 = 60;

pub(super) fn mesh(gossip: &Gossip) -> pubsub::Config {
    pubsub::Config {
        mesh: gossip.mesh as usize,
        mesh_low: gossip.mesh_low as usize,
        mesh_high: gossip.mesh_high as usize,
        mesh_outbound: gossip.mesh_outbound as usize,
        lazy: gossip.lazy as usize,
        lazy_percent: gossip.lazy_percent,
        promise: Duration::from_millis(gossip.promise_ms),
        prune_backoff: Duration::from_secs(gossip.prune_backoff_secs),
        fanout_ttl: Duration::from_secs(gossip.fanout_ttl_secs),
        heartbeat: Duration::from_millis(gossip.heartbeat_ms),
        history: gossip.history as usize,
        history_gossip: gossip.history_gossip as usize,
        duplicates: Duration::from_secs(gossip.duplicates_secs),
        queue: gossip.queue as usize,
        call_off: gossip.call_off_bytes as usize,
        flood_publish: gossip.flood_publish,
        ..pubsub::Config::default()
    }
}

pub(super) fn seen(gossip: &Gossip) -> seen::Config {
    seen::Config {
        exact: gossip.seen_exact as usize,
        window: Duration::from_secs(gossip.seen_secs),
        ids: gossip.seen_ids,
        ..seen::Config::default()
    }
}

pub(super) fn reconcile(gossip: &Gossip) -> reconcile::Config {
    reconcile::Config {
        interval: Duration::from_secs(gossip.reconcile_secs),
        ..reconcile::Config::default()
    }
}

pub(super) fn pool(pool: &Pool) -> pool::Limits {
    pool::Limits {
        max_txs: pool.max_txs as usize,
        max_bytes: mib(pool.max_mib),
        ttl: Duration::from_secs(pool.ttl_secs),
    }
}

pub(super) fn buckets(limits: &GossipLimits) -> Limits {
    let usual = Limits::default();
    Limits {
        headers: per_second(usual.headers, limits.header_per_sec),
        blocks: per_minute(usual.blocks, limits.block_per_min),
        txs: per_second(usual.txs, limits.tx_per_sec),
        shares: per_second(usual.shares, limits.share_per_sec),
        blobs: per_second(usual.blobs, limits.blob_per_sec),
        app: per_second(usual.app, limits.app_per_sec),
        app_unsigned: per_second(usual.app_unsigned, limits.app_per_sec),
        address_factor: limits.address_factor,
        global_factor: limits.global_factor,
        ..usual
    }
}

pub(super) fn direct(limits: &GossipLimits) -> direct::Config {
    let usual = direct::Config::default();
    let (messages, kib) = (usual.rates.messages, usual.rates.kib);
    let wanted_kib = limits.direct_mib_per_sec.saturating_mul(1024);
    direct::Config {
        rates: direct::Rates {
            messages: scaled(messages, limits.direct_per_sec, messages.per_second),
            kib: scaled(kib, wanted_kib, kib.per_second),
        },
        max_stream: u64::from(limits.direct_max_mib) << 20,
        ..usual
    }
}

/// `usual` with `wanted` messages a second, and all else in proportion.
fn per_second(usual: Allowance, wanted: u32) -> Allowance {
    let now = usual.messages.per_second;
    Allowance {
        messages: scaled(usual.messages, wanted, now),
        bytes: scaled(usual.bytes, wanted, now),
        ..usual
    }
}

/// `usual` with `wanted` messages a minute, all of them at once if they come so, and bytes in
/// proportion.
fn per_minute(usual: Allowance, wanted: u32) -> Allowance {
    let now = usual.messages.per_second.saturating_mul(MINUTE);
    let weight = if wanted.is_multiple_of(MINUTE) {
        1
    } else {
        MINUTE
    };
    Allowance {
        messages: Rate {
            per_second: wanted / (MINUTE / weight),
            burst: wanted.saturating_mul(weight),
        },
        weight,
        bytes: scaled(usual.bytes, wanted, now),
    }
}

/// `wanted` for `now` of `rate`, at least one a second.
fn scaled(rate: Rate, wanted: u32, now: u32) -> Rate {
    let scale = |figure: u32| {
        let scaled = u64::from(figure) * u64::from(wanted) / u64::from(now.max(1));
        u32::try_from(scaled).unwrap_or(u32::MAX).max(1)
    };
    Rate {
        per_second: scale(rate.per_second),
        burst: scale(rate.burst),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bloom::Salt,
        gossip::seen::SeenSet,
        ids::ChainId,
        node::{DEFAULT_MESSAGE_TTL, config::Config},
    };

    #[test]
    fn the_default_configuration_is_what_a_node_has_without_one() {
        let config = Config::default();
        let gossip = &config.gossip;
        assert_eq!(mesh(gossip), pubsub::Config::default());
        assert_eq!(seen(gossip), seen::Config::default());
        assert_eq!(reconcile(gossip), reconcile::Config::default());
        assert_eq!(pool(&config.pool), pool::Limits::default());
        assert_eq!(buckets(&gossip.limits), Limits::default());
        assert_eq!(direct(&gossip.limits), direct::Config::default());
        assert_eq!(
            Duration::from_secs(gossip.message_ttl_secs),
            DEFAULT_MESSAGE_TTL
        );
    }

    #[test]
    fn a_configured_node_is_built_with_its_figures() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut config = Config {
            data_dir: Some(dir.path().join("node")),
            ..Config::default()
        };
        config.gossip.mesh = 7;
        config.gossip.seen_exact = 5;
        config.gossip.reconcile_secs = 9;
        config.gossip.message_ttl_secs = 44;
        config.gossip.share_topology = true;
        config.gossip.limits.tx_per_sec = 3;
        config.gossip.limits.direct_max_mib = 2;
        config.pool.max_txs = 11;
        let opened = crate::node::open(&config, false, None).expect("it opens");
        let builder = opened.builder;
        assert_eq!(builder.pubsub.mesh, 7);
        assert_eq!(builder.limits.seen.exact, 5);
        assert_eq!(builder.reconcile.interval, Duration::from_secs(9));
        assert_eq!(builder.message_ttl, Duration::from_secs(44));
        assert!(builder.share_topology);
        assert_eq!(builder.limits.gossip.txs.messages.per_second, 3);
        assert_eq!(builder.limits.direct.max_stream, 2 << 20);
        assert_eq!(builder.limits.pool.max_txs, 11);
    }

    #[test]
    fn every_figure_of_the_mesh_and_its_memory_arrives() {
        let gossip = Gossip {
            mesh: 8,
            mesh_low: 5,
            mesh_high: 15,
            mesh_outbound: 1,
            lazy: 3,
            lazy_percent: 30,
            promise_ms: 1500,
            prune_backoff_secs: 11,
            fanout_ttl_secs: 12,
            heartbeat_ms: 250,
            history: 9,
            history_gossip: 2,
            duplicates_secs: 77,
            queue: 99,
            call_off_bytes: 2000,
            flood_publish: false,
            seen_secs: 40,
            seen_ids: 5000,
            seen_exact: 10,
            reconcile_secs: 5,
            ..Gossip::default()
        };
        let made = mesh(&gossip);
        let expected = pubsub::Config {
            mesh: 8,
            mesh_low: 5,
            mesh_high: 15,
            mesh_outbound: 1,
            lazy: 3,
            lazy_percent: 30,
            promise: Duration::from_millis(1500),
            prune_backoff: Duration::from_secs(11),
            fanout_ttl: Duration::from_secs(12),
            heartbeat: Duration::from_millis(250),
            history: 9,
            history_gossip: 2,
            duplicates: Duration::from_secs(77),
            max_bytes: made.max_bytes,
            queue: 99,
            call_off: 2000,
            flood_publish: false,
        };
        assert_eq!(made, expected);
        let made = seen(&gossip);
        assert_eq!((made.exact, made.ids), (10, 5000));
        assert_eq!(made.window, Duration::from_secs(40));
        assert_eq!(reconcile(&gossip).interval, Duration::from_secs(5));
        let pool = pool(&Pool {
            max_txs: 3,
            max_mib: 2,
            ttl_secs: 4,
        });
        assert_eq!((pool.max_txs, pool.max_bytes), (3, 2 << 20));
        assert_eq!(pool.ttl, Duration::from_secs(4));
    }

    #[test]
    fn rates_take_their_bursts_and_bytes_along() {
        let made = buckets(&GossipLimits {
            tx_per_sec: 400,
            block_per_min: 6,
            header_per_sec: 14,
            share_per_sec: 13,
            blob_per_sec: 2,
            app_per_sec: 1,
            address_factor: 2,
            global_factor: 3,
            ..GossipLimits::default()
        });
        let usual = Limits::default();
        assert_eq!(made.txs.messages.per_second, 400);
        assert_eq!(made.txs.messages.burst, 2 * usual.txs.messages.burst);
        assert_eq!(made.txs.bytes, usual.txs.bytes.times(2));
        assert_eq!(
            (made.blocks.messages.per_second, made.blocks.weight),
            (6, 60)
        );
        assert_eq!(made.blocks.messages.burst, 6 * 60);
        assert_eq!(
            made.blocks.bytes.per_second,
            usual.blocks.bytes.per_second / 10
        );
        assert_eq!(made.headers.messages.burst, 128);
        assert_eq!(made.shares.messages.burst, 64);
        assert_eq!(made.blobs.messages.burst, 16);
        assert_eq!(
            (made.app.messages.per_second, made.app.messages.burst),
            (1, 4)
        );
        assert_eq!(made.app, made.app_unsigned);
        assert_eq!((made.address_factor, made.global_factor), (2, 3));
        let direct = direct(&GossipLimits {
            direct_per_sec: 100,
            direct_mib_per_sec: 8,
            direct_max_mib: 3,
            ..GossipLimits::default()
        });
        assert_eq!(direct.rates.messages.per_second, 100);
        assert_eq!(direct.rates.kib.per_second, 8 * 1024);
        assert_eq!(direct.max_stream, 3 << 20);
    }

    #[test]
    fn the_ends_of_every_range_can_be_set_up() {
        for (mesh_degree, low, high) in [(1, 1, 1), (1, 1, 2), (100, 1, 200), (100, 100, 100)] {
            let gossip = Gossip {
                mesh: mesh_degree,
                mesh_low: low,
                mesh_high: high,
                ..Gossip::default()
            };
            pubsub::behaviour(&mesh(&gossip), ChainId::DEVNET, Default::default(), None)
                .expect("gossipsub takes it");
        }
        for (ids, exact) in [(1000, 0), (10_000_000, 10_000_000)] {
            let gossip = Gossip {
                seen_ids: ids,
                seen_exact: exact,
                seen_secs: 2,
                ..Gossip::default()
            };
            SeenSet::new(seen(&gossip), Salt([1; 16])).expect("a filter can be made");
        }
        let most = GossipLimits {
            tx_per_sec: 1_000_000,
            block_per_min: 1_000_000,
            header_per_sec: 1_000_000,
            share_per_sec: 1_000_000,
            blob_per_sec: 1_000_000,
            app_per_sec: 1_000_000,
            ..GossipLimits::default()
        };
        let made = buckets(&most);
        assert_eq!(made.blobs.bytes.burst, u32::MAX, "saturated, not wrapped");
        assert_eq!(made.blocks.messages.burst, 60_000_000);
    }
}
