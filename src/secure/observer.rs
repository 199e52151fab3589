//! What happens in the channel, for metrics, `peer list` and whoever waits for a dial to count.

use std::{sync::Arc, time::Duration};

use libp2p::PeerId;

use super::{CloseCode, HandshakeError, SessionInfo};
use crate::report::Direction;

/// Sees every handshake and session. Calls come from the task that owns the connection: they must
/// not block.
pub trait Observer: Send + Sync + 'static {
    /// A handshake ended, or was refused before it began.
    fn handshake(&self, report: &HandshakeReport<'_>) {
        let _ = report;
    }

    /// A session exists. The observer may keep it to read its counters later.
    fn opened(&self, session: &Arc<SessionInfo>) {
        let _ = session;
    }

    /// The peer of an outbound session has accepted us: its first record opened. Only now does
    /// the dial count. (Inbound sessions are confirmed when they open.)
    fn confirmed(&self, session: &SessionInfo) {
        let _ = session;
    }

    /// A direction of a session has replaced its key.
    fn rekeyed(&self, session: &SessionInfo, sending: bool) {
        let _ = (session, sending);
    }

    /// A session is gone.
    fn ended(&self, session: &SessionInfo, end: End) {
        let _ = (session, end);
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {}

/// How a handshake went.
#[derive(Debug)]
pub struct HandshakeReport<'a> {
    /// Inbound: we were the responder.
    pub direction: Direction,
    /// The peer, once it has proved who it is.
    pub peer: Option<PeerId>,
    /// Why there is no session.
    pub result: Result<(), &'a HandshakeError>,
    /// Both halves of the key exchange, `x25519+ml-kem-768`.
    pub kem: &'static str,
    /// The peer's identity signature, both halves; `none` where it was not reached.
    pub signature: &'static str,
    /// Cipher of the records; `none` where it was not reached.
    pub aead: &'static str,
    /// From the call that started it.
    pub took: Duration,
    /// Bytes received for it.
    pub bytes_in: u64,
    /// Bytes sent for it.
    pub bytes_out: u64,
}

impl HandshakeReport<'_> {
    /// `Ok`, or the label of the refusal.
    ///
    /// # Errors
    /// The label.
    pub fn label(&self) -> Result<(), &'static str> {
        self.result.map_err(HandshakeError::label)
    }
}

/// A session at one moment.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Unique in this process.
    pub id: u64,
    /// Who it is with.
    pub peer: PeerId,
    /// Who dialled.
    pub direction: Direction,
    /// Both halves of the key exchange, `x25519+ml-kem-768`.
    pub kem: &'static str,
    /// The peer's identity signature, both halves, `ml-dsa-65+ed25519`.
    pub signature: &'static str,
    /// What signed the handshake: equals `signature` unless a delegated key did.
    pub signer: &'static str,
    /// Cipher of the records.
    pub aead: &'static str,
    /// Whether a delegated key signed.
    pub delegated: bool,
    /// Whether the peer is known to have accepted us.
    pub confirmed: bool,
    /// How long the handshake took.
    pub handshake_time: Duration,
    /// Bytes of the handshake, received and sent.
    pub handshake_bytes: (u64, u64),
    /// Content received in records.
    pub bytes_in: u64,
    /// Content sent in records.
    pub bytes_out: u64,
    /// Keys replaced, both directions together.
    pub rekeys: u64,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both directions, or ours before the peer's, closed as they should.
    Closed,
    /// The peer closed with a code that is not normal.
    PeerClosed(CloseCode),
    /// The peer's stream ended without a close record. Anybody on the path can cause that with a
    /// reset, so it counts in a metric and never against the peer.
    Truncated,
    /// The stream failed.
    Io,
    /// A record was refused; the label says why.
    Refused(&'static str),
    /// The delegation it stood on ended.
    DelegationExpired,
    /// This side dropped it without closing.
    Dropped,
}

impl End {
    /// The metric label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::PeerClosed(code) => code.label(),
            Self::Truncated => "truncated",
            Self::Io => "io",
            Self::Refused(label) => label,
            Self::DelegationExpired => "delegation_expired",
            Self::Dropped => "dropped",
        }
    }
}
