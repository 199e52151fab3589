//! Figures of shares, for metrics and `gossip stats`.

use super::{Verdict, index::place};
use crate::{chain::ProofType, report::ShareReport as ShareCounts};

/// What is held and what was decided since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShareReport {
    /// By type, in the order of their numbers: hash, AI, quantum, storage, delay.
    pub by_type: [ShareCounts; 5],
    /// Nullifiers of verified shares held.
    pub nullifiers: u64,
    /// Messages that were no envelope at all.
    pub malformed: u64,
}

impl ShareReport {
    /// The figures of one type.
    #[must_use]
    pub fn of(&self, kind: ProofType) -> ShareCounts {
        self.by_type[place(kind)]
    }

    pub(super) fn counts_mut(&mut self, kind: ProofType) -> &mut ShareCounts {
        &mut self.by_type[place(kind)]
    }

    pub(super) fn count(&mut self, kind: ProofType, verdict: &Verdict) {
        let counts = self.counts_mut(kind);
        match verdict {
            Verdict::Accept => counts.accepted += 1,
            Verdict::Ignore(_) => counts.ignored += 1,
            Verdict::Reject { .. } => counts.rejected += 1,
        }
    }
}
