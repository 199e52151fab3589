//! What tasks may ask of the event loop: the whole vocabulary.

use libp2p::PeerId;

use crate::{
    event::NodeEvent,
    network::{
        exchange::{Answer, RequestId, Token},
        identify::Head,
    },
    offence::Offence,
    wire::Message,
};

/// Something only the event loop can do, because only it touches the swarm.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Ask a peer.
    Request {
        peer: PeerId,
        id: RequestId,
        message: Message,
    },
    /// Give up on a request.
    Cancel { id: RequestId },
    /// Answer a peer.
    Respond { to: Token, answer: Answer },
    /// Tell peers about a new head.
    Announce(Head),
    /// A peer did something wrong.
    Penalise {
        peer: PeerId,
        offence: Offence,
        detail: String,
    },
    /// Tell whoever watches.
    Emit(NodeEvent),
}
