//! What peers do, told to the trust engine, and what follows from a score.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;

use super::{PeeringTask, input::Merit, table::TableCall};
use crate::{
    clock::Now,
    node::effect::Effect,
    offence::Offence,
    peers::{Goodbye, conduct::Sanction},
    trust::{Change, Crossing, Event, Magnitude, Observation, Score, mesh::MeshEvent},
};

/// Our link is healthy, as far as one peer's silence goes, if another peer was heard so recently.
/// Peers are pinged every 15 s.
const HEARD: Duration = Duration::from_secs(30);

/// How far a score must have moved to be told to those who choose whom to ask. A step of that size
/// changes no choice between peers whose speed differs at all; every event would be an effect.
const STEP: f64 = 0.05;

/// Between two words about the score of one peer.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// Most events of one kind that a second of a peer adds to its score in the mesh.
const MESH_EVENTS: u32 = 100;

/// The two peers heard last: whether our own link works is for others to show.
#[derive(Debug, Default)]
pub(super) struct Link([Option<(PeerId, Instant)>; 2]);

impl Link {
    /// Something came from `peer`.
    pub(super) fn heard(&mut self, peer: PeerId, now: Instant) {
        let other = self.0.iter().flatten().find(|(p, _)| *p != peer).copied();
        self.0 = [Some((peer, now)), other];
    }

    /// Whether somebody other than `peer` was heard of late.
    pub(super) fn is_healthy_without(&self, peer: &PeerId, now: Instant) -> bool {
        let others = self.0.iter().flatten().filter(|(p, _)| p != peer);
        let mut recent = others.map(|(_, at)| now.saturating_duration_since(*at) < HEARD);
        recent.any(|recent| recent)
    }
}

impl PeeringTask {
    /// Tells the engine, and acts when the score crosses the threshold.
    pub(super) fn observe(&mut self, peer: PeerId, seen: Observation<'_>) {
        let now = self.clock.now();
        let healthy = self.link.is_healthy_without(&peer, now.mono);
        let seen = Observation {
            link_healthy: healthy,
            ..seen
        };
        *self.events.entry(seen.event.name()).or_default() += 1;
        let change = self.trust.observe(&peer, &seen, now);
        self.changed(peer, change, now);
    }

    /// A score moved.
    pub(super) fn changed(&mut self, peer: PeerId, change: Change, now: Now) {
        match change.crossed {
            Some(Crossing::Below { cool_down }) => {
                let until = now.mono + cool_down;
                if !self.plan.cool_down(peer, until, now.mono) {
                    // Reserved: the operator wants it whatever it does.
                    return;
                }
                self.cool_downs += 1;
                tracing::info!(%peer, score = change.after, secs = cool_down.as_secs(),
                    "trust fell below the threshold: cool-down");
                // First, so that whoever reads the goodbye is served no more.
                self.outbox.push(Effect::CoolDown {
                    peer,
                    lasts: cool_down,
                });
                self.goodbye(peer, Goodbye::LowTrust);
            }
            Some(Crossing::Above) => {
                self.plan.forgive(&peer);
                self.outbox.push(Effect::Forgive {
                    peer,
                    ips: Vec::new(),
                });
            }
            None => {}
        }
    }

    /// Tells those who choose whom to ask the scores that moved, of every peer that they know of.
    pub(super) fn tell_scores(&mut self, now: Now) {
        let mut scores = Vec::new();
        for (peer, live) in self.live.iter_mut().filter(|(_, live)| live.identified) {
            let score = self.trust.standing(peer, now).score;
            let quiet = |(told, at): (f64, Instant)| {
                let since = now.mono.saturating_duration_since(at);
                !moved(told, score) || since < TELL_INTERVAL
            };
            if live.score_told.is_some_and(quiet) {
                continue;
            }
            // Another model may say anything; what is no score changes nothing.
            if let Ok(valid) = Score::new(score) {
                live.score_told = Some((score, now.mono));
                scores.push((*peer, valid));
            }
        }
        if !scores.is_empty() {
            self.outbox.push(Effect::Trust(scores));
        }
    }

    /// A peer did what no honest peer does.
    pub(super) fn offended(
        &mut self,
        peer: PeerId,
        offence: Offence,
        detail: &str,
        sanction: Sanction,
    ) {
        let now = self.now().mono;
        self.mesh.observe(&peer, MeshEvent::Invalid, now);
        self.observe(
            peer,
            Observation::of(Event::Offence(offence)).because(detail),
        );
        match sanction {
            Sanction::CoolDown(lasts) => {
                let until = now + lasts;
                self.plan.cool_down(peer, until, now);
                self.cool_downs += 1;
            }
            Sanction::Ban(_) => self.outbox.push(Effect::Table(TableCall::Remove(peer))),
            Sanction::Disconnect | Sanction::Warn => {}
        }
    }

    /// What peers contributed in a second.
    pub(super) fn merits(&mut self, merits: HashMap<PeerId, Merit>) {
        let now = self.clock.now().mono;
        for (peer, merit) in merits {
            let Merit {
                valid,
                served,
                timeouts,
            } = merit;
            if valid + served > 0 {
                self.link.heard(peer, now);
                self.plan.useful(&peer, u64::from(valid + served), now);
            }
            let times = |event, n: u32| {
                let magnitude = Magnitude::new(f64::from(n)).unwrap_or_default();
                (n > 0).then(|| Observation::of(event).times(magnitude))
            };
            let seen = [
                times(Event::ValidMessage, valid),
                times(Event::TransferDone, served),
                times(Event::Timeout, timeouts),
            ];
            for seen in seen.into_iter().flatten() {
                self.observe(peer, seen);
            }
            // More in a second fills the credit anyway.
            let often = |n: u32| 0..n.min(MESH_EVENTS);
            for _ in often(valid) {
                self.mesh.observe(&peer, MeshEvent::Delivered, now);
            }
            for _ in often(served) {
                self.mesh.observe(&peer, MeshEvent::Responded, now);
            }
        }
    }
}

/// Whether a score is worth telling.
fn moved(told: f64, score: f64) -> bool {
    // Sums of steps are not exact.
    (told - score).abs() >= STEP - 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_somebody_else_shows_that_our_link_works() {
        let (a, b) = (PeerId::random(), PeerId::random());
        let (mut link, now) = (Link::default(), Instant::now());
        assert!(!link.is_healthy_without(&a, now));
        link.heard(a, now);
        assert!(!link.is_healthy_without(&a, now));
        assert!(link.is_healthy_without(&b, now));
        link.heard(b, now + Duration::from_secs(1));
        link.heard(b, now + Duration::from_secs(2));
        assert!(link.is_healthy_without(&b, now + Duration::from_secs(3)));
        assert!(!link.is_healthy_without(&b, now + HEARD));
        assert!(link.is_healthy_without(&a, now + HEARD));
    }
}
