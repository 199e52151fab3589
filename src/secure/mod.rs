//! The post-quantum channel: handshake, records and the libp2p upgrade around them.
//!
//! It replaces libp2p Noise on every stream transport. A hybrid of X25519 and a KEM gives
//! confidentiality, both peers sign the transcript with their composite identity, and chain id,
//! genesis, algorithm policy and protocol name are part of that transcript. `specs/handshake.md`
//! has the bytes, `tests/vectors/handshake.json` examples.
//!
//! - [`handshake`] and [`record`] are engines: frames in, frames out, no socket, no timer.
//! - [`initiate`] and [`respond`] drive them over a byte stream and return a [`Session`].
//! - [`Upgrade`] wraps both for libp2p; a transport that knows addresses calls the functions
//!   itself, so that it can pass the dialled PeerId and spend [`Budgets`] per address.
//! - [`Observer`] sees every handshake, session and change of keys.
//!
//! It never retries, never falls back and knows neither scores nor bans.

mod alert;
mod budget;
mod config;
mod driver;
mod ephemeral;
mod error;
mod frame;
pub mod handshake;
mod names;
mod observer;
pub mod record;
mod session;
#[cfg(test)]
mod testing;
mod upgrade;

pub use alert::{Alert, CloseCode};
pub use budget::{Admission, BudgetLimits, Budgets, Class, Refusal, Source};
pub use config::{AeadChoice, Config, ConfigError};
pub use driver::{admit, initiate, respond};
pub use ephemeral::Ephemerals;
pub use error::{HandshakeError, LocalError, WrongPeer};
pub use frame::FrameType;
pub use observer::{End, HandshakeReport, NoObserver, Observer, Summary};
pub use session::{Session, SessionError, SessionInfo};
pub use upgrade::Upgrade;
