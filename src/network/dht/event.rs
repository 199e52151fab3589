//! What the table tells the event loop.

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId, kad::QueryId, swarm::ConnectionId};

use crate::{dht::Key, offence::Offence};

/// The number of a record that a peer wants stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InboundId(pub(super) u64);

/// A record that a peer wants stored. It waits for a verdict for ten seconds: verify it off the
/// loop with [`dht::judge`](crate::dht::judge), then call `accept` or `refuse`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// Its number.
    pub id: InboundId,
    /// Who sent it.
    pub peer: PeerId,
    /// On which connection.
    pub connection: ConnectionId,
    /// The key it was sent under.
    pub key: Key,
    /// The object, not looked at yet.
    pub record: Bytes,
}

/// What the table tells the event loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A peer wants a record stored.
    Inbound(Inbound),
    /// As many holders as wanted have a record. The query goes on to the others.
    Stored {
        /// Which query.
        query: QueryId,
        /// How many have it.
        copies: usize,
    },
    /// A record has been sent to the nodes closest to its key.
    Spread {
        /// Which query.
        query: QueryId,
        /// How many took it; fewer than wanted if there was no [`Event::Stored`] before.
        copies: usize,
        /// How many refused it: they hold one that counts more, or have no room.
        refused: usize,
    },
    /// A holder answered with a record that counts more than the one sent, or says so.
    Newer {
        /// Which query.
        query: QueryId,
        /// Who.
        peer: PeerId,
        /// What it holds, not looked at yet.
        record: Bytes,
    },
    /// A holder answered a read.
    Answer {
        /// Which query.
        query: QueryId,
        /// Who; `None` is this node's own store.
        peer: Option<PeerId>,
        /// What it holds, not looked at yet.
        record: Bytes,
    },
    /// A read is over.
    Ended {
        /// Which query.
        query: QueryId,
        /// How many answers there were.
        answers: usize,
        /// Peers close to the key that have no record of it.
        without: Vec<PeerId>,
    },
    /// A walk is over.
    Walked {
        /// Which query.
        query: QueryId,
        /// Whom it met, closest to its goal first, with addresses that others named.
        peers: Vec<(PeerId, Vec<Multiaddr>)>,
    },
    /// A connected peer answers look-ups; the address is known if we dialled it. `add_address` puts
    /// it into the table.
    Routable {
        /// Who.
        peer: PeerId,
        /// Where.
        address: Option<Multiaddr>,
    },
    /// A connection was made for a query and for nothing else. It is closed when it has not been
    /// used for a while, unless it is adopted.
    Borrowed {
        /// With whom.
        peer: PeerId,
        /// Which.
        connection: ConnectionId,
    },
    /// A peer sent what no honest peer sends.
    Offence {
        /// Who.
        peer: PeerId,
        /// On which connection.
        connection: ConnectionId,
        /// What it did.
        offence: Offence,
    },
}
