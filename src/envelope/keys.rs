//! Identity keys by digest, so that an envelope need not carry its own.

use std::collections::{HashMap, VecDeque};

use crate::{
    identity::{IdentityError, PublicIdentity},
    ids::Hash32,
};

/// A bounded cache of identity keys. A full one forgets the key it learned first.
///
/// A key is worth keeping only if its holder signed something valid: [`super::Envelope::verify`]
/// adds those, and [`KeyCache::supply`] what was asked for by digest.
#[derive(Debug)]
pub struct KeyCache {
    capacity: usize,
    keys: HashMap<Hash32, PublicIdentity>,
    order: VecDeque<Hash32>,
}

/// Why a fetched key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SupplyError {
    /// It is not a key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// It is not the key that was asked for: the answer is a provable lie.
    #[error("the key does not have the digest it was asked for by")]
    OtherKey,
}

impl KeyCache {
    /// Keys kept by default: 2 KB each, so 2 MB at most.
    pub const DEFAULT_CAPACITY: usize = 1024;

    /// Keeps at most `capacity` keys, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            keys: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// The key with this digest, if it is known. Also what the key protocol serves.
    #[must_use]
    pub fn get(&self, digest: &Hash32) -> Option<&PublicIdentity> {
        self.keys.get(digest)
    }

    /// Adds a key.
    pub fn insert(&mut self, key: PublicIdentity) {
        let digest = key.digest();
        if self.keys.insert(digest, key).is_some() {
            return;
        }
        self.order.push_back(digest);
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }

    /// Adds the answer to a request for `digest`.
    ///
    /// # Errors
    /// It is not a key, or not the one that was asked for.
    pub fn supply(&mut self, digest: Hash32, alg_id: u16, bytes: &[u8]) -> Result<(), SupplyError> {
        let key = PublicIdentity::decode(alg_id, bytes)?;
        if key.digest() != digest {
            return Err(SupplyError::OtherKey);
        }
        self.insert(key);
        Ok(())
    }

    /// How many keys are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl Default for KeyCache {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CAPACITY)
    }
}
