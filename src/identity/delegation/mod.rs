//! A delegation: the identity lets another key sign for it, for some uses and some time.
//!
//! The object is the canonical CBOR array `[body, signature]`. `body` is a map with the integer
//! keys 1-10 in the order of [`DelegationFields`] (`v` first), `signature` the composite
//! signature of the identity over the bytes of `body` in the context `delegation/1`. The key and
//! algorithm of the identity come from the enclosing message. Depth is one: a delegated key
//! cannot delegate, because only the identity's signature is looked for.

mod check;
mod claim;
mod error;
mod fields;
mod memory;

use check::Terms;
pub use claim::{Claim, ClaimError};
pub use error::DelegationError;
pub use fields::{DelegationFields, Usage};
pub use memory::{Delegations, SerialMemory};

use std::{fmt, sync::Arc};

use super::{KeyPair, PublicIdentity};
use crate::{
    cbor::{CborError, Reader, Writer},
    crypto::{hash::sha3_256, sign::SignError},
    ids::Hash32,
    registry::{DELEGATION_SKEW_MS, SignContext},
};

/// Version of the body.
pub(super) const VERSION: u64 = 1;

/// A delegation as it was received or issued. Decoding has checked its form, nothing else; see
/// [`Delegation::verify`]. Clones share the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Delegation(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    bytes: Box<[u8]>,
    body: std::ops::Range<usize>,
    signature: std::ops::Range<usize>,
    fields: DelegationFields,
}

impl Delegation {
    /// Longest delegation: an SLH-DSA signature (7920 B with its Ed25519 half) over a body with
    /// an ML-DSA-65 key (1984 B), and less than 160 B around them.
    pub const MAX_BYTES: usize = 7920 + 1984 + 160;

    /// Reads a delegation.
    ///
    /// # Errors
    /// Not canonical CBOR, or not of this form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DelegationError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(DelegationError::TooLong(bytes.len()));
        }
        let mut reader = Reader::new(bytes);
        reader.array_of(2)?;
        let from = reader.position();
        let fields = DelegationFields::read(&mut reader)?;
        let body = from..reader.position();
        let signature = reader.bytes()?.len();
        let signature = reader.position() - signature..reader.position();
        reader.finish()?;
        Ok(Self(Arc::new(Inner {
            bytes: bytes.into(),
            body,
            signature,
            fields,
        })))
    }

    /// Issues a delegation by `identity`. With SLH-DSA this takes about two seconds.
    ///
    /// # Errors
    /// The fields break a rule that every verifier checks, or the library refused to sign.
    pub fn issue(identity: &KeyPair, fields: &DelegationFields) -> Result<Self, IssueError> {
        fields.check(identity.public())?;
        let body = fields.to_bytes();
        let signature = identity.sign(SignContext::Delegation, &body)?;
        let mut out = Writer::with_capacity(body.len() + signature.len() + 8);
        out.array(2).raw(&body).bytes(&signature);
        Ok(Self::decode(&out.finish())?)
    }

    /// What it says.
    #[must_use]
    pub fn fields(&self) -> &DelegationFields {
        &self.0.fields
    }

    /// The object, canonical CBOR, as it stands in a message.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The signed part.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.0.bytes[self.0.body.clone()]
    }

    /// The composite signature of the identity.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.0.bytes[self.0.signature.clone()]
    }

    /// SHA3-256 of the object, the key under which a verified one is remembered.
    #[must_use]
    pub fn hash(&self) -> Hash32 {
        sha3_256(&self.0.bytes)
    }

    /// The moment from which a verifier whose clock is right no longer accepts it:
    /// `not_after` plus the clock allowance. A connection that stands on it ends then.
    #[must_use]
    pub fn accepted_until_ms(&self) -> u64 {
        self.0
            .fields
            .not_after_ms
            .saturating_add(DELEGATION_SKEW_MS)
    }

    /// Whether it names `identity` and `signer` and is signed by `identity`.
    pub(super) fn check_parts(
        &self,
        identity: &PublicIdentity,
        signer: &PublicIdentity,
    ) -> Result<(), DelegationError> {
        if self.fields().signing_key()? != *signer {
            return Err(DelegationError::OtherSigner);
        }
        self.fields().check(identity)?;
        self.check_signature(identity)
    }

    /// Whether `identity` signed it.
    pub(super) fn check_signature(&self, identity: &PublicIdentity) -> Result<(), DelegationError> {
        identity
            .verify(SignContext::Delegation, self.body(), self.signature())
            .map_err(DelegationError::Signature)
    }
}

impl fmt::Debug for Delegation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Delegation").field(self.fields()).finish()
    }
}

/// Why no delegation was issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// A verifier would refuse it.
    #[error(transparent)]
    Refused(#[from] DelegationError),
    /// The key could not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl From<CborError> for DelegationError {
    fn from(error: CborError) -> Self {
        Self::Malformed(error)
    }
}

#[cfg(test)]
mod tests;
