//! The engine as a whole, with a clock moved by hand.

mod bounds;
mod restart;
mod scores;
mod speed;
mod sybils;
mod trail;

use std::time::Duration;

use libp2p::PeerId;

use super::*;
use crate::clock::{Clock, ManualClock, Now};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// A wall clock somewhere in 2026.
const WALL_MS: u64 = 1_790_000_000_000;

struct Bench {
    clock: ManualClock,
    local: PeerId,
    engine: Engine,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (clock, local) = (ManualClock::at_wall_ms(WALL_MS), PeerId::random());
        let mut config = Config::default();
        change(&mut config);
        let engine = Engine::new(config, local, clock.now()).unwrap();
        Self {
            clock,
            local,
            engine,
        }
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn see(&mut self, peer: &PeerId, event: Event) -> Change {
        let seen = Observation::of(event).on_healthy_link();
        self.engine.observe(peer, &seen, self.clock.now())
    }

    fn see_times(&mut self, peer: &PeerId, event: Event, times: usize) {
        for _ in 0..times {
            self.see(peer, event);
        }
    }

    fn see_all(&mut self, peers: &[PeerId], event: Event) {
        for peer in peers {
            self.see(peer, event);
        }
    }

    fn score(&self, peer: &PeerId) -> f64 {
        self.engine.standing(peer, self.now()).score
    }

    fn view(&self, peer: &PeerId) -> View {
        let mut views = self.engine.list(Select::One(*peer), self.now());
        views.pop().expect("it is known")
    }

    /// A peer that has earned the right to recommend, with about this score.
    fn friend(&mut self, score: f64) -> PeerId {
        let peer = PeerId::random();
        self.befriend(&peer, score);
        peer
    }

    fn befriend(&mut self, peer: &PeerId, score: f64) {
        self.see_times(peer, Event::ValidMessage, 60);
        self.see(peer, Event::Operator(Score::new(score).unwrap()));
    }

    fn word(&self, recommender: PeerId, subject: PeerId, score: f64) -> Recommendation {
        Recommendation {
            recommender,
            subject,
            score,
            at_ms: self.now().wall_ms,
        }
    }

    fn say(&mut self, recommender: &PeerId, subject: &PeerId, score: f64) -> Result<f64, Refused> {
        let word = self.word(*recommender, *subject, score);
        let change = self.engine.recommend(&word, self.clock.now())?;
        Ok(change.after - change.before)
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}
