//! How much is remembered, asked and waited for.

use std::time::Duration;

/// Limits of an [`Inventory`](super::Inventory). The default is what the specification states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most peers. One over it is not remembered: nothing is asked of it or announced to it.
    pub peers: usize,
    /// Most objects one peer has announced and we do not have. Beyond it the oldest are forgotten;
    /// reconciliation finds what was lost by it. One full `INV`.
    pub announced: usize,
    /// Most announcements that wait for one peer. Beyond it the oldest are dropped.
    pub outbox: usize,
    /// This many announcements are sent at once; fewer wait for [`Limits::batch_delay`].
    pub batch: usize,
    /// How long an announcement may wait for others: a tenth of a second is little beside a block
    /// interval, and makes one frame of what a burst brings.
    pub batch_delay: Duration,
    /// Most unanswered requests for objects per peer: what [`Credits::INITIAL`] allows. A peer that
    /// withheld gets one.
    ///
    /// [`Credits::INITIAL`]: crate::wire::Credits::INITIAL
    pub in_flight: usize,
    /// Most requests for objects in time, over all peers. Peers that withheld get none beyond half
    /// of it, so that together they cannot keep us from asking others.
    pub in_flight_total: usize,
    /// Most objects in one request.
    pub ids: usize,
    /// Most bytes of objects in one answer, at least one object of any kind: 1 MiB, a second on a
    /// 10 Mbit/s link.
    pub max_bytes: u32,
    /// How long an answer of no bytes may take.
    pub timeout: Duration,
    /// Slowest peer that is waited for, in bytes per second: what an answer may add to the timeout.
    pub slowest: u64,
    /// How often one peer is asked for the same object before its announcement is forgotten.
    pub tries: u8,
    /// How long an announcement is held back when its peer did not answer the one before.
    pub retry: Duration,
    /// Most refused objects that are remembered, so that not every announcer is asked for them.
    pub refused: usize,
    /// How long they are: long enough for the announcements of one spread, short enough that what
    /// became valid meanwhile is not lost.
    pub refused_for: Duration,
    /// How long a received object may be in validation before it may be asked for again.
    pub judging: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            peers: 128,
            announced: 2048,
            outbox: 4096,
            batch: 512,
            batch_delay: Duration::from_millis(100),
            in_flight: 2,
            in_flight_total: 64,
            ids: 512,
            max_bytes: 1024 * 1024,
            timeout: Duration::from_secs(5),
            slowest: 128 * 1024,
            tries: 2,
            retry: Duration::from_secs(1),
            refused: 8192,
            refused_for: Duration::from_secs(600),
            judging: Duration::from_secs(30),
        }
    }
}
