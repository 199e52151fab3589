//! Yamux with our bounds: libp2p's wrapper fixes the window of a connection at 1 GiB and sets only
//! the number of streams.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures::{AsyncRead, AsyncWrite, ready};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use yamux::{Config, Connection, ConnectionError, Mode, Stream};

/// Name in multistream-select.
pub(super) const PROTOCOL: &str = "/yamux/1.0.0";

/// Most substreams of one connection, both directions together; one more from the remote ends the
/// connection. Two honest nodes use at most twice 32 for sync and a dozen for everything else.
pub const MAX_STREAMS: usize = 128;

/// Most bytes that the remote may have sent on one connection and we have not read, all streams
/// together: what a connection can pin in our memory. 32 MiB of it is 256 KiB for each stream, as
/// yamux promises; the rest lets a few streams grow their window to the bandwidth-delay product
/// (32 MiB: 2.5 Gbit/s at 100 ms).
pub const MAX_WINDOW: usize = 64 * 1024 * 1024;

/// The yamux connection over `io`.
pub(super) fn over<C>(io: C, mode: Mode) -> Muxer<C>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let mut config = Config::default();
    // In this order: each setter checks against the other's present value.
    config.set_max_num_streams(MAX_STREAMS);
    config.set_max_connection_receive_window(Some(MAX_WINDOW));
    Muxer {
        connection: Connection::new(io, config, mode),
        arrived: VecDeque::new(),
        waker: None,
    }
}

/// A yamux connection as libp2p drives it.
#[derive(Debug)]
pub(super) struct Muxer<C> {
    connection: Connection<C>,
    /// Streams that arrived while the connection was polled for something else, at most
    /// [`MAX_STREAMS`] because yamux counts them.
    arrived: VecDeque<Stream>,
    /// Who waits for one of them.
    waker: Option<Waker>,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Muxer<C> {
    /// Yamux makes progress only here, whatever the caller is after.
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<Result<Stream, ConnectionError>> {
        match ready!(self.connection.poll_next_inbound(cx)) {
            Some(stream) => Poll::Ready(stream),
            None => Poll::Ready(Err(ConnectionError::Closed)),
        }
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin + 'static> StreamMuxer for Muxer<C> {
    type Substream = Stream;
    type Error = ConnectionError;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Stream, ConnectionError>> {
        if let Some(stream) = self.arrived.pop_front() {
            return Poll::Ready(Ok(stream));
        }
        let polled = self.poll_connection(cx);
        if polled.is_pending() {
            self.waker = Some(cx.waker().clone());
        }
        polled
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Stream, ConnectionError>> {
        self.connection.poll_new_outbound(cx)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, ConnectionError>> {
        let stream = ready!(self.poll_connection(cx))?;
        self.arrived.push_back(stream);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        // There may be more; other work of the connection goes first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        self.connection.poll_close(cx)
    }
}
