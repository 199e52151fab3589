//! How fast a peer may send: it is slowed down, not blamed.

use std::time::{Duration, Instant};

use crate::bucket::{Bucket, Rate};

/// How long to wait before the buckets are asked again.
const WAIT: Duration = Duration::from_millis(10);

/// What one peer may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Messages, and chunks of streams.
    pub messages: Rate,
    /// KiB of them.
    pub kib: Rate,
}

impl Default for Rates {
    /// Ten times the messages and six times the bytes that the bars demand. An application that
    /// does not keep up stops its senders without this; it is for one that does, and whose
    /// machine has other things to do.
    fn default() -> Self {
        Self {
            messages: Rate {
                per_second: 200_000,
                burst: 50_000,
            },
            kib: Rate {
                per_second: 2 * 1024 * 1024,
                burst: 256 * 1024,
            },
        }
    }
}

/// The buckets of one peer.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    rates: Rates,
    messages: Bucket,
    kib: Bucket,
}

impl Pace {
    /// Full buckets.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self {
            rates,
            messages: Bucket::new(rates.messages),
            kib: Bucket::new(rates.kib),
        }
    }

    /// Pays for a message of `bytes`, or says how long to wait before asking again. What does not
    /// fit the burst costs all of it.
    pub fn pay(&mut self, bytes: usize, now: Instant) -> Option<Duration> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let kib = kib.min(self.rates.kib.burst);
        if !self.messages.has(now, 1) || !self.kib.has(now, kib) {
            return Some(WAIT);
        }
        self.messages.take(1);
        self.kib.take(kib);
        None
    }
}
