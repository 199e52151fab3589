//! Whom to ask first.

use std::{cmp::Reverse, time::Duration};

use libp2p::PeerId;

use super::evict::thousandths;

/// A round trip at which a peer is half as good as one that answers at once.
const HALF_RTT: f64 = 0.1;

/// The round trip assumed of a peer that was not measured yet, in seconds.
const UNKNOWN_RTT: f64 = 0.2;

/// Whether a peer has what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Has {
    /// It said so.
    Yes,
    /// It said nothing about it.
    Perhaps,
    /// It said that it has not: it is not asked.
    No,
}

/// What is known about a peer that could be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerFacts {
    /// Who.
    pub peer: PeerId,
    /// Trust, 0 to 1.
    pub trust: f64,
    /// The usual round trip.
    pub rtt: Option<Duration>,
    /// Bytes per second it last delivered, if measured.
    pub bytes_per_second: Option<u64>,
    /// Whether it has what is wanted.
    pub has: Has,
    /// Requests it has not answered yet.
    pub in_flight: usize,
}

/// Peers in the order in which to ask them: those that have it first, then by trust × speed,
/// divided among the requests that wait already. Equal peers come in the order of their ids.
///
/// Speed is `0.1 s / (0.1 s + round trip)`; a peer that was measured delivers its share of the best
/// throughput, at least a tenth so that a slow peer is measured again.
#[must_use]
pub fn rank(peers: &[PeerFacts]) -> Vec<PeerId> {
    let best = peers.iter().filter_map(|p| p.bytes_per_second).max();
    let score = |p: &PeerFacts| {
        let rtt = p.rtt.map_or(UNKNOWN_RTT, |rtt| rtt.as_secs_f64());
        let speed = HALF_RTT / (HALF_RTT + rtt);
        let share = match (p.bytes_per_second, best) {
            (Some(own), Some(best)) if best > 0 => (own as f64 / best as f64).max(0.1),
            _ => 0.5,
        };
        let trust = f64::from(thousandths(p.trust));
        let waiting = p.in_flight as f64;
        // Whole millionths have an order.
        (trust * speed * share / (1.0 + waiting) * 1e6) as u64
    };
    let mut able: Vec<_> = peers.iter().filter(|p| p.has != Has::No).collect();
    able.sort_by_cached_key(|p| (p.has, Reverse(score(p)), p.peer));
    able.into_iter().map(|p| p.peer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> PeerFacts {
        PeerFacts {
            peer: PeerId::random(),
            trust: 0.5,
            rtt: Some(Duration::from_millis(50)),
            bytes_per_second: None,
            has: Has::Yes,
            in_flight: 0,
        }
    }

    fn first(better: PeerFacts, worse: PeerFacts) {
        let order = [better.peer, worse.peer];
        assert_eq!(rank(&[better.clone(), worse.clone()]), order);
        assert_eq!(rank(&[worse, better]), order);
    }

    #[test]
    fn what_a_peer_has_comes_before_trust_before_nothing() {
        let perhaps = PeerFacts {
            has: Has::Perhaps,
            trust: 1.0,
            ..facts()
        };
        first(facts(), perhaps);
        let without = PeerFacts {
            has: Has::No,
            ..facts()
        };
        assert_eq!(rank(&[without]), []);
    }

    #[test]
    fn trust_speed_and_idleness_each_count() {
        let trusted = PeerFacts {
            trust: 0.9,
            ..facts()
        };
        first(trusted, facts());
        let near = PeerFacts {
            rtt: Some(Duration::from_millis(1)),
            ..facts()
        };
        first(near, facts());
        let busy = PeerFacts {
            in_flight: 3,
            ..facts()
        };
        first(facts(), busy);
        let quick = PeerFacts {
            bytes_per_second: Some(1_000_000),
            ..facts()
        };
        let slow = PeerFacts {
            bytes_per_second: Some(10),
            ..facts()
        };
        first(quick, slow);
    }

    #[test]
    fn figures_that_are_none_harm_nobody() {
        let odd = PeerFacts {
            trust: f64::NAN,
            rtt: Some(Duration::MAX),
            bytes_per_second: Some(0),
            in_flight: usize::MAX,
            ..facts()
        };
        first(facts(), odd);
    }
}
