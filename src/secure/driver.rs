//! Drives the handshake over a byte stream.

mod attempt;
mod stream;

use std::time::Duration;

use futures::{AsyncRead, AsyncWrite};
use libp2p::{Multiaddr, PeerId};

use self::{attempt::Attempt, stream::Frames};
use super::{
    Admission, Class, Config, FrameType, HandshakeError, Refusal, Session, Source,
    ephemeral::Spared,
    handshake::{Established, Initiator, Responder},
    record::KeyLimits,
    session::Start,
};
use crate::report::Direction;

/// Admits an inbound connection from `remote` or says which budget is spent, also to the
/// observer. To be asked at accept, before a byte is read.
///
/// # Errors
/// [`HandshakeError::Limited`]. The connection should be dropped without an answer.
pub fn admit(config: &Config, remote: &Multiaddr) -> Result<Admission, HandshakeError> {
    let now = config.clock.now().mono;
    match config.budgets.admit(&Source::of(remote), now) {
        Ok(admission) => Ok(admission),
        Err(refusal) => {
            let error = refusal.into();
            Attempt::new(config, Direction::Inbound).refused(&error);
            Err(error)
        }
    }
}

/// Shakes hands as the side that dialled.
///
/// `protocol` is the name that multistream-select agreed on, `expected` the PeerId that was
/// dialled; without it whoever answers is accepted and is shown our identity. When this returns
/// the peer has proved who it is but has not yet accepted us: see [`super::Observer::confirmed`].
///
/// # Errors
/// Why there is no session. The observer has been told.
pub async fn initiate<C>(
    config: &Config,
    io: C,
    expected: Option<PeerId>,
    protocol: &str,
) -> Result<(PeerId, Session<C>), HandshakeError>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let mut attempt = Attempt::new(config, Direction::Outbound);
    let mut frames = Frames::new(io);
    let work = initiator(config, &mut frames, expected, protocol);
    let result = within(config.deadline, work).await;
    finish(config, &mut attempt, frames, result)
}

/// Shakes hands as the side that was dialled, with the leave that [`admit`] gave.
///
/// # Errors
/// Why there is no session. The observer has been told, and the peer as far as it may know.
pub async fn respond<C>(
    config: &Config,
    io: C,
    protocol: &str,
    admission: Admission,
) -> Result<(PeerId, Session<C>), HandshakeError>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let mut attempt = Attempt::new(config, Direction::Inbound);
    let mut frames = Frames::new(io);
    let work = responder(config, &mut frames, protocol, admission.class());
    let result = within(config.deadline, work).await;
    if result.is_ok() {
        admission.succeeded(config.clock.now().mono);
    }
    finish(config, &mut attempt, frames, result)
}

async fn initiator<C>(
    config: &Config,
    frames: &mut Frames<C>,
    expected: Option<PeerId>,
    protocol: &str,
) -> Result<Established, HandshakeError>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let now = config.clock.now().mono;
    if !config.budgets.spend_work(Class::Trusted, now) {
        return Err(Refusal::Work.into());
    }
    let mut provider = Spared::new(&config.ephemerals, now);
    let (hello, state) = Initiator::start(config, protocol, expected, &mut provider)?;
    frames.send(&hello).await?;
    // While the responder works on its answer. Without randomness the next handshake will say so.
    let _ = config.ephemerals.prepare(Some(state.kem()), now);
    let state = state.server_hello(&frames.next(FrameType::ServerHello).await?)?;
    let mut auth = frames.next(FrameType::ResponderAuth).await?;
    let (own, state) = state.responder_auth(&mut auth, config.clock.now(), &mut provider)?;
    frames.send(&own).await?;
    Ok(state.sent(&own))
}

async fn responder<C>(
    config: &Config,
    frames: &mut Frames<C>,
    protocol: &str,
    class: Class,
) -> Result<Established, HandshakeError>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let hello = frames.next(FrameType::ClientHello).await;
    let now = config.clock.now();
    let mut provider = Spared::new(&config.ephemerals, now.mono);
    let answer = hello
        .and_then(|hello| Responder::answer(config, protocol, &hello, class, now, &mut provider));
    let (hello, state) = match answer {
        Ok(answer) => answer,
        Err(error) => {
            if error.is_answered() {
                frames.farewell(&error.alert().to_frame()).await;
            }
            return Err(error);
        }
    };
    // ServerHello goes out before this side signs: the initiator works on its keys meanwhile.
    frames.send(&hello).await?;
    let (auth, state) = state.authenticate(&mut provider)?;
    frames.send(&auth).await?;
    let state = state.sent(&auth);
    let _ = config.ephemerals.prepare(None, now.mono);
    let mut auth = frames.next(FrameType::InitiatorAuth).await?;
    match state.initiator_auth(&mut auth, config.clock.now()) {
        Ok(done) => Ok(done),
        Err(rejected) => {
            if let Some(farewell) = &rejected.farewell {
                frames.farewell(farewell).await;
            }
            Err(rejected.error)
        }
    }
}

fn finish<C>(
    config: &Config,
    attempt: &mut Attempt<'_>,
    frames: Frames<C>,
    result: Result<Established, HandshakeError>,
) -> Result<(PeerId, Session<C>), HandshakeError> {
    let bytes = frames.counts();
    match result {
        Ok(established) => {
            let now = config.clock.now();
            let expires_in = established
                .peer
                .delegated_until_ms
                .map(|until| Duration::from_millis(until.saturating_sub(now.wall_ms)));
            let info = attempt.succeeded(&established, bytes);
            let peer = info.peer();
            let (io, received) = frames.into_parts();
            let start = Start {
                established,
                info,
                observer: config.observer.clone(),
                received,
                expires_in,
                limits: KeyLimits::PROTOCOL,
            };
            Ok((peer, Session::new(io, start)))
        }
        Err(error) => {
            attempt.failed(&error, bytes);
            Err(error)
        }
    }
}

/// `work`, unless `deadline` passes first. Nothing that the peer sends moves the deadline.
async fn within<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, HandshakeError>>,
) -> Result<T, HandshakeError> {
    tokio::time::timeout(deadline, work)
        .await
        .unwrap_or(Err(HandshakeError::Deadline))
}

#[cfg(test)]
mod tests;
