//! Every figure of the engine, each with its reason.

use std::time::Duration;

use crate::{
    ids::Work,
    registry::{MAX_BLOCKS, MAX_BLOCKS_BYTES, MAX_HEADERS},
};

/// Headers in a probe, and the least a batch shrinks to. A probe must be cheap enough to send to
/// every peer; 32 headers are 16 KB. Smaller would make a 30 %-loss link pay a round trip for less
/// than a packet train.
pub(super) const MIN_BATCH: u32 = 32;

/// Headers in the first full batch of a peer, before its link was measured.
pub(super) const FIRST_BATCH: u32 = 256;

/// Headers in the largest batch: about 1 MB.
pub(super) const MAX_BATCH: u32 = MAX_HEADERS as u32;

/// An answer faster than this doubles the next batch; one slower than [`SHRINK_ABOVE`] halves it.
/// Far enough apart that a batch size does not swing.
pub(super) const GROW_BELOW: Duration = Duration::from_millis(500);

/// See [`GROW_BELOW`].
pub(super) const SHRINK_ABOVE: Duration = Duration::from_millis(2_000);

/// After this long without headers another peer is asked as well. Larger lets one staller hold the
/// sync up; smaller doubles the traffic of every slow link.
pub(super) const HEADERS_HEDGE: Duration = Duration::from_secs(3);

/// Peers asked for the same thing at once, when one after the other is late.
pub(super) const ASKED_AT_ONCE: usize = 4;

/// After this long, plus the time the bytes may take, a header request is given up.
pub(super) const HEADERS_GIVE_UP: Duration = Duration::from_secs(8);

/// After this long, plus the time the bytes may take, a body request is given up.
pub(super) const BODIES_GIVE_UP: Duration = Duration::from_secs(5);

/// Bytes per second an answer is always allowed to crawl at: what a CUBIC stream still carries over
/// a link that loses a tenth of its packets each way. Faster would give up on honest peers there.
pub(super) const CRAWL: u64 = 16 * 1024;

/// What a peer that was not measured gets at most for the bytes of an answer.
pub(super) const UNMEASURED: Duration = Duration::from_secs(10);

/// Nothing is waited for longer than this.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Earliest hedge, however fast the peers are: a scheduling hiccup must not double the traffic.
pub(super) const LEAST_HEDGE: Duration = Duration::from_millis(250);

/// First rest after a failure; doubles with every further one up to [`LONGEST_REST`].
pub(super) const FIRST_REST: Duration = Duration::from_millis(500);

/// See [`FIRST_REST`]. Longer would lose peers whose link was down for a moment.
pub(super) const LONGEST_REST: Duration = Duration::from_secs(30);

/// Failures in a row after which the claims of a peer no longer count for what is out there.
pub(super) const CREDIBLE_FAILURES: u32 = 2;

/// A silent peer is asked where it stands this often.
pub(super) const POLL: Duration = Duration::from_secs(2);

/// Peers polled at a time. A node with a thousand peers hears of a block from a handful.
pub(super) const POLLED: usize = 4;

/// Probes open at a time.
pub(super) const PROBES: usize = 8;

/// Headers in one commit while they flow: redb is at its best from 10 000 on.
pub(super) const COMMIT_HEADERS: usize = 10_000;

/// Verified headers wait no longer than this for [`COMMIT_HEADERS`].
pub(super) const COMMIT_DELAY: Duration = Duration::from_secs(1);

/// Headers received and not yet stored, at most; about 15 MB. Enough that verification, the link
/// and the disk overlap; the link stops when the disk cannot follow.
pub(super) const HEADERS_AHEAD: usize = 3 * COMMIT_HEADERS;

/// Bodies wait while headers flow, but no longer than this, so that a branch without end cannot
/// keep a node from the blocks it knows.
pub(super) const HEADERS_FIRST: Duration = Duration::from_secs(60);

/// Headers count as flowing when some were verified within this time.
pub(super) const FLOWING: Duration = Duration::from_secs(2);

/// Height distance of the commitments of a pre-sync, which take 8 bytes each.
pub(super) const MARK_SPACING: u64 = 1024;

/// Branches pre-synced at a time.
pub(super) const PRESYNC_PEERS: usize = 8;

