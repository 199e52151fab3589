//! What a verifier remembers of delegations: serials, and signatures it need not check again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Delegation, DelegationError, Terms, Usage};
use crate::{
    identity::{Policy, PublicIdentity, bounded::Bounded},
    ids::{ChainId, Hash32},
};

/// The highest serial seen from each identity, so that an older delegation is refused. Best
/// effort: a verifier that never saw the newer one, or has forgotten it, cannot know.
///
/// Bounded; the identity seen longest ago is forgotten first. [`SerialMemory::entries`] and
/// [`SerialMemory::remember`] carry it over a restart.
#[derive(Clone, Debug)]
pub struct SerialMemory(Bounded<Hash32, u64>);

impl SerialMemory {
    /// Identities remembered by default: about 100 B each. More peers than this with delegations
    /// would let the oldest reuse a revoked key against this node.
    pub const DEFAULT_CAPACITY: usize = 16_384;

    /// Remembers at most `capacity` identities.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self(Bounded::new(capacity))
    }

    /// Whether `serial` of `peer_digest` may be used.
    ///
    /// # Errors
    /// [`DelegationError::LowerSerial`] if a higher one was seen.
    pub fn check(&self, peer_digest: &Hash32, serial: u64) -> Result<(), DelegationError> {
        match self.0.peek(peer_digest) {
            Some(&highest) if highest > serial => Err(DelegationError::LowerSerial {
                found: serial,
                highest,
            }),
            _ => Ok(()),
        }
    }

    /// Remembers `serial`, unless a higher one is.
    pub fn remember(&mut self, peer_digest: Hash32, serial: u64) {
        let highest = self.0.get(&peer_digest).copied().unwrap_or(0);
        self.0.insert(peer_digest, serial.max(highest));
    }

    /// Everything remembered, oldest use first, to be stored and fed back in this order.
    pub fn entries(&self) -> impl Iterator<Item = (Hash32, u64)> {
        self.0.iter().map(|(digest, serial)| (*digest, *serial))
    }

    /// How many identities are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for SerialMemory {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CAPACITY)
    }
}

/// Verifies delegations for one chain with memory: [`SerialMemory`], and the hashes of
/// delegations whose signature was seen to be good. Shared by everything a node verifies.
#[derive(Debug)]
pub struct Delegations {
    chain_id: ChainId,
    genesis: Hash32,
    memory: Mutex<Memory>,
}

#[derive(Debug)]
struct Memory {
    serials: SerialMemory,
    verified: Bounded<Hash32, ()>,
}

impl Delegations {
    /// Verified delegations remembered. A miss costs one signature check (2 ms with SLH-DSA), so
    /// this covers more peers than a node has at a time.
    const VERIFIED: usize = 1024;

    /// A verifier on one chain that continues with `serials`.
    #[must_use]
    pub fn new(chain_id: ChainId, genesis: Hash32, serials: SerialMemory) -> Self {
        Self {
            chain_id,
            genesis,
            memory: Mutex::new(Memory {
                serials,
                verified: Bounded::new(Self::VERIFIED),
            }),
        }
    }

    /// Whether the signature of `delegation` still has to be checked: what a caller asks before
    /// it spends its budget for signatures.
    #[must_use]
    pub fn is_costly(&self, delegation: &Delegation) -> bool {
        self.memory().verified.peek(&delegation.hash()).is_none()
    }

    /// Checks every rule and returns the key that may sign. Time, chain, usage, policy and serial
    /// are checked every time; the signature only if it is not remembered.
    ///
    /// Nothing is remembered yet: call [`Delegations::remember`] once the peer has proved that it
    /// holds the key, so that nobody can fill the memory with objects it merely copied.
    /// [`Delegations::claim`] does both in the right order.
    ///
    /// # Errors
    /// The first rule that fails, the signature last.
    pub fn verify(
        &self,
        delegation: &Delegation,
        identity: &PublicIdentity,
        policy: &Policy,
        usage: Usage,
        now_ms: u64,
    ) -> Result<PublicIdentity, DelegationError> {
        let signer = self.check(delegation, identity, policy, usage, now_ms)?;
        if self.is_costly(delegation) {
            delegation.check_signature(identity)?;
        }
        Ok(signer)
    }

    /// Every rule but the signature: for a verifier that checks the delegation's own signature
    /// later, or not at all if the peer does not hold the key.
    ///
    /// # Errors
    /// The first rule that fails.
    pub fn check(
        &self,
        delegation: &Delegation,
        identity: &PublicIdentity,
        policy: &Policy,
        usage: Usage,
        now_ms: u64,
    ) -> Result<PublicIdentity, DelegationError> {
        let terms = Terms {
            chain_id: self.chain_id,
            genesis: self.genesis,
            policy,
            usage,
            now_ms,
        };
        let signer = delegation.check_terms(identity, &terms)?;
        let fields = delegation.fields();
        let memory = self.memory();
        memory.serials.check(&fields.peer_digest, fields.serial)?;
        Ok(signer)
    }

    /// The chain and genesis that delegations must name.
    #[must_use]
    pub fn network(&self) -> (ChainId, Hash32) {
        (self.chain_id, self.genesis)
    }

    /// Remembers a delegation that [`Delegations::verify`] accepted and whose holder has signed
    /// something fresh with its key.
    pub fn remember(&self, delegation: &Delegation) {
        let fields = delegation.fields();
        let mut memory = self.memory();
        memory.serials.remember(fields.peer_digest, fields.serial);
        memory.verified.insert(delegation.hash(), ());
    }

    /// The serials, to be stored.
    #[must_use]
    pub fn serials(&self) -> SerialMemory {
        self.memory().serials.clone()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
