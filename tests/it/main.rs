//! The one integration-test binary.

#![allow(clippy::unwrap_used)]

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
mod parting;
mod peers;
mod storage;
mod support;
mod sync;
