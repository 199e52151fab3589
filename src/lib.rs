//! A post-quantum peer-to-peer node and library on rust-libp2p.
//!
//! Modules are ranked; each imports lower ranks only (`tests/it/layering.rs` holds them to it).
//!
//! | rank | rooms |
//! |---|---|
//! | 0 | [`cbor`], [`ids`], [`offence`], [`clock`] |
//! | 1 | [`registry`], [`report`], [`bloom`], [`bucket`] |
//! | 2 | [`crypto`], [`event`] |
//! | 3 | [`identity`], [`chain`] |
//! | 4 | [`secure`], [`envelope`], [`pool`], [`trust`] |
//! | 5 | [`peers`], [`dht`], [`wire`] |
//! | 6 | [`sync`], [`gossip`] |
//! | 7 | [`storage`], [`transport`], [`network`] |
//! | 8 | [`telemetry`] |
//! | 9 | [`node`] |
//! | 10 | [`api`] |
//! | 11 | `cli` |
//!
//! A frame is decoded in [`wire`], a header or block is verified in [`chain`], a peer is banned in
//! [`network::gate`]. Whom to dial and keep is decided in [`peers::slots`], from what [`peers::book`]
//! remembers and [`trust`] thinks; the value of a record of the hash table is judged in [`dht`].

#![cfg_attr(not(test), deny(clippy::unwrap_used))]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api;
pub mod bloom;
pub mod bucket;
pub mod cbor;
pub mod chain;
#[cfg(feature = "cli")]
#[allow(missing_docs)]
pub mod cli;
pub mod clock;
pub mod crypto;
pub mod dht;
pub mod envelope;
pub mod event;
pub mod gossip;
pub mod identity;
pub mod ids;
pub mod network;
pub mod node;
pub mod offence;
pub mod peers;
pub mod pool;
pub mod registry;
pub mod report;
pub mod secure;
pub mod storage;
pub mod sync;
pub mod telemetry;
pub mod transport;
pub mod trust;
pub mod wire;

pub use libp2p::{Multiaddr, PeerId};
