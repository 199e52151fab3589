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

use super::{Provider, Responder, SentAuth};
use crate::{
    clock::Now,
    secure::{Class, Config, HandshakeError},
};

/// The responder's whole flight in one piece: ServerHello and R-auth.
fn flight<'c>(
    config: &'c Config,
    protocol: &str,
    client_hello: &[u8],
    now: Now,
    provider: &mut dyn Provider,
) -> Result<(Vec<u8>, SentAuth<'c>), HandshakeError> {
    let class = Class::Trusted;
    let (mut out, state) = Responder::answer(config, protocol, client_hello, class, now, provider)?;
    let (auth, state) = state.authenticate(provider)?;
    out.extend_from_slice(&auth);
    Ok((out, state.sent(&auth)))
}
