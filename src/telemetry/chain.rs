//! The chain and its store: heights, sync phase and rates, commits.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    metrics::{
        counter::Counter,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::label::{Counters, Gauges, level};
use crate::{
    event::NodeEvent,
    report::{StatsReport, SyncPhase, SyncReport},
};

type FloatGauge = Gauge<f64, AtomicU64>;

#[derive(Debug)]
pub(super) struct Chain {
    phase: Gauges,
    height: Gauges,
    headers_rate: FloatGauge,
    blocks_rate: FloatGauge,
    bytes_rate: FloatGauge,
    sync_peers: Gauge,
    headers: Counter,
    blocks: Counter,
    block_bytes: Counter,
    reorgs: Counter,
    reorg_depth: Histogram,
    alarms: Counters,
    store_bytes: Gauge,
    store_healthy: Gauge,
    store_failures: Counter,
    commit: Histogram,
}

impl Chain {
    pub(super) fn register(r: &mut Registry) -> Self {
        let this = Self {
            phase: Gauges::default(),
            height: Gauges::default(),
            headers_rate: FloatGauge::default(),
            blocks_rate: FloatGauge::default(),
            bytes_rate: FloatGauge::default(),
            sync_peers: Gauge::default(),
            headers: Counter::default(),
            blocks: Counter::default(),
            block_bytes: Counter::default(),
            reorgs: Counter::default(),
            reorg_depth: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            alarms: Counters::default(),
            store_bytes: Gauge::default(),
            store_healthy: Gauge::default(),
            store_failures: Counter::default(),
            commit: Histogram::new(exponential_buckets(0.000_5, 2.0, 14)),
        };
        this.register_sync(r);
        this.register_store(r);
        this.set_phase(SyncPhase::Idle);
        for kind in ["headers", "blocks", "best_known"] {
            this.set_height(kind, 0);
        }
        for threshold in ["64", "512"] {
            drop(this.alarms.get_or_create(&[("threshold", threshold)]));
        }
        this.store_healthy.set(1);
        this
    }

    fn register_sync(&self, r: &mut Registry) {
        r.register(
            "sync_phase",
            "1 for the phase that sync is in, 0 for the others",
            self.phase.clone(),
        );
        r.register(
            "chain_height",
            "Heights by kind: best verified header, imported block, best height a peer announced",
            self.height.clone(),
        );
        r.register(
            "sync_headers_per_second",
            "Headers per second over the last seconds",
            self.headers_rate.clone(),
        );
        r.register(
            "sync_blocks_per_second",
            "Blocks per second over the last seconds",
            self.blocks_rate.clone(),
        );
        r.register(
            "sync_bytes_per_second",
            "Bytes of blocks per second over the last seconds",
            self.bytes_rate.clone(),
        );
        r.register(
            "sync_peers",
            "Peers that sync is using",
            self.sync_peers.clone(),
        );
        r.register(
            "headers_stored",
            "Verified headers stored durably",
            self.headers.clone(),
        );
        r.register(
            "blocks_imported",
            "Blocks imported durably",
            self.blocks.clone(),
        );
        r.register(
            "block_bytes_imported",
            "Bytes of imported blocks",
            self.block_bytes.clone(),
        );
        r.register(
            "reorgs",
            "Times the head moved to another branch",
            self.reorgs.clone(),
        );
        r.register(
            "reorg_depth_blocks",
            "Blocks left behind by a reorganisation",
            self.reorg_depth.clone(),
        );
        r.register(
            "reorg_alarms",
            "Reorganisations deeper than a threshold",
            self.alarms.clone(),
        );
    }

    fn register_store(&self, r: &mut Registry) {
        r.register_with_unit(
            "store_size",
            "Size of the store on disk",
            Unit::Bytes,
            self.store_bytes.clone(),
        );
        r.register(
            "store_healthy",
            "1 while the store accepts writes, 0 while it does not (for example a full disk)",
            self.store_healthy.clone(),
        );
        r.register(
            "store_failures",
            "Writes that the store refused",
            self.store_failures.clone(),
        );
        r.register_with_unit(
            "store_commit",
            "Duration of durable commits",
            Unit::Seconds,
            self.commit.clone(),
        );
    }

    pub(super) fn record(&self, event: &NodeEvent) {
        match event {
            NodeEvent::SyncPhase { phase } => self.set_phase(*phase),
            NodeEvent::HeadersStored { count, height } => {
                self.headers.inc_by(*count as u64);
                self.set_height("headers", height.0);
            }
            NodeEvent::BlocksImported {
                count,
                bytes,
                height,
            } => {
                self.blocks.inc_by(*count as u64);
                self.block_bytes.inc_by(*bytes);
                self.set_height("blocks", height.0);
            }
            NodeEvent::HeadChanged {
                height,
                reorg_depth,
                ..
            } => {
                self.set_height("blocks", height.0);
                if *reorg_depth > 0 {
                    self.reorgs.inc();
                    self.reorg_depth.observe(*reorg_depth as f64);
                }
            }
            NodeEvent::ReorgAlarm { threshold, .. } => {
                let label = if *threshold > 64 { "512" } else { "64" };
                self.alarms.get_or_create(&[("threshold", label)]).inc();
            }
            NodeEvent::StoreFailing { .. } => {
                self.store_failures.inc();
                self.store_healthy.set(0);
            }
            NodeEvent::StoreHealed => {
                self.store_healthy.set(1);
            }
            NodeEvent::StoreCommitted { took } => self.commit.observe(took.as_secs_f64()),
            _ => {}
        }
    }

    pub(super) fn update(&self, sync: &SyncReport, store_bytes: u64) {
        self.set_phase(sync.phase);
        self.set_height("headers", sync.header_height.0);
        self.set_height("blocks", sync.height.0);
        self.set_height("best_known", sync.best_known_height.0);
        self.headers_rate.set(sync.headers_per_s);
        self.blocks_rate.set(sync.blocks_per_s);
        self.bytes_rate.set(sync.bytes_per_s);
        self.sync_peers.set(level(sync.sync_peers));
        self.store_bytes.set(level(store_bytes));
    }

    pub(super) fn stats(&self, out: &mut StatsReport) {
        out.headers_stored = self.headers.get();
        out.blocks_imported = self.blocks.get();
    }

    fn set_phase(&self, now: SyncPhase) {
        for phase in SyncPhase::ALL {
            self.phase
                .get_or_create(&[("phase", phase.name())])
                .set(i64::from(*phase == now));
        }
    }

    fn set_height(&self, kind: &'static str, height: u64) {
        self.height
            .get_or_create(&[("kind", kind)])
            .set(level(height));
    }
}
