//! Primitives: bytes in, bytes out. No policy, no I/O.

pub mod aead;
pub mod ed25519;
pub mod hash;
pub mod kdf;
pub mod kem;
pub mod label;
mod random;
pub mod secret;
pub mod sign;
pub mod x25519;

pub use random::{RandomError, random};
