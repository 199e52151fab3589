//! The one integration-test binary.

#![allow(clippy::unwrap_used)]

// Named by `fuzz/bodies/identify`, which reads a file of the library as if it were in it.
use animica_p2p::{cbor, ids, offence, registry};

mod bad_peers;
#[cfg(feature = "cli")]
mod cli;
mod floods;
mod fuzz;
mod gossip;
mod identity;
mod layering;
mod limits;
mod messages;
mod network;
mod nodes;
mod storage;
mod support;
mod sync;
