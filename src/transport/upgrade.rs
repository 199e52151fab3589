//! The channel and the muxer on a fresh socket.

use std::{
    io,
    time::{Duration, Instant},
};

use futures::{AsyncRead, AsyncWrite, FutureExt, future::BoxFuture};
use libp2p::{
    Multiaddr, PeerId,
    core::{ConnectedPoint, Endpoint, muxing::StreamMuxerBox},
};
use multistream_select::{
    Negotiated, NegotiationError, Version, dialer_select_proto, listener_select_proto,
};
use tokio::time::timeout;
use yamux::Mode;

use super::{Error, expected_peer, muxer};
use crate::{
    registry::CHANNEL_PROTOCOL,
    report::Direction,
    secure::{self, HandshakeError, HandshakeReport},
};

/// Makes connections out of sockets.
#[derive(Clone)]
pub(super) struct Upgrade {
    config: secure::Config,
    deadline: Duration,
}

type Connection = (PeerId, StreamMuxerBox);

impl Upgrade {
    pub(super) fn new(config: secure::Config, deadline: Duration) -> Self {
        Self { config, deadline }
    }

    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Upgrades `io`, as the side that the channel's roles are about: who dials with the role
    /// overridden, to punch a hole, is the responder.
    pub(super) fn run<C>(
        self,
        io: C,
        endpoint: ConnectedPoint,
    ) -> BoxFuture<'static, Result<Connection, Error>>
    where
        C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match endpoint {
            ConnectedPoint::Dialer {
                address,
                role_override: Endpoint::Dialer,
                ..
            } => self.dial(io, address).boxed(),
            other => {
                let remote = other.get_remote_address().clone();
                self.accept(io, remote).boxed()
            }
        }
    }

    async fn dial<C>(mut self, io: C, address: Multiaddr) -> Result<Connection, Error>
    where
        C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let began = Instant::now();
        // Settles at once and sends the name with the first message.
        let io = dialer_select_proto(io, [CHANNEL_PROTOCOL], Version::V1Lazy);
        let io = self.named(Direction::Outbound, began, io).await?;
        let expected = expected_peer(&address);
        let (peer, session) =
            secure::initiate(&self.config, io, expected, CHANNEL_PROTOCOL).await?;
        let source = secure::Source::of(&address);
        let now = self.config.clock.now().mono;
        self.config.budgets.remember(&source, now);
        let io = dialer_select_proto(session, [muxer::PROTOCOL], Version::V1Lazy).await;
        Ok((peer, muxed(io, Mode::Client)?))
    }

    async fn accept<C>(mut self, io: C, remote: Multiaddr) -> Result<Connection, Error>
    where
        C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let began = Instant::now();
        let admission = secure::admit(&self.config, &remote)?;
        let io = listener_select_proto(io, [CHANNEL_PROTOCOL]);
        let io = self.named(Direction::Inbound, began, io).await?;
        let (peer, session) =
            secure::respond(&self.config, io, CHANNEL_PROTOCOL, admission).await?;
        let io = listener_select_proto(session, [muxer::PROTOCOL]).await;
        Ok((peer, muxed(io, Mode::Server)?))
    }

    /// Agrees on the channel's name, and leaves to the handshake what remains of the deadline. A
    /// failure is reported as one of the handshake, which it keeps from beginning.
    async fn named<N, C>(
        &mut self,
        direction: Direction,
        began: Instant,
        negotiation: N,
    ) -> Result<Negotiated<C>, Error>
    where
        N: Future<Output = Result<(&'static str, Negotiated<C>), NegotiationError>>,
    {
        let failed = match timeout(self.deadline, negotiation).await {
            Ok(Ok((_, io))) => {
                self.config.deadline = self.deadline.saturating_sub(began.elapsed());
                return Ok(io);
            }
            Ok(Err(NegotiationError::ProtocolError(e))) => HandshakeError::Io(e.into()),
            Ok(Err(e @ NegotiationError::Failed)) => HandshakeError::Io(io::Error::other(e)),
            Err(_) => HandshakeError::Deadline,
        };
        tracing::debug!(
            ?direction, reason = failed.label(), error = %failed, "no handshake"
        );
        self.config.observer.handshake(&HandshakeReport {
            direction,
            peer: None,
            result: Err(&failed),
            kem: "none",
            signature: "none",
            aead: "none",
            took: began.elapsed(),
            bytes_in: 0,
            bytes_out: 0,
        });
        Err(failed.into())
    }
}

fn muxed<C>(
    negotiated: Result<(&'static str, Negotiated<C>), NegotiationError>,
    mode: Mode,
) -> Result<StreamMuxerBox, Error>
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (_, io) = negotiated.map_err(|e| Error::Muxer(e.to_string()))?;
    Ok(StreamMuxerBox::new(muxer::over(io, mode)))
}
