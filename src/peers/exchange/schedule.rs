//! Whom we ask, and when.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use libp2p::PeerId;
use rand::RngExt;

use super::askers::Asked;
use crate::{clock::Rng, registry::MAX_PEERS_RECORDS};

/// First pause between two questions while there are fewer peers than wanted. Nodes that start
/// together know nobody when they ask first; shorter would ask before anybody has learnt anything.
pub const FIRST_PAUSE: Duration = Duration::from_secs(3);

/// Longest pause: each question that brings nobody new doubles it. A network with fewer nodes than
/// this one wants peers stays below for ever, and its books change by the hour.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(20 * 60);

/// Most peers that are kept in mind, far above the connections of any node.
const MAX_PEERS: usize = 1024;

/// Says whom to ask. Everybody is asked once when they have said who they are: a peer that we dialled
/// for whom it knows, one that dialled us for its own record alone, because whoever dials us chose
/// himself. Later, while there are fewer peers than wanted, one at a time is asked, one that we dialled
/// if there is any. Nobody is asked more often than there are answers, over reconnections.
#[derive(Debug)]
pub struct Schedule {
    first: VecDeque<Question>,
    /// Who is there, and whether we dialled it.
    peers: HashMap<PeerId, bool>,
    asked: Asked,
    next: Option<Instant>,
    pause: Duration,
}

/// A question to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whom to ask.
    pub peer: PeerId,
    /// For how many records; 1 brings the peer's own.
    pub max: u32,
}

impl Default for Schedule {
    fn default() -> Self {
        Self::new()
    }
}

impl Schedule {
    /// Nobody is there yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            first: VecDeque::new(),
            peers: HashMap::new(),
            asked: Asked::new(),
            next: None,
            pause: FIRST_PAUSE,
        }
    }

    /// `peer` has said who it is, on a connection that we dialled or not.
    pub fn up(&mut self, peer: PeerId, outbound: bool) {
        if self.peers.contains_key(&peer) || self.peers.len() >= MAX_PEERS {
            return;
        }
        let max = if outbound { ALL } else { 1 };
        self.first.push_back(Question { peer, max });
        self.peers.insert(peer, outbound);
    }

    /// `peer` is gone.
    pub fn down(&mut self, peer: &PeerId) {
        self.first.retain(|question| question.peer != *peer);
        self.peers.remove(peer);
    }

    /// Somebody new became known, or was lost: the next question comes soon.
    pub fn hurry(&mut self, now: Instant) {
        self.pause = FIRST_PAUSE;
        let soon = now + FIRST_PAUSE;
        self.next = self.next.map(|next| next.min(soon));
    }

    /// Whom to ask now; `below` says whether there are fewer peers than wanted. Ask it until it
    /// says `None`.
    pub fn due(&mut self, below: bool, now: Instant, rng: &mut Rng) -> Option<Question> {
        while let Some(question) = self.first.pop_front() {
            if self.asked.may(question.peer, now) {
                self.asked.asks(question.peer, now);
                return Some(question);
            }
        }
        let pause = self.pause;
        let mut later = || now + pause.mul_f64(rng.random_range(0.75..1.25));
        let next = *self.next.get_or_insert_with(&mut later);
        if !below || now < next {
            return None;
        }
        self.next = Some(later());
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        let peer = self.choose(now, rng)?;
        self.asked.asks(peer, now);
        Some(Question { peer, max: ALL })
    }

    /// One of those that we dialled, if any may be asked; else one of the others.
    fn choose(&mut self, now: Instant, rng: &mut Rng) -> Option<PeerId> {
        let (peers, asked) = (&self.peers, &mut self.asked);
        let mut of = |outbound: bool| {
            let all = peers.iter().filter(|(_, dialled)| **dialled == outbound);
            let fit = all.filter(|(peer, _)| asked.may(**peer, now));
            let mut fit: Vec<PeerId> = fit.map(|(peer, _)| *peer).collect();
            // The order of a map differs from run to run.
            fit.sort_unstable();
            fit
        };
        let outbound = of(true);
        let of = if outbound.is_empty() {
            of(false)
        } else {
            outbound
        };
        (!of.is_empty()).then(|| of[rng.random_range(0..of.len())])
    }
}

