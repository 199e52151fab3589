//! Which algorithms a network uses, as one document with one root.
//!
//! Two nodes talk only when they name the same root in the handshake, and the root fixes the KEM
//! and the signature algorithms for both, so there is nothing to negotiate and nothing to
//! downgrade. The root is the original network's Merkle root over the document ([`root64`]).

mod document;
mod error;
mod kem;
mod root;
mod shipped;

pub use document::{Document, Entry, KemSizes, KeySizes, Kind, SigSizes, Threshold, Thresholds};
pub use error::PolicyError;
pub use kem::KemId;
pub use root::{leaves, root64};

use crate::{
    crypto::{hash::sha3_256, sign::SigAlg},
    ids::Hash32,
};

/// A policy this build can run: exactly one KEM and at least one signature algorithm, all of
/// them built in, none with an end date.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    document: Document,
    root64: [u8; 64],
    root: Hash32,
    kem: KemId,
    signatures: Vec<SigAlg>,
    extra: Option<Box<Extra>>,
}

/// A second policy that a responder accepts for a while, so that a network can move.
#[derive(Clone, Debug, PartialEq)]
struct Extra {
    policy: Policy,
    accept_until_ms: u64,
}

impl Policy {
    /// The default: `ml-kem-768`; `ml-dsa-65`, `slh-dsa-shake-128s`.
    #[must_use]
    pub fn default_fips() -> Self {
        Self::from_document(shipped::fips()).expect("the shipped FIPS policy obeys every rule")
    }

    /// What the original network names: `kyber768`; `dilithium3`.
    ///
    /// # Errors
    /// This build lacks the feature `round3`.
    pub fn round3() -> Result<Self, PolicyError> {
        Self::from_document(shipped::round3())
    }

    /// The policy in a JSON file of the original network's form.
    ///
    /// # Errors
    /// Not such a document, or one this build cannot run.
    pub fn from_json(json: &str) -> Result<Self, PolicyError> {
        Self::from_document(Document::parse(json)?)
    }

    /// The shipped policy that the configuration words `kem` and `sign_alg` select; neither
    /// selects the default.
    ///
    /// # Errors
    /// An unknown word, words of two different policies, or a policy this build cannot run.
    pub fn from_words(kem: Option<&str>, sign_alg: Option<&str>) -> Result<Self, PolicyError> {
        shipped::select(kem, sign_alg)
    }

    /// The policy of a checked document.
    ///
    /// # Errors
    /// The document breaks a rule that a running node needs.
    pub fn from_document(document: Document) -> Result<Self, PolicyError> {
        let (kem, signatures) = document.check()?;
        let root64 = root64(&document);
        Ok(Self {
            root: sha3_256(&root64),
            document,
            root64,
            kem,
            signatures,
            extra: None,
        })
    }

    /// Also accepts `extra` from initiators, until `accept_until_ms` of the wall clock.
    ///
    /// # Errors
    /// `extra` is the same policy, or has an extra of its own.
    pub fn with_extra(mut self, extra: Self, accept_until_ms: u64) -> Result<Self, PolicyError> {
        if extra.root == self.root {
            return Err(PolicyError::ExtraIsPrimary);
        }
        if extra.extra.is_some() {
            return Err(PolicyError::NestedExtra);
        }
        self.extra = Some(Box::new(Extra {
            policy: extra,
            accept_until_ms,
        }));
        Ok(self)
    }

    /// The policy that a ClientHello's root stands for: this one, or the extra one while it is
    /// accepted. That policy fixes KEM and signatures of the session for both sides.
    #[must_use]
    pub fn session(&self, root: &Hash32, now_ms: u64) -> Option<&Self> {
        if *root == self.root {
            return Some(self);
        }
        let extra = self.extra.as_deref()?;
        (*root == extra.policy.root && now_ms < extra.accept_until_ms).then_some(&extra.policy)
    }

    /// The 32-byte root, SHA3-256 of [`Policy::root64`]: what headers and handshakes carry.
    #[must_use]
    pub fn root(&self) -> Hash32 {
        self.root
    }

    /// The original network's 64-byte root.
    #[must_use]
    pub fn root64(&self) -> [u8; 64] {
        self.root64
    }

    /// The one KEM.
    #[must_use]
    pub fn kem(&self) -> KemId {
        self.kem
    }

    /// The enabled signature algorithms, in the order of their names.
    #[must_use]
    pub fn signatures(&self) -> &[SigAlg] {
        &self.signatures
    }

    /// Whether an identity may be of `alg`.
    #[must_use]
    pub fn allows_identity(&self, alg: SigAlg) -> bool {
        self.signatures.contains(&alg)
    }

    /// Whether `alg` may sign handshakes, records and messages, by identity or delegated key.
    #[must_use]
    pub fn allows_signing(&self, alg: SigAlg) -> bool {
        alg.is_operational() && self.allows_identity(alg)
    }

    /// The algorithm a new key should have.
    #[must_use]
    pub fn preferred_signature(&self) -> SigAlg {
        let signs = self
            .signatures
            .iter()
            .copied()
            .find(|a| self.allows_signing(*a));
        signs.expect("a checked policy has an algorithm that signs handshakes")
    }

    /// The second policy and when it ends, if there is one.
    #[must_use]
    pub fn extra(&self) -> Option<(&Self, u64)> {
        let extra = self.extra.as_deref()?;
        Some((&extra.policy, extra.accept_until_ms))
    }

    /// The document behind it.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// `ml-kem-768; ml-dsa-65, slh-dsa-shake-128s`: for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let names: Vec<_> = self.signatures.iter().map(|a| a.name()).collect();
        format!("{}; {}", self.kem, names.join(", "))
    }
}

#[cfg(test)]
mod tests;
