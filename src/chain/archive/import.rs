//! From a file into a store, every block verified.

use std::{io::Read, num::NonZeroUsize, ops::ControlFlow};

use bytes::Bytes;

use crate::{
    chain::{
        Ancestry, At, Batch, Block, ChainStore, Genesis, NewHeader, Verifier, parallel,
        verify::{verify_body, verify_headers},
    },
    ids::{Hash32, Height},
};

use super::{ArchiveError, Item, Progress, Reader};

/// Most blocks in one batch: what one durable commit is worth.
const BATCH_BLOCKS: usize = 2048;

/// Bytes of blocks after which a batch is full, bounding memory at about this and one block more.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// Bodies per thread below which another thread does not pay.
const LEAST_BODIES: usize = 2;

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Blocks stored.
    pub blocks: u64,
    /// Blocks passed over, as they were stored already.
    pub known: u64,
    /// Bytes of the blocks stored.
    pub bytes: u64,
    /// Whether the end of the file was reached; without, it was cut, which is no error.
    pub complete: bool,
}

/// Turns a file into verified batches, one at a time. Whoever holds the store commits them: the
/// command of a stopped node at once, a running node between what it syncs.
#[derive(Debug)]
pub struct Import<R> {
    reader: Reader<R>,
    genesis: Genesis,
    threads: NonZeroUsize,
    /// Behind the last block seen, once one has been.
    ancestry: Option<Ancestry>,
    done: Imported,
    over: bool,
}

/// Blocks of one batch before verification.
#[derive(Default)]
struct Group {
    headers: Vec<Bytes>,
    blocks: Vec<(Hash32, Bytes)>,
    bytes: usize,
}

impl<R: Read> Import<R> {
    /// Opens a file of the chain of `genesis`. Verification uses up to `threads` threads.
    ///
    /// # Errors
    /// Not a chain file, of another version or of another chain.
    pub fn open(reader: R, genesis: &Genesis, threads: NonZeroUsize) -> Result<Self, ArchiveError> {
        Ok(Self {
            reader: Reader::open(reader, genesis)?,
            genesis: genesis.clone(),
            threads,
            ancestry: None,
            done: Imported {
                blocks: 0,
                known: 0,
                bytes: 0,
                complete: false,
            },
            over: false,
        })
    }

    /// What was done so far; batches count when they are handed out.
    #[must_use]
    pub fn imported(&self) -> Imported {
        self.done
    }

    /// Height of the block that comes next.
    #[must_use]
    pub fn next_height(&self) -> Height {
        self.reader.next_height()
    }

    /// Reads and verifies blocks until a batch is full. `None` at the end of the file. The batch
    /// before must have been committed: this one builds on it.
    ///
    /// # Errors
    /// The file is damaged or a block breaks a rule. What was handed out before is good.
    pub fn next_batch(
        &mut self,
        store: &dyn ChainStore,
        verifier: &dyn Verifier,
        now_s: u64,
    ) -> Result<Option<Batch>, ArchiveError> {
        let group = self.read_group(store)?;
        let Some(ancestry) = self.ancestry.clone().filter(|_| !group.blocks.is_empty()) else {
            return Ok(None);
        };
        let first = ancestry.tip().height.saturating_add(1);
        let at = |index: usize| first.saturating_add(index as u64);
        let verified = verify_headers(
            &self.genesis,
            verifier,
            ancestry,
            &group.headers,
            now_s,
            self.threads,
        );
        if let Some((index, error)) = verified.refused {
            return Err(ArchiveError::Header {
                height: at(index),
                error,
            });
        }
        let bodies = parallel::map(
            &group.blocks,
            self.threads,
            LEAST_BODIES,
            |(hash, bytes)| verify_body(&self.genesis, verifier, hash, bytes.clone()).map(drop),
        );
        for (index, result) in bodies.into_iter().enumerate() {
            result.map_err(|error| ArchiveError::Body {
                height: at(index),
                error,
            })?;
        }
        self.done.blocks += group.blocks.len() as u64;
        self.done.bytes += group.bytes as u64;
        self.ancestry = Some(verified.ancestry);
        Ok(Some(batch(store, verified.headers, group.blocks)))
    }

    fn read_group(&mut self, store: &dyn ChainStore) -> Result<Group, ArchiveError> {
        let mut group = Group::default();
        while !self.over && group.blocks.len() < BATCH_BLOCKS && group.bytes < BATCH_BYTES {
            let (height, bytes) = match self.reader.item()? {
                Item::Block { height, bytes } => (height, bytes),
                item => {
                    self.over = true;
                    self.done.complete = matches!(item, Item::End { .. });
                    break;
                }
            };
            let block = Block::decode(bytes.clone())
                .map_err(|error| ArchiveError::Body { height, error })?;
            let header = Bytes::from(block.header.encode());
            let hash = crate::crypto::hash::sha3_256(&header);
            if group.blocks.is_empty() && self.is_known(store, hash)? {
                self.done.known += 1;
                continue;
            }
            if self.ancestry.is_none() {
                let parent = Ancestry::load(store, block.header.parent_hash)?;
                self.ancestry = Some(parent.ok_or(ArchiveError::Gap { first: height })?);
            }
            group.bytes += bytes.len();
            group.headers.push(header);
            group.blocks.push((hash, bytes));
        }
        Ok(group)
    }

    /// Passes over a block that is stored with its body: it was verified when it came.
    fn is_known(&mut self, store: &dyn ChainStore, hash: Hash32) -> Result<bool, ArchiveError> {
        let stored = store.header(At::Hash(hash))?;
        let known = stored.is_some_and(|stored| stored.has_body);
        if known {
            self.ancestry = None;
        }
        Ok(known)
    }
}

/// Imports a whole file, committing batch by batch. `progress` may stop it between two; what was
/// committed stays, and importing the file again goes on from there.
///
/// # Errors
/// As [`Import::next_batch`], or the store fails.
pub fn import<R: Read>(
    store: &dyn ChainStore,
    import: &mut Import<R>,
    verifier: &dyn Verifier,
    now_s: u64,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Imported, ArchiveError> {
    while let Some(batch) = import.next_batch(store, verifier, now_s)? {
        store.commit(batch)?;
        let so_far = Progress {
            height: import.next_height().saturating_sub(1),
            blocks: import.done.blocks,
            bytes: import.done.bytes,
        };
        if progress(so_far).is_break() {
            break;
        }
    }
    Ok(import.done)
}

/// The batch of verified blocks, moving the paths of the store where the branch is preferred.
fn batch(store: &dyn ChainStore, headers: Vec<NewHeader>, bodies: Vec<(Hash32, Bytes)>) -> Batch {
    let tips = store.tips();
    let last = headers.last().map(NewHeader::tip);
    let wins = |over| last.filter(|tip| tip.beats(over)).map(|tip| tip.hash);
    Batch {
        best_header: wins(&tips.headers),
        head: wins(&tips.blocks),
        headers,
        bodies,
    }
}
