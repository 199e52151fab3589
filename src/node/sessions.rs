//! Live sessions of the secure channel, as the node and its metrics see them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use libp2p::PeerId;

use crate::{
    report::Direction,
    secure::{End, HandshakeReport, Observer, SessionInfo, Summary},
    telemetry::{Dir, HandshakeSample, Role, Telemetry},
};

/// Watches every handshake and keeps the sessions that are open. Bounded by the connection limits.
pub(crate) struct Sessions {
    telemetry: Arc<Telemetry>,
    live: Mutex<HashMap<u64, Live>>,
}

struct Live {
    info: Arc<SessionInfo>,
    counted_in: u64,
    counted_out: u64,
}

impl Sessions {
    pub(crate) fn new(telemetry: Arc<Telemetry>) -> Self {
        Self {
            telemetry,
            live: Mutex::default(),
        }
    }

    /// The newest session with `peer` that was dialled by the side `direction` says.
    pub(crate) fn of(&self, peer: &PeerId, direction: Direction) -> Option<Summary> {
        self.live()
            .values()
            .map(|live| live.info.summary())
            .filter(|s| s.peer == *peer && s.direction == direction)
            .max_by_key(|s| s.id)
    }

    /// Adds what the sessions carried since the last call to the byte counters.
    pub(crate) fn count_bytes(&self) {
        for live in self.live().values_mut() {
            live.count(&self.telemetry);
        }
    }

    fn live(&self) -> MutexGuard<'_, HashMap<u64, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn count(&mut self, telemetry: &Telemetry) {
        let Summary {
            bytes_in,
            bytes_out,
            ..
        } = self.info.summary();
        telemetry.bytes(Dir::In, bytes_in.saturating_sub(self.counted_in));
        telemetry.bytes(Dir::Out, bytes_out.saturating_sub(self.counted_out));
        (self.counted_in, self.counted_out) = (bytes_in, bytes_out);
    }
}

impl Observer for Sessions {
    fn handshake(&self, report: &HandshakeReport<'_>) {
        self.telemetry.handshake(&HandshakeSample {
            role: match report.direction {
                Direction::Inbound => Role::Responder,
                Direction::Outbound => Role::Initiator,
            },
            result: report.label(),
            kem: report.kem,
            signature: report.signature,
            aead: report.aead,
            took: report.took,
            bytes_in: report.bytes_in,
            bytes_out: report.bytes_out,
        });
    }

    fn opened(&self, session: &Arc<SessionInfo>) {
        let live = Live {
            info: Arc::clone(session),
            counted_in: 0,
            counted_out: 0,
        };
        self.live().insert(session.summary().id, live);
    }

    fn rekeyed(&self, _: &SessionInfo, sending: bool) {
        self.telemetry
            .rekeyed(if sending { Dir::Out } else { Dir::In });
    }

    fn ended(&self, session: &SessionInfo, end: End) {
        if let Some(mut live) = self.live().remove(&session.summary().id) {
            live.count(&self.telemetry);
        }
        if let End::Truncated | End::Refused(_) = end {
            self.telemetry.rejected(end.label());
        }
    }
}
