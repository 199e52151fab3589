//! What is known of one peer, and how an event changes it.
//!
//! The score has two parts. `direct` comes of what the peer did to us and returns to the initial
//! score; what others say ([`Vouchers`]) is added, fades to nothing, and counts only while `direct`
//! is not below the threshold: nobody is talked out of what we saw.

use libp2p::PeerId;

use super::{
    Change, Config, Crossing, Event, Observation,
    recent::{CONNECTED, GONE, Note, Recent},
    recommend::Vouchers,
    tally::Tally,
    trail::Trail,
    trend::Trend,
};

/// How often a connection is paid for, in milliseconds: whoever connects and disconnects all the
/// time earns as much as whoever stays.
const CONNECTION_PAYS: i64 = 60 * 60 * 1000;

/// Doublings of the cool-down.
const MAX_DOUBLINGS: u8 = 6;

/// The record of a peer. Times are milliseconds on the engine's own monotonic scale.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// The part of the score that is our own experience, at [`Peer::tick`].
    pub(super) direct: f64,
    /// The interval of the decay up to which this record is right.
    pub(super) tick: i64,
    /// Gained within this interval.
    pub(super) gained: f64,
    pub(super) vouchers: Vouchers,
    /// Times it fell below the threshold of late.
    pub(super) falls: u8,
    /// Until when it is not served.
    pub(super) cool_until: Option<i64>,
    /// When its connection was paid for last.
    pub(super) paid: Option<i64>,
    /// Interactions with us.
    pub(super) experience: u64,
    /// Events by kind.
    pub(super) counts: [u32; Event::KINDS],
    /// Timeouts that were not its fault as far as we know.
    pub(super) excused: u32,
    pub(super) tally: Tally,
    pub(super) trend: Trend,
    pub(super) recent: Recent,
    /// Wall clock of the first and the last event, for people.
    pub(super) first_ms: u64,
    pub(super) last_ms: u64,
    /// When the last event was.
    pub(super) last: i64,
    /// It differs from its row.
    pub(super) dirty: bool,
    /// It has a row.
    pub(super) stored: bool,
}

/// A score and what it is made of, at some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct State {
    pub(super) direct: f64,
    pub(super) vouched: f64,
    /// Milliseconds for which it is not served yet.
    pub(super) cooling: Option<i64>,
}

/// When something is: on the engine's scale, by the wall clock, and in intervals of the decay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) t: i64,
    pub(super) wall_ms: u64,
    pub(super) tick: i64,
}

impl Peer {
    pub(super) fn new(config: &Config, at: Moment) -> Self {
        Self {
            direct: config.initial_trust_score,
            tick: at.tick,
            gained: 0.0,
            vouchers: Vouchers::default(),
            falls: 0,
            cool_until: None,
            paid: None,
            experience: 0,
            counts: [0; Event::KINDS],
            excused: 0,
            tally: Tally::default(),
            trend: Trend::default(),
            recent: Recent::default(),
            first_ms: at.wall_ms,
            last_ms: at.wall_ms,
            last: at.t,
            dirty: true,
            stored: false,
        }
    }

    /// The score at some time, without touching the record.
    pub(super) fn state(&self, config: &Config, at: Moment) -> State {
        let factor = decay(config, at.tick - self.tick);
        State {
            direct: self.direct_at(config, at),
            vouched: self.vouchers.worth(config, factor, at.t),
            cooling: self
                .cool_until
                .map(|until| until - at.t)
                .filter(|ms| *ms > 0),
        }
    }

    /// The direct part at some time. A cool-down stops the decay, so that nobody sits it out, and
    /// ends at the threshold.
    fn direct_at(&self, config: &Config, at: Moment) -> f64 {
        let (from, since) = match self.cool_until {
            Some(until) if until > at.t => return self.direct,
            Some(until) => {
                let from = self.direct.max(config.min_trust_threshold);
                (from, self.tick.max(until / interval_ms(config)))
            }
            None => (self.direct, self.tick),
        };
        let direct = toward(
            config.initial_trust_score,
            from,
            decay(config, at.tick - since),
        );
        // Rounding must not put a peer below the threshold that nothing cools down.
        direct.max(config.min_trust_threshold)
    }

