//! Connections of the HTTP server, bounded in number and in time.
//!
//! The server shows the same few pages to whoever reaches its port. A connection that does not
//! ask, asks slowly or does not take its answer only occupies a place, so each is closed after a
//! while, and places go to those who wait in the order they came.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep_until},
};

/// How many connections there may be, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections served at the same time. Scrapers use one each; more would only let a stranger
    /// on an exposed port hold descriptors that peers need.
    pub(super) connections: usize,
    /// Time from accept, or from the last byte of an answer, to the first byte of the next one:
    /// covers idling, headers that arrive in drops, and answers that nobody takes. Longer than the
    /// usual scrape interval of 15 s, so that a scraper keeps its connection.
    pub(super) idle: Duration,
    /// Time from accept after which a connection is closed. Bounds whoever asks just often enough;
    /// scrapers connect again at once.
    pub(super) lifetime: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            idle: Duration::from_secs(20),
            lifetime: Duration::from_secs(120),
        }
    }
}

/// A listener that keeps its connections within [`Limits`].
pub(super) struct Bounded {
    inner: TcpListener,
    slots: Arc<Semaphore>,
    limits: Limits,
}

impl Bounded {
    pub(super) fn new(inner: TcpListener, limits: Limits) -> Self {
        let slots = Arc::new(Semaphore::new(limits.connections));
        Self {
            inner,
            slots,
            limits,
        }
    }
}

impl Listener for Bounded {
    type Io = Held;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Held, SocketAddr) {
        // The semaphore is never closed; without a slot the connection would go uncounted.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        let (stream, addr) = Listener::accept(&mut self.inner).await;
        (Held::new(stream, slot, self.limits), addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connection, the slot it occupies and the time it has.
pub(super) struct Held {
    stream: TcpStream,
    _slot: Option<OwnedSemaphorePermit>,
    idle: Duration,
    /// The earlier of the end of its idle time and the end of its life.
    alarm: Pin<Box<Sleep>>,
    ends: Instant,
}

impl Held {
    fn new(stream: TcpStream, slot: Option<OwnedSemaphorePermit>, limits: Limits) -> Self {
        let now = Instant::now();
        let ends = now + limits.lifetime;
        Self {
            stream,
            _slot: slot,
            idle: limits.idle,
            alarm: Box::pin(sleep_until(ends.min(now + limits.idle))),
            ends,
        }
    }

    /// Bytes of an answer have left: the idle time begins again.
    fn progress(&mut self) {
        let alarm = self.ends.min(Instant::now() + self.idle);
        self.alarm.as_mut().reset(alarm);
    }

    /// An error once the time is over, asked where the connection would wait anyway.
    fn poll_over<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.alarm.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Reached only by who never pauses: the alarm has closed every other by now.
        if Instant::now() > self.ends {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending => self.poll_over(cx),
            ready => ready,
        }
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        match written {
            Poll::Ready(Ok(_)) => self.progress(),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => return self.poll_over(cx),
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
