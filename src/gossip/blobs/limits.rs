//! How much is remembered of announced blobs, and how hard they are sampled.

use std::time::Duration;

/// Sizes and times of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Leaves sampled beside the head, at most 63. Whoever withholds half of a blob passes 16 samples
    /// once in 65 536 times; more costs bandwidth on every node.
    pub samples: usize,
    /// Most blobs remembered; at most some 2 500 bytes of memory each.
    pub tracked: usize,
    /// Most blobs remembered on the word of one peer. A flood fills no more than this.
    pub per_peer: usize,
    /// How long a blob is remembered: the window in which its announcements are duplicates.
    pub ttl: Duration,
    /// Most requests at a time.
    pub in_flight: usize,
    /// Most requests at one peer at a time.
    pub per_peer_in_flight: usize,
    /// Most announcers remembered to be asked about one blob.
    pub announcers: usize,
    /// Most peers asked about one blob.
    pub asked: usize,
    /// How long a peer may take to answer: the time of a batch of bodies.
    pub timeout: Duration,
    /// How long others are waited for before a blob counts as withheld.
    pub window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            samples: 16,
            tracked: 4_096,
            per_peer: 512,
            ttl: Duration::from_secs(600),
            in_flight: 16,
            per_peer_in_flight: 2,
            announcers: 8,
            asked: 16,
            timeout: Duration::from_secs(5),
            window: Duration::from_secs(60),
        }
    }
}
