//! `INV`, `GETDATA` and `SHARE`: what a peer has, and the wish to have it.
//!
//! Transactions and shares are fetched with `GETDATA`, blocks with `GET_BLOCKS`, blobs by samples.

use std::collections::HashSet;

use bytes::Bytes;

use super::{
    error::WireError,
    fields::{Fields, hashes, slices},
    tx::encode_objects,
};
use crate::{
    cbor::{CborError, Reader, Writer},
    chain::object_id,
    ids::Hash32,
    registry::{
        MAX_APP_MESSAGE_BYTES, MAX_DATA_BYTES, MAX_GETDATA_ITEMS, MAX_INV_ITEMS, MAX_SHARE_BYTES,
        MAX_TX_BYTES,
    },
};

/// What an id names. The numbers are those of the original network's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ItemKind {
    /// A transaction, by the SHA3-256 of its bytes.
    Tx = 1,
    /// A block, by its header's hash.
    Block = 2,
    /// A share, by the SHA3-256 of its envelope.
    Share = 3,
    /// A blob, by its commitment.
    Blob = 4,
    /// An application message, by the SHA3-256 of its bytes.
    Message = 5,
}

impl ItemKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Tx,
        Self::Block,
        Self::Share,
        Self::Blob,
        Self::Message,
    ];

    /// The kind with this number.
    #[must_use]
    pub fn from_id(id: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| *kind as u64 == id)
    }

    /// The metric label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Tx => "tx",
            Self::Block => "block",
            Self::Share => "share",
            Self::Blob => "blob",
            Self::Message => "message",
        }
    }

    /// Most bytes of one object, for the kinds that `GETDATA` asks for.
    #[must_use]
    pub fn max_object(self) -> Option<usize> {
        match self {
            Self::Tx => Some(MAX_TX_BYTES),
            Self::Share => Some(MAX_SHARE_BYTES),
            Self::Message => Some(MAX_APP_MESSAGE_BYTES),
            Self::Block | Self::Blob => None,
        }
    }
}

/// Something a peer can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// Which one.
    pub id: Hash32,
}

/// `INV`: these are here. Answered by the `ACK` that its frame asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inv {
    /// 1 to 2048 items, none twice, in the order in which they are best fetched.
    pub items: Vec<Item>,
}

impl Inv {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(8 + 36 * self.items.len());
        out.map(1).uint(0).array(self.items.len());
        for item in &self.items {
            out.array(2).uint(item.kind as u64).bytes(&item.id.0);
        }
        out.finish()
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let items = read_items(fields.required(0)?)?;
        fields.finish()?;
        all_different(&items)?;
        Ok(Self { items })
    }
}

/// `GETDATA`: send me these, as far as `max_bytes` reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetData {
    /// What all of them are: transactions or shares.
    pub kind: ItemKind,
    /// 1 to 512 ids, none twice.
    pub ids: Vec<Hash32>,
    /// Most bytes of objects wanted, at most 4 MiB; the first is sent even if it is larger.
    pub max_bytes: u32,
}

impl GetData {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(16 + 34 * self.ids.len());
        out.map(3).uint(0).uint(self.kind as u64);
        out.uint(1).array(self.ids.len());
        for id in &self.ids {
            out.bytes(id.as_bytes());
        }
        out.uint(2).uint(self.max_bytes.into());
        out.finish()
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let kind = read_kind(fields.required(0)?)?;
        let ids = hashes(fields.required(1)?, MAX_GETDATA_ITEMS)?;
        let max_bytes =
            u32::try_from(fields.required(2)?.uint()?).map_err(|_| CborError::OutOfRange)?;
        fields.finish()?;
        if kind.max_object().is_none() || max_bytes as usize > MAX_DATA_BYTES {
            return Err(CborError::OutOfRange);
        }
        all_different(&ids)?;
        Ok(Self {
            kind,
            ids,
            max_bytes,
        })
    }
}

/// `SHARE`: some of the shares asked for. [`super::Answer`] folds several of these frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Encoded proof envelopes.
    pub shares: Vec<Bytes>,
}

