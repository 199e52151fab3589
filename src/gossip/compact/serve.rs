//! The serving side.

use bytes::Bytes;

use super::announce::items;
use crate::{
    chain::Block,
    offence::Offence,
    wire::{GetTx, Txs},
};

/// Why a request for items of a block is answered `ERROR` (bad request).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// The block does not have an item with this number.
    #[error("the block has {items} items, {number} was asked for")]
    OutOfRange {
        /// What was asked for.
        number: u32,
        /// How many there are.
        items: usize,
    },
    /// The items are longer together than the request allows.
    #[error("the items are longer than {max} bytes together")]
    TooLarge {
        /// What the request allows.
        max: u32,
    },
}

impl ServeError {
    /// What the requester did. Nothing, where its idea of the block's length came from a false
    /// match of a short id.
    #[must_use]
    pub fn offence(&self) -> Option<Offence> {
        match self {
            Self::OutOfRange { .. } => Some(Offence::MalformedMessage),
            Self::TooLarge { .. } => None,
        }
    }
}

/// The items of `block` that `request` asks for. They fit one frame, because they fit a block, and
/// are slices of it: nothing is copied.
///
/// # Errors
/// The request does not fit the block.
pub fn serve(block: &Block, request: &GetTx) -> Result<Txs, ServeError> {
    let all: Vec<&Bytes> = items(block).collect();
    let mut left = request.max_bytes as usize;
    let take = |number: &u32| {
        let item = all.get(*number as usize).ok_or(ServeError::OutOfRange {
            number: *number,
            items: all.len(),
        })?;
        left = left.checked_sub(item.len()).ok_or(ServeError::TooLarge {
            max: request.max_bytes,
        })?;
        Ok(Bytes::clone(item))
    };
    let txs = request.indexes.iter().map(take).collect::<Result<_, _>>()?;
    Ok(Txs { txs })
}
