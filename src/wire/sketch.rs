//! `GET_SKETCH` and `SKETCH`: parts of a set, by which two peers find out how their sets differ.
//!
//! What the numbers mean is in `gossip::reconcile`; here is how they travel. Everything repeated is
//! one byte string of entries of fixed length, so that a full answer is one allocation.

use std::fmt;

use super::{WireError, fields::Fields};
use crate::{
    cbor::{CborError, Reader, Writer},
    ids::Hash32,
    registry::{
        MAX_SKETCH_IDS, MAX_SKETCH_INDEX, MAX_SKETCH_KEYS, MAX_SKETCH_SET, MAX_SKETCH_SYMBOLS,
        MessageId,
    },
};

/// Which set is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SketchSet {
    /// Ids of the transactions that wait for a block.
    Pool,
    /// Content ids of the application messages whose life has not ended.
    App,
}

impl SketchSet {
    /// Every set.
    pub const ALL: &'static [Self] = &[Self::Pool, Self::App];

    /// The metric label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::App => "app",
        }
    }

    fn to_u64(self) -> u64 {
        match self {
            Self::Pool => 1,
            Self::App => 2,
        }
    }

    fn from_u64(number: u64) -> Option<Self> {
        Some(match number {
            1 => Self::Pool,
            2 => Self::App,
            _ => return None,
        })
    }
}

/// Keys the short keys and checks of one session. Chosen at random by the requester, so that
/// nobody can prepare items whose keys collide.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Salt(pub [u8; 16]);

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// What stands for an id within a session: 64 bits that depend on id and salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShortKey(pub u64);

/// One coded symbol: the sum of the items that are mapped to it. Sums of symbols are symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Symbol {
    /// XOR of their short keys.
    pub keys: u64,
    /// XOR of the checks of their short keys.
    pub checks: u32,
    /// How many they are, modulo 2^16.
    pub count: u16,
}

impl Symbol {
    /// Bytes on the wire.
    pub const LEN: usize = 14;

    fn write(self, out: &mut Vec<u8>) {
        out.extend(self.keys.to_be_bytes());
        out.extend(self.checks.to_be_bytes());
        out.extend(self.count.to_be_bytes());
    }

    fn read(bytes: &[u8; Self::LEN]) -> Self {
        let [k0, k1, k2, k3, k4, k5, k6, k7, c0, c1, c2, c3, n0, n1] = *bytes;
        Self {
            keys: u64::from_be_bytes([k0, k1, k2, k3, k4, k5, k6, k7]),
            checks: u32::from_be_bytes([c0, c1, c2, c3]),
            count: u16::from_be_bytes([n0, n1]),
        }
    }
}

/// What is asked about a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SketchQuery {
    /// Coded symbols, by index.
    Symbols {
        /// The first.
        from: u32,
        /// How many, 1 to 16 384. The last index is below 32 768.
        count: u32,
    },
    /// All short keys in increasing order, a part at a time.
    Keys {
        /// How many to skip.
        from: u32,
        /// How many at most, 1 to 16 384.
        count: u32,
    },
    /// The ids with these short keys, 1 to 4 096.
    Ids(Vec<ShortKey>),
}

/// `GET_SKETCH`: asks about a set of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetSketch {
    /// Which.
    pub set: SketchSet,
    /// The session.
    pub salt: Salt,
    /// How many items the requester has in its own, at most 131 072.
    pub size: u32,
    /// What is asked.
    pub query: SketchQuery,
}

/// What a set looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SketchPart {
    /// As many symbols as were asked for.
    Symbols(Vec<Symbol>),
    /// Short keys, strictly increasing; fewer than were asked for only at the end.
    Keys(Vec<ShortKey>),
    /// Ids in any order; those of keys that are not there any more are left out.
    Ids(Vec<Hash32>),
}

/// `SKETCH`: answers with a part of the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// How many items the responder's set has, at most 131 072.
    pub size: u32,
    /// Names the state of the set that this part belongs to: parts with different tags do not fit
    /// together. It has no other meaning.
    pub tag: u64,
    /// The part.
    pub part: SketchPart,
}

/// What one answer to a [`GetSketch`] may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct SketchRoom {
    part: u64,
    most: usize,
}

impl GetSketch {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(48 + 8 * self.query.keys().len());
        out.map(4).uint(0).uint(self.set.to_u64());
        out.uint(1).bytes(&self.salt.0);
        out.uint(2).uint(self.size.into()).uint(3);
        match &self.query {
            SketchQuery::Symbols { from, count } => out
                .array(3)
                .uint(SYMBOLS)
                .uint((*from).into())
                .uint((*count).into()),
            SketchQuery::Keys { from, count } => out
                .array(3)
                .uint(KEYS)
                .uint((*from).into())
                .uint((*count).into()),
            SketchQuery::Ids(keys) => out.array(2).uint(IDS).bytes(&join(keys)),
        };
        out.finish()
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let set = SketchSet::from_u64(fields.required(0)?.uint()?).ok_or(CborError::OutOfRange)?;
        let salt = Salt(fields.required(1)?.fixed()?);
        let size = number(fields.required(2)?, MAX_SKETCH_SET)?;
        let query = SketchQuery::read(fields.required(3)?)?;
        fields.finish()?;
        Ok(Self {
            set,
            salt,
            size,
            query,
        })
    }

    /// Bytes of its payload.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.encode().len()
    }

    pub(super) fn room(&self) -> SketchRoom {
        let (part, most) = match &self.query {
            SketchQuery::Symbols { count, .. } => (SYMBOLS, *count as usize),
            SketchQuery::Keys { count, .. } => (KEYS, *count as usize),
            SketchQuery::Ids(keys) => (IDS, keys.len()),
        };
        SketchRoom { part, most }
    }
}

