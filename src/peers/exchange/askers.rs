//! Who may ask us for node records, and how often.

use std::time::{Duration, Instant};

use libp2p::PeerId;

use crate::{
    bucket::{Bucket, Rate},
    offence::Offence,
    peers::rows::{Row, Rows},
};

/// How often a peer may ask once it has used [`ASK_BURST`]. Shorter would let a crawler read the
/// book faster; longer would leave a node that has too few peers without an answer.
pub const ASK_INTERVAL: Duration = Duration::from_secs(60);

/// Requests of a peer that are answered at once. Nodes that start together ask before anybody knows
/// the others, and ask again within seconds; of three answers one comes late enough. More is only a
/// faster crawl.
pub const ASK_BURST: u32 = 3;

/// Refusals in a row that a peer may run into before it is a breach. Each told it how long to wait.
pub const MAX_IMPATIENT: u32 = 5;

/// A token is a second, a request takes [`ASK_INTERVAL`] of them: buckets count whole tokens.
const RATE: Rate = Rate {
    per_second: 1,
    burst: ASK_BURST * COST,
};

const COST: u32 = 60;

/// Peers that are remembered at a time, 64 B each: three minutes' worth of newcomers, which handshakes
/// bound far below. A newcomer beyond is told to wait.
const MAX_PEERS: usize = 4096;

/// Counts requests by peer, over reconnections.
#[derive(Debug)]
pub struct Askers {
    peers: Rows<Asking>,
}

/// A request that is not served: `BUSY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("asked for peers too soon, again in {retry_after:?}")]
pub struct Denied {
    /// When the next one will be, at most a minute.
    pub retry_after: Duration,
    /// Set when the peer has ignored this [`MAX_IMPATIENT`] times.
    pub offence: Option<Offence>,
}

/// Counts our own requests in the same way, so that a node that keeps the rules is never told to
/// wait.
#[derive(Debug)]
pub(super) struct Asked(Rows<Asking>);

#[derive(Debug)]
struct Asking {
    bucket: Bucket,
    impatient: u32,
}

impl Askers {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            peers: Rows::new(MAX_PEERS),
        }
    }

    /// A `GET_PEERS` of `peer`.
    ///
    /// # Errors
    /// It comes too soon.
    pub fn asks(&mut self, peer: PeerId, now: Instant) -> Result<(), Denied> {
        let Some(row) = self.peers.of(peer, now) else {
            return Err(Denied {
                retry_after: ASK_INTERVAL,
                offence: None,
            });
        };
        if row.bucket.has(now, COST) {
            row.bucket.take(COST);
            row.impatient = 0;
            return Ok(());
        }
        row.impatient += 1;
        let breach = row.impatient > MAX_IMPATIENT;
        if breach {
            row.impatient = 0;
        }
        Err(Denied {
            retry_after: row.bucket.wait(now, COST),
            offence: breach.then_some(Offence::CreditExceeded),
        })
    }
}

impl Asked {
    pub(super) fn new() -> Self {
        Self(Rows::new(MAX_PEERS))
    }

    /// Whether `peer` may be asked now.
    pub(super) fn may(&mut self, peer: PeerId, now: Instant) -> bool {
        let row = self.0.of(peer, now);
        row.is_some_and(|row| row.bucket.has(now, COST))
    }

    /// `peer` is asked, which it may be.
    pub(super) fn asks(&mut self, peer: PeerId, now: Instant) {
        if let Some(row) = self.0.of(peer, now) {
            row.bucket.take(COST);
        }
    }
}

impl Default for Askers {
    fn default() -> Self {
        Self::new()
    }
}

impl Row for Asking {
    fn fresh() -> Self {
        Self {
            bucket: Bucket::new(RATE),
            impatient: 0,
        }
    }

    fn at_rest(&mut self, now: Instant) -> bool {
        self.bucket.is_full(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_requests_are_served_at_once_and_then_one_a_minute() {
        let (mut askers, peer) = (Askers::new(), PeerId::random());
        let start = Instant::now();
        for _ in 0..ASK_BURST {
            assert_eq!(askers.asks(peer, start), Ok(()));
        }
        let denied = askers.asks(peer, start + ASK_INTERVAL / 2).unwrap_err();
        assert_eq!(denied.retry_after, ASK_INTERVAL / 2);
        assert_eq!(denied.offence, None);
        assert_eq!(askers.asks(peer, start + ASK_INTERVAL), Ok(()));
        assert!(askers.asks(peer, start + ASK_INTERVAL).is_err());
        assert_eq!(askers.asks(PeerId::random(), start), Ok(()));
        assert_eq!(RATE.refill(), ASK_INTERVAL * ASK_BURST);
    }

    #[test]
    fn whoever_keeps_the_rules_is_never_denied() {
        let (mut askers, mut asked) = (Askers::new(), Asked::new());
        let (peer, start) = (PeerId::random(), Instant::now());
        let mut count = 0;
        for second in 0..3600 {
            let now = start + Duration::from_secs(second);
            if asked.may(peer, now) {
                asked.asks(peer, now);
                assert_eq!(askers.asks(peer, now), Ok(()));
                count += 1;
            }
        }
        assert_eq!(count, ASK_BURST + 59);
    }

    #[test]
    fn a_flood_is_a_breach_again_and_again_and_serves_nothing() {
        let (mut askers, peer) = (Askers::new(), PeerId::random());
        let now = Instant::now();
        for _ in 0..ASK_BURST {
            askers.asks(peer, now).unwrap();
        }
        let refused = (0..1000).map(|_| askers.asks(peer, now).unwrap_err());
        let breaches = refused.filter(|d| d.offence.is_some()).count();
        assert_eq!(breaches, 1000 / (MAX_IMPATIENT as usize + 1));
    }

    #[test]
    fn memory_is_bounded_and_no_row_is_forgiven_to_make_room() {
        let mut askers = Askers::new();
        let (first, now) = (PeerId::random(), Instant::now());
        for _ in 0..ASK_BURST {
            askers.asks(first, now).unwrap();
        }
        for _ in 1..MAX_PEERS {
            askers.asks(PeerId::random(), now).unwrap();
        }
        let denied = askers.asks(PeerId::random(), now).unwrap_err();
        assert_eq!(denied.offence, None);
        assert!(askers.asks(first, now).is_err(), "it is still remembered");
        assert_eq!(askers.peers.len(), MAX_PEERS);
        let later = now + ASK_INTERVAL;
        assert_eq!(askers.asks(PeerId::random(), later), Ok(()));
        assert_eq!(askers.peers.len(), 2);
    }
}
