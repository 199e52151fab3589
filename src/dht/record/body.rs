//! The signed part of a record.

use super::RecordError;
use crate::{
    cbor::{CborError, Reader, Writer},
    dht::Key,
    ids::{ChainId, Hash32},
    registry::{MAX_DHT_NAME, MAX_DHT_TTL_MS, MAX_DHT_VALUE},
};

const VERSION: u64 = 1;

/// What a record says. On the wire it is a map whose integer keys 1-9 are, in order, the version
/// and these fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// 2: digest of the identity that stores it.
    pub author: Hash32,
    /// 3: the chain.
    pub chain_id: ChainId,
    /// 4: its genesis.
    pub genesis: Hash32,
    /// 5: of two records of one key the one with the higher number counts. 0 for content.
    pub seq: u64,
    /// 6: when it was signed, milliseconds since the UNIX epoch.
    pub created_ms: u64,
    /// 7: how long it holds after that, at most a week.
    pub ttl_ms: u64,
    /// 8: what its author calls it, 1-64 bytes; `None` if it is found by its content.
    pub name: Option<Vec<u8>>,
    /// 9: at most 8 KiB; `None` says that the name has no value any more.
    pub value: Option<Vec<u8>>,
}

impl Body {
    /// The canonical CBOR that is signed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let value = self.value.as_ref().map_or(0, Vec::len);
        let mut out = Writer::with_capacity(value + 256);
        out.map(9);
        out.uint(1).uint(VERSION);
        out.uint(2).bytes(self.author.as_bytes());
        out.uint(3).uint(self.chain_id.0);
        out.uint(4).bytes(self.genesis.as_bytes());
        out.uint(5).uint(self.seq);
        out.uint(6).uint(self.created_ms);
        out.uint(7).uint(self.ttl_ms);
        for (key, bytes) in [(8, &self.name), (9, &self.value)] {
            match bytes {
                Some(bytes) => out.uint(key).bytes(bytes),
                None => out.uint(key).null(),
            };
        }
        out.finish()
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        reader.map_of(9)?;
        reader.key(1)?;
        let version = reader.uint()?;
        if version != VERSION {
            return Err(RecordError::Version(version));
        }
        reader.key(2)?;
        let author = Hash32(reader.fixed()?);
        reader.key(3)?;
        let chain_id = ChainId(reader.uint()?);
        reader.key(4)?;
        let genesis = Hash32(reader.fixed()?);
        reader.key(5)?;
        let seq = reader.uint()?;
        reader.key(6)?;
        let created_ms = reader.uint()?;
        reader.key(7)?;
        let ttl_ms = reader.uint()?;
        reader.key(8)?;
        let name = bytes_or_null(reader, MAX_DHT_NAME)?;
        reader.key(9)?;
        let value = bytes_or_null(reader, MAX_DHT_VALUE)?;
        Ok(Self {
            author,
            chain_id,
            genesis,
            seq,
            created_ms,
            ttl_ms,
            name,
            value,
        })
    }

    /// The rules of form, which hold for every body that is signed or read.
    pub(super) fn check(&self) -> Result<(), RecordError> {
        match (&self.name, &self.value) {
            (Some(name), _) if name.is_empty() || name.len() > MAX_DHT_NAME => {
                return Err(RecordError::Name);
            }
            (None, None) => return Err(RecordError::ContentForm),
            (None, Some(_)) if self.seq != 0 => return Err(RecordError::ContentForm),
            _ => {}
        }
        if self.value.as_ref().is_some_and(|v| v.len() > MAX_DHT_VALUE) {
            return Err(RecordError::ValueTooLong);
        }
        if !(1..=MAX_DHT_TTL_MS).contains(&self.ttl_ms) {
            return Err(RecordError::Life);
        }
        Ok(())
    }

    /// Where the record belongs.
    #[must_use]
    pub fn key(&self) -> Key {
        let network = (self.chain_id, self.genesis);
        match &self.name {
            Some(name) => Key::of_name(network, self.author, name),
            None => Key::of_content(network, self.value.as_deref().unwrap_or_default()),
        }
    }

    /// When its life ends, milliseconds since the UNIX epoch.
    #[must_use]
    pub fn expires_ms(&self) -> u64 {
        self.created_ms.saturating_add(self.ttl_ms)
    }
}

fn bytes_or_null(reader: &mut Reader<'_>, max: usize) -> Result<Option<Vec<u8>>, CborError> {
    if reader.take_null()? {
        return Ok(None);
    }
    reader.bytes_max(max).map(|bytes| Some(bytes.to_vec()))
}