    /// The score of a settled record.
    #[inline]
    fn score(&self, config: &Config, t: i64) -> f64 {
        let vouched = if self.vouchers.0.is_empty() {
            0.0
        } else {
            self.vouchers.worth(config, 1.0, t)
        };
        combine(config, self.direct, vouched)
    }

    /// Brings the record up to now: decay in closed form, and a second chance after a cool-down.
    #[inline]
    pub(super) fn settle(&mut self, peer: &PeerId, config: &Config, at: Moment, trail: &mut Trail) {
        let cooled = self.cool_until.is_some_and(|until| until <= at.t);
        if at.tick == self.tick && !cooled {
            return;
        }
        let lifted = (config.min_trust_threshold - self.direct).max(0.0);
        self.direct = self.direct_at(config, at);
        if at.tick > self.tick {
            let factor = decay(config, at.tick - self.tick);
            self.vouchers.fade(config, factor, at.t);
            (self.tick, self.gained) = (at.tick, 0.0);
        }
        if cooled {
            self.cool_until = None;
            self.write(
                peer,
                Event::Probation,
                lifted,
                None,
                false,
                config,
                at,
                trail,
            );
        }
        if self.cool_until.is_none() && self.direct >= halfway(config) {
            self.falls = 0;
        }
    }

    /// Takes an event into account.
    #[inline]
    pub(super) fn observe(
        &mut self,
        peer: &PeerId,
        seen: &Observation<'_>,
        config: &Config,
        at: Moment,
        trail: &mut Trail,
    ) -> Change {
        self.settle(peer, config, at, trail);
        let effect = seen.event.effect(config);
        let excused = effect.needs_link && !seen.link_healthy;
        let before = self.score(config, at.t);
        let was_direct = self.direct;
        let crossed = match seen.event {
            Event::Operator(score) => self.set(score.get(), config, at.t),
            _ if excused => {
                self.excused = self.excused.saturating_add(1);
                None
            }
            event => {
                self.notice(event, at.t);
                let wanted = effect.delta * seen.magnitude.get();
                self.shift(wanted, event == Event::Connected, config, at.t)
            }
        };
        let after = self.score(config, at.t);
        if effect.interaction && !excused {
            self.experience = self.experience.saturating_add(1);
            self.tally.count(effect.column);
            if let Some(rtt) = seen.rtt {
                self.tally.sample(rtt);
            }
            self.trend.push(after);
        }
        // An operator also silences what others said, which is part of what the entry shows.
        let delta = match seen.event {
            Event::Operator(_) => after - before,
            _ => self.direct - was_direct,
        };
        let urgent = effect.delta < 0.0 && !excused;
        self.write(
            peer,
            seen.event,
            delta,
            seen.evidence,
            urgent,
            config,
            at,
            trail,
        );
        if seen.event == Event::Disconnected {
            self.recent.shrink(peer, GONE, trail);
            self.recent.release(GONE);
        }
        Change {
            before,
            after,
            crossed,
        }
    }

    /// Takes a recommendation that counts into account.
    pub(super) fn recommended(
        &mut self,
        peer: &PeerId,
        (by, amount, evidence): (u64, f64, &str),
        config: &Config,
        at: Moment,
        trail: &mut Trail,
    ) -> Result<Change, super::Refused> {
        self.settle(peer, config, at, trail);
        let before = self.score(config, at.t);
        let worth = self.vouchers.worth(config, 1.0, at.t);
        self.vouchers.add(by, amount, config, at.t)?;
        let after = self.score(config, at.t);
        let delta = self.vouchers.worth(config, 1.0, at.t) - worth;
        let event = Event::Recommended;
        self.write(peer, event, delta, Some(evidence), false, config, at, trail);
        Ok(Change {
            before,
            after,
            crossed: None,
        })
    }

    /// What connecting and the first event do besides the score.
    #[inline]
    fn notice(&mut self, event: Event, t: i64) {
        let connected = match event {
            Event::Connected => true,
            Event::Disconnected => false,
            _ if self.tally.accrued.is_some() => return,
            _ => false,
        };
        self.tally.accrue(t, connected);
    }

