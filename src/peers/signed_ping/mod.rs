//! Signed ping: proof that the holder of an identity key is there now, beside the ping of the
//! transport, which proves that a process is.
//!
//! A PING is a signed document with a nonce, the time, who sends it and to whom, on which network.
//! A PONG repeats the nonce, names the PING by its hash and is signed by the peer that was asked.
//! It is given for a valid, fresh PING alone: signed by the peer at the other end of the channel,
//! addressed to us, at most a minute from our clock, its nonce not seen before.
//!
//! Everything here is a value. [`Asked::new`], [`Asked::answered`] and [`Received::answer`] sign or
//! verify, which takes up to half a millisecond (and once milliseconds, where a delegation by a
//! slow key is new): they belong on the blocking pool. [`Responder::receive`] costs microseconds.

mod asked;
mod document;
mod error;
mod responder;

pub use asked::{Asked, Pong};
pub use document::{Document, Kind, Nonce, Said};
pub use error::PingError;
pub use responder::{Received, Refused, Responder};

#[cfg(test)]
mod tests;
