//! A record: a value, or the end of one, signed by its author for a time.
//!
//! The object is the canonical CBOR array `[body, identity_alg, identity_pubkey, delegation |
//! null, signature]`; `body` is a map with the integer keys 1-9 in the order of [`Body`] (`v`
//! first), `signature` is over the bytes of `body` in the context `dht/1`.

mod body;
mod error;

use std::{cmp::Ordering, fmt, ops::Range};

use bytes::Bytes;

pub use body::Body;
pub use error::{RecordError, SignRecordError};

use super::Key;
use crate::{
    crypto::hash::sha3_256,
    identity::{Delegation, Delegations, NodeIdentity, Policy, PublicIdentity, Signed, Usage},
    ids::{ChainId, Hash32},
    registry::{MAX_DHT_DELEGATED_VALUE, MAX_DHT_RECORD_BYTES, MESSAGE_SKEW_MS, SignContext},
};

/// A record as it was received. Decoding has checked its form and that it is of the author it
/// names; [`Record::verify`] checks the rest.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    bytes: Bytes,
    signed: Range<usize>,
    body: Body,
    key: Key,
    id: Hash32,
    author: PublicIdentity,
    delegation: Option<Delegation>,
    signature: Range<usize>,
}

/// A record whose author signed it: what a [`Store`](super::Store) takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified(Record);

/// Reads what a peer handed over as the record of `key`, and verifies it. Costs one signature
/// check (a fifth of a millisecond), or two with a delegation not seen before.
///
/// # Errors
/// The first rule that fails, signatures last.
pub fn judge(
    key: &Key,
    bytes: Bytes,
    delegations: &Delegations,
    policy: &Policy,
    now_ms: u64,
) -> Result<Verified, RecordError> {
    let record = Record::decode(bytes)?;
    if record.key != *key {
        return Err(RecordError::OtherKey);
    }
    record.verify(delegations, policy, now_ms)
}

impl Record {
    /// Signs a record as `identity`, which must be its author.
    ///
    /// # Errors
    /// The body breaks a rule that readers check, or the key cannot sign.
    pub fn sign(identity: &NodeIdentity, body: &Body) -> Result<Verified, SignRecordError> {
        body.check()?;
        let object = identity.sign_object(SignContext::Dht, &body.to_bytes())?;
        Ok(Verified(Self::decode(object.into())?))
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Too long, not canonical CBOR, or not of this form.
    pub fn decode(bytes: Bytes) -> Result<Self, RecordError> {
        if bytes.len() > MAX_DHT_RECORD_BYTES {
            return Err(RecordError::TooLong(bytes.len()));
        }
        let Signed {
            body,
            body_at: signed,
            identity: author,
            delegation,
            signature_at: signature,
        } = Signed::read(&bytes, Body::read)?;
        body.check()?;
        if body.author != author.digest() {
            return Err(RecordError::OtherAuthor);
        }
        let long = |v: &Vec<u8>| v.len() > MAX_DHT_DELEGATED_VALUE;
        if delegation.is_some() && body.value.as_ref().is_some_and(long) {
            return Err(RecordError::ValueTooLong);
        }
        let (key, id) = (body.key(), sha3_256(&bytes[signed.clone()]));
        Ok(Self {
            bytes,
            signed,
            body,
            key,
            id,
            author,
            delegation,
            signature,
        })
    }

    /// Checks network, time, policy and signatures.
    ///
    /// # Errors
    /// The first rule that fails, signatures last.
    pub fn verify(
        self,
        delegations: &Delegations,
        policy: &Policy,
        now_ms: u64,
    ) -> Result<Verified, RecordError> {
        self.check(delegations.network(), now_ms)?;
        let (delegation, usage) = (self.delegation.as_ref(), Usage::DHT);
        delegations
            .claim(&self.author, delegation, policy, usage, now_ms)?
            .verify(SignContext::Dht, self.signed_part(), self.signature())?;
        Ok(Verified(self))
    }

    /// The checks that cost nothing, network and time.
    ///
    /// # Errors
    /// The first rule that fails.
    pub fn check(&self, network: (ChainId, Hash32), now_ms: u64) -> Result<(), RecordError> {
        if (self.body.chain_id, self.body.genesis) != network {
            return Err(RecordError::OtherChain);
        }
        if self.body.created_ms > now_ms.saturating_add(MESSAGE_SKEW_MS) {
            return Err(RecordError::Premature);
        }
        if now_ms >= self.body.expires_ms() {
            return Err(RecordError::Expired);
        }
        Ok(())
    }

    /// Whether this record and not `other` counts, of two with the same key: the higher sequence
    /// number, for content the later end; between equals the lower id, so that all nodes agree
    /// whatever they saw first.
    #[must_use]
    pub fn precedence(&self, other: &Self) -> Ordering {
        let rank = |r: &Self| match r.body.name {
            Some(_) => r.body.seq,
            None => r.body.expires_ms(),
        };
        rank(self)
            .cmp(&rank(other))
            .then_with(|| other.id.cmp(&self.id))
    }

    /// What it says.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Where it belongs.
    #[must_use]
    pub fn key(&self) -> Key {
        self.key
    }

    /// SHA3-256 of the signed part.
    #[must_use]
    pub fn id(&self) -> Hash32 {
        self.id
    }

    /// Who stores it.
    #[must_use]
    pub fn author(&self) -> &PublicIdentity {
        &self.author
    }

    /// Whether it says that the name has no value any more.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        self.body.value.is_none()
    }

    /// The object, canonical CBOR.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes of the body, which are signed.
    #[must_use]
    pub fn signed_part(&self) -> &[u8] {
        &self.bytes[self.signed.clone()]
    }

    /// The composite signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.bytes[self.signature.clone()]
    }
}

impl Verified {
    /// A record that this node verified before it wrote it to its own disk.
    pub(super) fn remembered(record: Record) -> Self {
        Self(record)
    }
}

impl std::ops::Deref for Verified {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.0
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("key", &self.key)
            .field("author", &self.body.author)
            .field("seq", &self.body.seq)
            .field("tombstone", &self.is_tombstone())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests;
