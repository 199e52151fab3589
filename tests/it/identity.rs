//! Signatures against second implementations, and the published vectors.

#[path = "identity/bytes.rs"]
mod bytes;
#[cfg(feature = "round3")]
#[path = "identity/dilithium.rs"]
mod dilithium;
#[path = "identity/ml_dsa.rs"]
mod ml_dsa;
#[cfg(feature = "round3")]
#[path = "identity/round3.rs"]
mod round3;
#[path = "identity/slh_dsa.rs"]
mod slh_dsa;
#[path = "identity/spec.rs"]
mod spec;
#[path = "identity/vectors.rs"]
mod vectors;
#[path = "identity/vectors_write.rs"]
mod vectors_write;
