//! Who a peer is: versions, network, addresses, protocols and head, said once when a connection
//! opens and again whenever it changes.
//!
//! Both sides open one substream of `/animica/{chain}/identify/1` each time they have something to
//! say, write one length-prefixed message and close it; nobody answers. The handshake has already
//! proved the peer id, so no key travels. `specs/network.md` has the layout.
//!
//! The swarm learns from it what libp2p's own identify would tell: the protocols the peer speaks,
//! the addresses it can be dialled at and the address it sees us at. The message is the peer's
//! word: heads are claims until headers prove them, addresses are candidates until they answer.

mod behaviour;
mod candidates;
mod handler;
mod message;
#[cfg(test)]
mod tests;

pub use behaviour::Behaviour;
pub use message::Info;

use std::time::Duration;

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};

use crate::{
    ids::{ChainId, Hash32, Height, Work},
    offence::Offence,
    registry,
};

/// The protocol version that this build announces.
pub const PROTOCOL_VERSION: &str = "animica/1";

/// Shortest time between two pushes to all peers. A node that syncs imports thousands of blocks a
/// second and must not open a substream for each; a follower hears of a block this much later at
/// worst.
pub const PUSH_INTERVAL: Duration = Duration::from_millis(200);

/// Shortest time between two messages read from one connection. Below [`PUSH_INTERVAL`], so that
/// an honest peer never waits; a flood costs one bounded message per interval, newest first.
pub const READ_INTERVAL: Duration = Duration::from_millis(50);

/// How long one message may take, opening of the substream apart.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Most external-address candidates taken from one connection: the first word of the peer and a
/// few changes. More would let a peer fill the candidate lists of others.
pub const MAX_CANDIDATES: u8 = 4;

/// What this node says about itself, and how often.
#[derive(Clone, Debug)]
pub struct Config {
    /// The chain, which the protocol name carries too.
    pub chain_id: ChainId,
    /// Hash of the genesis header.
    pub genesis: Hash32,
    /// Primary policy root of the channel.
    pub policy_root: Hash32,
    /// What software this is.
    pub agent: String,
    /// See [`PUSH_INTERVAL`].
    pub push_interval: Duration,
    /// See [`TIMEOUT`].
    pub timeout: Duration,
}

impl Config {
    /// The defaults on this network.
    #[must_use]
    pub fn new(chain_id: ChainId, genesis: Hash32, policy_root: Hash32) -> Self {
        Self {
            chain_id,
            genesis,
            policy_root,
            agent: registry::AGENT_VERSION.to_owned(),
            push_interval: PUSH_INTERVAL,
            timeout: TIMEOUT,
        }
    }
}

/// The end of a chain: what a node has (ours) or claims to have (a peer's).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Distance from genesis.
    pub height: Height,
    /// Header hash.
    pub hash: Hash32,
    /// Accumulated work of the branch.
    pub work: Work,
}

/// What identify tells the event loop.
#[derive(Debug)]
pub enum Event {
    /// A peer said who it is, for the first time on this connection or again.
    Received {
        /// The peer.
        peer: PeerId,
        /// The connection it said so on.
        connection: ConnectionId,
        /// Whether this is the first message of the connection, which also shows that the peer
        /// accepted us.
        first: bool,
        /// Where we may be reached, going by where the peer sees us; empty unless that is new.
        seen_at: Vec<Multiaddr>,
        /// What it said.
        info: Box<Info>,
    },
    /// A peer said something no honest peer says.
    Refused {
        /// The peer.
        peer: PeerId,
        /// The connection it said so on.
        connection: ConnectionId,
        /// What was wrong.
        offence: Offence,
        /// For the log.
        detail: String,
    },
    /// The exchange failed without anybody being at fault: timeout, reset, unknown protocol.
    Failed {
        /// The peer.
        peer: PeerId,
        /// The connection.
        connection: ConnectionId,
        /// For the log.
        detail: String,
    },
}
