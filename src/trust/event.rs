//! What can happen to trust, and what each event is worth: one table.

use std::{fmt, time::Duration};

use crate::offence::Offence;

use super::{Config, Magnitude, Score, offences::tolerance};

/// Longest evidence kept with an event, in bytes. Enough for a request, a hash and a reason.
pub const MAX_EVIDENCE: usize = 160;

/// Something that bears on the trust in a peer. Two events are the same event if they are equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// It sent something new and valid.
    ValidMessage,
    /// It sent something invalid that no offence names. Use this or [`Event::Offence`], not both.
    InvalidMessage,
    /// It did not answer a request in time.
    Timeout,
    /// It connected.
    Connected,
    /// It is gone.
    Disconnected,
    /// Something was transferred and acknowledged: a direct message, a stream, a served batch.
    TransferDone,
    /// A transfer broke off.
    TransferFailed,
    /// It created an IOU.
    IouCreated,
    /// It redeemed an IOU.
    IouRedeemed,
    /// It defaulted on an IOU.
    IouDefaulted,
    /// It answered a ping.
    PingResponded,
    /// It did not answer a ping.
    PingTimeout,
    /// It did what no honest peer does.
    Offence(Offence),
    /// An operator set the score, which also ends a cool-down and forgets earlier ones.
    Operator(Score),
    /// Another peer recommended it. Only [`TrustModel::recommend`](super::TrustModel::recommend)
    /// makes this event; observing it does nothing.
    Recommended,
    /// Its cool-down is over, and it is tried again. Only the engine makes this event; observing
    /// it does nothing.
    Probation,
}

/// Which statistics an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Valid,
    Invalid,
    Answered,
    Missed,
    Other,
}

/// What an event is worth before its magnitude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Effect {
    pub(super) delta: f64,
    pub(super) column: Column,
    /// Counts only while our own link is healthy.
    pub(super) needs_link: bool,
    /// Whether it is an interaction: it counts for experience and for the trend.
    pub(super) interaction: bool,
}

impl Event {
    /// How many kinds there are: as many as names.
    pub(super) const KINDS: usize = Self::NAMES.len();

    /// Place of the operator among the kinds.
    pub(super) const OPERATOR: usize = 13;

    /// The name of every kind of event, in the order of [`View::counts`](super::View::counts).
    pub const NAMES: [&'static str; 16] = [
        "valid_message",
        "invalid_message",
        "timeout",
        "connected",
        "disconnected",
        "transfer_done",
        "transfer_failed",
        "iou_created",
        "iou_redeemed",
        "iou_defaulted",
        "ping_responded",
        "ping_timeout",
        "offence",
        "operator",
        "recommended",
        "probation",
    ];

    pub(super) fn kind(self) -> usize {
        match self {
            Self::ValidMessage => 0,
            Self::InvalidMessage => 1,
            Self::Timeout => 2,
            Self::Connected => 3,
            Self::Disconnected => 4,
            Self::TransferDone => 5,
            Self::TransferFailed => 6,
            Self::IouCreated => 7,
            Self::IouRedeemed => 8,
            Self::IouDefaulted => 9,
            Self::PingResponded => 10,
            Self::PingTimeout => 11,
            Self::Offence(_) => 12,
            Self::Operator(_) => 13,
            Self::Recommended => 14,
            Self::Probation => 15,
        }
    }

    /// The stable name of its kind, without what an offence or an operator adds.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self.kind()]
    }

    /// What it is worth: the one table from events to deltas.
    pub(super) fn effect(self, config: &Config) -> Effect {
        let effect = |delta, column, needs_link| Effect {
            delta,
            column,
            needs_link,
            interaction: true,
        };
        let c = config;
        match self {
            Self::ValidMessage => effect(c.trust_boost_message, Column::Valid, false),
            Self::InvalidMessage => effect(-c.trust_penalty_invalid, Column::Invalid, false),
            Self::Timeout => effect(-c.trust_penalty_timeout, Column::Missed, true),
            Self::Connected => effect(c.trust_boost_connection, Column::Other, false),
            Self::TransferDone => effect(c.trust_boost_transfer, Column::Answered, false),
            Self::TransferFailed => effect(-c.trust_penalty_transfer, Column::Missed, true),
            Self::IouCreated => effect(c.trust_boost_iou_created, Column::Other, false),
            Self::IouRedeemed => effect(c.trust_boost_iou_redeemed, Column::Other, false),
            Self::IouDefaulted => effect(-c.trust_penalty_iou_defaulted, Column::Other, false),
            Self::PingResponded => effect(c.trust_boost_ping, Column::Answered, false),
            Self::PingTimeout => effect(-c.trust_penalty_ping_timeout, Column::Missed, true),
            Self::Offence(offence) => effect(tolerance(offence).delta(c), Column::Invalid, false),
            Self::Disconnected | Self::Operator(_) | Self::Recommended | Self::Probation => {
                Effect {
                    delta: 0.0,
                    column: Column::Other,
                    needs_link: false,
                    interaction: false,
                }
            }
        }
    }

    /// Whether several of them may stand in one entry of the trail.
    pub(super) fn coalesces(self) -> bool {
        !matches!(
            self,
            Self::Operator(_) | Self::Recommended | Self::Probation
        )
    }

    /// The event a row names. The score of an operator is the score after.
    pub(super) fn from_row(name: &str, offence: Option<&str>, after: f64) -> Option<Self> {
        let kind = Self::NAMES.iter().position(|n| *n == name)?;
        let event = match kind {
            12 => {
                let named = |o: &&Offence| Some(o.name()) == offence;
                Self::Offence(*Offence::ALL.iter().find(named)?)
            }
            13 => Self::Operator(Score::new(after).ok()?),
            _ => *Self::PLAIN.iter().find(|e| e.kind() == kind)?,
        };
        (offence.is_some() == matches!(event, Self::Offence(_))).then_some(event)
    }

    /// The offence it is, if it is one.
    #[must_use]
    pub fn offence(self) -> Option<Offence> {
        match self {
            Self::Offence(offence) => Some(offence),
            _ => None,
        }
    }

    /// Every kind that is just its name.
    const PLAIN: &'static [Self] = &[
        Self::ValidMessage,
        Self::InvalidMessage,
        Self::Timeout,
        Self::Connected,
        Self::Disconnected,
        Self::TransferDone,
        Self::TransferFailed,
        Self::IouCreated,
        Self::IouRedeemed,
        Self::IouDefaulted,
        Self::PingResponded,
        Self::PingTimeout,
        Self::Recommended,
        Self::Probation,
    ];
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offence() {
            Some(offence) => write!(f, "offence {offence}"),
            None => f.write_str(self.name()),
        }
    }
}

