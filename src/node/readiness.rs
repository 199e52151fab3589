//! When a node counts as ready, criterion by criterion.

use crate::report::{Criterion, QueueReport, Readiness, SyncPhase, SyncReport};

/// What the verdict is made from.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Addresses bound.
    pub(crate) listeners: usize,
    /// Whether the node was asked to listen.
    pub(crate) listen_wanted: bool,
    /// Connected peers.
    pub(crate) peers: usize,
    /// Whether it has addresses to connect to.
    pub(crate) bootstrap: bool,
    /// Where sync stands.
    pub(crate) sync: SyncReport,
    /// Why the store refuses writes, if it does.
    pub(crate) store_failing: Option<String>,
    /// Every bounded queue.
    pub(crate) queues: Vec<QueueReport>,
}

/// The verdict: ready if every criterion holds.
pub(crate) fn judge(facts: &Facts) -> Readiness {
    let criteria = vec![
        criterion(
            "listening",
            facts.listeners > 0 || !facts.listen_wanted,
            format!("{} addresses bound", facts.listeners),
        ),
        criterion(
            "store",
            facts.store_failing.is_none(),
            facts
                .store_failing
                .clone()
                .unwrap_or_else(|| "accepts writes".to_owned()),
        ),
        criterion(
            "peers",
            facts.peers > 0 || !facts.bootstrap,
            format!("{} connected", facts.peers),
        ),
        criterion("sync", synced(&facts.sync), sync_detail(&facts.sync)),
    ];
    Readiness {
        ready: criteria.iter().all(|c| c.ok),
        criteria,
        queues: facts.queues.clone(),
    }
}

/// A node with nobody to ask is as synced as it can be; one that fetches is not there yet.
fn synced(sync: &SyncReport) -> bool {
    matches!(sync.phase, SyncPhase::Idle | SyncPhase::Following)
}

fn sync_detail(sync: &SyncReport) -> String {
    let place = format!(
        "{}, height {} of {}",
        sync.phase.name(),
        sync.height,
        sync.best_known_height
    );
    match &sync.stalled_reason {
        Some(reason) => format!("{place}: {reason}"),
        None => place,
    }
}

fn criterion(name: &str, ok: bool, detail: String) -> Criterion {
    Criterion {
        name: name.to_owned(),
        ok,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            listeners: 1,
            listen_wanted: true,
            peers: 0,
            bootstrap: false,
            sync: SyncReport::default(),
            store_failing: None,
            queues: Vec::new(),
        }
    }

    fn failing(facts: &Facts) -> Vec<String> {
        judge(facts)
            .criteria
            .into_iter()
            .filter(|c| !c.ok)
            .map(|c| c.name)
            .collect()
    }

    #[test]
    fn a_first_node_without_peers_is_ready() {
        assert!(judge(&facts()).ready);
    }

    #[test]
    fn each_criterion_fails_by_its_own_name() {
        assert_eq!(
            failing(&Facts {
                listeners: 0,
                ..facts()
            }),
            ["listening"]
        );
        assert_eq!(
            failing(&Facts {
                bootstrap: true,
                ..facts()
            }),
            ["peers"]
        );
        assert_eq!(
            failing(&Facts {
                store_failing: Some("full".into()),
                ..facts()
            }),
            ["store"]
        );
        let sync = SyncReport {
            phase: SyncPhase::Stalled,
            stalled_reason: Some("why".into()),
            ..SyncReport::default()
        };
        let stalled = Facts { sync, ..facts() };
        assert_eq!(failing(&stalled), ["sync"]);
        assert!(judge(&stalled).criteria[3].detail.ends_with(": why"));
    }
}
