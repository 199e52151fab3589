//! Whom not to dial yet: after failures, after a goodbye, below the threshold of trust.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;
use rand::RngExt as _;

use crate::clock::Rng;

/// First pause after a dial that failed. Book entries are many, so there is somebody else to try.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// Longest pause after failures in a row. Longer forgets peers that were off for the night;
/// shorter spends dials on the dead.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Longest pause after failures that counts while the node is below its minimum: when a
/// partition heals, everybody has failed before.
const URGENT_PAUSE: Duration = Duration::from_secs(30);

/// Most peers on a pause, under 1 MiB. Grows by our own dials only, at their rate; the pause that
/// ends first goes.
const MAX_PAUSES: usize = 8192;

/// Most peers in a cool-down. Each costs its owner an identity and an offence; the one that ends
/// first goes.
const MAX_COOLING: usize = 4096;

/// How long a row without a pause keeps its memory of failures.
const MEMORY: Duration = Duration::from_secs(3600);

/// Pauses and cool-downs.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    pauses: BTreeMap<PeerId, Pause>,
    cooling: BTreeMap<PeerId, Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    until: Instant,
    /// When it began; what a hint of the peer's own asks for is never cut short.
    since: Instant,
    told: bool,
    /// The next pause after a failure.
    next: Duration,
}

impl Pauses {
    /// A dial of `peer`, or a connection that never served, came to nothing.
    pub(super) fn failed(&mut self, peer: PeerId, now: Instant, rng: &mut Rng) {
        let pause = self.pauses.get(&peer).map_or(FIRST_PAUSE, |p| p.next);
        let lasts = pause.mul_f64(rng.random_range(0.75..1.25));
        self.set(peer, lasts, false, (pause * 2).min(LONGEST_PAUSE), now);
    }

    /// `peer` ended the connection and would rather not see us for `lasts`, or we ended it.
    pub(super) fn parted(&mut self, peer: PeerId, lasts: Duration, now: Instant, rng: &mut Rng) {
        let next = self.pauses.get(&peer).map_or(FIRST_PAUSE, |p| p.next);
        let lasts = lasts.mul_f64(rng.random_range(1.0..1.25));
        self.set(peer, lasts, true, next, now);
    }

    /// `peer` never again, as far as the memory goes.
    pub(super) fn never(&mut self, peer: PeerId, now: Instant) {
        self.set(peer, MEMORY * 24, true, LONGEST_PAUSE, now);
    }

    /// `peer` served: failures before that are forgotten.
    pub(super) fn served(&mut self, peer: &PeerId) {
        self.pauses.remove(peer);
    }

    /// Neither dial nor admit `peer` before `until`.
    pub(super) fn cool_down(&mut self, peer: PeerId, until: Instant, now: Instant) {
        if self.cooling.len() >= MAX_COOLING && !self.cooling.contains_key(&peer) {
            self.cooling.retain(|_, until| *until > now);
            if self.cooling.len() >= MAX_COOLING {
                let first = self.cooling.iter().min_by_key(|(_, until)| **until);
                let first = first.map(|(peer, _)| *peer);
                first.map(|peer| self.cooling.remove(&peer));
            }
        }
        let entry = self.cooling.entry(peer).or_insert(until);
        *entry = until.max(*entry);
    }

    /// Ends a cool-down and a pause. Says whether there was a cool-down.
    pub(super) fn forgive(&mut self, peer: &PeerId) -> bool {
        self.pauses.remove(peer);
        self.cooling.remove(peer).is_some()
    }

    /// Until when `peer` cools down.
    pub(super) fn cooling(&self, peer: &PeerId, now: Instant) -> Option<Instant> {
        self.cooling.get(peer).copied().filter(|until| *until > now)
    }

