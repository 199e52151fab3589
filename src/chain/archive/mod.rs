//! Chains as files: a stream of checksummed blocks that names its genesis.
//!
//! ```text
//! file   = head, record*, end?
//! head   = magic 8 B, u16be version, u16be 0, u64be chain id, genesis hash 32 B,
//!          u64be height of the first block, check 8 B
//! record = u32be length (1..=4 000 000), check 8 B, encoded block
//! end    = u32be 0, check 8 B, u64be height of the last block, its hash 32 B
//! ```
//! A check is the first eight bytes of SHA3-256 over the height (u64be) and the bytes it guards: of
//! the head everything before the check with height 0, of a record the block, of the end its last
//! 40 bytes with the height they name. Checks find accidents; forgery is found by verification,
//! which import never skips. A file that was cut anywhere is good up to the cut: both import and
//! export go on from there.

mod export;
mod import;
mod record;

use crate::ids::{ChainId, Hash32, Height};

use super::{BodyError, HeaderError, StoreError};

pub use export::{Exported, Range, Start, export, export_file};
pub use import::{Import, Imported, import};
pub use record::{Damage, Item, Reader, Writer};

/// Version of the format.
pub const VERSION: u16 = 1;

/// First bytes of a file. The first is no text and the line ends show a transfer that changed them.
const MAGIC: [u8; 8] = *b"\x89ANMC\r\n\x1a";

/// What is said about progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Height of the last block done.
    pub height: Height,
    /// Blocks done.
    pub blocks: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// Why a file cannot be written or read on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file cannot be read or written.
    #[error("the file cannot be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// Not a chain file.
    #[error("not a chain file")]
    Magic,
    /// A chain file of a later version.
    #[error("the file has format {found}, this build reads {VERSION}")]
    NewerVersion {
        /// Its version.
        found: u16,
    },
    /// A file of another chain.
    #[error("the file is of chain {chain} with genesis {genesis}")]
    OtherGenesis {
        /// Chain id in the file.
        chain: ChainId,
        /// Genesis hash in the file.
        genesis: Hash32,
    },
    /// A damaged place. What stands before it is good.
    #[error("the file is damaged at byte {at}, block {height}: {damage}")]
    Damaged {
        /// Offset of the record.
        at: u64,
        /// Height of the block that should be there.
        height: Height,
        /// What is wrong.
        damage: Damage,
    },
    /// The first block follows none that is stored.
    #[error("the file starts at height {first} on a block that is not stored")]
    Gap {
        /// Height of the first block.
        first: Height,
    },
    /// A block whose header breaks a rule.
    #[error("block {height} breaks a rule: {error}")]
    Header {
        /// Its height.
        height: Height,
        /// The rule.
        error: HeaderError,
    },
    /// A block whose body breaks a rule.
    #[error("block {height} breaks a rule: {error}")]
    Body {
        /// Its height.
        height: Height,
        /// The rule.
        error: BodyError,
    },
    /// The range to export is not stored.
    #[error("block {height} is not stored")]
    Missing {
        /// The height that is missing.
        height: Height,
    },
    /// The chain was reorganised below what was written; an export resumed goes on from the fork.
    #[error("the chain was reorganised at height {height} during the export")]
    Reorganised {
        /// Height of the block that no longer follows.
        height: Height,
    },
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests;
