//! `status` and `stats`.

use std::time::Duration;

use super::{
    Outcome,
    context::Context,
    locate,
    screen::{Screen, bytes, duration, facts},
};
use crate::{
    api::control::Request,
    report::{StatsReport, StatusReport},
    telemetry::escaped,
};

/// How long the node may take for an answer that needs no work.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn status(context: &Context, screen: &Screen) -> Outcome {
    let report: StatusReport =
        locate::node(context, screen)?.call(&Request::Status, PATIENCE, |_| {})?;
    screen.show(&report, || {
        let s = &report.sync;
        let mut sync = format!(
            "{}, height {} of {}",
            s.phase.name(),
            report.head.height,
            s.best_known_height.max(report.head.height)
        );
        if let Some(reason) = &s.stalled_reason {
            sync.push_str(&format!(" ({})", escaped(reason)));
        }
        let mut rows = vec![
            ("peer id", report.peer_id.clone()),
            (
                "chain",
                format!("{}, genesis {}", report.chain_id, report.genesis),
            ),
            (
                "head",
                format!("{} at height {}", report.head.hash, report.head.height),
            ),
            ("work", report.head.work.to_string()),
            ("peers", report.peers.to_string()),
            ("sync", sync),
        ];
        rows.extend(report.addresses.iter().map(|a| ("address", a.clone())));
        rows.push((
            "policy",
            format!("{}, root {}", report.kem, report.policy_root),
        ));
        rows.push((
            "metrics",
            report.metrics.clone().unwrap_or("off".to_owned()),
        ));
        if let Some(dir) = &report.data_dir {
            rows.push(("data", dir.clone()));
        }
        rows.push(("version", escaped(&report.version)));
        rows.push(("uptime", duration(report.uptime_s)));
        facts(&rows)
    })
}

pub(super) fn stats(context: &Context, screen: &Screen) -> Outcome {
    let report: StatsReport =
        locate::node(context, screen)?.call(&Request::Stats, PATIENCE, |_| {})?;
    screen.show(&report, || {
        let mut rows = vec![
            ("uptime", duration(report.uptime_s)),
            ("peers", report.peers.to_string()),
            ("received", bytes(report.bytes_in)),
            ("sent", bytes(report.bytes_out)),
            (
                "handshakes",
                format!(
                    "{} done, {} failed",
                    report.handshakes_ok, report.handshakes_failed
                ),
            ),
            ("headers stored", report.headers_stored.to_string()),
            ("blocks imported", report.blocks_imported.to_string()),
            ("offences", report.offences.to_string()),
            ("store", bytes(report.store_bytes)),
        ];
        rows.extend(report.bans.iter().map(|b| {
            let text = format!("{}: {} ({})", b.subject, b.reason, escaped(&b.evidence));
            ("ban", text)
        }));
        facts(&rows)
    })
}
