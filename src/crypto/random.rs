//! Randomness of the operating system, for keys and nonces.

/// The operating system gave no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no randomness")]
pub struct RandomError;

/// Fills `out` with cryptographic randomness.
///
/// # Errors
/// The operating system gave none; nothing may be derived from `out` then.
pub fn random(out: &mut [u8]) -> Result<(), RandomError> {
    aws_lc_rs::rand::fill(out).map_err(|_| RandomError)
}
