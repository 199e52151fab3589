//! `/metrics`, `/healthz`, `/readyz`: read-only, on loopback unless told otherwise.

mod connections;

use std::{io, sync::Arc};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::connections::{Bounded, Limits};
use crate::{report::Readiness, telemetry::CONTENT_TYPE};

/// What the HTTP faces show; the node, or a stand-in in tests.
pub trait Faces: Send + Sync + 'static {
    /// The exposition of `/metrics`.
    fn metrics(&self) -> impl Future<Output = String> + Send;
    /// The criteria of `/readyz`.
    fn readiness(&self) -> impl Future<Output = Readiness> + Send;
    /// Whether the event loop answers: `/healthz`.
    fn alive(&self) -> impl Future<Output = bool> + Send;
}

/// Serves `listener` until `stop`.
///
/// # Errors
/// When the listener cannot be used by the runtime.
pub async fn serve<F: Faces>(
    listener: std::net::TcpListener,
    faces: Arc<F>,
    stop: CancellationToken,
) -> io::Result<()> {
    serve_within(Limits::default(), listener, faces, stop).await
}

async fn serve_within<F: Faces>(
    limits: Limits,
    listener: std::net::TcpListener,
    faces: Arc<F>,
    stop: CancellationToken,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = Bounded::new(TcpListener::from_std(listener)?, limits);
    let router = Router::new()
        .route("/metrics", get(metrics::<F>))
        .route("/healthz", get(healthz::<F>))
        .route("/readyz", get(readyz::<F>))
        .route("/", get(index))
        .with_state(faces);
    let serving = axum::serve(listener, router);
    tokio::select! {
        result = async { serving.await } => result,
        () = stop.cancelled() => Ok(()),
    }
}

async fn index() -> &'static str {
    "animica-p2p\n\n/metrics\n/healthz\n/readyz?verbose\n"
}

async fn metrics<F: Faces>(State(faces): State<Arc<F>>) -> Response {
    let text = faces.metrics().await;
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

async fn healthz<F: Faces>(State(faces): State<Arc<F>>) -> Response {
    if faces.alive().await {
        (StatusCode::OK, "ok\n").into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the event loop does not answer\n",
        )
            .into_response()
    }
}

async fn readyz<F: Faces>(State(faces): State<Arc<F>>, RawQuery(query): RawQuery) -> Response {
    let readiness = faces.readiness().await;
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let asks = |name: &str| {
        query
            .as_deref()
            .unwrap_or_default()
            .split('&')
            .any(|part| part == name || part.split('=').next() == Some(name))
    };
    if asks("json") {
        let body = serde_json::to_string(&readiness).unwrap_or_default();
        let kind = [(header::CONTENT_TYPE, "application/json")];
        return (status, kind, body).into_response();
    }
    if asks("verbose") {
        return (status, verbose(&readiness)).into_response();
    }
    let failed = readiness.criteria.iter().find(|c| !c.ok);
    let text = match failed {
        None => "ok\n".to_owned(),
        Some(c) => format!("{}: {}\n", c.name, c.detail),
    };
    (status, text).into_response()
}

/// One line per criterion and queue, in the form Kubernetes' own components use.
fn verbose(readiness: &Readiness) -> String {
    let mut out = String::new();
    for c in &readiness.criteria {
        let mark = if c.ok { "[+]" } else { "[-]" };
        out.push_str(&format!("{mark} {}: {}\n", c.name, c.detail));
    }
    for q in &readiness.queues {
        out.push_str(&format!(
            "queue {}: {}/{}, {} dropped\n",
            q.name, q.depth, q.capacity, q.dropped
        ));
    }
    out.push_str(if readiness.ready {
        "ready\n"
    } else {
        "not ready\n"
    });
    out
}

#[cfg(test)]
mod tests;
