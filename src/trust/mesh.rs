//! How a peer behaves in the meshes of gossip: the original network's score, as a value that the
//! event loop feeds to gossipsub.
//!
//! The original adds `+1·D −20·I −0.5·F +0.5·R +1·Q +0.2·B` to one number with a half-life of ten
//! minutes. There a peer that delivers ten messages a second earns a lasting 8 600, which pays for
//! 430 invalid ones. Here credit and debt are two numbers that both fade: credit is bounded, pays
//! for nothing, and decides between peers without debt only. Their sum is what people are shown.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;

/// After so long half of a score is left: the original's figure.
pub const HALF_LIFE: Duration = Duration::from_secs(600);

/// Most credit. Larger makes an old good peer hard to overtake, smaller makes all peers equal.
pub const MAX_CREDIT: f64 = 100.0;

/// Most debt: what takes ten half-lives, 100 minutes, to fade below the first threshold. More
/// would never be forgotten.
pub const MAX_DEBT: f64 = 50_000.0;

/// What full credit adds to the score in gossipsub. Two peers of the same record differ by it, and
/// it pays for nothing: one invalid message costs 33 times as much here, and 100 times as much in
/// gossipsub's own counting.
pub const FAVOUR: f64 = 0.1;

/// Peers remembered, about 0.5 MiB. There are fewer connections than that.
pub const MAX_PEERS: usize = 4_096;

/// A record below this, both ways, is forgotten.
const NOTHING: f64 = 0.5;

/// From debt to the score in gossipsub: straight lines between these points. The first five points
/// of debt are free, since an honest peer may run into a token bucket. The other three thresholds
/// of the original meet those of gossipsub at which the router does what the original wanted: no
/// control messages, nothing published to it, nothing read of it.
const SCALE: [(f64, f64); 4] = [(5.0, 0.0), (50.0, 10.0), (200.0, 50.0), (500.0, 80.0)];

/// Lowest score handed to gossipsub.
const LOWEST: f64 = -100.0;

/// What a peer does in a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MeshEvent {
    /// D: it was the first to deliver something valid.
    Delivered,
    /// I: it sent something that fails a cheap check.
    Invalid,
    /// F: it sent beyond its quota.
    Excess,
    /// R: it answered what was asked.
    Responded,
    /// Q: an expensive check of something it sent passed.
    Verified,
    /// B: it kept the mesh going: pings, grafts, prunes.
    Cooperated,
}

impl MeshEvent {
    /// Its weight: the original's figure.
    #[must_use]
    pub fn weight(self) -> f64 {
        match self {
            Self::Delivered | Self::Verified => 1.0,
            Self::Invalid => -20.0,
            Self::Excess => -0.5,
            Self::Responded => 0.5,
            Self::Cooperated => 0.2,
        }
    }
}

/// What the original does with a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    Fine,
    /// Below −50: its control messages do not count.
    Greylisted,
    /// Below −200: nothing is published to it.
    Quarantined,
    /// Below −500: nothing of it is read. The original bans for an hour; here the offences behind
    /// it decide that.
    Unread,
}

/// The score of one peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeshScore {
    credit: f64,
    debt: f64,
    at: Instant,
}

impl MeshScore {
    /// Of a peer of which nothing is known.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            credit: 0.0,
            debt: 0.0,
            at: now,
        }
    }

    /// Adds an event.
    pub fn observe(&mut self, event: MeshEvent, now: Instant) {
        *self = self.faded(now);
        let weight = event.weight();
        if weight > 0.0 {
            self.credit = (self.credit + weight).min(MAX_CREDIT);
        } else {
            self.debt = (self.debt - weight).min(MAX_DEBT);
        }
    }

    /// Credit less debt: the original's number, for people.
    #[must_use]
    pub fn value(&self, now: Instant) -> f64 {
        let faded = self.faded(now);
        faded.credit - faded.debt
    }

    /// What the debt calls for.
    #[must_use]
    pub fn level(&self, now: Instant) -> Level {
        match self.faded(now).debt {
            debt if debt > SCALE[3].0 => Level::Unread,
            debt if debt > SCALE[2].0 => Level::Quarantined,
            debt if debt > SCALE[1].0 => Level::Greylisted,
            _ => Level::Fine,
        }
    }

    /// The application-specific score for gossipsub, −100.0 to [`FAVOUR`].
    #[must_use]
    pub fn application(&self, now: Instant) -> f64 {
        let faded = self.faded(now);
        FAVOUR * faded.credit / MAX_CREDIT + scale(faded.debt)
    }

    fn faded(&self, now: Instant) -> Self {
        let passed = now.saturating_duration_since(self.at);
        let left = 0.5_f64.powf(passed.as_secs_f64() / HALF_LIFE.as_secs_f64());
        Self {
            credit: self.credit * left,
            debt: self.debt * left,
            at: self.at.max(now),
        }
    }
}

/// The scores of all peers. A peer that is gone keeps its debt until it has faded.
#[derive(Debug, Default)]
pub struct MeshScores(HashMap<PeerId, MeshScore>);

