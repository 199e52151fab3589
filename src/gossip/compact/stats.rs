//! What rebuilding a block took.

/// Figures of one rebuilt block. Bytes are those of payloads, without frames and channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Transactions and proofs of the block.
    pub items: usize,
    /// Of these, what the announce carried in full.
    pub prefilled: usize,
    /// What the pool and other known items gave.
    pub from_pool: usize,
    /// What the extra pool gave.
    pub from_extra: usize,
    /// What was asked for.
    pub requested: usize,
    /// Of these, what was asked for because its short id is not unique.
    pub collisions: usize,
    /// Length of the encoded block.
    pub block_bytes: usize,
    /// Payload of the announce.
    pub announce_bytes: usize,
    /// Payload of the request, 0 without one.
    pub request_bytes: usize,
    /// Payload of its answer, 0 without one.
    pub answer_bytes: usize,
}

impl Stats {
    /// Share of the items that did not have to be asked for, 1 for a block without items.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        if self.items == 0 {
            return 1.0;
        }
        1.0 - self.requested as f64 / self.items as f64
    }

    /// Round trips after the announce: 0 or 1.
    #[must_use]
    pub fn round_trips(&self) -> u32 {
        u32::from(self.requested > 0)
    }

    /// Payload bytes in both directions.
    #[must_use]
    pub fn moved_bytes(&self) -> usize {
        self.announce_bytes + self.request_bytes + self.answer_bytes
    }

    /// Payload bytes in both directions as a share of the block's.
    #[must_use]
    pub fn byte_share(&self) -> f64 {
        self.moved_bytes() as f64 / self.block_bytes.max(1) as f64
    }

    /// Bytes that the whole block would have cost beyond what was moved.
    #[must_use]
    pub fn bytes_saved(&self) -> usize {
        self.block_bytes.saturating_sub(self.moved_bytes())
    }
}
