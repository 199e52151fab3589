//! `/metrics`, `/healthz`, `/readyz`: read-only, on loopback unless told otherwise.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
    serve::Listener,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;

use crate::{report::Readiness, telemetry::CONTENT_TYPE};

/// Connections served at the same time. Scrapers use one each; more would only let a stranger on
/// an exposed port hold descriptors that peers need.
const MAX_CONNECTIONS: usize = 64;

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
    listener.set_nonblocking(true)?;
    let listener = Limited {
        inner: TcpListener::from_std(listener)?,
        slots: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
    };
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

/// A listener that accepts only so many connections at a time.
struct Limited {
    inner: TcpListener,
    slots: Arc<Semaphore>,
}

impl Listener for Limited {
    type Io = Held;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Held, SocketAddr) {
        // The semaphore is never closed; without a slot the connection would go uncounted.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        let (stream, addr) = Listener::accept(&mut self.inner).await;
        (
            Held {
                stream,
                _slot: slot,
            },
            addr,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connection and the slot it occupies.
struct Held {
    stream: TcpStream,
    _slot: Option<OwnedSemaphorePermit>,
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
