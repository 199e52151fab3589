//! What HTTP shows of a node, also while the node is busy or going down.

use std::time::Duration;

use tokio::time::timeout;

use super::Dispatcher;
use crate::{
    api::http::Faces,
    report::{Criterion, Readiness},
};

/// How long the event loop may take to answer before `/healthz` calls it dead: forty times what it
/// takes on a busy machine.
const ALIVE_WITHIN: Duration = Duration::from_secs(2);

impl Faces for Dispatcher {
    async fn metrics(&self) -> String {
        // A node that is going down has nothing to measure; an empty exposition is a valid one.
        match timeout(ALIVE_WITHIN, self.handle.metrics_text()).await {
            Ok(Ok(text)) => text,
            _ => self.handle.telemetry().encode(),
        }
    }

    async fn readiness(&self) -> Readiness {
        match timeout(ALIVE_WITHIN, self.handle.readiness()).await {
            Ok(Ok(readiness)) => readiness,
            Ok(Err(_)) => unready("the node is shutting down"),
            Err(_) => unready("the event loop does not answer"),
        }
    }

    async fn alive(&self) -> bool {
        matches!(timeout(ALIVE_WITHIN, self.handle.peers()).await, Ok(Ok(_)))
    }
}

fn unready(detail: &str) -> Readiness {
    Readiness {
        ready: false,
        criteria: vec![Criterion {
            name: "running".to_owned(),
            ok: false,
            detail: detail.to_owned(),
        }],
        queues: Vec::new(),
    }
}
