//! What outlives the node: rows that changed, collected and committed, and who waits for that.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::{info, warn};

use super::{
    PeeringTask,
    clerk::Desk,
    done::{Committed, Done},
};
use crate::peers::{Change, PeerStore, PeerStoreError, Table};

/// How long changes that nobody waits for are collected. What a crash loses in between is what a
/// few seconds taught about peers.
const COLLECT: Duration = Duration::from_secs(5);

/// Most changes that are collected while the store refuses writes. Beyond that the oldest go: they
/// are knowledge about peers, and none of them was acknowledged.
const MAX_CHANGES: usize = 65_536;

/// Called with what became of the commit that held a change.
pub(super) type Then = Box<dyn FnOnce(Result<(), PeerStoreError>) + Send>;

/// What waits for the next commit.
pub(super) struct Keep {
    pub(super) store: Arc<dyn PeerStore>,
    changes: Vec<Change>,
    then: Vec<Then>,
    /// The next commit writes what could still be added to, too.
    all: bool,
    last: Option<Instant>,
    pub(super) failures: u64,
    pub(super) failing: Option<String>,
}

impl Keep {
    pub(super) fn new(store: Arc<dyn PeerStore>) -> Self {
        Self {
            store,
            changes: Vec::new(),
            then: Vec::new(),
            all: false,
            last: None,
            failures: 0,
            failing: None,
        }
    }

    /// Changes for the next commit.
    pub(super) fn put(&mut self, changes: impl IntoIterator<Item = Change>) {
        self.changes.extend(changes);
        let excess = self.changes.len().saturating_sub(MAX_CHANGES);
        self.changes.drain(..excess);
    }

    /// Calls `then` when everything put so far is durable, or cannot be made so.
    pub(super) fn then(&mut self, then: impl FnOnce(Result<(), PeerStoreError>) + Send + 'static) {
        self.then.push(Box::new(then));
    }

    /// Whether somebody waits for the next commit.
    pub(super) fn is_awaited(&self) -> bool {
        !self.then.is_empty()
    }

    /// The same with entries of the audit trail that could still grow.
    pub(super) fn then_all(
        &mut self,
        then: impl FnOnce(Result<(), PeerStoreError>) + Send + 'static,
    ) {
        self.all = true;
        self.then(then);
    }

    fn is_due(&self, now: Instant) -> bool {
        let waited = |last: Instant| now.saturating_duration_since(last) >= COLLECT;
        self.is_awaited() || self.last.is_none_or(waited)
    }
}

impl PeeringTask {
    /// Begins a commit if one is due and none runs.
    pub(super) fn keep_rows(&mut self, now: Instant) {
        if self.clerk.is_busy(Desk::Disk) || !self.keep.is_due(now) {
            return;
        }
        self.collect_rows(false);
        let changes = std::mem::take(&mut self.keep.changes);
        let then = std::mem::take(&mut self.keep.then);
        self.keep.last = Some(now);
        if changes.is_empty() && then.is_empty() {
            return;
        }
        let store = Arc::clone(&self.keep.store);
        self.clerk.take(Desk::Disk, move || {
            let result = store.commit(&changes);
            Done::Committed(Committed {
                // What failed is tried again; what is durable is not needed any more.
                changes: if result.is_ok() { Vec::new() } else { changes },
                then,
                result,
            })
        });
    }

    /// Collects what the engines have to write. `all`: before a shutdown.
    fn collect_rows(&mut self, all: bool) {
        let now = self.now();
        if !all {
            // While the node goes down its peers leave, and are its best peers all the same.
            let trust = &self.trust;
            let best = self.plan.best(&|peer| trust.standing(peer, now).score);
            if !best.is_empty() {
                let best: Vec<_> = best.into_iter().map(|candidate| candidate.peer).collect();
                self.book.set_anchors(&best);
            }
        }
        self.keep.put(self.book.take_changes());
        let whole = std::mem::take(&mut self.keep.all);
        let rows = self.trust.take_rows(all || whole, now);
        self.trust_size = rows.stats;
        let peers = rows.peers.iter().map(|(key, row)| Change {
            table: Table::Trust,
            key: key.clone(),
            value: row.clone(),
        });
        self.keep.put(peers);
        let audit = rows.audit.iter();
        let audit = audit.map(|row| Change::put(Table::TrustEvents, row.key(), &*row.bytes));
        self.keep.put(audit);
        let expired = rows.expired_keys();
        self.keep
            .put(expired.map(|key| Change::remove(Table::TrustEvents, key)));
    }

    /// A commit ended.
    pub(super) fn committed(&mut self, committed: Committed) {
        match &committed.result {
            Ok(()) => {
                if self.keep.failing.take().is_some() {
                    info!("what is known about peers is written again");
                }
            }
            Err(error) => {
                self.keep.failures += 1;
                if self.keep.failing.is_none() {
                    warn!(%error, "what is known about peers is not written; it is tried again");
                }
                self.keep.failing = Some(error.0.clone());
                let newer = std::mem::take(&mut self.keep.changes);
                self.keep.put(committed.changes);
                self.keep.put(newer);
            }
        }
        for then in committed.then {
            then(committed.result.clone());
        }
    }

    /// Everything that is not written yet, before a shutdown. Blocks for the time of a commit.
    pub(super) fn last_rows(&mut self) -> (Arc<dyn PeerStore>, Vec<Change>, Vec<Then>) {
        self.collect_rows(true);
        (
            Arc::clone(&self.keep.store),
            std::mem::take(&mut self.keep.changes),
            std::mem::take(&mut self.keep.then),
        )
    }
}
