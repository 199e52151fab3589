//! The keys we know, bounded: our own for ever, others until newer ones need the room.

use std::collections::{HashMap, VecDeque};

use crate::{identity::PublicIdentity, ids::Hash32};

/// Most keys remembered beside our own: 2 MB of them at worst.
pub const MAX_KNOWN: usize = 1024;

/// Keys by digest.
#[derive(Debug)]
pub struct KeyRing {
    own: PublicIdentity,
    known: HashMap<Hash32, PublicIdentity>,
    /// The order they came in.
    order: VecDeque<Hash32>,
}

impl KeyRing {
    pub(super) fn new(own: PublicIdentity) -> Self {
        Self {
            own,
            known: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// The key with this digest, if it is known.
    #[must_use]
    pub fn get(&self, digest: &Hash32) -> Option<&PublicIdentity> {
        if *digest == self.own.digest() {
            return Some(&self.own);
        }
        self.known.get(digest)
    }

    pub(super) fn insert(&mut self, key: PublicIdentity) {
        let digest = key.digest();
        if self.get(&digest).is_some() {
            return;
        }
        if self.order.len() >= MAX_KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(digest);
        self.known.insert(digest, key);
    }
}