impl Shares {
    pub(super) fn encode(&self) -> Vec<u8> {
        encode_objects(&self.shares)
    }

    pub(super) fn decode(payload: &Bytes) -> Result<Self, CborError> {
        let mut fields = Fields::new(payload)?;
        let array = fields.required(0)?;
        let shares = slices(array, payload, MAX_GETDATA_ITEMS, MAX_SHARE_BYTES)?;
        fields.finish()?;
        Ok(Self { shares })
    }
}

/// The whole answer to a `GETDATA`, as [`super::Answer`] folds it: every object was asked for, by
/// its SHA3-256, and is here once. What is in neither list was left out for size.
///
/// No frame is one: its id and payload are those of a `TX` or `SHARE` with the same objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// What was asked for.
    pub kind: ItemKind,
    /// Encoded transactions or shares.
    pub objects: Vec<Bytes>,
    /// Ids that the responder does not have (from the `NOTFOUND` that ended the answer).
    pub missing: Vec<Hash32>,
}

impl Data {
    pub(super) fn encode(&self) -> Vec<u8> {
        encode_objects(&self.objects)
    }
}

/// An answer to a `GETDATA` while its frames arrive.
#[derive(Debug)]
pub(super) struct DataRoom {
    left: HashSet<Hash32>,
    bytes: usize,
    sum: Data,
}

impl DataRoom {
    pub(super) fn of(request: &GetData) -> Self {
        Self {
            left: request.ids.iter().copied().collect(),
            bytes: request.max_bytes as usize,
            sum: Data {
                kind: request.kind,
                objects: Vec::new(),
                missing: Vec::new(),
            },
        }
    }

    /// Whether this answer consists of objects of `kind`.
    pub(super) fn is_of(&self, kind: ItemKind) -> bool {
        self.sum.kind == kind
    }

    /// Adds the objects of one frame.
    pub(super) fn admit(&mut self, objects: Vec<Bytes>) -> Result<(), WireError> {
        for object in objects {
            // The length first, so that no hash is spent on what is too long anyway.
            self.bytes = match self.bytes.checked_sub(object.len()) {
                Some(left) => left,
                None if self.sum.objects.is_empty() => 0,
                None => return Err(WireError::TooMuch),
            };
            if !self.left.remove(&object_id(&object)) {
                return Err(WireError::TooMuch);
            }
            self.sum.objects.push(object);
        }
        Ok(())
    }

    /// Ends the answer with what is not there.
    pub(super) fn lack(&mut self, missing: Vec<Hash32>) -> Result<Data, WireError> {
        if !missing.iter().all(|id| self.left.remove(id)) {
            return Err(WireError::TooMuch);
        }
        self.sum.missing = missing;
        Ok(self.sum())
    }

    pub(super) fn sum(&mut self) -> Data {
        Data {
            kind: self.sum.kind,
            objects: std::mem::take(&mut self.sum.objects),
            missing: std::mem::take(&mut self.sum.missing),
        }
    }
}

fn read_kind(reader: &mut Reader<'_>) -> Result<ItemKind, CborError> {
    ItemKind::from_id(reader.uint()?).ok_or(CborError::OutOfRange)
}

fn read_items(reader: &mut Reader<'_>) -> Result<Vec<Item>, CborError> {
    let n = reader.array(MAX_INV_ITEMS)?;
    if n == 0 {
        return Err(CborError::OutOfRange);
    }
    (0..n)
        .map(|_| {
            reader.array_of(2)?;
            let kind = read_kind(reader)?;
            let id = Hash32(reader.fixed()?);
            Ok(Item { kind, id })
        })
        .collect()
}

/// The same twice would be sent or asked for twice.
fn all_different<T: Eq + std::hash::Hash>(items: &[T]) -> Result<(), CborError> {
    let mut seen = HashSet::with_capacity(items.len());
    if items.iter().all(|item| seen.insert(item)) {
        return Ok(());
    }
    Err(CborError::OutOfRange)
}

#[cfg(test)]
#[path = "inventory_tests.rs"]
mod tests;
