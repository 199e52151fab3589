//! From a store into a file.

use std::{
    fs::{File, OpenOptions},
    io::{BufReader, BufWriter, Seek, SeekFrom, Write},
    ops::ControlFlow,
    path::Path,
};

use crate::{
    chain::{At, Block, ChainStore, Genesis, Which},
    ids::{Hash32, Height},
};

use super::{ArchiveError, Item, Progress, Reader, Writer};

/// Headers read from the store at a time.
const RUN: usize = 1024;

/// Buffer of a file, bytes.
const BUFFER: usize = 256 * 1024;

/// Which blocks to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Height of the first, at least 1: genesis is known by whoever reads the file.
    pub from: Height,
    /// Height of the last; without one, the head at the start.
    pub to: Option<Height>,
}

/// What to do with a file that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Refuse.
    New,
    /// Keep its blocks as far as they are whole and still of the chain, and go on behind them. The
    /// first height stays that of the file.
    Resume,
}

/// What an export did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Blocks written, not counting those that were there already.
    pub blocks: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Height of the last block in the file.
    pub last: Height,
    /// Whether everything asked for is in the file and its end is written.
    pub complete: bool,
}

impl Default for Range {
    fn default() -> Self {
        Self {
            from: Height(1),
            to: None,
        }
    }
}

/// Writes blocks of the store's chain to `out`. `progress` may stop it, which leaves a file without
/// its end, to be resumed.
///
/// # Errors
/// A block is not stored, the chain was reorganised meanwhile, or the store or stream fails. What was
/// written is good.
pub fn export<W: Write>(
    store: &dyn ChainStore,
    genesis: &Genesis,
    out: W,
    range: Range,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Exported, ArchiveError> {
    let from = Height(range.from.0.max(1));
    let last = hash_at(store, from.saturating_sub(1))?;
    let writer = Writer::create(out, genesis, from)?;
    run(store, writer, from, last, range.to, progress)
}

/// [`export`] into a file that is created, or resumed.
///
/// # Errors
/// As [`export`]; also if the file exists and `start` is [`Start::New`], or if it is no chain file of
/// this chain.
pub fn export_file(
    store: &dyn ChainStore,
    genesis: &Genesis,
    path: &Path,
    range: Range,
    start: Start,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Exported, ArchiveError> {
    if start == Start::New || !path.exists() {
        let file = File::create_new(path)?;
        let out = BufWriter::with_capacity(BUFFER, &file);
        let exported = export(store, genesis, out, range, progress)?;
        file.sync_all()?;
        return Ok(exported);
    }
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let (end, next, last) = whole_part(store, genesis, &file)?;
    file.set_len(end)?;
    file.seek(SeekFrom::End(0))?;
    let out = BufWriter::with_capacity(BUFFER, &file);
    let writer = Writer::resume(out, next, last);
    let exported = run(store, writer, next, last, range.to, progress)?;
    file.sync_all()?;
    Ok(exported)
}

/// The part of a file that is whole and of the store's chain: its length, the height that comes
/// next, and the hash of the block before that.
fn whole_part(
    store: &dyn ChainStore,
    genesis: &Genesis,
    file: &File,
) -> Result<(u64, Height, Hash32), ArchiveError> {
    let mut reader = Reader::open(BufReader::with_capacity(BUFFER, file), genesis)?;
    let first = reader.next_height();
    let mut good = (
        reader.position(),
        first,
        hash_at(store, first.saturating_sub(1))?,
    );
    // Damage ends the good part like a cut does.
    while let Ok(Item::Block { height, bytes }) = reader.item() {
        let Ok(block) = Block::decode(bytes) else {
            break;
        };
        let stored = store.header(At::Block(height))?;
        let Some(stored) = stored.filter(|stored| stored.hash == block.hash()) else {
            break;
        };
        good = (reader.position(), reader.next_height(), stored.hash);
    }
    Ok(good)
}

fn run<W: Write>(
    store: &dyn ChainStore,
    mut writer: Writer<W>,
    from: Height,
    mut last: Hash32,
    to: Option<Height>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Exported, ArchiveError> {
    let to = to.unwrap_or(store.tips().blocks.height);
    let mut done = Exported {
        blocks: 0,
        bytes: 0,
        last: from.saturating_sub(1),
        complete: false,
    };
    while done.last < to {
        let next = done.last.saturating_add(1);
        let left = usize::try_from(to.0 - done.last.0).unwrap_or(RUN);
        let headers = store.headers(Which::Blocks, next, left.min(RUN))?;
        if headers.is_empty() {
            return Err(ArchiveError::Missing { height: next });
        }
        for header in headers {
            if header.decode()?.parent_hash != last {
                return Err(ArchiveError::Reorganised {
                    height: header.height,
                });
            }
            let body = store.body(&header.hash)?.ok_or(ArchiveError::Missing {
                height: header.height,
            })?;
            writer.append(header.hash, &body)?;
            last = header.hash;
            done.blocks += 1;
            done.bytes += body.len() as u64;
            done.last = header.height;
        }
        let so_far = Progress {
            height: done.last,
            blocks: done.blocks,
            bytes: done.bytes,
        };
        if progress(so_far).is_break() {
            writer.pause()?;
            return Ok(done);
        }
    }
    writer.finish()?;
    done.complete = true;
    Ok(done)
}

fn hash_at(store: &dyn ChainStore, height: Height) -> Result<Hash32, ArchiveError> {
    let header = store.header(At::Block(height))?;
    let hash = header.map(|header| header.hash);
    hash.ok_or(ArchiveError::Missing { height })
}