impl MeshScores {
    /// Adds an event.
    pub fn observe(&mut self, peer: &PeerId, event: MeshEvent, now: Instant) {
        if self.0.len() >= MAX_PEERS && !self.0.contains_key(peer) {
            self.make_room(now);
        }
        let score = self.0.entry(*peer).or_insert_with(|| MeshScore::new(now));
        score.observe(event, now);
    }

    /// The score of a peer.
    #[must_use]
    pub fn get(&self, peer: &PeerId, now: Instant) -> MeshScore {
        self.0.get(peer).map_or(MeshScore::new(now), |s| *s)
    }

    /// Forgets what has faded. Every minute or so.
    pub fn tidy(&mut self, now: Instant) {
        self.0.retain(|_, score| {
            let faded = score.faded(now);
            faded.credit >= NOTHING || faded.debt >= NOTHING
        });
    }

    /// Peers remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes room by what has faded, or else by whoever owes least: ids cost nothing, so a debt is
    /// washed out only by as many that owe more.
    fn make_room(&mut self, now: Instant) {
        self.tidy(now);
        while self.0.len() >= MAX_PEERS {
            let debts = self.0.iter().map(|(id, s)| (s.faded(now).debt, *id));
            let Some((_, least)) = debts.min_by(|a, b| a.0.total_cmp(&b.0)) else {
                return;
            };
            self.0.remove(&least);
        }
    }
}

fn scale(debt: f64) -> f64 {
    let last = SCALE[SCALE.len() - 1];
    let segment = SCALE.windows(2).find(|pair| debt <= pair[1].0);
    let (from, to) = segment.map_or((SCALE[2], last), |pair| (pair[0], pair[1]));
    let along = ((debt - from.0) / (to.0 - from.0)).max(0.0);
    (-(from.1 + along * (to.1 - from.1))).max(LOWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[(MeshEvent, usize)]) -> (MeshScore, Instant) {
        let now = Instant::now();
        let mut score = MeshScore::new(now);
        for (event, times) in events {
            (0..*times).for_each(|_| score.observe(*event, now));
        }
        (score, now)
    }

    #[test]
    fn no_credit_pays_for_an_invalid_message() {
        use MeshEvent::{Delivered, Invalid, Verified};
        let rich = [(Delivered, 1_000_000), (Verified, 1_000_000)];
        let (score, now) = after(&rich);
        assert_eq!(score.application(now), FAVOUR);
        let (score, now) = after(&[rich[0], (Invalid, 1), rich[1]]);
        assert!(score.application(now) < -3.0);
        let (poor, then) = after(&[(Invalid, 1)]);
        let gain = score.application(now) - poor.application(then);
        assert!(gain <= FAVOUR + 1e-9, "{gain}");
    }

    #[test]
    fn the_thresholds_of_the_original_are_those_of_gossipsub() {
        let at = |debt: f64| scale(debt);
        assert_eq!(
            [0.0, 5.0, 50.0, 200.0, 500.0].map(at),
            [0.0, 0.0, -10.0, -50.0, -80.0]
        );
        assert_eq!(at(MAX_DEBT), LOWEST);
        let steps = (0..6_000).map(|i| at(f64::from(i) / 10.0));
        assert!(steps.clone().zip(steps.skip(1)).all(|(a, b)| a >= b));
        let level = |invalid| {
            let (score, now) = after(&[(MeshEvent::Invalid, invalid)]);
            score.level(now)
        };
        let levels = [0, 2, 3, 11, 26].map(level);
        let expected = [
            Level::Fine,
            Level::Fine,
            Level::Greylisted,
            Level::Quarantined,
            Level::Unread,
        ];
        assert_eq!(levels, expected);
    }

    #[test]
    fn an_honest_peer_that_runs_into_a_bucket_stays_in_the_mesh() {
        let (score, now) = after(&[(MeshEvent::Excess, 10), (MeshEvent::Cooperated, 1)]);
        assert!(score.application(now) > 0.0);
    }

    #[test]
    fn half_of_a_score_is_left_after_a_half_life() {
        let (score, now) = after(&[(MeshEvent::Invalid, 4)]);
        let value = score.value(now + HALF_LIFE);
        assert!((value + 40.0).abs() < 1e-9, "{value}");
        let (worst, now) = after(&[(MeshEvent::Invalid, 1_000_000)]);
        assert_eq!(worst.level(now + HALF_LIFE * 10), Level::Fine);
    }

    #[test]
    fn who_goes_and_comes_back_owes_what_it_owed() {
        let (now, liar) = (Instant::now(), PeerId::random());
        let mut scores = MeshScores::default();
        (0..50).for_each(|_| scores.observe(&liar, MeshEvent::Invalid, now));
        for _ in 0..MAX_PEERS * 2 {
            scores.observe(&PeerId::random(), MeshEvent::Delivered, now);
        }
        assert!(scores.len() <= MAX_PEERS);
        assert_eq!(scores.get(&liar, now).level(now), Level::Unread);
        scores.tidy(now + HALF_LIFE * 20);
        assert!(scores.is_empty());
    }
}
