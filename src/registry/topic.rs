//! The topics of gossip: names and largest payloads.

use super::{
    MAX_APP_MESSAGE_BYTES, MAX_BLOB_ANNOUNCE_BYTES, MAX_GOSSIP_BYTES, MAX_HASH_SHARE_BYTES,
    MAX_HEADER_BYTES, MAX_PUSHED_BYTES, MAX_SHARE_BYTES,
};
use crate::ids::ChainId;

/// A gossip topic: those of the original network, and those of applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// New headers.
    Headers,
    /// Compact blocks.
    Blocks,
    /// Transactions.
    Txs,
    /// Hash shares.
    SharesHash,
    /// AI shares.
    SharesAi,
    /// Quantum shares.
    SharesQuantum,
    /// Blob commitments.
    Blobs,
    /// Signed application messages.
    App,
    /// Application messages whose content validates itself.
    AppUnsigned,
}

impl Topic {
    /// Every topic, in the order in which tables by topic hold them.
    pub const ALL: &'static [Self] = &[
        Self::Headers,
        Self::Blocks,
        Self::Txs,
        Self::SharesHash,
        Self::SharesAi,
        Self::SharesQuantum,
        Self::Blobs,
        Self::App,
        Self::AppUnsigned,
    ];

    /// How many topics there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Its place in [`Topic::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The last part of the name, also the metric label.
    #[must_use]
    pub fn leaf(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Blocks => "blocks",
            Self::Txs => "txs",
            Self::SharesHash => "shares/hash",
            Self::SharesAi => "shares/ai",
            Self::SharesQuantum => "shares/quantum",
            Self::Blobs => "blobs",
            Self::App => "app",
            Self::AppUnsigned => "app/unsigned",
        }
    }

    /// The full name on chain `chain`.
    #[must_use]
    pub fn on(self, chain: ChainId) -> String {
        format!("animica/gossip/v1/{chain}/{}", self.leaf())
    }

    /// Largest payload.
    #[must_use]
    pub fn max_bytes(self) -> usize {
        match self {
            Self::Headers => MAX_HEADER_BYTES,
            Self::Blocks => MAX_GOSSIP_BYTES,
            Self::Txs => MAX_PUSHED_BYTES,
            Self::SharesHash => MAX_HASH_SHARE_BYTES,
            Self::SharesAi | Self::SharesQuantum => MAX_SHARE_BYTES,
            Self::Blobs => MAX_BLOB_ANNOUNCE_BYTES,
            Self::App | Self::AppUnsigned => MAX_APP_MESSAGE_BYTES,
        }
    }
}
