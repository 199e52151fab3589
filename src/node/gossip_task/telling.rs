//! How things stand, for whoever watches.

use std::collections::BTreeMap;

use super::GossipTask;
use crate::{
    chain::ProofType,
    report::{AppReport, GossipReport, ShareReport},
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
            inventory: self.inventory.counts(),
            app: self.app_report(),
            shares: self.share_reports(),
            blobs: self.blobs.report(),
        };
        self.report.send_if_modified(|old| {
            let changed = *old != report;
            *old = report;
            changed
        });
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
        let of = |(kind, name): (ProofType, &str)| (name.to_owned(), report.of(kind));
        SHARES.into_iter().map(of).collect()
    }
}
