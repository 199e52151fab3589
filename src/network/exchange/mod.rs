//! Requests over libp2p's request-response: one request frame per substream, answered by one or
//! more. [`Lane`] says which requests; each lane has a behaviour of its own.
//!
//! The event loop hands a [`wire::Message`] down and gets the folded answer, or hands an [`Answer`]
//! down whose frames are written as the peer takes them: serving a range never holds more than one
//! body in memory. Frames are checked before their payload is read, numbered per connection and
//! direction, and what no honest peer sends comes up as an [`Event::Offence`].
//!
//! Every answer has its own substream, so an answer nobody asked for cannot arrive, and one that
//! comes late, after the request timed out or was cancelled, meets a closed substream.
//!
//! [`wire::Message`]: crate::wire::Message

mod behaviour;
mod codec;
mod event;
mod frames;
mod sequence;
#[cfg(test)]
mod tests;

pub use behaviour::Behaviour;
pub use event::{Event, Failure, Token};
pub use sequence::{Sequence, Traffic};

use std::{fmt, time::Duration};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;

use crate::{
    registry::{MessageId, Protocol},
    wire::Message,
};

/// What an exchange is about: each lane is a protocol of its own, with its own requests, limits and
/// frame numbers, so that one cannot hold up the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Headers and blocks.
    Sync,
    /// Inventory, transactions, shares, samples, set sketches.
    Data,
    /// Node records of others, and goodbyes.
    Peers,
    /// Statements about whom a node trusts.
    Trust,
    /// Signed pings.
    Ping,
}

impl Lane {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Sync, Self::Data, Self::Peers, Self::Trust, Self::Ping];

    /// Its protocol.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Sync => Protocol::SYNC,
            Self::Data => Protocol::DATA,
            Self::Peers => Protocol::PEERS,
            Self::Trust => Protocol::TRUST,
            Self::Ping => Protocol::SIGNED_PING,
        }
    }

    /// Whether `id` may open an exchange here. Every other id the wire speaks may only answer one.
    fn takes(self, id: MessageId) -> bool {
        use MessageId::{
            DaGet, Disconnect, GetBlocks, GetCompact, GetData, GetHeaders, GetPeers, GetSketch,
            GetTx, Inv, Ping, TrustUpdate, TrustedPeersRequest,
        };
        match self {
            Self::Sync => matches!(id, GetHeaders | GetBlocks),
            Self::Data => matches!(id, Inv | GetData | GetTx | GetCompact | DaGet | GetSketch),
            Self::Peers => matches!(id, GetPeers | Disconnect),
            Self::Trust => matches!(id, TrustUpdate | TrustedPeersRequest),
            Self::Ping => id == Ping,
        }
    }
}

/// How much one peer and all peers together may ask at a time, and how long anything may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// From the opening of a substream to its end, whichever side opened it. The engine gives up
    /// on slow peers long before; this bounds what a forgotten substream holds. A full answer of
    /// 4 MiB fits at 70 kB/s.
    pub timeout: Duration,
    /// How long a peer may take to send its request frame.
    pub read_timeout: Duration,
    /// How long a peer may take to accept 64 KiB of a frame. A peer that gave up on its request
    /// looks like this: its muxer cannot tell us, the window just never opens again.
    pub stall_timeout: Duration,
    /// Substreams of one connection, both directions together. A substream over the limit is
    /// dropped. Those of all lanes and what other protocols need stay below the muxer's limit.
    pub max_streams: usize,
    /// Requests of one peer that wait for or receive an answer; above it the answer is `BUSY`.
    pub max_inbound_per_peer: usize,
    /// The same of all peers together. Each can hold one body, 4 MB at worst.
    pub max_inbound: usize,
    /// What `BUSY` says then.
    pub retry_after: Duration,
}

impl Config {
    /// For the lanes beside the chain, where a request is rare and an answer short: few places,
    /// little time. The largest answer, 256 KiB of node records, fits at 13 kB/s; what all peers
    /// together can make a node hold on a lane is 32 of them, 8 MiB.
    ///
    /// Two places a peer are one for its request and one for a goodbye that overtakes it.
    #[must_use]
    pub fn small() -> Self {
        Self {
            timeout: Duration::from_secs(20),
            read_timeout: Duration::from_secs(5),
            stall_timeout: Duration::from_secs(5),
            max_streams: 4,
            max_inbound_per_peer: 2,
            max_inbound: 32,
            retry_after: Duration::from_secs(1),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            read_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(10),
            max_streams: 32,
            max_inbound_per_peer: 16,
            max_inbound: 128,
            retry_after: Duration::from_millis(500),
        }
    }
}

/// The number its maker gave a request, unique among its requests in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a request is answered with.
pub enum Answer {
    /// One frame.
    One(Message),
    /// Frames made while the peer takes them: the next one is asked for when the one before is
    /// written. The stream must not block, and ends the answer when it ends.
    Stream(BoxStream<'static, Message>),
}

impl Answer {
    /// Frames that another task puts into a bounded channel. Ends when the sender is dropped; if
    /// the peer goes away first, sending fails.
    #[must_use]
    pub fn channel(frames: mpsc::Receiver<Message>) -> Self {
        let next = |mut frames: mpsc::Receiver<Message>| async move {
            let message = frames.recv().await?;
            Some((message, frames))
        };
        Self::Stream(stream::unfold(frames, next).boxed())
    }
}

impl From<Message> for Answer {
    fn from(message: Message) -> Self {
        Self::One(message)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(message) => f.debug_tuple("One").field(&message.id()).finish(),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}
