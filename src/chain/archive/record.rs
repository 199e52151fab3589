//! The format itself: a writer and a reader of records over any stream.

use std::{
    fmt,
    io::{self, Read, Write},
};

use bytes::Bytes;

use crate::{
    chain::Genesis,
    crypto::hash::sha3_256_parts,
    ids::{ChainId, Hash32, Height},
    registry::MAX_BLOCK_BYTES,
};

use super::{ArchiveError, MAGIC, VERSION};

/// Bytes of the head.
pub(super) const HEAD_BYTES: usize = 68;

/// Bytes before the block in a record.
pub(super) const RECORD_HEAD_BYTES: usize = 12;

/// Bytes of the end after its length.
const END_BYTES: usize = 48;

type Check = [u8; 8];

/// What is wrong with a place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The bytes are not those that were written.
    Check,
    /// A length no record can have.
    Length(u32),
    /// The end names another last block than the one before it.
    End,
    /// Bytes follow the end.
    Trailing,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check => f.write_str("the check does not match"),
            Self::Length(n) => write!(f, "a record cannot have {n} bytes"),
            Self::End => f.write_str("the end is not that of these blocks"),
            Self::Trailing => f.write_str("something follows the end"),
        }
    }
}

/// Writes a chain file.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    next: Height,
    last: Hash32,
}

impl<W: Write> Writer<W> {
    /// Starts a file whose first block has height `first`.
    ///
    /// # Errors
    /// The stream cannot be written.
    pub fn create(mut out: W, genesis: &Genesis, first: Height) -> io::Result<Self> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend(MAGIC);
        head.extend(VERSION.to_be_bytes());
        head.extend([0; 2]);
        head.extend(genesis.chain_id().0.to_be_bytes());
        head.extend(genesis.hash().0);
        head.extend(first.0.to_be_bytes());
        head.extend(check(Height::GENESIS, &head));
        out.write_all(&head)?;
        Ok(Self::resume(out, first, Hash32::ZERO))
    }

    /// Goes on with a file whose next block has height `next` and follows `last`.
    pub fn resume(out: W, next: Height, last: Hash32) -> Self {
        Self { out, next, last }
    }

    /// Appends the block at the next height.
    ///
    /// # Errors
    /// The stream cannot be written.
    pub fn append(&mut self, hash: Hash32, block: &[u8]) -> io::Result<()> {
        let len = u32::try_from(block.len()).map_err(io::Error::other)?;
        self.out.write_all(&len.to_be_bytes())?;
        self.out.write_all(&check(self.next, block))?;
        self.out.write_all(block)?;
        self.next = self.next.saturating_add(1);
        self.last = hash;
        Ok(())
    }

    /// Leaves the file without its end, flushed, to be resumed.
    ///
    /// # Errors
    /// The stream cannot be written.
    pub fn pause(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    /// Writes the end and gives the stream back, flushed.
    ///
    /// # Errors
    /// The stream cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        let last = self.next.saturating_sub(1);
        let mut end = [0; 40];
        end[..8].copy_from_slice(&last.0.to_be_bytes());
        end[8..].copy_from_slice(&self.last.0);
        self.out.write_all(&[0; 4])?;
        self.out.write_all(&check(last, &end))?;
        self.out.write_all(&end)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// What comes next in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A block, whole but unverified.
    Block {
        /// The height it was written for.
        height: Height,
        /// Its encoding.
        bytes: Bytes,
    },
    /// The end: the file is whole.
    End {
        /// Hash of the last block.
        last: Hash32,
    },
    /// The file stops inside a record or before its end.
    Cut,
}

/// Reads a chain file.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    next: Height,
    at: u64,
}

