//! Tells the observer and the log how an attempt ended, whatever ended it.

use std::time::{Duration, Instant};

use tracing::debug;

use crate::{
    report::Direction,
    secure::{
        Config, HandshakeError, HandshakeReport, SessionInfo, config::kem, handshake::Established,
        names,
    },
};

/// One handshake. If it is dropped before it ended, it was cancelled.
pub(super) struct Attempt<'c> {
    config: &'c Config,
    direction: Direction,
    started: Instant,
    ended: bool,
}

impl<'c> Attempt<'c> {
    pub(super) fn new(config: &'c Config, direction: Direction) -> Self {
        Self {
            config,
            direction,
            started: config.clock.now().mono,
            ended: false,
        }
    }

    pub(super) fn succeeded(
        &mut self,
        established: &Established,
        bytes: (u64, u64),
    ) -> SessionInfo {
        self.ended = true;
        let took = self.took();
        let info = SessionInfo::new(established, self.direction, took, bytes);
        let summary = info.summary();
        self.config.observer.handshake(&HandshakeReport {
            direction: self.direction,
            peer: Some(summary.peer),
            result: Ok(()),
            kem: summary.kem,
            signature: summary.signature,
            aead: summary.aead,
            took,
            bytes_in: bytes.0,
            bytes_out: bytes.1,
        });
        debug!(
            peer = %summary.peer, direction = ?self.direction, kem = summary.kem,
            signature = summary.signature, aead = summary.aead, delegated = summary.delegated,
            duration_us = took.as_micros(), "handshake done"
        );
        info
    }

    pub(super) fn failed(&mut self, error: &HandshakeError, bytes: (u64, u64)) {
        self.ended = true;
        let took = self.took();
        self.config.observer.handshake(&HandshakeReport {
            direction: self.direction,
            peer: None,
            result: Err(error),
            kem: kem(&self.config.policy).map_or(names::NONE, |kem| kem.hybrid_name()),
            signature: names::NONE,
            aead: names::NONE,
            took,
            bytes_in: bytes.0,
            bytes_out: bytes.1,
        });
        debug!(
            direction = ?self.direction, reason = error.label(), error = %error,
            duration_us = took.as_micros(), "handshake refused"
        );
    }

    /// An attempt that was refused before it began.
    pub(super) fn refused(mut self, error: &HandshakeError) {
        self.failed(error, (0, 0));
    }

    fn took(&self) -> Duration {
        let now = self.config.clock.now().mono;
        now.saturating_duration_since(self.started)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.failed(&HandshakeError::Cancelled, (0, 0));
        }
    }
}