    /// Until when `peer` is not dialled; `urgent` below the minimum of peers.
    pub(super) fn paused(&self, peer: &PeerId, urgent: bool, now: Instant) -> Option<Instant> {
        let pause = self.pauses.get(peer)?;
        let until = if urgent && !pause.told {
            pause.until.min(pause.since + URGENT_PAUSE)
        } else {
            pause.until
        };
        (until > now).then_some(until)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.pauses.len(), self.cooling.len())
    }

    fn set(&mut self, peer: PeerId, lasts: Duration, told: bool, next: Duration, now: Instant) {
        if self.pauses.len() >= MAX_PAUSES && !self.pauses.contains_key(&peer) {
            self.pauses.retain(|_, pause| pause.until + MEMORY > now);
            if self.pauses.len() >= MAX_PAUSES {
                let first = self.pauses.iter().min_by_key(|(_, pause)| pause.until);
                let first = first.map(|(peer, _)| *peer);
                first.map(|peer| self.pauses.remove(&peer));
            }
        }
        let new = Pause {
            until: now + lasts,
            since: now,
            told,
            next,
        };
        let pause = self.pauses.entry(peer).or_insert(new);
        // A longer pause that stands is not cut by a shorter one.
        let stands = pause.until > new.until;
        *pause = Pause {
            until: new.until.max(pause.until),
            told: told || (stands && pause.told),
            ..new
        };
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn failures_in_a_row_lengthen_the_pause_and_service_ends_it() {
        let (mut pauses, mut rng) = (Pauses::default(), Rng::seed_from_u64(3));
        let (peer, mut now) = (PeerId::random(), Instant::now());
        let mut lengths = Vec::new();
        for _ in 0..10 {
            pauses.failed(peer, now, &mut rng);
            let until = pauses.paused(&peer, false, now).unwrap();
            lengths.push(until - now);
            now = until;
        }
        assert!(lengths[0] >= FIRST_PAUSE.mul_f64(0.75));
        assert!(lengths[9] >= LONGEST_PAUSE.mul_f64(0.75));
        assert!(lengths.iter().all(|l| *l <= LONGEST_PAUSE.mul_f64(1.25)));
        pauses.failed(peer, now, &mut rng);
        let urgent = pauses.paused(&peer, true, now).unwrap();
        assert_eq!(urgent - now, URGENT_PAUSE);
        pauses.served(&peer);
        assert_eq!(pauses.paused(&peer, false, now), None);
    }

    #[test]
    fn what_a_peer_asks_for_is_respected_even_below_the_minimum() {
        let (mut pauses, mut rng) = (Pauses::default(), Rng::seed_from_u64(3));
        let (peer, now) = (PeerId::random(), Instant::now());
        let minutes = Duration::from_secs(300);
        pauses.parted(peer, minutes, now, &mut rng);
        pauses.failed(peer, now, &mut rng);
        let almost = now + minutes - Duration::from_secs(1);
        assert!(pauses.paused(&peer, true, almost).is_some());
    }

    #[test]
    fn both_tables_are_bounded() {
        let (mut pauses, mut rng) = (Pauses::default(), Rng::seed_from_u64(3));
        let now = Instant::now();
        for i in 0..MAX_PAUSES + 10 {
            pauses.failed(PeerId::random(), now, &mut rng);
            if i < MAX_COOLING + 10 {
                pauses.cool_down(PeerId::random(), now + MEMORY, now);
            }
        }
        assert_eq!(pauses.len(), (MAX_PAUSES, MAX_COOLING));
    }

    #[test]
    fn a_cool_down_ends_by_itself_or_by_forgiveness() {
        let mut pauses = Pauses::default();
        let (peer, now) = (PeerId::random(), Instant::now());
        pauses.cool_down(peer, now + MEMORY, now);
        pauses.cool_down(peer, now + FIRST_PAUSE, now);
        assert_eq!(pauses.cooling(&peer, now), Some(now + MEMORY), "the longer");
        assert_eq!(pauses.cooling(&peer, now + MEMORY), None);
        assert!(pauses.forgive(&peer) && !pauses.forgive(&peer));
        assert_eq!(pauses.cooling(&peer, now), None);
    }
}
