//! Figures of the engine.

use std::time::Duration;

/// How much is rebuilt at a time, and how patiently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Most blocks being rebuilt. Siblings are rare; more would only serve who mines them on purpose.
    pub blocks: usize,
    /// Of these, how many only peers in high-bandwidth mode may start, so that strangers with cheap
    /// blocks do not keep out the peers that proved useful.
    pub reserved: usize,
    /// Most blocks that one peer is an announcer or holder of at a time.
    pub blocks_per_peer: usize,
    /// Most announces per block, of different peers: how many attempts it gets.
    pub announcers: usize,
    /// Most bytes of announces and rebuilds in flight. The largest rebuild of devnet has 11 MB.
    pub bytes: usize,
    /// Most of these for what one peer announced.
    pub bytes_per_peer: usize,
    /// Least time an answer gets. With the rest it ends before gossipsub forgets the announce, which
    /// is passed on only when its block is there.
    pub answer_wait: Duration,
    /// Slowest link that an answer is waited for, bytes per second.
    pub answer_rate: u64,
    /// How long a header may come before its announce: both travel through the same mesh.
    pub announce_wait: Duration,
    /// How long a block that could not be rebuilt is remembered, to judge its announcers when it
    /// comes whole.
    pub given_up: Duration,
    /// Most peers in high-bandwidth mode: three, the figure of BIP152.
    pub high_bandwidth: usize,
    /// Blocks remembered as here. Announces of older ones do not beat our tip.
    pub done: usize,
    /// Bytes of the extra pool: two of the largest blocks.
    pub extra_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            blocks: 8,
            reserved: 2,
            blocks_per_peer: 2,
            announcers: 4,
            bytes: 64 * 1024 * 1024,
            bytes_per_peer: 24 * 1024 * 1024,
            answer_wait: Duration::from_secs(1),
            answer_rate: 1_250_000,
            announce_wait: Duration::from_millis(200),
            given_up: Duration::from_secs(30),
            high_bandwidth: 3,
            done: 256,
            extra_bytes: 8 * 1024 * 1024,
        }
    }
}

impl Config {
    /// How long an answer of `bytes` may take.
    #[must_use]
    pub fn patience(&self, bytes: u32) -> Duration {
        let link = u64::from(bytes) * 1000 / self.answer_rate.max(1);
        self.answer_wait + Duration::from_millis(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::MAX_BLOCK_BYTES;

    #[test]
    fn the_figures_fit_each_other() {
        let config = Config::default();
        assert!(config.reserved < config.blocks);
        assert!(config.bytes_per_peer < config.bytes);
        // Gossipsub keeps a message for five heartbeats of a second.
        let longest = config.patience(MAX_BLOCK_BYTES as u32);
        assert!(longest < Duration::from_secs(5));
    }
}
