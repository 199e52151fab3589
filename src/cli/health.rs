//! `health`: whether the node answers, for container health checks and scripts.

use std::time::Duration;

use serde_json::json;

use super::{Outcome, args::Health, context::Context, locate, screen::Screen};
use crate::{
    api::{
        code::{ErrorCode, Failure},
        control::Request,
    },
    report::{Readiness, StatusReport},
};

pub(super) fn run(context: &Context, health: &Health, screen: &Screen) -> Outcome {
    let patience = Duration::from_secs(health.timeout.clamp(1, 3600));
    let mut node = locate::node(context, screen)?;
    let status: StatusReport = node.call(&Request::Status, patience, |_| {})?;
    if !health.ready {
        let value = json!({"healthy": true, "peer_id": status.peer_id});
        return screen.show(&value, || "healthy".to_owned());
    }
    let readiness: Readiness = node.call(&Request::Ready, patience, |_| {})?;
    screen.show(&readiness, || {
        let rows = readiness.criteria.iter().map(|c| {
            let mark = if c.ok { "ok" } else { "FAILED" };
            vec![mark.to_owned(), c.name.clone(), c.detail.clone()]
        });
        screen.table(&["", "criterion", "found"], rows.collect())
    })?;
    if readiness.ready {
        return Ok(());
    }
    let failed: Vec<String> = readiness
        .criteria
        .iter()
        .filter(|c| !c.ok)
        .map(|c| format!("{}: {}", c.name, c.detail))
        .collect();
    Err(Failure::new(ErrorCode::NotReady, failed.join("; ")))
}