impl<R: Read> Reader<R> {
    /// Reads the head of a file of the chain of `genesis`.
    ///
    /// # Errors
    /// Not a chain file, of another version or of another chain.
    pub fn open(mut input: R, genesis: &Genesis) -> Result<Self, ArchiveError> {
        let mut head = [0; HEAD_BYTES];
        if read_up_to(&mut input, &mut head)? < HEAD_BYTES || head[..8] != MAGIC {
            return Err(ArchiveError::Magic);
        }
        let version = u16::from_be_bytes([head[8], head[9]]);
        if version != VERSION {
            return Err(ArchiveError::NewerVersion { found: version });
        }
        let next = Height(u64_at(&head, 52));
        if check(Height::GENESIS, &head[..60]) != head[60..] {
            return Err(ArchiveError::Damaged {
                at: 0,
                height: next,
                damage: Damage::Check,
            });
        }
        let chain = ChainId(u64_at(&head, 12));
        let named = hash_at(&head, 20);
        if named != genesis.hash() {
            return Err(ArchiveError::OtherGenesis {
                chain,
                genesis: named,
            });
        }
        Ok(Self {
            input,
            next,
            at: HEAD_BYTES as u64,
        })
    }

    /// Height of the block that comes next.
    #[must_use]
    pub fn next_height(&self) -> Height {
        self.next
    }

    /// Offset of what comes next: everything before it is whole.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Reads on. After [`Item::End`] or [`Item::Cut`] there is nothing more.
    ///
    /// # Errors
    /// The stream cannot be read, or is damaged here.
    pub fn item(&mut self) -> Result<Item, ArchiveError> {
        let mut len = [0; 4];
        if read_up_to(&mut self.input, &mut len)? < len.len() {
            return Ok(Item::Cut);
        }
        let len = u32::from_be_bytes(len);
        if len == 0 {
            return self.end();
        }
        if len as usize > MAX_BLOCK_BYTES {
            return Err(self.damaged(Damage::Length(len)));
        }
        let mut expected: Check = [0; 8];
        let mut block = Vec::new();
        if read_up_to(&mut self.input, &mut expected)? < expected.len() {
            return Ok(Item::Cut);
        }
        // Grows with what is there, not with what the length claims.
        let got = (&mut self.input)
            .take(u64::from(len))
            .read_to_end(&mut block)?;
        if got < len as usize {
            return Ok(Item::Cut);
        }
        if check(self.next, &block) != expected {
            return Err(self.damaged(Damage::Check));
        }
        let height = self.next;
        self.next = height.saturating_add(1);
        self.at += RECORD_HEAD_BYTES as u64 + u64::from(len);
        Ok(Item::Block {
            height,
            bytes: block.into(),
        })
    }

    fn end(&mut self) -> Result<Item, ArchiveError> {
        let mut end = [0; END_BYTES];
        if read_up_to(&mut self.input, &mut end)? < end.len() {
            return Ok(Item::Cut);
        }
        let last = Height(u64_at(&end, 8));
        if check(last, &end[8..]) != end[..8] {
            return Err(self.damaged(Damage::Check));
        }
        if last != self.next.saturating_sub(1) {
            return Err(self.damaged(Damage::End));
        }
        if read_up_to(&mut self.input, &mut [0])? > 0 {
            return Err(self.damaged(Damage::Trailing));
        }
        Ok(Item::End {
            last: hash_at(&end, 16),
        })
    }

    fn damaged(&self, damage: Damage) -> ArchiveError {
        ArchiveError::Damaged {
            at: self.at,
            height: self.next,
            damage,
        }
    }
}

fn check(height: Height, bytes: &[u8]) -> Check {
    let [a, b, c, d, e, f, g, h, ..] = sha3_256_parts(&[&height.0.to_be_bytes(), bytes]).0;
    [a, b, c, d, e, f, g, h]
}

/// Fills `out` as far as the stream goes.
fn read_up_to(input: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    let mut at = 0;
    while at < out.len() {
        match input.read(&mut out[at..]) {
            Ok(0) => break,
            Ok(n) => at += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(at)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8]
        .iter()
        .fold(0, |n, b| n << 8 | u64::from(*b))
}

fn hash_at(bytes: &[u8], at: usize) -> Hash32 {
    Hash32::from_slice(&bytes[at..at + 32]).unwrap_or_default()
}
