//! How things stand, for whoever watches.

use std::collections::BTreeMap;

use super::GossipTask;
use crate::{
    chain::ProofType,
    report::{AppReport, BlobReport, GossipReport, InventoryReport, ShareReport},
};

/// Types of shares by the names of their topics, and those that have none.
const SHARES: [(ProofType, &str); 5] = [
    (ProofType::Hash, "hash"),
    (ProofType::Ai, "ai"),
    (ProofType::Quantum, "quantum"),
    (ProofType::Storage, "storage"),
    (ProofType::Vdf, "vdf"),
];

impl GossipTask {
    /// Tells watchers how things stand.
    pub(super) fn tell(&mut self) {
        let report = GossipReport {
            topics: self.counters.report(),
            refused: self.counters.refusals(),
            seen: self.seen.stats(),
            spread: self.spread.stats(),
            compact: self.tally.compact(),
            reconciliation: self.tally.reconciliation(),
            inventory: self.inventory_report(),
            app: self.app_report(),
            shares: self.share_reports(),
            blobs: self.blob_report(),
        };
        self.report.send_if_modified(|old| {
            let changed = *old != report;
            *old = report;
            changed
        });
    }

    fn inventory_report(&self) -> InventoryReport {
        let counts = self.inventory.counts();
        InventoryReport {
            requests: counts.requests,
            asked: counts.asked,
            received: counts.received,
            duplicates: counts.duplicates,
            stale: counts.stale,
            not_found: counts.not_found,
            withheld: counts.withheld,
            flooded: counts.flooded,
            lost: counts.lost,
            announced: counts.announced,
            unannounced: counts.unannounced,
        }
    }

    fn app_report(&self) -> AppReport {
        let stats = self.app.stats();
        let (seen_signed, seen_unsigned) = self.app.remembered();
        AppReport {
            originated: stats.originated,
            delivered: stats.delivered,
            duplicates: stats.duplicates(),
            expired: stats.expired(),
            parked: stats.parked,
            seen_signed,
            seen_unsigned,
            recent_bytes: self.app.recent_bytes(),
            delay: stats.delays.report(),
        }
    }

    fn share_reports(&self) -> BTreeMap<String, ShareReport> {
        let report = self.shares.report();
        let of = |(kind, name): (ProofType, &str)| {
            let counts = report.of(kind);
            let report = ShareReport {
                held: counts.held,
                bytes: counts.bytes,
                accepted: counts.accepted,
                ignored: counts.ignored,
                rejected: counts.rejected,
                evicted: counts.evicted,
            };
            (name.to_owned(), report)
        };
        SHARES.into_iter().map(of).collect()
    }

    fn blob_report(&self) -> BlobReport {
        let report = self.blobs.report();
        BlobReport {
            tracked: report.tracked,
            open: report.open,
            in_flight: report.in_flight,
            accepted: report.accepted,
            ignored: report.ignored,
            rejected: report.rejected,
            available: report.available,
            withheld: report.withheld,
            samples: report.samples,
            bad_proofs: report.bad_proofs,
        }
    }
}