impl SketchQuery {
    fn keys(&self) -> &[ShortKey] {
        match self {
            Self::Ids(keys) => keys,
            _ => &[],
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let len = reader.array(3)?;
        match (reader.uint()?, len) {
            (SYMBOLS, 3) => {
                let from = number(reader, MAX_SKETCH_INDEX)?;
                let count = at_least_one(number(reader, MAX_SKETCH_SYMBOLS)?)?;
                if from + count > MAX_SKETCH_INDEX as u32 {
                    return Err(CborError::OutOfRange);
                }
                Ok(Self::Symbols { from, count })
            }
            (KEYS, 3) => {
                let from = number(reader, MAX_SKETCH_SET)?;
                let count = at_least_one(number(reader, MAX_SKETCH_KEYS)?)?;
                Ok(Self::Keys { from, count })
            }
            (IDS, 2) => {
                let keys = split(reader.bytes()?, MAX_SKETCH_IDS)?;
                at_least_one(keys.len() as u32)?;
                Ok(Self::Ids(keys))
            }
            _ => Err(CborError::OutOfRange),
        }
    }
}

impl Sketch {
    pub(super) fn encode(&self) -> Vec<u8> {
        let bytes = match &self.part {
            SketchPart::Symbols(symbols) => {
                let mut bytes = Vec::with_capacity(Symbol::LEN * symbols.len());
                symbols.iter().for_each(|symbol| symbol.write(&mut bytes));
                bytes
            }
            SketchPart::Keys(keys) => join(keys),
            SketchPart::Ids(ids) => ids.iter().flat_map(|id| id.0).collect(),
        };
        let mut out = Writer::with_capacity(32 + bytes.len());
        out.map(3).uint(0).uint(self.size.into());
        out.uint(1).uint(self.tag);
        out.uint(2).array(2).uint(self.part.number()).bytes(&bytes);
        out.finish()
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let size = number(fields.required(0)?, MAX_SKETCH_SET)?;
        let tag = fields.required(1)?.uint()?;
        let part = SketchPart::read(fields.required(2)?)?;
        fields.finish()?;
        Ok(Self { size, tag, part })
    }

    /// Bytes of its payload.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.encode().len()
    }
}

impl SketchPart {
    fn number(&self) -> u64 {
        match self {
            Self::Symbols(_) => SYMBOLS,
            Self::Keys(_) => KEYS,
            Self::Ids(_) => IDS,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Symbols(symbols) => symbols.len(),
            Self::Keys(keys) => keys.len(),
            Self::Ids(ids) => ids.len(),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_of(2)?;
        let part = reader.uint()?;
        let bytes = reader.bytes()?;
        match part {
            SYMBOLS => {
                let entries = entries::<{ Symbol::LEN }>(bytes, MAX_SKETCH_SYMBOLS)?;
                Ok(Self::Symbols(entries.iter().map(Symbol::read).collect()))
            }
            KEYS => {
                let keys = split(bytes, MAX_SKETCH_KEYS)?;
                if !keys.is_sorted_by(|a, b| a < b) {
                    return Err(CborError::OutOfRange);
                }
                Ok(Self::Keys(keys))
            }
            IDS => {
                let entries = entries::<32>(bytes, MAX_SKETCH_IDS)?;
                Ok(Self::Ids(entries.iter().map(|id| Hash32(*id)).collect()))
            }
            _ => Err(CborError::OutOfRange),
        }
    }
}

impl SketchRoom {
    /// Whether `sketch` is of the kind that was asked for and no longer.
    pub(super) fn admit(self, sketch: &Sketch) -> Result<(), WireError> {
        if sketch.part.number() != self.part {
            return Err(WireError::OutOfPlace(MessageId::Sketch));
        }
        if sketch.part.len() > self.most {
            return Err(WireError::TooMuch);
        }
        Ok(())
    }
}

/// Number of [`SketchPart::Symbols`] on the wire.
const SYMBOLS: u64 = 1;
/// Number of [`SketchPart::Keys`] on the wire.
const KEYS: u64 = 2;
/// Number of [`SketchPart::Ids`] on the wire.
const IDS: u64 = 3;

fn number(reader: &mut Reader<'_>, max: usize) -> Result<u32, CborError> {
    let number = u32::try_from(reader.uint()?).map_err(|_| CborError::OutOfRange)?;
    if number as usize > max {
        return Err(CborError::OutOfRange);
    }
    Ok(number)
}

fn at_least_one(count: u32) -> Result<u32, CborError> {
    if count == 0 {
        return Err(CborError::OutOfRange);
    }
    Ok(count)
}

/// A byte string as at most `max` entries of `N` bytes.
fn entries<const N: usize>(bytes: &[u8], max: usize) -> Result<&[[u8; N]], CborError> {
    let (entries, rest) = bytes.as_chunks();
    if !rest.is_empty() || entries.len() > max {
        return Err(CborError::OutOfRange);
    }
    Ok(entries)
}

fn join(keys: &[ShortKey]) -> Vec<u8> {
    keys.iter().flat_map(|key| key.0.to_be_bytes()).collect()
}

fn split(bytes: &[u8], max: usize) -> Result<Vec<ShortKey>, CborError> {
    let entries = entries(bytes, max)?;
    let keys = entries.iter().map(|key| ShortKey(u64::from_be_bytes(*key)));
    Ok(keys.collect())
}

#[cfg(test)]
mod tests;
