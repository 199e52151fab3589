//! Direct messages of applications over libp2p: acknowledged, in order per peer, batched, and
//! streamed above 1 MiB.
//!
//! [`Behaviour`] belongs to the swarm; everything else goes through its [`Sender`], which clones
//! and works from any task: it sends, and registers who receives. The substreams are driven inside
//! their connection, so nothing outlives it, and nothing passes through the event loop.
//!
//! # What "acknowledged" means
//! The bounded queue of the receiving application has the message. Messages of up to 1 MiB to one
//! peer arrive in the order in which they were queued, also across kinds; longer ones travel beside
//! them. A receiver that is not read stops reading its peers: their windows fill, their queues
//! fill, and their callers wait or are refused. Nothing is dropped on the way.
//!
//! A connection that closes fails what is not acknowledged with [`SendError::Disconnected`]; the
//! peer may or may not have it. Nothing is sent twice.

mod behaviour;
mod handler;
mod inbound;
mod lane;
mod receiver;
mod sender;
mod shared;
#[cfg(test)]
mod tests;
mod upload;

use std::time::Duration;

use libp2p::{PeerId, swarm::ConnectionId};

pub use self::{
    behaviour::Behaviour,
    handler::Handler,
    receiver::{Body, Chunks, Inbound, Interrupted, Messages, RegisterError},
    sender::{Delivery, Receipt, SendError, Sender},
    shared::Stats,
};
pub use crate::gossip::direct::{Rates, Refusal};
use crate::{offence::Offence, registry::MAX_DIRECT_WINDOW};

/// How much waits where, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Messages to one connection that may wait to be written.
    pub queue: usize,
    /// Bytes to one connection that may wait to be written or acknowledged, 1 MiB at least. As
    /// many as are on the way at 1 Gbit/s and 130 ms.
    pub queue_bytes: usize,
    /// Messages on the way without a receipt.
    pub window: usize,
    /// How long [`Sender::send`] waits for room and receipt together.
    pub deadline: Duration,
    /// How long a streamed message may make no progress.
    pub stall: Duration,
    /// Longest streamed message that is taken.
    pub max_stream: u64,
    /// Streams of one connection and direction at a time.
    pub streams: usize,
    /// Inbound streams of all connections at a time: each holds a quarter of a MiB.
    pub streams_total: usize,
    /// Bytes of one kind that may wait for its handler, 1 MiB at least; its queue bounds their
    /// number.
    pub unread_bytes: usize,
    /// How fast one peer may send.
    pub rates: Rates,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue: 1024,
            queue_bytes: 16 * 1024 * 1024,
            window: MAX_DIRECT_WINDOW,
            deadline: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            max_stream: 256 * 1024 * 1024,
            streams: 4,
            streams_total: 64,
            unread_bytes: 16 * 1024 * 1024,
            rates: Rates::default(),
        }
    }
}

/// What the event loop hears.
#[derive(Debug)]
pub enum Event {
    /// A peer sent what no honest peer sends.
    Offence {
        /// Who.
        peer: PeerId,
        /// On which connection.
        connection: ConnectionId,
        /// What.
        offence: Offence,
        /// What exactly.
        detail: String,
    },
}
