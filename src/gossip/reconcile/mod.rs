//! Set reconciliation: two peers that were apart find out how their sets differ, at a cost that
//! grows with the difference and not with the sets.
//!
//! | file | what |
//! |---|---|
//! | `key` | short keys and checks of ids under a salt |
//! | `mapping` | to which symbols a key is mapped |
//! | `encoder`, `decoder`, `estimate` | the rateless invertible Bloom lookup table |
//! | `session` | one set against one peer, from the first symbol to the last id |
//! | `engine`, `peers` | whom to reconcile with, and when |
//! | `server` | answers to the sessions of others |
//!
//! # How to use it
//!
//! [`Sets`] gives the ids of a set when they are needed; nothing has to be told when a set changes.
//!
//! - [`Engine`]: feed [`Engine::peer_up`], [`Engine::peer_down`], [`Engine::heard`] (anything that
//!   arrived from a peer), the answers ([`Engine::answer`], [`Engine::failed`]) and [`Engine::tick`]
//!   at [`Engine::next_timeout`]; after each take every [`Engine::poll_action`]. At most one request
//!   is open at a time.
//! - [`Server`]: [`Server::answer`] turns a `GET_SKETCH` into a reply; [`Server::peer_down`] frees
//!   what a peer holds.
//!
//! # What it costs, and what bounds it
//!
//! A set of `n` items costs 56·n bytes while it is encoded (10 000 items: 560 KB) and one pass over
//! the items per request. The engine encodes one set at a time; the server at most
//! [`Limits::sessions`], within a budget of items walked per second. A set has at most 131 072
//! items, a session at most 32 768 symbols, then it goes on with a list of short keys; so it costs
//! at most 8·n bytes for that, as much again for symbols, 0.9 KB to begin with, and 40 bytes per id
//! that is learned.
//!
//! `specs/gossip/reconciliation.md` is the normative text.

mod decoder;
mod encoder;
mod engine;
mod estimate;
mod key;
mod mapping;
mod peers;
mod server;
mod session;

use crate::{ids::Hash32, wire::SketchSet};

pub use decoder::{DecodeError, Decoder, Progress};
pub use encoder::Encoder;
pub use engine::{Action, Config, Engine, RequestId};
pub use server::{Limits, Reply, Server};
pub use session::{GiveUp, Next, Session, Stats, Step};

/// Where the ids of a set come from.
pub trait Sets {
    /// The ids that are in `set` now, in any order, `None` if this node does not keep it. Of more
    /// than 131 072 the rest is not reconciled; a host that may have more chooses which.
    fn ids(&self, set: SketchSet) -> Option<Vec<Hash32>>;
}

#[cfg(test)]
mod convergence;
#[cfg(test)]
mod measure;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
