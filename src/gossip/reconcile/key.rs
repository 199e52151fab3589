//! Short keys and their checks: SipHash-2-4 under the salt of the session.

use siphasher::sip::SipHasher24;

use crate::{
    ids::Hash32,
    wire::{Salt, ShortKey},
};

/// Hashes of one session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys(SipHasher24);

impl Keys {
    pub(super) fn new(salt: Salt) -> Self {
        Self(SipHasher24::new_with_key(&salt.0))
    }

    /// The key of an id: the hash of its 32 bytes.
    pub(super) fn of(&self, id: &Hash32) -> ShortKey {
        ShortKey(self.0.hash(id.as_bytes()))
    }

    /// The check of a key: the low half of the hash of its 8 bytes, big-endian. The two inputs
    /// differ in length, so neither hash says anything about the other.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn check(&self, key: ShortKey) -> u32 {
        self.0.hash(&key.0.to_be_bytes()) as u32
    }
}
