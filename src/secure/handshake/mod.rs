//! The handshake as an engine: frames in, frames out, three flights.
//!
//! ```text
//! I -> R   ClientHello                 Initiator::start         -> (frame, SentHello)
//! R -> I   ServerHello                 Responder::answer        -> (frame, SentServerHello)
//! R -> I   R-auth                      SentServerHello::authenticate -> (frame, SentAuth)
//! I -> R   I-auth                      SentHello::server_hello  -> AwaitsAuth
//!                                      AwaitsAuth::responder_auth -> (frame, Established)
//!                                      SentAuth::initiator_auth -> Established
//! ```
//!
//! Each phase is a value that the next step consumes, so a failed step leaves nothing that could
//! be used. Time, randomness and signatures come from outside; test vectors feed recorded ones
//! through [`Provider`].

mod auth;
mod hello;
mod initiator;
mod peer;
mod provider;
mod responder;
mod schedule;

pub use initiator::{AwaitsAuth, Initiator, InitiatorSealed, SentHello};
pub use peer::Peer;
pub use provider::{Provider, SystemProvider};
pub use responder::{Rejected, Responder, ResponderSealed, SentAuth, SentServerHello};
pub use schedule::Traffic;
pub(super) use schedule::aead_key;

use crate::crypto::{aead::AeadAlg, kem::KemAlg};

/// Version of the handshake, also in its protocol name.
pub(super) const VERSION: u64 = 1;

/// What a finished handshake leaves.
#[derive(Debug)]
pub struct Established {
    /// Who the peer is.
    pub peer: Peer,
    /// The KEM beside X25519.
    pub kem: KemAlg,
    /// The cipher of the records.
    pub aead: AeadAlg,
    /// The secrets of the records.
    pub traffic: Traffic,
}

#[cfg(test)]
mod tests;
