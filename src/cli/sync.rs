//! `sync status [--watch]`.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    Outcome,
    args::Sync,
    context::Context,
    locate,
    screen::{Screen, bytes, duration, facts},
    status::PATIENCE,
};
use crate::{
    api::control::{Client, Request},
    report::{SyncPhase, SyncReport},
    telemetry::escaped,
};

/// How often `--watch` asks. A person sees no difference below, the node no load above.
const INTERVAL: Duration = Duration::from_millis(250);

pub(super) fn run(context: &Context, command: &Sync, screen: &Screen) -> Outcome {
    let Sync::Status {
        watch,
        until_synced,
    } = command;
    let mut node = locate::node(context, screen)?;
    if *watch {
        return self::watch(&mut node, *until_synced, screen);
    }
    let report = ask(&mut node)?;
    screen.show(&report, || text(&report))
}

fn ask(node: &mut Client) -> Result<SyncReport, crate::api::code::Failure> {
    node.call(&Request::SyncStatus, PATIENCE, |_| {})
}

fn text(r: &SyncReport) -> String {
    let mut rows = vec![
        ("phase", r.phase.name().to_owned()),
        ("headers", r.header_height.to_string()),
        ("blocks", format!("{} of {}", r.height, r.best_known_height)),
        ("rate", rate(r)),
        ("asking", format!("{} peers", r.sync_peers)),
    ];
    if let Some(eta) = r.eta_s {
        rows.push(("left", duration(eta)));
    }
    if let Some(reason) = &r.stalled_reason {
        rows.push(("stalled", escaped(reason)));
    }
    facts(&rows)
}

fn rate(r: &SyncReport) -> String {
    format!(
        "{:.0} headers/s, {:.0} blocks/s, {}/s",
        r.headers_per_s,
        r.blocks_per_s,
        bytes(r.bytes_per_s as u64)
    )
}

/// A bar on a terminal; elsewhere a line whenever something changed, JSON lines with `--json`.
fn watch(node: &mut Client, until_synced: bool, screen: &Screen) -> Outcome {
    let bar = screen.shows_progress().then(bar);
    let mut before: Option<SyncReport> = None;
    loop {
        let report = ask(node)?;
        match &bar {
            Some(bar) => draw(bar, &report),
            None if before.as_ref() != Some(&report) => {
                screen.show(&report, || line(&report))?;
            }
            None => {}
        }
        let done =
            report.phase == SyncPhase::Following && report.height >= report.best_known_height;
        if until_synced && done {
            if let Some(bar) = &bar {
                bar.finish();
            }
            return Ok(());
        }
        before = Some(report);
        std::thread::sleep(INTERVAL);
    }
}

fn line(r: &SyncReport) -> String {
    let mut out = format!(
        "{} headers {} blocks {} of {}, {}",
        r.phase.name(),
        r.header_height,
        r.height,
        r.best_known_height,
        rate(r)
    );
    if let Some(reason) = &r.stalled_reason {
        out.push_str(&format!(", {}", escaped(reason)));
    }
    out
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{prefix:>10} [{wide_bar}] {pos}/{len} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn draw(bar: &ProgressBar, r: &SyncReport) {
    let position = match r.phase {
        SyncPhase::Headers => r.header_height,
        _ => r.height,
    };
    bar.set_length(r.best_known_height.0);
    bar.set_position(position.0);
    bar.set_prefix(r.phase.name());
    let left = r.eta_s.map(|s| format!(", {} left", duration(s)));
    let why = r.stalled_reason.as_deref().map(escaped);
    bar.set_message(format!(
        "{}{}{}",
        rate(r),
        left.unwrap_or_default(),
        why.map(|w| format!(", {w}")).unwrap_or_default()
    ));
}
