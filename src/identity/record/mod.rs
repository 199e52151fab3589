//! A node record: where a node can be reached, signed by its identity or a delegated key.
//!
//! The object is the canonical CBOR array `[body, identity_alg, identity_pubkey, delegation |
//! null, signature]`; `body` is a map with the integer keys 1-8 in the order of
//! [`RecordFields`] (`v` first, `peer_digest` second), `signature` is over the bytes of `body`
//! in the context `record/1`.

mod error;
mod fields;

use std::ops::Range;

pub use error::{RecordError, SignRecordError};
pub use fields::RecordFields;

use super::{Delegation, Delegations, NodeIdentity, Policy, PublicIdentity, Signed, Usage};
use crate::registry::{MAX_RECORD_BYTES, MESSAGE_SKEW_MS, SignContext};

/// A record as it was received or signed. Decoding has checked its form; see
/// [`NodeRecord::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRecord {
    bytes: Vec<u8>,
    body: Range<usize>,
    fields: RecordFields,
    identity: PublicIdentity,
    delegation: Option<Delegation>,
    signature: Range<usize>,
}

impl NodeRecord {
    /// Signs a record for `identity`.
    ///
    /// # Errors
    /// The fields break a rule that readers check, or the key cannot sign.
    pub fn sign(identity: &NodeIdentity, fields: &RecordFields) -> Result<Self, SignRecordError> {
        let body = fields.to_bytes(identity.public());
        let record = Self::decode(&identity.sign_object(SignContext::Record, &body)?)?;
        record.fields.check_life()?;
        Ok(record)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Too long, not canonical CBOR, or not of this form.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(RecordError::TooLong(bytes.len()));
        }
        let signed = Signed::read(bytes, RecordFields::read)?;
        let (peer_digest, fields) = signed.body;
        let identity = signed.identity;
        if peer_digest != identity.digest() {
            return Err(RecordError::OtherIdentity);
        }
        fields.check_addresses(&identity.peer_id())?;
        Ok(Self {
            bytes: bytes.to_vec(),
            body: signed.body_at,
            fields,
            identity,
            delegation: signed.delegation,
            signature: signed.signature_at,
        })
    }

    /// Checks network, time, policy and signatures.
    ///
    /// # Errors
    /// The first rule that fails, signatures last.
    pub fn verify(
        &self,
        delegations: &Delegations,
        policy: &Policy,
        now_ms: u64,
    ) -> Result<(), RecordError> {
        let f = &self.fields;
        if (f.chain_id, f.genesis) != delegations.network() {
            return Err(RecordError::OtherChain);
        }
        f.check_life()?;
        if f.created_ms > now_ms.saturating_add(MESSAGE_SKEW_MS) {
            return Err(RecordError::Premature);
        }
        if now_ms >= self.expires_ms() {
            return Err(RecordError::Expired);
        }
        let delegation = self.delegation.as_ref();
        let usage = Usage::RECORD;
        delegations
            .claim(&self.identity, delegation, policy, usage, now_ms)?
            .verify(SignContext::Record, self.body(), self.signature())?;
        Ok(())
    }

    /// When it stops to hold, milliseconds since the UNIX epoch.
    #[must_use]
    pub fn expires_ms(&self) -> u64 {
        self.fields.created_ms.saturating_add(self.fields.ttl_ms)
    }

    /// What it says.
    #[must_use]
    pub fn fields(&self) -> &RecordFields {
        &self.fields
    }

    /// Whose record it is.
    #[must_use]
    pub fn identity(&self) -> &PublicIdentity {
        &self.identity
    }

    /// The object, canonical CBOR.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The signed part.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.body.clone()]
    }

    /// The composite signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.bytes[self.signature.clone()]
    }
}

#[cfg(test)]
mod tests;
