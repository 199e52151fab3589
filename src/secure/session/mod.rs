//! The encrypted stream over an established handshake.
//!
//! Reads return content only after its whole record authenticated. A stream that ends without a
//! close record is an error ([`SessionError::Truncated`]), never an end.

mod error;
mod info;
mod io;
mod reader;
mod writer;

pub use error::SessionError;
pub use info::SessionInfo;

use std::{fmt, pin::Pin, sync::Arc, task::Context, time::Duration};

use futures::FutureExt;
use tokio::time::{Sleep, sleep};

use self::{
    reader::{Next, Reader},
    writer::Writer,
};
use super::{
    CloseCode, End, Observer,
    handshake::{Established, Traffic},
    record::{KeyLimits, Opener, Sealer},
};
use crate::{crypto::secret::Secret, report::Direction};

/// An authenticated, encrypted byte stream.
///
/// Writes are coalesced: what is written between two flushes becomes one record, or several of
/// 64 KiB. Each direction closes alone: after the peer's close reads give end-of-file and writes
/// still work; [`AsyncWrite::poll_close`](futures::AsyncWrite::poll_close) ends ours.
///
/// # Cancel safety
/// All state is in the session, so any call may be dropped and repeated.
pub struct Session<C> {
    io: C,
    reader: Reader,
    writer: Writer,
    info: Arc<SessionInfo>,
    observer: Arc<dyn Observer>,
    exporter: Secret<32>,
    /// Fires when the peer's delegation ends.
    expiry: Option<Pin<Box<Sleep>>>,
    /// Why the session cannot go on.
    failure: Option<SessionError>,
    end: End,
    rekeys: (u64, u64),
}

/// What a session starts with besides its stream.
pub(super) struct Start {
    pub(super) established: Established,
    pub(super) info: SessionInfo,
    pub(super) observer: Arc<dyn Observer>,
    /// Bytes that arrived behind the last frame of the handshake.
    pub(super) received: Vec<u8>,
    /// How long the peer's delegation holds.
    pub(super) expires_in: Option<Duration>,
    pub(super) limits: KeyLimits,
}

impl<C> Session<C> {
    pub(super) fn new(io: C, start: Start) -> Self {
        let Established { aead, traffic, .. } = start.established;
        let Traffic {
            initiator,
            responder,
            exporter,
        } = traffic;
        let (ours, theirs) = match start.info.direction() {
            Direction::Outbound => (initiator, responder),
            Direction::Inbound => (responder, initiator),
        };
        let info = Arc::new(start.info);
        start.observer.opened(&info);
        Self {
            io,
            reader: Reader::new(
                Opener::with_limits(aead, theirs, start.limits),
                start.received,
            ),
            writer: Writer::new(Sealer::with_limits(aead, ours, start.limits)),
            info,
            observer: start.observer,
            exporter,
            expiry: start.expires_in.map(|left| Box::pin(sleep(left))),
            failure: None,
            end: End::Dropped,
            rekeys: (0, 0),
        }
    }

    /// Who it is with, how it was made, and its counters.
    #[must_use]
    pub fn info(&self) -> &Arc<SessionInfo> {
        &self.info
    }

    /// The secret both ends share for uses outside the channel. Derive from it, never send it.
    #[must_use]
    pub fn exporter(&self) -> &Secret<32> {
        &self.exporter
    }

    /// Says why when this side closes; without it the close is normal.
    pub fn set_close_code(&mut self, code: CloseCode) {
        self.writer.set_close_code(code);
    }

    fn fail(&mut self, error: SessionError) -> std::io::Error {
        if self.failure.is_none() {
            self.failure = Some(error);
            let (end, code) = match error {
                SessionError::Truncated => (End::Truncated, CloseCode::Normal),
                SessionError::Record(e) => (End::Refused(e.label()), CloseCode::Protocol),
                SessionError::PeerClosed(code) => (End::PeerClosed(code), CloseCode::Normal),
                SessionError::DelegationExpired => {
                    (End::DelegationExpired, CloseCode::DelegationExpired)
                }
                SessionError::Closed => (self.end, CloseCode::Normal),
            };
            self.end = end;
            self.writer.set_close_code(code);
        }
        error.into()
    }

    /// The failure that keeps the session from going on, also one that just became due.
    fn check(&mut self, cx: &mut Context<'_>) -> std::io::Result<()> {
        if let Some(error) = self.failure {
            return Err(error.into());
        }
        if let Some(sleep) = &mut self.expiry
            && sleep.poll_unpin(cx).is_ready()
        {
            self.expiry = None;
            return Err(self.fail(SessionError::DelegationExpired));
        }
        Ok(())
    }

    fn failed_io(&mut self, error: std::io::Error) -> std::io::Error {
        if self.end == End::Dropped {
            self.end = End::Io;
        }
        error
    }

    /// Tells the observer about keys that were replaced.
    fn note_rekeys(&mut self) {
        let now = (self.writer.ratchets(), self.reader.ratchets());
        for (sending, times) in [
            (true, now.0 - self.rekeys.0),
            (false, now.1 - self.rekeys.1),
        ] {
            for _ in 0..times {
                self.info.count_rekey();
                self.observer.rekeyed(&self.info, sending);
            }
        }
        self.rekeys = now;
    }

    /// The next record in the buffer, judged.
    fn next(&mut self) -> std::io::Result<Next> {
        let next = match self.reader.next() {
            Ok(next) => next,
            Err(e) => return Err(self.fail(e.into())),
        };
        match next {
            Next::Incomplete => {}
            Next::Data(len) => {
                self.info.count_in(len);
                self.confirm();
            }
            Next::Closed(CloseCode::Normal) => {
                self.end = End::Closed;
                self.confirm();
            }
            // # Security: a refusal is not an acceptance.
            Next::Closed(code) => return Err(self.fail(SessionError::PeerClosed(code))),
        }
        self.note_rekeys();
        Ok(next)
    }

    fn confirm(&self) {
        if self.info.confirm() {
            self.observer.confirmed(&self.info);
        }
    }
}

impl<C> fmt::Debug for Session<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("info", &self.info)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

impl<C> Drop for Session<C> {
    fn drop(&mut self) {
        self.observer.ended(&self.info, self.end);
    }
}

#[cfg(test)]
mod tests;
