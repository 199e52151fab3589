//! Who may ask us for node records, and how often.

use std::time::{Duration, Instant};

use libp2p::PeerId;

use crate::{
    bucket::{Bucket, Rate},
    offence::Offence,
    peers::rows::{Row, Rows},
};

/// How often a peer may ask; its first request is answered at once. An honest peer asks once after
/// it has dialled and at most every ten minutes then, so a minute only meets those who come back
/// after a lost connection. Shorter would let a crawler read the book faster.
pub const ASK_INTERVAL: Duration = Duration::from_secs(60);

/// Refusals in a row that a peer may run into before it is a breach. Each told it how long to wait.
pub const MAX_IMPATIENT: u32 = 5;

/// A token is a second, a request takes [`ASK_INTERVAL`] of them: buckets count whole tokens.
const RATE: Rate = Rate {
    per_second: 1,
    burst: COST,
};

const COST: u32 = 60;

/// Peers that are remembered at a time, 64 B each: a minute's worth of newcomers, which handshakes
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
    fn a_request_a_minute_is_served_the_first_at_once() {
        let (mut askers, peer) = (Askers::new(), PeerId::random());
        let start = Instant::now();
        assert_eq!(askers.asks(peer, start), Ok(()));
        let denied = askers.asks(peer, start + ASK_INTERVAL / 2).unwrap_err();
        assert_eq!(denied.retry_after, ASK_INTERVAL / 2);
        assert_eq!(denied.offence, None);
        assert_eq!(askers.asks(peer, start + ASK_INTERVAL), Ok(()));
        assert_eq!(askers.asks(PeerId::random(), start), Ok(()));
        assert_eq!(RATE.refill(), ASK_INTERVAL);
    }

    #[test]
    fn a_flood_is_a_breach_again_and_again_and_serves_nothing() {
        let (mut askers, peer) = (Askers::new(), PeerId::random());
        let now = Instant::now();
        askers.asks(peer, now).unwrap();
        let refused = (0..1000).map(|_| askers.asks(peer, now).unwrap_err());
        let breaches = refused.filter(|d| d.offence.is_some()).count();
        assert_eq!(breaches, 1000 / (MAX_IMPATIENT as usize + 1));
    }

    #[test]
    fn memory_is_bounded_and_no_row_is_forgiven_to_make_room() {
        let mut askers = Askers::new();
        let (first, now) = (PeerId::random(), Instant::now());
        askers.asks(first, now).unwrap();
        for _ in 1..MAX_PEERS {
            askers.asks(PeerId::random(), now).unwrap();
        }
        let denied = askers.asks(PeerId::random(), now).unwrap_err();
        assert_eq!(denied.offence, None);
        assert!(askers.asks(first, now).is_err(), "it is still remembered");
        assert_eq!(askers.peers.len(), MAX_PEERS);
        let later = now + ASK_INTERVAL;
        assert_eq!(askers.asks(PeerId::random(), later), Ok(()));
        assert_eq!(askers.peers.len(), 1);
    }
}
