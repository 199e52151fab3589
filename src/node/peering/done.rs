//! What the clerk and the sources bring back.

use bytes::Bytes;
use libp2p::PeerId;
use tokio::sync::oneshot;

use super::{DhtError, PeeringError, keep::Then};
use crate::{
    dht::{RecordError, Verified},
    identity::{NodeRecord, RecordError as NodeRecordError, SignRecordError},
    network::{dht::InboundId, exchange::Token},
    peers::{
        Change, PeerStoreError, Recommendation,
        signed_ping::{Asked, PingError},
    },
    report::SignedPingReport,
};

/// A piece of work that is done.
pub(super) enum Done {
    /// A commit.
    Committed(Committed),
    /// Our own node record, not shown to anybody before its number is durable.
    OwnRecord(Result<(NodeRecord, Change), SignRecordError>),
    /// Records of an answer to `GET_PEERS`: what verified, and the first that did not.
    Records {
        from: PeerId,
        good: Vec<NodeRecord>,
        bad: Vec<NodeRecordError>,
    },
    /// A `PONG`, or why there is none.
    Pong {
        to: Token,
        peer: PeerId,
        pong: Result<Bytes, PingError>,
    },
    /// A `PING` of our own is signed.
    PingSigned {
        peer: PeerId,
        ping: Result<(Asked, Bytes), PingError>,
        reply: oneshot::Sender<Result<SignedPingReport, PeeringError>>,
    },
    /// A `PONG` for it was checked.
    PongChecked {
        peer: PeerId,
        report: Result<SignedPingReport, PingError>,
        reply: oneshot::Sender<Result<SignedPingReport, PeeringError>>,
    },
    /// A statement of trust of our own is signed.
    Statement {
        envelope: Result<Bytes, String>,
        named: usize,
        then: StatementFor,
    },
    /// A statement of somebody else was checked.
    Heard(Heard),
    /// A record of the hash table that a peer wants stored was checked.
    DhtInbound {
        peer: PeerId,
        id: InboundId,
        verdict: Result<Verified, RecordError>,
    },
    /// An answer to a read was checked.
    DhtAnswer {
        read: u64,
        from: Option<PeerId>,
        verdict: Result<Verified, RecordError>,
    },
    /// A record of our own is signed.
    DhtSigned {
        write: u64,
        record: Result<Verified, DhtError>,
    },
}

/// A commit that ended.
pub(super) struct Committed {
    /// What is not durable.
    pub(super) changes: Vec<Change>,
    /// Who waited for it.
    pub(super) then: Vec<Then>,
    pub(super) result: Result<(), PeerStoreError>,
}

/// Where a statement goes.
pub(super) enum StatementFor {
    /// The answer to a peer's request.
    Request(Token),
    /// A peer.
    Peer(PeerId, oneshot::Sender<Result<usize, PeeringError>>),
}

/// A statement of somebody else.
pub(super) struct Heard {
    /// Who sent it.
    pub(super) from: PeerId,
    /// Who said it, and what.
    pub(super) said: Result<Said, (Option<crate::offence::Offence>, String)>,
    /// Who asked for it.
    pub(super) reply: Option<oneshot::Sender<Result<usize, PeeringError>>>,
}

/// What a statement says.
pub(super) struct Said {
    pub(super) by: PeerId,
    pub(super) at_ms: u64,
    pub(super) words: Vec<Recommendation>,
}
