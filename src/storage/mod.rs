//! The durable store: redb for records, append-only segments for bodies.
//!
//! [`DataDir`] locks a data directory, [`Store`] opens what is in it: [`RedbStore`] for headers and
//! blocks, [`State`] for small documents, [`RedbPeers`] for what is known about peers. A commit that returned is on disk; killed at any moment,
//! the store comes back with every commit that returned and nothing half-done. A full disk stops
//! writes and nothing else, and heals without a restart. It verifies no block and compares no work.
//! `specs/storage.md` gives every byte.

mod appender;
mod blobs;
mod bodies;
mod chains;
mod commit;
mod database;
mod directory;
mod disk;
mod fault;
mod known;
mod lengths;
mod lookup;
mod peers;
mod recent;
mod redb_store;
mod schema;
mod segment;
mod state;
mod stats;
mod store;
mod tables;
#[cfg(test)]
mod tests;

pub use blobs::DiskBlobs;
pub use directory::DataDir;
pub use fault::OpenError;
pub use peers::RedbPeers;
pub use redb_store::RedbStore;
pub use state::State;
pub use stats::StoreStats;
pub use store::{Options, Store};
