//! Whom we know and whom we keep: the address book, the plan of connections, seeds, exchange of
//! node records, evidence of our own reachability.
//!
//! Everything here is a value that takes the time as an argument and returns what to do; rows that
//! must outlive the node go through [`PeerStore`].

pub mod ban;
pub mod book;
pub mod conduct;
pub mod exchange;
mod fault;
mod goodbye;
mod group;
pub mod reach;
mod rows;
pub mod seeds;
pub mod signed_ping;
pub mod slots;
mod statement;
mod store;

pub use fault::fault_of_record;
pub use goodbye::Goodbye;
pub use group::{Group, ip_of, is_public};
pub use statement::{Recommendation, STATEMENT_TTL_MS, Score, Statement, StatementError};
pub use store::{Change, MemoryPeers, PeerStore, PeerStoreError, Row, Table};
