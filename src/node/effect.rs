//! What tasks may ask of the event loop: the whole vocabulary.

use bytes::Bytes;
use libp2p::PeerId;

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
    registry::Topic,
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
    /// Tell whoever watches.
    Emit(NodeEvent),
}
