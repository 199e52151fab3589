//! What the store knows without asking the disk: the two tips, counters, and the committed tail.

use redb::{ReadTransaction, ReadableTableMetadata};

use crate::{
    chain::{StoreError, Tip, Tips},
    ids::Height,
};

use super::{
    appender::Tail,
    chains::key,
    fault::{self, Db},
    lengths,
    recent::Recent,
    tables::{
        BODY_LOCATIONS, HEAD_OF_BLOCKS, HEAD_OF_HEADERS, HEADERS, HEADS, HeaderRow, INDEXED_HEADERS,
    },
};

/// The end of a chain and the number of its header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) number: u64,
    pub(super) tip: Tip,
}

/// A summary of the last commit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// End of the best header chain; `None` before genesis is stored.
    pub(super) best: Option<Head>,
    /// End of the imported chain; `None` before genesis is stored.
    pub(super) blocks: Option<Head>,
    /// Headers stored, which is also the next number.
    pub(super) headers: u64,
    /// Bodies stored.
    pub(super) bodies: u64,
    /// Where the next body goes.
    pub(super) tail: Option<Tail>,
    /// Committed bytes of all segments.
    pub(super) body_bytes: u64,
}

/// What is read when a store is opened.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) known: Known,
    /// Number and committed length of every segment.
    pub(super) segments: Vec<(u32, u64)>,
    pub(super) recent: Recent,
}

impl Known {
    /// Reads the summary, the committed length of every segment, and the headers not yet indexed.
    pub(super) fn load(txn: &ReadTransaction, max_recent: usize) -> Result<Loaded, StoreError> {
        let headers = txn.open_table(HEADERS).db()?;
        let heads = txn.open_table(HEADS).db()?;
        let head = |name: &str| -> Result<Option<Head>, StoreError> {
            let Some(number) = heads.get(name).db()? else {
                return Ok(None);
            };
            let number = u64::from_be_bytes(*number.value());
            let row = headers
                .get(&key(number))
                .db()?
                .ok_or_else(|| fault::row("headers", number))?;
            let tip = HeaderRow::decode(number, row.value())?.tip();
            Ok(Some(Head { number, tip }))
        };
        let segments = lengths::load(txn)?;
        let known = Self {
            best: head(HEAD_OF_HEADERS)?,
            blocks: head(HEAD_OF_BLOCKS)?,
            headers: headers.len().db()?,
            bodies: txn.open_table(BODY_LOCATIONS).db()?.len().db()?,
            tail: segments.last().map(|&(segment, end)| Tail { segment, end }),
            body_bytes: segments
                .iter()
                .fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes)),
        };
        let indexed = heads.get(INDEXED_HEADERS).db()?;
        let indexed = indexed.map_or(0, |number| u64::from_be_bytes(*number.value()));
        Ok(Loaded {
            known,
            segments,
            recent: Recent::load(txn, indexed, max_recent)?,
        })
    }

    /// The tips, once genesis is stored.
    pub(super) fn tips(&self) -> Option<Tips> {
        Some(Tips {
            headers: self.best?.tip,
            blocks: self.blocks?.tip,
        })
    }

    /// Height of the best header.
    pub(super) fn best_height(&self) -> Option<u64> {
        self.best.map(|head| head.tip.height).map(|Height(h)| h)
    }

    /// Height of the imported head.
    pub(super) fn block_height(&self) -> Option<u64> {
        self.blocks.map(|head| head.tip.height).map(|Height(h)| h)
    }
}