/// Commitments of one pre-sync, at most: 8 MiB, a thousand million headers. With
/// [`PRESYNC_PEERS`] the memory of pre-sync is at most 64 MiB.
pub(super) const MAX_MARKS: usize = 1 << 20;

/// How far below its former end a branch may differ when it is downloaded again without being a
/// lie: an honest peer may have reorganised in between, and deeper is the alarm threshold.
pub(super) const HONEST_REORG: u64 = 512;

/// Of the time spent verifying while other work is waiting, pre-sync gets one part in this many.
pub(super) const PRESYNC_SHARE: u32 = 4;

/// Blocks whose hashes are known ahead of the import.
pub(super) const PLAN_AHEAD: usize = 8 * MAX_BLOCKS;

/// Blocks asked of a peer before the size of blocks is known.
pub(super) const FIRST_BLOCKS: usize = 16;

/// A peer is asked for about this much of its measured rate at a time. Larger makes one slow peer
/// block the import longer; smaller pays more round trips.
pub(super) const RANGE_TIME: Duration = Duration::from_millis(250);

/// Least bytes worth a request of their own. Larger would make the slowest peers useless.
pub(super) const LEAST_RANGE: u64 = 16 * 1024;

/// Most bytes of one body request.
pub(super) const MAX_RANGE: u64 = MAX_BLOCKS_BYTES as u64;

/// Bytes in one group of bodies handed to the store.
pub(super) const COMMIT_BYTES: usize = 16 * 1024 * 1024;

/// Blocks in one group handed to the store.
pub(super) const COMMIT_BLOCKS: usize = 8 * 1024;

/// A peer that did not have a block is not asked for it again for this long.
pub(super) const LACKING: Duration = Duration::from_secs(2);

/// A block that every peer denies, while one of them has imported another and better chain than
/// ours, is given up after this long. Shorter would leave the best branch over a reorganisation at the peers.
pub(super) const DEAD_END: Duration = Duration::from_secs(30);

/// A peer that let this many body requests in a row end in nothing counts as one that denies.
pub(super) const WITHHOLDS: u32 = 3;

/// A branch whose block nobody has is left aside for this long, then looked at again.
pub(super) const ASIDE: Duration = Duration::from_secs(10 * 60);

/// Branches left aside at a time. The oldest is forgotten first.
pub(super) const ASIDES: usize = 64;

/// A commit that failed is tried again this often.
pub(super) const COMMIT_RETRY: Duration = Duration::from_secs(1);

/// Without progress for this long, while there is more to get, sync is stalled and says why.
pub(super) const STALL: Duration = Duration::from_secs(10);

/// Local groups of blocks waiting for a commit, at most. Their senders wait for the answer.
pub(super) const LOCAL_GROUPS: usize = 16;

/// Blocks without a parent, at most, and how long they are kept.
pub(super) const ORPHANS: usize = 256;

/// Bytes of blocks without a parent, at most.
pub(super) const ORPHAN_BYTES: usize = 16 * 1024 * 1024;

/// How long a block without a parent is kept.
pub(super) const ORPHAN_TTL: Duration = Duration::from_secs(30 * 60);

/// What an operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// No header is stored before its branch has shown this much work. A node that starts from
    /// nothing is safe from cheap branches only with it.
    pub minimum_chain_work: Work,
    /// Bytes of bodies in flight and waiting for the store together. The main part of what sync
    /// adds to the memory of a node; too small starves fast links.
    pub body_budget: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            minimum_chain_work: Work(0),
            body_budget: 32 * 1024 * 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_fit_each_other() {
        const { assert!(MIN_BATCH < FIRST_BATCH && FIRST_BATCH < MAX_BATCH) };
        const { assert!(MAX_MARKS * 8 * PRESYNC_PEERS <= 64 << 20) };
        const { assert!(HEADERS_AHEAD >= COMMIT_HEADERS + MAX_HEADERS) };
        const { assert!(LEAST_RANGE < MAX_RANGE) };
        assert!(LEAST_HEDGE < HEADERS_HEDGE && HEADERS_HEDGE < HEADERS_GIVE_UP);
        assert!(BODIES_GIVE_UP < PATIENCE);
        assert!(GROW_BELOW < SHRINK_ABOVE);
        assert!(Config::default().body_budget >= 2 * MAX_RANGE);
    }
}
