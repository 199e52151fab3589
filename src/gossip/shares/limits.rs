//! How many shares of which type are kept.

use std::time::Duration;

use crate::chain::ProofType;

/// What the shares of one type may take of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// Most shares.
    pub entries: usize,
    /// Most shares that came from one peer. A node with a single neighbour gets all it gets from it,
    /// so this is above the honest rate; a larger one only lets a flood displace itself less.
    pub per_peer: usize,
    /// Most bytes of shares. A share takes at least the part of one place.
    pub bytes: usize,
}

/// Sizes of the index. The defaults hold 10 000 shares for ten minutes and 37 MiB in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Hash shares: a chain wants 4 800 in ten minutes.
    pub hash: Cap,
    /// AI shares.
    pub ai: Cap,
    /// Quantum shares.
    pub quantum: Cap,
    /// Storage heartbeats.
    pub storage: Cap,
    /// Delay proofs: one to a block at most.
    pub vdf: Cap,
    /// How long a share is remembered: the original's ten minutes.
    pub ttl: Duration,
    /// How many blocks below the head a share may build on. A share that took ten seconds to get
    /// here still counts; more would let old work be sent again once it was forgotten.
    pub parents: u64,
}

impl Limits {
    /// The cap of a type.
    #[must_use]
    pub fn cap(&self, kind: ProofType) -> Cap {
        match kind {
            ProofType::Hash => self.hash,
            ProofType::Ai => self.ai,
            ProofType::Quantum => self.quantum,
            ProofType::Storage => self.storage,
            ProofType::Vdf => self.vdf,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let cap = |entries, per_peer, mib: usize| Cap {
            entries,
            per_peer,
            bytes: mib << 20,
        };
        Self {
            hash: cap(8_000, 6_000, 8),
            ai: cap(1_000, 500, 16),
            quantum: cap(500, 250, 8),
            storage: cap(480, 240, 4),
            vdf: cap(20, 10, 1),
            ttl: Duration::from_secs(600),
            parents: 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_has_ten_thousand_places_and_every_type_fits_its_bytes() {
        let limits = Limits::default();
        let kinds = [
            ProofType::Hash,
            ProofType::Ai,
            ProofType::Quantum,
            ProofType::Storage,
            ProofType::Vdf,
        ];
        let places: usize = kinds.iter().map(|kind| limits.cap(*kind).entries).sum();
        assert_eq!(places, 10_000);
        for kind in kinds {
            let cap = limits.cap(kind);
            assert!(cap.per_peer < cap.entries && kind.max_bytes() <= cap.bytes);
        }
    }
}
