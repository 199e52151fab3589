//! One address of a peer and how dialling it went.

use std::time::Duration;

use libp2p::Multiaddr;

use super::{DAY, origin::Origin};

/// Failed dials of an address that never worked before something else may have its place.
const STRIKES_UNPROVEN: u8 = 3;
/// The same of an address that worked, if that is [`WORKED_FOR`] ago.
const STRIKES_PROVEN: u8 = 10;
/// How long an address that worked is kept whatever happens, in milliseconds.
const WORKED_FOR: u64 = 7 * DAY;
/// An address that nobody repeated for so long and that never worked may go, in milliseconds.
const HEARD_FOR: u64 = 30 * DAY;
/// A dial under way keeps an address from being picked again for so long, in milliseconds. Longer
/// than a dial may take with its handshake.
const IN_FLIGHT: u64 = 60_000;

/// How long an address rests after a failed dial: `first` after one failure, twice as long after
/// each further one, at most `longest`, a quarter more or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// After the first failure.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
}

impl Default for Retry {
    /// 5 s, so that a peer that restarts is found at once; 1 h, so that after an outage of the other
    /// side it is found the same hour, and a dead address costs 24 dials a day.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(5),
            longest: Duration::from_secs(60 * 60),
        }
    }
}

impl Retry {
    /// The rest after `failures`, in milliseconds; `jitter` is any number.
    pub(super) fn rest(self, failures: u32, jitter: u64) -> u64 {
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX / 4);
        let longest = millis(self.longest).min(u64::MAX / 4);
        let doublings = failures.saturating_sub(1).min(32);
        let rest = millis(self.first)
            .saturating_mul(1 << doublings)
            .min(longest);
        // Three to five quarters.
        rest - rest / 4 + jitter % (rest / 2 + 1)
    }
}

/// An address, without `/p2p`. Times are in milliseconds of the book's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) address: Multiaddr,
    pub(super) origin: Origin,
    /// Whether the peer's node record names it.
    pub(super) signed: bool,
    /// When it was last told.
    pub(super) heard: u64,
    pub(super) success: Option<u64>,
    pub(super) failure: Option<u64>,
    /// Failures in a row.
    pub(super) failures: u32,
    /// Failures in a row that happened while other dials succeeded.
    pub(super) strikes: u8,
    /// The book's count of successes at the last strike.
    pub(super) struck_at: u64,
    /// Not dialled before.
    pub(super) rests_until: u64,
}

impl Known {
    pub(super) fn new(address: Multiaddr, origin: Origin, signed: bool, at: u64) -> Self {
        Self {
            address,
            origin,
            signed,
            heard: at,
            success: None,
            failure: None,
            failures: 0,
            strikes: 0,
            struck_at: 0,
            rests_until: 0,
        }
    }

    /// Whether somebody else than the peer or our operator says so, and we never got through.
    pub(super) fn is_hearsay(&self) -> bool {
        self.success.is_none() && !self.signed && self.origin.source.is_hearsay()
    }

    pub(super) fn is_due(&self, at: u64) -> bool {
        at >= self.rests_until
    }

    /// Whether something else may have its place.
    pub(super) fn is_bad(&self, at: u64) -> bool {
        match self.success {
            Some(success) => {
                self.strikes >= STRIKES_PROVEN && at.saturating_sub(success) > WORKED_FOR
            }
            None => self.strikes >= STRIKES_UNPROVEN || at.saturating_sub(self.heard) > HEARD_FOR,
        }
    }

    pub(super) fn attempted(&mut self, at: u64) {
        self.rests_until = self.rests_until.max(at.saturating_add(IN_FLIGHT));
    }

    pub(super) fn succeeded(&mut self, at: u64) {
        self.success = Some(at);
        self.heard = at;
        self.failures = 0;
        self.strikes = 0;
        self.rests_until = 0;
    }

    /// A dial failed; `successes` is how many dials of the book have succeeded so far.
    ///
    /// # Correctness
    /// While nothing succeeds, this node may be the one that is offline, so such failures lengthen
    /// the rest and never make an address bad: an outage forgets nobody.
    pub(super) fn failed(&mut self, at: u64, successes: u64, retry: Retry, jitter: u64) {
        self.failure = Some(at);
        self.failures = self.failures.saturating_add(1);
        if successes > self.struck_at {
            self.strikes = self.strikes.saturating_add(1);
            self.struck_at = successes;
        }
        self.rests_until = at.saturating_add(retry.rest(self.failures, jitter));
    }
}
