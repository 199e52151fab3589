//! What a value of the hash table may be: the bounds that a request is held to before it travels.

use super::code::{ErrorCode, Failure};
use crate::registry::{MAX_DHT_NAME as MAX_KEY, MAX_DHT_TTL_MS};

pub use crate::registry::MAX_DHT_VALUE as MAX_VALUE;

/// Longest life of a value, in seconds.
pub const MAX_TTL_SECS: u64 = MAX_DHT_TTL_MS / 1000;

/// Checks the key under which an author writes.
///
/// # Errors
/// `rejected`, with what it may be.
pub fn check_key(key: &str) -> Result<(), Failure> {
    if (1..=MAX_KEY).contains(&key.len()) {
        return Ok(());
    }
    let message = format!("a key has 1 to {MAX_KEY} bytes, not {}", key.len());
    Err(Failure::new(ErrorCode::Rejected, message))
}

/// Checks the length of a value in bytes.
///
/// # Errors
/// `rejected`, with what it may be.
pub fn check_value(len: usize) -> Result<(), Failure> {
    if len <= MAX_VALUE {
        return Ok(());
    }
    let message = format!("a value has at most {MAX_VALUE} bytes");
    let hint = "what is longer belongs into a blob: `animica-p2p publish blob`";
    Err(Failure::new(ErrorCode::Rejected, message).hint(hint))
}

/// Checks how long a value is to live.
///
/// # Errors
/// `rejected`, with what it may be.
pub fn check_ttl(secs: u64) -> Result<(), Failure> {
    if (1..=MAX_TTL_SECS).contains(&secs) {
        return Ok(());
    }
    let message = format!("a value lives 1 to {MAX_TTL_SECS} seconds (7 days), not {secs}");
    Err(Failure::new(ErrorCode::Rejected, message))
}