    /// Moves the direct score by `wanted` as far as it may go.
    #[inline]
    fn shift(
        &mut self,
        mut wanted: f64,
        connection: bool,
        config: &Config,
        t: i64,
    ) -> Option<Crossing> {
        if connection {
            if self.paid.is_some_and(|paid| t - paid < CONNECTION_PAYS) {
                wanted = 0.0;
            } else {
                self.paid = Some(t);
            }
        }
        if wanted > 0.0 {
            wanted = wanted.min((config.trust_gain_limit - self.gained).max(0.0));
        }
        let before = self.direct;
        self.direct = (before + wanted).clamp(0.0, config.max_trust_score);
        if wanted > 0.0 {
            self.gained += self.direct - before;
        }
        if wanted < 0.0 && self.direct < config.min_trust_threshold {
            return self.fall(self.cool_until.is_none(), config, t);
        }
        None
    }

    fn set(&mut self, score: f64, config: &Config, t: i64) -> Option<Crossing> {
        let was_cooling = self.cool_until.take().is_some();
        self.direct = score.min(config.max_trust_score);
        self.vouchers.0.clear();
        self.falls = 0;
        if self.direct < config.min_trust_threshold {
            return self.fall(!was_cooling, config, t);
        }
        was_cooling.then_some(Crossing::Above)
    }

    /// Begins a cool-down, or begins the one that holds anew.
    fn fall(&mut self, crossed: bool, config: &Config, t: i64) -> Option<Crossing> {
        if crossed {
            self.falls = self.falls.saturating_add(1);
        }
        let lasts = cool_down_ms(config, self.falls);
        let until = t.saturating_add(lasts);
        self.cool_until = Some(self.cool_until.map_or(until, |before| before.max(until)));
        crossed.then_some(Crossing::Below {
            cool_down: std::time::Duration::from_millis(lasts.unsigned_abs()),
        })
    }

    #[allow(clippy::too_many_arguments)]
    #[inline]
    fn write(
        &mut self,
        peer: &PeerId,
        event: Event,
        delta: f64,
        evidence: Option<&str>,
        urgent: bool,
        config: &Config,
        at: Moment,
        trail: &mut Trail,
    ) {
        let count = &mut self.counts[event.kind()];
        *count = count.saturating_add(1);
        (self.last_ms, self.last, self.dirty) = (at.wall_ms, at.t, true);
        let note = Note {
            event,
            delta,
            after: self.score(config, at.t),
            evidence,
            urgent,
            t: at.t,
            wall_ms: at.wall_ms,
        };
        let room = if self.tally.connected {
            CONNECTED
        } else {
            GONE
        };
        self.recent.note(peer, note, room, trail);
    }
}

impl State {
    pub(super) fn score(&self, config: &Config) -> f64 {
        combine(config, self.direct, self.vouched)
    }
}

/// How long the `falls`th cool-down lasts, in milliseconds.
pub(super) fn cool_down_ms(config: &Config, falls: u8) -> i64 {
    let doublings = falls.saturating_sub(1).min(MAX_DOUBLINGS);
    let ms = config.cool_down.saturating_mul(1000) << doublings;
    i64::try_from(ms).unwrap_or(i64::MAX)
}

/// Above it, earlier falls are forgotten; below it, a record is worth keeping for what it warns of.
pub(super) fn halfway(config: &Config) -> f64 {
    (config.initial_trust_score + config.min_trust_threshold) / 2.0
}

/// The interval of the decay in milliseconds.
pub(super) fn interval_ms(config: &Config) -> i64 {
    let ms = config.trust_decay_interval.saturating_mul(1000);
    i64::try_from(ms).unwrap_or(i64::MAX).max(1)
}

/// Share of a distance that is left after `steps` of the decay.
pub(super) fn decay(config: &Config, steps: i64) -> f64 {
    if steps <= 0 {
        return 1.0;
    }
    (1.0 - config.trust_decay_rate).powi(i32::try_from(steps).unwrap_or(i32::MAX))
}

pub(super) fn toward(goal: f64, from: f64, left: f64) -> f64 {
    goal + (from - goal) * left
}

#[inline]
fn combine(config: &Config, direct: f64, vouched: f64) -> f64 {
    if direct < config.min_trust_threshold {
        return direct;
    }
    (direct + vouched).min(config.max_trust_score)
}
