//! Records of the distributed hash table: who signed what for how long, and how much one author or
//! one place may store here.
//!
//! [`Record`] is the document, [`judge`] reads and verifies one that a peer sent, [`Store`] keeps
//! those this node holds, [`Read`] picks the best of what several holders answer. Nothing here
//! knows a socket, a clock or a disk; `network::dht` carries records between nodes.
//! `specs/dht.md` has the bytes and the figures.

mod key;
mod read;
mod record;
mod store;

pub use key::{Key, MAX_NAME};
pub use read::{DEFAULT_QUORUM, Heard, Read};
pub use record::{Body, Record, RecordError, SignRecordError, Verified, judge};
pub use store::{
    HELD_REPUBLISH, Limits, MAX_SPENT, OWN_REPUBLISH, Place, Refused, RowError, Source, Stats,
    Store, Stored,
};
