//! Counters of what the engines say once: rebuilt blocks, reconciled sets, time in the layers.

use std::time::Instant;

use hashlink::LruCache;

use crate::{
    gossip::{
        compact,
        delays::Delays,
        reconcile as recon,
        stats::{Counters, Layer},
    },
    ids::Hash32,
    registry::Topic,
    report::{CompactReport, ReconciliationReport},
};

/// Announced blocks whose import is awaited; the oldest is forgotten first.
const MAX_ANNOUNCED: usize = 64;

/// Counters since the start.
pub(super) struct Tally {
    compact: CompactReport,
    reconciliation: ReconciliationReport,
    imports: Delays,
    /// When each block was first announced.
    announced: LruCache<Hash32, Instant>,
}

impl Default for Tally {
    fn default() -> Self {
        let mut reconciliation = ReconciliationReport::default();
        for why in recon::GiveUp::ALL {
            reconciliation.gave_up.insert(why.label().to_owned(), 0);
        }
        Self {
            compact: CompactReport::default(),
            reconciliation,
            imports: Delays::default(),
            announced: LruCache::new(MAX_ANNOUNCED),
        }
    }
}

impl Tally {
    /// A valid announce of a block that is not here came.
    pub(super) fn announced(&mut self, block: Hash32, now: Instant) {
        // `entry` would grow beyond the capacity.
        if !self.announced.contains_key(&block) {
            self.announced.insert(block, now);
        }
    }

    /// A block is in the store, however it came there.
    pub(super) fn imported(&mut self, block: &Hash32, now: Instant) {
        if let Some(at) = self.announced.remove(block) {
            self.imports.record(now.saturating_duration_since(at));
        }
    }

    /// A block was rebuilt.
    pub(super) fn rebuilt(&mut self, stats: &compact::Stats) {
        let total = &mut self.compact;
        total.blocks += 1;
        total.items += stats.items as u64;
        total.requested += stats.requested as u64;
        total.round_trips += u64::from(stats.round_trips());
        total.block_bytes += stats.block_bytes as u64;
        total.moved_bytes += stats.moved_bytes() as u64;
        total.bytes_saved += stats.bytes_saved() as u64;
    }

    /// An announce did not lead to its block.
    pub(super) fn fetched_full(&mut self) {
        self.compact.full += 1;
    }

    /// A set was reconciled.
    pub(super) fn reconciled(&mut self, stats: &recon::Stats) {
        self.reconciliation.sessions += 1;
        self.reconciliation.saved += stats.saved() as u64;
        self.spent(stats);
    }

    /// A set was not reconciled.
    pub(super) fn gave_up(&mut self, why: recon::GiveUp, stats: &recon::Stats) {
        let gave_up = &mut self.reconciliation.gave_up;
        *gave_up.entry(why.label().to_owned()).or_default() += 1;
        self.spent(stats);
    }

    fn spent(&mut self, stats: &recon::Stats) {
        let total = &mut self.reconciliation;
        total.round_trips += u64::from(stats.round_trips);
        total.bytes += stats.bytes as u64;
        total.only_here += stats.only_here as u64;
        total.only_there += stats.only_there as u64;
    }

    pub(super) fn compact(&self) -> CompactReport {
        let total = &self.compact;
        let known = total.items - total.requested.min(total.items);
        CompactReport {
            hit_rate: (total.items > 0).then(|| known as f64 / total.items as f64),
            import: self.imports.report(),
            ..total.clone()
        }
    }

    pub(super) fn reconciliation(&self) -> ReconciliationReport {
        self.reconciliation.clone()
    }
}

/// A message on its way through the layers.
pub(super) struct Lap {
    topic: Topic,
    layer: Layer,
    since: Instant,
}

impl Lap {
    /// It reaches the first layer.
    pub(super) fn begin(topic: Topic) -> Self {
        Self {
            topic,
            layer: Layer::Size,
            since: Instant::now(),
        }
    }

    /// It reaches `layer`; the time since it reached the last one was spent there.
    pub(super) fn enter(&mut self, layer: Layer, counters: &mut Counters) {
        let now = Instant::now();
        counters.passed(self.topic, self.layer, now.duration_since(self.since));
        (self.layer, self.since) = (layer, now);
    }

    /// Its verdict is known, or comes with something else.
    pub(super) fn end(self, counters: &mut Counters) {
        counters.passed(self.topic, self.layer, self.since.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_hit_rate_is_over_all_items_of_all_blocks() {
        let mut tally = Tally::default();
        assert_eq!(tally.compact().hit_rate, None);
        for (items, requested) in [(90, 0), (10, 5)] {
            tally.rebuilt(&compact::Stats {
                items,
                requested,
                block_bytes: 1000,
                announce_bytes: 100,
                ..compact::Stats::default()
            });
        }
        tally.fetched_full();
        let report = tally.compact();
        assert_eq!((report.blocks, report.full), (2, 1));
        assert_eq!(report.hit_rate, Some(0.95));
        assert_eq!((report.round_trips, report.bytes_saved), (1, 1800));
    }

    #[test]
    fn an_import_is_measured_once_from_the_first_announce() {
        let (mut tally, begin) = (Tally::default(), Instant::now());
        let block = Hash32::ZERO;
        tally.announced(block, begin);
        tally.announced(block, begin + Duration::from_millis(3));
        tally.imported(&block, begin + Duration::from_millis(4));
        tally.imported(&block, begin + Duration::from_millis(9));
        let import = tally.compact().import;
        assert_eq!((import.count, import.buckets[2]), (1, 1));
        for n in 0..=u8::try_from(MAX_ANNOUNCED).expect("fits") {
            tally.announced(Hash32([n; 32]), begin);
        }
        assert!(tally.announced.len() <= MAX_ANNOUNCED);
    }

    #[test]
    fn sessions_are_counted_by_how_they_ended() {
        let mut tally = Tally::default();
        let stats = recon::Stats {
            bytes: 100,
            there: 10,
            round_trips: 2,
            ..recon::Stats::default()
        };
        tally.reconciled(&stats);
        tally.gave_up(recon::GiveUp::Busy, &stats);
        let report = tally.reconciliation();
        assert_eq!((report.sessions, report.saved), (1, 220));
        assert_eq!((report.bytes, report.round_trips), (200, 4));
        assert_eq!(report.gave_up["busy"], 1);
        assert_eq!(report.gave_up["gone"], 0);
    }

    #[test]
    fn a_message_is_counted_in_the_layers_that_it_reached_and_no_other() {
        let mut counters = Counters::default();
        let mut lap = Lap::begin(Topic::App);
        lap.enter(Layer::Duplicate, &mut counters);
        lap.enter(Layer::Decode, &mut counters);
        lap.end(&mut counters);
        let layers = counters.of(Topic::App).layers;
        let entered = Layer::ALL.iter().map(|l| layers[l.index()].0);
        assert_eq!(entered.collect::<Vec<_>>(), [1, 1, 1, 0, 0]);
    }
}
