//! Whom we know and whom we keep: the address book, the plan of connections, seeds, exchange of
//! node records, evidence of our own reachability.
//!
//! Everything here is a value that takes the time as an argument and returns what to do; rows that
//! must outlive the node go through [`PeerStore`].

pub mod book;
mod group;
mod store;

pub use group::{Group, ip_of, is_public};
pub use store::{Change, MemoryPeers, PeerStore, PeerStoreError, Row, Table};
