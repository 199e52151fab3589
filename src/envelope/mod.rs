//! Signed application messages: everything a node authors that others pass on.
//!
//! The object is the canonical CBOR array `[body, key, delegation | null, signature]`. `body` is
//! a map with the integer keys 1-10 in the order of [`Body`] (`v` first); `key` is the array
//! `[alg_id, identity_pubkey]`, or the 32 bytes of the sender's digest where readers are likely
//! to know the key. The signature is over the bytes of `body` in the context `envelope/1`, so
//! the form of the key can change on the way and the message, its id and its signature stay.
//!
//! `ttl` is a lifetime, not a hop count: a signed hop count could not be decremented.
//! Decoding checks the form; [`Envelope::verify`] answers with a [`Verdict`].

mod body;
mod keys;
mod verify;

use std::{fmt, ops::Range};

pub use body::Body;
use bytes::Bytes;
pub use keys::KeyCache;
pub use verify::{EnvelopeError, Verdict};

use crate::{
    cbor::{CborError, Reader, Writer},
    crypto::{hash::sha3_256, sign::SignError},
    identity::{Delegation, NodeIdentity, PublicIdentity},
    ids::Hash32,
    registry::{MAX_ENVELOPE_DOMAIN, MAX_ENVELOPE_PAYLOAD, MAX_ENVELOPE_TOPIC, SignContext},
};

/// A message as it was received or signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    bytes: Bytes,
    body_at: Range<usize>,
    body: Body,
    key: Option<PublicIdentity>,
    delegation: Option<Delegation>,
    signature_at: Range<usize>,
}

/// How an envelope carries the sender's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// The key itself: 2 KB, readable by everybody.
    Full,
    /// Its digest, for readers who can fetch the key once over `/animica/{chain}/keys/1`.
    Digest,
}

impl Envelope {
    /// Longest envelope.
    pub const MAX_BYTES: usize = MAX_ENVELOPE_PAYLOAD
        + MAX_ENVELOPE_TOPIC
        + MAX_ENVELOPE_DOMAIN
        + PublicIdentity::MAX_BYTES
        + Delegation::MAX_BYTES
        + 3373
        + 256;

    /// Signs `body` as `identity`, which must be its sender.
    ///
    /// # Errors
    /// A reader would refuse it, or the key cannot sign.
    pub fn sign(identity: &NodeIdentity, body: &Body, form: KeyForm) -> Result<Self, SealError> {
        body.check().map_err(SealError::Refused)?;
        if body.sender != identity.public().digest() {
            return Err(SealError::Refused(EnvelopeError::OtherSender));
        }
        let encoded = body.to_bytes();
        let signature = identity.sign(SignContext::Envelope, &encoded)?;
        let key = match form {
            KeyForm::Full => Some(identity.public()),
            KeyForm::Digest => None,
        };
        let bytes = encode(
            &encoded,
            body.sender,
            key,
            identity.delegation(),
            &signature,
        );
        Self::decode(bytes.into()).map_err(SealError::Refused)
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// Too long, not canonical CBOR, or not of this form.
    pub fn decode(bytes: Bytes) -> Result<Self, EnvelopeError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(EnvelopeError::TooLong(bytes.len()));
        }
        let mut reader = Reader::new(&bytes);
        reader.array_of(4)?;
        let from = reader.position();
        let body = Body::read(&mut reader)?;
        let body_at = from..reader.position();
        let key = read_key(&mut reader, body.sender)?;
        let delegation = if reader.take_null()? {
            None
        } else {
            Some(Delegation::decode(reader.item()?)?)
        };
        let len = reader.bytes()?.len();
        let signature_at = reader.position() - len..reader.position();
        reader.finish()?;
        Ok(Self {
            bytes,
            body_at,
            body,
            key,
            delegation,
            signature_at,
        })
    }

    /// What identifies the message, however it carries its key: SHA3-256 of the signed part.
    #[must_use]
    pub fn id(&self) -> Hash32 {
        sha3_256(self.signed_part())
    }

    /// What it says.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The sender's key, if the envelope carries it.
    #[must_use]
    pub fn key(&self) -> Option<&PublicIdentity> {
        self.key.as_ref()
    }

    /// The delegation, if a delegated key signed.
    #[must_use]
    pub fn delegation(&self) -> Option<&Delegation> {
        self.delegation.as_ref()
    }

    /// The object, canonical CBOR.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes of the body, which are signed.
    #[must_use]
    pub fn signed_part(&self) -> &[u8] {
        &self.bytes[self.body_at.clone()]
    }

    /// The composite signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.bytes[self.signature_at.clone()]
    }

    /// The same message with the key's digest in place of the key.
    #[must_use]
    pub fn without_key(&self) -> Self {
        let bytes = encode(
            self.signed_part(),
            self.body.sender,
            None,
            self.delegation.as_ref(),
            self.signature(),
        );
        Self::decode(bytes.into()).expect("a decoded envelope stays one without its key")
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.id())
            .field("body", &self.body)
            .field("carries_key", &self.key.is_some())
            .finish()
    }
}

/// Why no envelope was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A reader would refuse it.
    #[error(transparent)]
    Refused(EnvelopeError),
    /// The key cannot sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

fn encode(
    body: &[u8],
    sender: Hash32,
    key: Option<&PublicIdentity>,
    delegation: Option<&Delegation>,
    signature: &[u8],
) -> Vec<u8> {
    let mut out = Writer::with_capacity(body.len() + signature.len() + 2200);
    out.array(4).raw(body);
    match key {
        Some(key) => {
            out.array(2).uint(u64::from(key.alg().id()));
            out.bytes(key.as_bytes());
        }
        None => drop(out.bytes(sender.as_bytes())),
    }
    match delegation {
        Some(d) => out.raw(d.as_bytes()),
        None => out.null(),
    };
    out.bytes(signature);
    out.finish()
}

/// The key, or `None` where its digest stands; either way it must be the sender's.
fn read_key(
    reader: &mut Reader<'_>,
    sender: Hash32,
) -> Result<Option<PublicIdentity>, EnvelopeError> {
    let mut trial = reader.clone();
    let (digest, key) = match trial.fixed() {
        Ok(digest) => {
            *reader = trial;
            (Hash32(digest), None)
        }
        Err(CborError::WrongType) => {
            reader.array_of(2)?;
            let alg = u16::try_from(reader.uint()?).map_err(|_| CborError::OutOfRange)?;
            let key = PublicIdentity::decode(alg, reader.bytes()?)?;
            (key.digest(), Some(key))
        }
        Err(e) => return Err(e.into()),
    };
    if digest != sender {
        return Err(EnvelopeError::OtherSender);
    }
    Ok(key)
}

#[cfg(test)]
mod tests;
