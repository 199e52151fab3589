//! Where a record lives: 32 bytes that follow from what it says.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    crypto::hash::sha3_256_parts,
    ids::{ChainId, Hash32},
    registry::MAX_DHT_NAME,
};

/// Longest name under which an author stores a value, in bytes.
pub const MAX_NAME: usize = MAX_DHT_NAME;

/// Opens what is hashed to the key of a named value.
const NAMED: &[u8] = b"animica/dht/name/1";

/// Opens what is hashed to the key of a value that is found by its content.
const CONTENT: &[u8] = b"animica/dht/content/1";

/// The key of a record in the hash table. It commits to the network and to the author and name, or
/// to the network and the value, so no record fits a key that is not its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub Hash32);

impl Key {
    /// Where `author` keeps the value called `name`.
    #[must_use]
    pub fn of_name((chain, genesis): (ChainId, Hash32), author: Hash32, name: &[u8]) -> Self {
        let chain = chain.0.to_be_bytes();
        let parts = [NAMED, &chain, genesis.as_bytes(), author.as_bytes(), name];
        Self(sha3_256_parts(&parts))
    }

    /// Where everybody looks for `value` itself.
    #[must_use]
    pub fn of_content((chain, genesis): (ChainId, Hash32), value: &[u8]) -> Self {
        let chain = chain.0.to_be_bytes();
        let parts = [CONTENT, &chain, genesis.as_bytes(), value];
        Self(sha3_256_parts(&parts))
    }

    /// From exactly 32 bytes, else `None`.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Hash32::from_slice(bytes).map(Self)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
