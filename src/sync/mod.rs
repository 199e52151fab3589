//! Headers-first sync from any number of peers.
//!
//! [`Engine`] decides: whom to ask for what, what to believe, what to write. It is a plain value
//! that takes inputs with the time they happened at and returns actions; it opens no socket, reads
//! no disk and no clock. [`task`] holds the slow work it asks for, as pure functions; [`server`]
//! answers what other nodes ask. `node::sync_task` connects all three with the network and a store.
//!
//! # Three outcomes
//!
//! An answer that does not come is told apart by cause, because only one of them is anybody's fault:
//! **busy** (wait as told), **slow** (ask for less, ask somebody else too, never punish), **lying**
//! (an [`Offence`](crate::offence::Offence), and never asked again). Every run of headers and every
//! range of bodies is verified apart from all others, so that a lie is always the liar's.

mod answers;
mod batch;
mod bodies;
mod config;
mod core;
mod engine;
mod headers;
mod import;
mod io;
mod orphans;
mod pace;
mod peers;
mod requests;
pub mod server;
mod status;
pub mod task;

pub use config::Config;
pub use engine::Engine;
pub use io::{
    Action, Commit, CommitFailure, Input, JobId, LocalId, LocalRefused, RequestFailure, RequestId,
    View,
};
pub use orphans::Orphans;
