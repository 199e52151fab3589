//! The address book: who may be dialled, who told us, and how dialling them went.
//!
//! [`Book`] is a value without sockets, disk or clock. Whatever anybody says about peers goes in
//! through [`Book::learn`] and [`Book::insert_record`]; [`Book::pick`] says whom to dial next; the
//! caller reports how that went. Rows to keep come out of [`Book::take_changes`] and go back in
//! through [`Book::load`]. It bans nobody and opens no connection.
//!
//! A peer we never reached lies in the *new* table, one we did in the *tried* table. Both are cut
//! into buckets by secret hashes of address groups and of the groups of those who told us, after
//! Bitcoin's `addrman`: whoever has few groups reaches few buckets. `specs/discovery.md` computes
//! what an attacker can take.

mod address;
mod candidates;
mod check;
mod dialled;
mod engine;
mod entry;
mod keep;
mod operator;
mod origin;
mod records;
mod row;
mod tables;
#[cfg(test)]
mod tests;
mod view;

pub use address::Retry;
pub use candidates::Candidate;
pub use check::{AddressRefusal, Scope};
pub use engine::{Book, BookConfig, Learnt, MAX_PEERS};
pub use entry::{Flags, MAX_ADDRESSES_PER_PEER};
pub use keep::{LoadReport, MAX_ANCHORS};
pub use operator::{AddError, MAX_PINNED};
pub use origin::{Origin, Source};
pub use records::{MAX_RECORD_STORE, RecordRefusal};
pub use tables::{
    NEW_BUCKETS, NEW_BUCKETS_PER_SOURCE, NEW_SLOTS, TRIED_BUCKETS, TRIED_BUCKETS_PER_GROUP,
    TRIED_SLOTS,
};
pub use view::{AddressView, PeerView, Place, RecordView};

/// Milliseconds of a minute, an hour and a day.
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
