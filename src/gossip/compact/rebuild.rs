//! From an announce to the block: match, ask once, fill, prove.

mod outcome;
mod parts;

use std::sync::Arc;

use bytes::Bytes;

use super::{Announce, ExtraPool};
use crate::{chain::object_id, ids::Hash32, registry::MAX_GET_TX, wire::GetTx};

pub use outcome::{AnswerError, FullReason, Rebuilt};

use parts::{Parts, Source};

/// Items that this node has, with their ids: the pool, known shares.
pub trait Known {
    /// Shows every item once.
    fn visit(&self, see: &mut dyn FnMut(&Hash32, &Bytes));
}

/// Where the rebuilding of a block stands.
#[derive(Debug)]
pub enum Rebuild {
    /// The block is there. It has the roots of its header; the caller still verifies it.
    Complete(Rebuilt),
    /// Items are missing, or their short ids are not unique: they are asked for by number.
    Missing(Missing),
    /// This announce does not lead to the block.
    Full(FullReason),
}

/// A rebuild that waits for items.
#[derive(Debug)]
pub struct Missing {
    parts: Parts,
    request: GetTx,
}

impl Rebuild {
    /// Fills the items of `announce` from what is known. `announce_bytes` is the length of its
    /// encoding, for the statistics.
    ///
    /// An item whose short id fits more than one thing is asked for by number, so that a collision
    /// costs its bytes and not the block. The one collision that cannot be seen, of something here
    /// with an item that is not here, is caught by the Merkle root: then the block is fetched whole.
    #[must_use]
    pub fn start(
        announce: Arc<Announce>,
        announce_bytes: usize,
        known: &dyn Known,
        extra: &ExtraPool,
    ) -> Self {
        let block = announce.header.hash();
        let mut parts = Parts::new(announce, announce_bytes);
        parts.match_known(known, Source::Pool);
        parts.match_known(extra, Source::Extra);
        let indexes = parts.missing();
        if indexes.is_empty() {
            return parts.finish(block);
        }
        if indexes.len() > MAX_GET_TX {
            let missing = indexes.len();
            return Self::Full(FullReason::TooMuchMissing { missing });
        }
        let Some(max_bytes) = parts.room_for(indexes.len()) else {
            return Self::Full(FullReason::Length);
        };
        let request = GetTx {
            block,
            indexes,
            max_bytes,
        };
        parts.stats.requested = request.indexes.len();
        Self::Missing(Missing { parts, request })
    }
}

impl Missing {
    /// What to ask the announcer for.
    #[must_use]
    pub fn request(&self) -> &GetTx {
        &self.request
    }

    /// How many of the items asked for are asked for because their short ids are not unique.
    #[must_use]
    pub fn collisions(&self) -> usize {
        self.parts.stats.collisions
    }

    /// Takes the answer, whose payloads had `answer_bytes` together. Never [`Rebuild::Missing`]: an
    /// announce is asked about once.
    ///
    /// # Errors
    /// The answer contradicts the request or the announce.
    pub fn fill(mut self, txs: Vec<Bytes>, answer_bytes: usize) -> Result<Rebuild, AnswerError> {
        let asked = self.request.indexes.len();
        if txs.len() != asked {
            let got = txs.len();
            return Err(AnswerError::Count { asked, got });
        }
        let bytes: usize = txs.iter().map(Bytes::len).sum();
        if bytes > self.request.max_bytes as usize {
            let max = self.request.max_bytes;
            return Err(AnswerError::TooLarge { bytes, max });
        }
        for (number, tx) in self.request.indexes.iter().zip(txs) {
            let id = object_id(&tx);
            if !self.parts.put_answer(*number, id, tx) {
                return Err(AnswerError::OtherItem { number: *number });
            }
        }
        self.parts.stats.request_bytes = self.request.payload_len();
        self.parts.stats.answer_bytes = answer_bytes;
        Ok(self.parts.finish(self.request.block))
    }
}

impl Known for Vec<(Hash32, Bytes)> {
    fn visit(&self, see: &mut dyn FnMut(&Hash32, &Bytes)) {
        self.iter().for_each(|(id, item)| see(id, item));
    }
}
