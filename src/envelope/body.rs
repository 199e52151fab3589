//! The signed part of an envelope.

use super::EnvelopeError;
use crate::{
    cbor::{CborError, Reader, Writer},
    ids::{ChainId, Hash32},
    registry::{
        MAX_ENVELOPE_DOMAIN, MAX_ENVELOPE_PAYLOAD, MAX_ENVELOPE_TOPIC, MAX_ENVELOPE_TTL_MS,
    },
};

const VERSION: u64 = 1;

/// What an envelope says. On the wire it is a map whose integer keys 1-10 are, in order, the
/// version and these fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// 2: the kind of application, 1-32 of `a-z 0-9 . _ / -`. A message for one is none for
    /// another, whatever its topic.
    pub domain: String,
    /// 3: the chain.
    pub chain_id: ChainId,
    /// 4: its genesis, so that a message of one network means nothing on another.
    pub genesis: Hash32,
    /// 5: digest of the identity that says it.
    pub sender: Hash32,
    /// 6: when, milliseconds since the UNIX epoch.
    pub created_ms: u64,
    /// 7: how long after that it may still be delivered, at most a day.
    pub ttl_ms: u64,
    /// 8: number of the message among those of its sender and domain, for the application.
    pub seq: u64,
    /// 9: what it is about: at most 64 bytes of text without control characters.
    pub topic: String,
    /// 10: at most 64 KiB.
    pub payload: Vec<u8>,
}

impl Body {
    /// The canonical CBOR that is signed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(self.payload.len() + 256);
        out.map(10);
        out.uint(1).uint(VERSION);
        out.uint(2).text(&self.domain);
        out.uint(3).uint(self.chain_id.0);
        out.uint(4).bytes(self.genesis.as_bytes());
        out.uint(5).bytes(self.sender.as_bytes());
        out.uint(6).uint(self.created_ms);
        out.uint(7).uint(self.ttl_ms);
        out.uint(8).uint(self.seq);
        out.uint(9).text(&self.topic);
        out.uint(10).bytes(&self.payload);
        out.finish()
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, EnvelopeError> {
        reader.map_of(10)?;
        reader.key(1)?;
        let version = reader.uint()?;
        if version != VERSION {
            return Err(EnvelopeError::Version(version));
        }
        reader.key(2)?;
        let domain = short_text(reader, MAX_ENVELOPE_DOMAIN)?;
        reader.key(3)?;
        let chain_id = ChainId(reader.uint()?);
        reader.key(4)?;
        let genesis = Hash32(reader.fixed()?);
        reader.key(5)?;
        let sender = Hash32(reader.fixed()?);
        reader.key(6)?;
        let created_ms = reader.uint()?;
        reader.key(7)?;
        let ttl_ms = reader.uint()?;
        reader.key(8)?;
        let seq = reader.uint()?;
        reader.key(9)?;
        let topic = short_text(reader, MAX_ENVELOPE_TOPIC)?;
        reader.key(10)?;
        let payload = reader.bytes_max(MAX_ENVELOPE_PAYLOAD)?.to_vec();
        let body = Self {
            domain,
            chain_id,
            genesis,
            sender,
            created_ms,
            ttl_ms,
            seq,
            topic,
            payload,
        };
        body.check()?;
        Ok(body)
    }

    /// The rules of form, which hold for every body that is signed or read.
    pub(super) fn check(&self) -> Result<(), EnvelopeError> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._/-".contains(&c);
        let length = 1..=MAX_ENVELOPE_DOMAIN;
        if !length.contains(&self.domain.len()) || !self.domain.bytes().all(plain) {
            return Err(EnvelopeError::Domain);
        }
        if self.topic.len() > MAX_ENVELOPE_TOPIC || self.topic.chars().any(char::is_control) {
            return Err(EnvelopeError::Topic);
        }
        if self.payload.len() > MAX_ENVELOPE_PAYLOAD {
            return Err(CborError::OutOfRange.into());
        }
        if !(1..=MAX_ENVELOPE_TTL_MS).contains(&self.ttl_ms) {
            return Err(EnvelopeError::Life);
        }
        Ok(())
    }

    /// When its life ends, milliseconds since the UNIX epoch.
    #[must_use]
    pub fn expires_ms(&self) -> u64 {
        self.created_ms.saturating_add(self.ttl_ms)
    }
}

fn short_text(reader: &mut Reader<'_>, max: usize) -> Result<String, CborError> {
    let text = reader.text()?;
    if text.len() > max {
        return Err(CborError::OutOfRange);
    }
    Ok(text.to_owned())
}
