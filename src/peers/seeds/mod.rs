//! First addresses from outside: signed lists and DNS answers, as values.
//!
//! [`verify`] reads a list that somebody published, [`sign`] makes one, [`read_txt`] reads what a
//! DNS name says, [`order`] draws whom to dial first, [`Schedule`] says when to ask again. Fetching
//! is `network::seeds`; nothing here opens a socket, a file or a clock. See
//! `specs/discovery/seeds.md`.

mod address;
mod base64;
mod collect;
mod config;
mod date;
mod diversity;
mod dns;
mod error;
mod form;
mod json;
mod kept;
mod keys;
mod list;
mod order;
mod schedule;
mod sign;
mod signature;
mod source;

use libp2p::{Multiaddr, PeerId};

pub use self::{
    config::{Config, Problem},
    dns::{Answer, MAX_ADDRESSES, MAX_RECORDS, MAX_TXT_BYTES, of_addresses, read_txt},
    error::ListError,
    kept::{Kept, keep, kept},
    keys::{KeyError, Keys, MAX_KEYS, SeedKey, key_id, public_text, read_secret, secret_text},
    list::{List, MAX_LIFE_MS, MAX_LIST_BYTES, Rules, verify},
    order::order,
    schedule::Schedule,
    sign::{Signed, sign},
    signature::MAX_SIGNATURE_BYTES,
    source::{Source, SourceError},
};

/// Most entries of a list. More first contacts than anybody dials; 1024 full entries of 250 bytes
/// fill [`MAX_LIST_BYTES`].
pub const MAX_ENTRIES: usize = 1024;

/// Most addresses of an entry: two transports on two families, twice.
pub const MAX_ENTRY_ADDRESSES: usize = 8;

/// Most features of an entry.
pub const MAX_FEATURES: usize = 16;

/// Longest feature, in bytes.
pub const MAX_FEATURE_BYTES: usize = 32;

/// Weight of an entry that names none.
pub const DEFAULT_WEIGHT: u32 = 10;

/// Largest weight of an entry; the smallest is 1.
pub const MAX_WEIGHT: u32 = 100;

/// Somebody to dial first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedEntry {
    /// Who; `None` where the source knows an address only.
    pub peer: Option<PeerId>,
    /// Where, without `/p2p`: at least one, at most [`MAX_ENTRY_ADDRESSES`].
    pub addresses: Vec<Multiaddr>,
    /// What it says it can do, printable ASCII.
    pub features: Vec<String>,
    /// Number of the network (autonomous system) it is in, as the publisher has it.
    pub asn: Option<u32>,
    /// How often it is drawn early, against the others: 1 to [`MAX_WEIGHT`].
    pub weight: u32,
}

#[cfg(test)]
mod tests;
