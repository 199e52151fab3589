//! Messages without a sender: `{1: topic, 2: payload, 3: created_ms, 4: ttl_ms}`.

use bytes::Bytes;

use crate::{
    cbor::{CborError, Reader, Writer},
    crypto::hash::sha3_256,
    ids::Hash32,
    offence::Offence,
    registry::{MAX_ENVELOPE_PAYLOAD, MAX_ENVELOPE_TOPIC, MAX_ENVELOPE_TTL_MS},
};

/// A message whose content validates itself, or is carried for its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    bytes: Bytes,
    id: Hash32,
    topic: String,
    payload: Bytes,
    created_ms: u64,
    ttl_ms: u64,
}

impl Unsigned {
    /// Longest message: payload, topic and the heads around them.
    pub const MAX_BYTES: usize = MAX_ENVELOPE_PAYLOAD + MAX_ENVELOPE_TOPIC + 32;

    /// A message about `topic`.
    ///
    /// # Errors
    /// A reader would refuse it.
    pub fn new(
        topic: &str,
        payload: &[u8],
        created_ms: u64,
        ttl_ms: u64,
    ) -> Result<Self, UnsignedError> {
        let mut out = Writer::with_capacity(payload.len() + topic.len() + 32);
        out.map(4).uint(1).text(topic).uint(2).bytes(payload);
        out.uint(3).uint(created_ms).uint(4).uint(ttl_ms);
        Self::decode(out.finish().into())
    }

    /// Reads a message.
    ///
    /// # Errors
    /// Too long, not canonical CBOR, or not of this form.
    pub fn decode(bytes: Bytes) -> Result<Self, UnsignedError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(UnsignedError::TooLong(bytes.len()));
        }
        let mut reader = Reader::new(&bytes);
        reader.map_of(4)?;
        reader.key(1)?;
        let topic = reader.text()?.to_owned();
        reader.key(2)?;
        let payload = reader.bytes_max(MAX_ENVELOPE_PAYLOAD)?;
        let payload = bytes.slice_ref(payload);
        reader.key(3)?;
        let created_ms = reader.uint()?;
        reader.key(4)?;
        let ttl_ms = reader.uint()?;
        reader.finish()?;
        if topic.len() > MAX_ENVELOPE_TOPIC || topic.chars().any(char::is_control) {
            return Err(UnsignedError::Topic);
        }
        if !(1..=MAX_ENVELOPE_TTL_MS).contains(&ttl_ms) {
            return Err(UnsignedError::Life);
        }
        Ok(Self {
            id: sha3_256(&bytes),
            topic,
            payload,
            created_ms,
            ttl_ms,
            bytes,
        })
    }

    /// What identifies it: SHA3-256 of its bytes.
    #[must_use]
    pub fn id(&self) -> Hash32 {
        self.id
    }

    /// The object, canonical CBOR.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// 1: what it is about, at most 64 bytes of text without control characters.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// 2: what it says, at most 64 KiB.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// 3: when, milliseconds since the UNIX epoch.
    #[must_use]
    pub fn created_ms(&self) -> u64 {
        self.created_ms
    }

    /// When its life ends: `created_ms` and 4, `ttl_ms`, at most a day.
    #[must_use]
    pub fn expires_ms(&self) -> u64 {
        self.created_ms.saturating_add(self.ttl_ms)
    }
}

/// Why bytes are no unsigned message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsignedError {
    /// Longer than a message may be.
    #[error("an unsigned message of {0} bytes is longer than allowed")]
    TooLong(usize),
    /// Not the canonical CBOR of a message.
    #[error("not an unsigned message: {0}")]
    Malformed(#[from] CborError),
    /// The topic is too long or has control characters.
    #[error("a topic is at most 64 bytes without control characters")]
    Topic,
    /// The life is empty or longer than a day.
    #[error("the message's life is empty or longer than a day")]
    Life,
}

impl UnsignedError {
    /// What the peer that passed it on did wrong: it could have checked all this itself.
    #[must_use]
    pub fn offence(self) -> Offence {
        match self {
            Self::TooLong(_) => Offence::OversizedMessage,
            Self::Malformed(e) if e.is_non_canonical() => Offence::NonCanonicalCbor,
            _ => Offence::MalformedMessage,
        }
    }
}
