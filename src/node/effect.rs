//! What tasks may ask of the event loop: the whole vocabulary.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId, swarm::dial_opts::DialOpts};
use tokio::sync::oneshot;

use super::peering::{PeeringError, TableCall};

use crate::{
    event::NodeEvent,
    gossip::Verdict,
    ids::Hash32,
    network::{
        exchange::{Answer, Lane, RequestId, Token},
        identify::Head,
        pubsub::MessageId,
    },
    offence::Offence,
    peers::ban::{Sentence, Subject},
    registry::Topic,
    report::{BanReport, ExplainReport, UnbanReport},
    trust::Score,
    wire::Message,
};

/// Something only the event loop can do, because only it touches the swarm.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Ask a peer.
    Request {
        lane: Lane,
        peer: PeerId,
        id: RequestId,
        message: Message,
    },
    /// Give up on a request.
    Cancel { lane: Lane, id: RequestId },
    /// Answer a peer.
    Respond {
        lane: Lane,
        to: Token,
        answer: Answer,
    },
    /// Tell peers about a new head.
    Announce(Head),
    /// Take up the head that a peer claims.
    Follow { peer: PeerId, head: Head },
    /// Pass a gossip message on, or not.
    Judge {
        id: MessageId,
        from: PeerId,
        verdict: Verdict,
    },
    /// Keep these peers in the meshes rather than others.
    Favour { peers: Vec<PeerId> },
    /// Publish a message of our own.
    Publish { topic: Topic, payload: Bytes },
    /// Ask a peer for identity keys.
    FetchKeys { peer: PeerId, digests: Vec<Hash32> },
    /// A peer did something wrong.
    Penalise {
        peer: PeerId,
        offence: Offence,
        detail: String,
    },
    /// Dial.
    Dial(DialOpts),
    /// Close every connection to a peer.
    Disconnect { peer: PeerId },
    /// Close them, and let none come to be for a while.
    CoolDown { peer: PeerId, lasts: Duration },
    /// End a cool-down, and what counts against a peer.
    Forgive { peer: PeerId, ips: Vec<IpAddr> },
    /// Where this node is: what peers are told, and what enough of them have confirmed.
    Addresses {
        told: Vec<Multiaddr>,
        confirmed: Vec<Multiaddr>,
    },
    /// How far peers are trusted by now: whom to ask first.
    Trust(Vec<(PeerId, Score)>),
    /// How peers do in the meshes.
    MeshScores(Vec<(PeerId, f64)>),
    /// The hash table.
    Table(TableCall),
    /// A peer is never banned or evicted, or is like others again.
    Reserved {
        peer: PeerId,
        /// Where it listens: its place is not banned for what its neighbours do.
        ips: Vec<IpAddr>,
        on: bool,
    },
    /// Ban somebody by the operator's word.
    Ban {
        sentence: Sentence,
        reply: oneshot::Sender<Result<BanReport, PeeringError>>,
    },
    /// Lift bans: of a peer those of its addresses, too.
    Lift {
        subject: Subject,
        ips: Vec<IpAddr>,
        report: Box<UnbanReport>,
        reply: oneshot::Sender<UnbanReport>,
    },
    /// Add what only the loop knows of a peer, and answer.
    Explain {
        peer: PeerId,
        ips: Vec<IpAddr>,
        report: Box<ExplainReport>,
        reply: oneshot::Sender<ExplainReport>,
    },
    /// Tell whoever watches.
    Emit(NodeEvent),
}