/// An event with its particulars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation<'a> {
    /// What happened.
    pub event: Event,
    /// How much of it.
    pub magnitude: Magnitude,
    /// What shows it, for people: cut at [`MAX_EVIDENCE`] bytes, control characters replaced. An
    /// event with evidence has an entry of its own in the trail.
    pub evidence: Option<&'a str>,
    /// Whether our own link was healthy meanwhile, so that a timeout, a failed transfer or an
    /// unanswered ping says something about the peer. Otherwise these are noted and cost nothing.
    pub link_healthy: bool,
    /// How long the answer took, of an event that is one.
    pub rtt: Option<Duration>,
}

impl<'a> Observation<'a> {
    /// One ordinary event without evidence. Timeouts cost nothing unless
    /// [`Observation::on_healthy_link`] is said.
    #[must_use]
    pub fn of(event: Event) -> Self {
        Self {
            event,
            magnitude: Magnitude::ONE,
            evidence: None,
            link_healthy: false,
            rtt: None,
        }
    }

    /// With this magnitude.
    #[must_use]
    pub fn times(mut self, magnitude: Magnitude) -> Self {
        self.magnitude = magnitude;
        self
    }

    /// With this evidence.
    #[must_use]
    pub fn because(mut self, evidence: &'a str) -> Self {
        self.evidence = Some(evidence);
        self
    }

    /// While our own link was healthy.
    #[must_use]
    pub fn on_healthy_link(mut self) -> Self {
        self.link_healthy = true;
        self
    }

    /// After so long.
    #[must_use]
    pub fn after(mut self, rtt: Duration) -> Self {
        self.rtt = Some(rtt);
        self
    }
}

/// Evidence as it is kept.
pub(super) fn clean(evidence: &str) -> Box<str> {
    let cut = &evidence[..evidence.floor_char_boundary(MAX_EVIDENCE)];
    if cut.chars().any(char::is_control) {
        let plain = |c: char| if c.is_control() { '?' } else { c };
        return cut.chars().map(plain).collect::<String>().into();
    }
    cut.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back_to_their_event() {
        let score = Score::new(0.25).unwrap();
        let mut all = Event::PLAIN.to_vec();
        all.push(Event::Operator(score));
        all.extend(Offence::ALL.iter().map(|o| Event::Offence(*o)));
        let mut kinds = std::collections::BTreeSet::new();
        for event in all {
            kinds.insert(event.name());
            let offence = event.offence().map(Offence::name);
            let found = Event::from_row(event.name(), offence, 0.25);
            assert_eq!(found, Some(event));
        }
        assert_eq!(kinds.len(), Event::KINDS);
        assert_eq!(Event::from_row("offence", Some("politeness"), 0.0), None);
        assert_eq!(Event::from_row("timeout", Some("bad_proof"), 0.0), None);
        assert_eq!(Event::from_row("operator", None, f64::NAN), None);
    }

    #[test]
    fn the_specification_has_the_same_figures() {
        let spec = include_str!("../../specs/trust.md");
        let config = Config::default();
        for event in Event::PLAIN {
            let row = format!("| `{}` | {} |", event.name(), event.effect(&config).delta);
            assert!(spec.contains(&row), "specs/trust.md lacks {row}");
        }
    }

    #[test]
    fn evidence_is_short_and_printable() {
        let long = clean(&"é".repeat(1_000));
        assert!(long.len() <= MAX_EVIDENCE);
        assert_eq!(&*clean("a\u{1b}[31m\nb"), "a?[31m?b");
    }
}