/// As many as an answer may have.
const ALL: u32 = MAX_PEERS_RECORDS as u32;

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn peers(n: usize) -> Vec<PeerId> {
        (0..n).map(|_| PeerId::random()).collect()
    }

    fn asks(peer: PeerId, max: u32) -> Option<Question> {
        Some(Question { peer, max })
    }

    #[test]
    fn everybody_is_asked_once_at_once_who_dialled_us_for_its_own_record() {
        let (mut schedule, mut rng) = (Schedule::new(), Rng::seed_from_u64(1));
        let now = Instant::now();
        let them = peers(3);
        schedule.up(them[0], true);
        schedule.up(them[1], true);
        schedule.up(them[1], true);
        schedule.up(them[2], false);
        schedule.down(&them[0]);
        assert_eq!(schedule.due(true, now, &mut rng), asks(them[1], ALL));
        assert_eq!(schedule.due(true, now, &mut rng), asks(them[2], 1));
        assert_eq!(schedule.due(true, now, &mut rng), None);
    }

    /// When questions come, in whole seconds, while there are too few peers.
    fn run(schedule: &mut Schedule, start: Instant, seconds: u64) -> Vec<(u64, PeerId)> {
        let mut rng = Rng::seed_from_u64(2);
        let mut asked = Vec::new();
        for second in 0..seconds {
            let now = start + Duration::from_secs(second);
            while let Some(question) = schedule.due(true, now, &mut rng) {
                asked.push((second, question.peer));
            }
        }
        asked
    }

    #[test]
    fn questions_that_bring_nobody_come_ever_more_seldom() {
        let (mut schedule, start) = (Schedule::new(), Instant::now());
        let them = peers(8);
        for (n, peer) in them.iter().enumerate() {
            schedule.up(*peer, n < 4);
        }
        let asked = run(&mut schedule, start, 24 * 3600);
        // Eight at once, nine while the pause grows, then one every twenty minutes.
        assert!((70..110).contains(&asked.len()), "{}", asked.len());
        let later = asked.iter().filter(|(second, _)| *second > 60);
        assert!(later.clone().all(|(_, peer)| them[..4].contains(peer)));
    }

    #[test]
    fn the_only_peer_is_asked_again_within_seconds_and_then_as_often_as_it_answers() {
        let (mut schedule, start) = (Schedule::new(), Instant::now());
        let peer = PeerId::random();
        schedule.up(peer, true);
        let mut asked = Vec::new();
        for second in 0..240 {
            let now = start + Duration::from_secs(second);
            schedule.hurry(now);
            let of_second = run(&mut schedule, now, 1);
            asked.extend(of_second.iter().map(|_| second));
        }
        assert!(asked[2] < 10, "{asked:?}");
        assert!((5..=6).contains(&asked.len()), "{asked:?}");
    }

    #[test]
    fn who_comes_back_again_and_again_is_not_asked_more_often() {
        let (mut schedule, start) = (Schedule::new(), Instant::now());
        let peer = PeerId::random();
        let mut asked = 0;
        for _ in 0..20 {
            schedule.up(peer, true);
            asked += run(&mut schedule, start, 1).len();
            schedule.down(&peer);
        }
        assert_eq!(asked, 3);
    }

    #[test]
    fn somebody_new_or_a_loss_makes_the_next_question_come_soon() {
        let (mut schedule, start) = (Schedule::new(), Instant::now());
        peers(4).iter().for_each(|peer| schedule.up(*peer, true));
        run(&mut schedule, start, 3600);
        let now = start + Duration::from_secs(3600);
        schedule.hurry(now);
        let (second, _) = run(&mut schedule, now, 60)[0];
        assert!(second <= 2 * FIRST_PAUSE.as_secs(), "{second}");
    }

    #[test]
    fn enough_peers_are_not_asked_for_more() {
        let (mut schedule, mut rng) = (Schedule::new(), Rng::seed_from_u64(3));
        let start = Instant::now();
        let peer = PeerId::random();
        schedule.up(peer, false);
        assert_eq!(schedule.due(false, start, &mut rng), asks(peer, 1));
        assert_eq!(schedule.due(false, start, &mut rng), None);
        let later = start + Duration::from_secs(3600);
        assert_eq!(schedule.due(false, later, &mut rng), None);
        let asked = schedule.due(true, later, &mut rng);
        assert_eq!(asked, asks(peer, ALL), "nobody that we dialled, and due");
        assert_eq!(schedule.due(true, later, &mut rng), None);
        schedule.down(&peer);
        let later = later + 2 * LONGEST_PAUSE;
        assert_eq!(schedule.due(true, later, &mut rng), None);
    }

    #[test]
    fn peers_in_mind_are_bounded() {
        let mut schedule = Schedule::new();
        for peer in peers(2 * MAX_PEERS) {
            schedule.up(peer, false);
        }
        assert_eq!(schedule.peers.len(), MAX_PEERS);
        assert_eq!(schedule.first.len(), MAX_PEERS);
    }
}
