//! Why a peer has the score it has.

use std::time::Duration;

use libp2p::PeerId;

use super::{
    AuditEvent, Config, Standing,
    peer::{Moment, Peer},
    tally::Tally,
};

/// Which peers to list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Select {
    /// This one.
    One(PeerId),
    /// The best `count` with at least this score.
    Best {
        /// Lowest score.
        min: f64,
        /// At most so many.
        count: usize,
    },
    /// The worst `count`, the worst last.
    Worst {
        /// At most so many.
        count: usize,
    },
}

/// The third part of the reputation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Share of valid messages.
    pub valid: f64,
    /// Share of answered requests, less for slow answers.
    pub responsiveness: f64,
    /// Share of the time it was connected.
    pub uptime: f64,
}

impl Statistics {
    /// What counts: their mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        (self.valid + self.responsiveness + self.uptime) / 3.0
    }
}

/// All that is known of a peer's trust.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Who.
    pub peer: PeerId,
    /// Score, reputation, whether it is served.
    pub standing: Standing,
    /// The part of the score that is our own experience.
    pub direct: f64,
    /// The part that others' recommendations add.
    pub recommended: f64,
    /// How many recommendations count.
    pub recommenders: usize,
    /// Slope of the score over the last 100 interactions, per interaction.
    pub trend: f64,
    /// The statistics of the reputation.
    pub statistics: Statistics,
    /// Interactions with us.
    pub interactions: u64,
    /// Events by kind, those that happened.
    pub counts: Vec<(&'static str, u32)>,
    /// Timeouts, broken transfers and lost pings that were not counted against it, because our own
    /// link was not known to be healthy.
    pub excused: u32,
    /// Mean round-trip time, if measured.
    pub rtt: Option<Duration>,
    /// Times it fell below the threshold of late.
    pub falls: u8,
    /// Whether it is connected.
    pub connected: bool,
    /// Wall clock of its first event, in milliseconds since the UNIX epoch.
    pub first_seen_ms: u64,
    /// Wall clock of its last event.
    pub last_seen_ms: u64,
    /// Its last events, up to 32 of a connected peer and 8 of one that is gone; the newest entry
    /// last.
    pub events: Vec<AuditEvent>,
}

impl View {
    pub(super) fn of(peer: &PeerId, record: &Peer, config: &Config, at: Moment) -> Self {
        let state = record.state(config, at);
        let counts = super::Event::NAMES.iter().zip(record.counts);
        let rtt = record.tally.rtt_ms;
        Self {
            peer: *peer,
            standing: standing(record, config, at),
            direct: state.direct,
            recommended: state.vouched,
            recommenders: record.vouchers.0.len(),
            trend: record.trend.slope(),
            statistics: statistics(&record.tally, at.t),
            interactions: record.experience,
            counts: counts
                .filter(|(_, n)| *n > 0)
                .map(|(k, n)| (*k, n))
                .collect(),
            excused: record.excused,
            rtt: (rtt > 0.0).then(|| Duration::from_secs_f64(rtt / 1000.0)),
            falls: record.falls,
            connected: record.tally.connected,
            first_seen_ms: record.first_ms,
            last_seen_ms: record.last_ms,
            events: record.recent.list(peer),
        }
    }
}

/// `0.6 score + 0.2 clamp(0.5 + slope, 0, 1) + 0.2 statistics`.
pub(super) fn reputation(score: f64, slope: f64, statistics: f64) -> f64 {
    0.6 * score + 0.2 * (0.5 + slope).clamp(0.0, 1.0) + 0.2 * statistics
}

pub(super) fn standing(record: &Peer, config: &Config, at: Moment) -> Standing {
    let state = record.state(config, at);
    let score = state.score(config);
    let statistics = statistics(&record.tally, at.t).mean();
    Standing {
        score,
        reputation: reputation(score, record.trend.slope(), statistics),
        retry_in: state
            .cooling
            .map(|ms| Duration::from_millis(ms.unsigned_abs())),
    }
}

fn statistics(tally: &Tally, t: i64) -> Statistics {
    Statistics {
        valid: tally.valid_ratio(),
        responsiveness: tally.responsiveness(),
        uptime: tally.uptime(t),
    }
}
