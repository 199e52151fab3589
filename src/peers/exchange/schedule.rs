//! Whom we ask, and when.

use std::{
    collections::VecDeque,
    ops::Range,
    time::{Duration, Instant},
};

use libp2p::PeerId;
use rand::RngExt;

use crate::clock::Rng;

/// From one request for more peers to the next, while they are too few: by chance in between, so
/// that nodes that started together do not ask together. Shorter would meet the same answers:
/// books change by the hour.
pub const ASK_AGAIN: Range<Duration> = Duration::from_secs(10 * 60)..Duration::from_secs(20 * 60);

/// Most peers that are kept in mind, far above the connections of any node.
const MAX_PEERS: usize = 1024;

/// Says whom to ask. A peer that we dialled is asked once when it has said who it is. Later, while
/// there are fewer peers than wanted, one peer at a time: one that we dialled if there is any,
/// because whoever dials us is chosen by himself.
#[derive(Debug, Default)]
pub struct Schedule {
    first: VecDeque<PeerId>,
    outbound: Vec<PeerId>,
    inbound: Vec<PeerId>,
    next: Option<Instant>,
}

impl Schedule {
    /// Nobody is there yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `peer` has said who it is, on a connection that we dialled or not.
    pub fn up(&mut self, peer: PeerId, outbound: bool) {
        let known = self.outbound.len() + self.inbound.len();
        let there = self.outbound.contains(&peer) || self.inbound.contains(&peer);
        if there || known >= MAX_PEERS {
            return;
        }
        if outbound {
            self.first.push_back(peer);
            self.outbound.push(peer);
        } else {
            self.inbound.push(peer);
        }
    }

    /// `peer` is gone.
    pub fn down(&mut self, peer: &PeerId) {
        self.first.retain(|p| p != peer);
        self.outbound.retain(|p| p != peer);
        self.inbound.retain(|p| p != peer);
    }

    /// Whom to ask now; `below` says whether there are fewer peers than wanted. Ask it until it
    /// says `None`.
    pub fn due(&mut self, below: bool, now: Instant, rng: &mut Rng) -> Option<PeerId> {
        let mut later = || now + rng.random_range(ASK_AGAIN);
        let next = *self.next.get_or_insert_with(&mut later);
        if let Some(peer) = self.first.pop_front() {
            return Some(peer);
        }
        if !below || now < next {
            return None;
        }
        let of = if self.outbound.is_empty() {
            &self.inbound
        } else {
            &self.outbound
        };
        if of.is_empty() {
            return None;
        }
        self.next = Some(later());
        Some(of[rng.random_range(0..of.len())])
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn peers(n: usize) -> Vec<PeerId> {
        (0..n).map(|_| PeerId::random()).collect()
    }

    #[test]
    fn a_peer_that_we_dialled_is_asked_once_at_once() {
        let (mut schedule, mut rng) = (Schedule::new(), Rng::seed_from_u64(1));
        let now = Instant::now();
        let them = peers(3);
        schedule.up(them[0], true);
        schedule.up(them[1], true);
        schedule.up(them[1], true);
        schedule.up(them[2], false);
        schedule.down(&them[0]);
        assert_eq!(schedule.due(true, now, &mut rng), Some(them[1]));
        assert_eq!(schedule.due(true, now, &mut rng), None);
    }

    #[test]
    fn while_peers_are_too_few_one_is_asked_every_ten_to_twenty_minutes() {
        let (mut schedule, mut rng) = (Schedule::new(), Rng::seed_from_u64(2));
        let start = Instant::now();
        let them = peers(8);
        for (n, peer) in them.iter().enumerate() {
            schedule.up(*peer, n < 4);
        }
        while schedule.due(true, start, &mut rng).is_some() {}
        let (mut asked, mut last) = (Vec::new(), start);
        for second in 0..24 * 3600 {
            let now = start + Duration::from_secs(second);
            while let Some(peer) = schedule.due(true, now, &mut rng) {
                let gap = now - last;
                assert!(gap >= ASK_AGAIN.start && gap <= ASK_AGAIN.end + Duration::from_secs(1));
                last = now;
                asked.push(peer);
            }
        }
        assert!((70..145).contains(&asked.len()), "{}", asked.len());
        assert!(them[..4].iter().all(|p| asked.contains(p)));
        assert!(!them[4..].iter().any(|p| asked.contains(p)));
    }

    #[test]
    fn enough_peers_are_not_asked_for_more() {
        let (mut schedule, mut rng) = (Schedule::new(), Rng::seed_from_u64(3));
        let start = Instant::now();
        let them = peers(1);
        schedule.up(them[0], false);
        assert_eq!(schedule.due(false, start, &mut rng), None);
        let later = start + Duration::from_secs(3600);
        assert_eq!(schedule.due(false, later, &mut rng), None);
        assert_eq!(
            schedule.due(true, later, &mut rng),
            Some(them[0]),
            "nobody that we dialled, and due for long"
        );
        assert_eq!(schedule.due(true, later, &mut rng), None);
        schedule.down(&them[0]);
        let later = later + ASK_AGAIN.end;
        assert_eq!(schedule.due(true, later, &mut rng), None);
    }

    #[test]
    fn peers_in_mind_are_bounded() {
        let mut schedule = Schedule::new();
        for peer in peers(2 * MAX_PEERS) {
            schedule.up(peer, false);
        }
        assert_eq!(schedule.inbound.len(), MAX_PEERS);
    }
}
