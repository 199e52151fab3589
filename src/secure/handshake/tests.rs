//! The engine against recorded handshakes, tampering and everything it must refuse.

mod flips;
mod garbage;
mod refusals;
mod refused_auth;
mod refused_delegation;
mod replay;
mod spec;
mod vectors;
#[cfg(feature = "round3")]
mod write;
