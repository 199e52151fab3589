//! What peers say about peers, and why it cannot be worth much.
//!
//! A recommendation is worth `recommended × recommender × 0.1`. It goes into a part of the score of
//! its own, which takes no more than the cap, whoever fills it, and fades like everything else.

use libp2p::PeerId;

use super::Config;

/// Recommenders remembered for a subject. With the default cap and weight, four good ones fill the
/// cap; the rest of the room lets faint words be replaced by louder ones. Costs 24 bytes each.
pub const MAX_VOUCHERS: usize = 16;

/// How old a recommendation may be when it arrives, in milliseconds: an hour, so that signed
/// messages travel and a clock may be wrong, and old ones are not replayed.
pub(super) const MAX_AGE_MS: u64 = 60 * 60 * 1000;

/// How far ahead of our clock it may be dated, in milliseconds.
pub(super) const MAX_AHEAD_MS: u64 = 2 * 60 * 1000;

/// What one peer says about another. Nothing of it is believed before it is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommendation {
    /// Who says it. The caller has checked the signature.
    pub recommender: PeerId,
    /// About whom.
    pub subject: PeerId,
    /// The score it recommends, 0.0 to 1.0.
    pub score: f64,
    /// When it was said, by the recommender's clock, in milliseconds since the UNIX epoch.
    pub at_ms: u64,
}

/// Why a recommendation counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its score is not a number from 0 to 1. No honest peer says so.
    #[error("the score is not a number from 0 to 1")]
    OutOfRange,
    /// The recommender speaks of itself. No honest peer does.
    #[error("a peer recommends itself")]
    Itself,
    /// It is about us.
    #[error("it is about this node")]
    AboutUs,
    /// It is said to be from us.
    #[error("it is from this node")]
    FromUs,
    /// Said too long ago.
    #[error("it is older than an hour")]
    Stale,
    /// Dated ahead of our clock.
    #[error("it is dated ahead of our clock")]
    Future,
    /// We have no experience with the recommender, or too little.
    #[error("we have too little experience with the recommender")]
    Stranger,
    /// The recommender has not earned a score that counts.
    #[error("the recommender's own score is too low")]
    Untrusted,
    /// It has recommended this subject already, and that still counts.
    #[error("this recommender has spoken for this peer already")]
    Repeated,
    /// Recommendations give the subject as much as they may already.
    #[error("recommendations add no more to this peer")]
    Capped,
    /// There is no room for another peer.
    #[error("no room for another peer")]
    Full,
}

impl Refused {
    /// The metric label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OutOfRange => "out_of_range",
            Self::Itself => "itself",
            Self::AboutUs => "about_us",
            Self::FromUs => "from_us",
            Self::Stale => "stale",
            Self::Future => "future",
            Self::Stranger => "stranger",
            Self::Untrusted => "untrusted",
            Self::Repeated => "repeated",
            Self::Capped => "capped",
            Self::Full => "full",
        }
    }

    /// Whether an honest peer would not have sent it.
    #[must_use]
    pub fn is_fault(self) -> bool {
        matches!(self, Self::OutOfRange | Self::Itself)
    }
}

/// One recommendation that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Voucher {
    /// The last eight bytes of the recommender's PeerId, which are those of a hash.
    pub(super) by: u64,
    /// What it is worth, at the step of decay that the record stands at.
    pub(super) amount: f64,
    /// When it was taken, on the engine's monotonic scale in milliseconds.
    pub(super) taken: i64,
}

/// A voucher below this is forgotten: less than one valid message.
const LEAST: f64 = 1e-4;

/// The recommendations of one subject that count.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Vouchers(pub(super) Vec<Voucher>);

/// See [`Voucher::by`].
pub(super) fn short_id(peer: &PeerId) -> u64 {
    let digest = peer.as_ref().digest();
    let last = digest.iter().rev().take(8).rev();
    last.fold(0, |id, byte| id << 8 | u64::from(*byte))
}

impl Vouchers {
    /// What they are worth together when every one has faded by `factor`, at `t`.
    pub(super) fn worth(&self, config: &Config, factor: f64, t: i64) -> f64 {
        let alive = self.0.iter().filter(|v| v.lives(config, t));
        let sum: f64 = alive.map(|v| v.amount * factor).sum();
        sum.min(config.recommendation_cap)
    }

    /// Makes them fade by `factor` and forgets those that are over.
    pub(super) fn fade(&mut self, config: &Config, factor: f64, t: i64) {
        for voucher in &mut self.0 {
            voucher.amount *= factor;
        }
        self.0.retain(|v| v.lives(config, t) && v.amount >= LEAST);
    }

    /// Takes one more. It adds what still fits below the cap.
    pub(super) fn add(
        &mut self,
        by: u64,
        amount: f64,
        config: &Config,
        t: i64,
    ) -> Result<(), Refused> {
        self.fade(config, 1.0, t);
        if self.0.iter().any(|v| v.by == by) {
            return Err(Refused::Repeated);
        }
        let room = config.recommendation_cap - self.worth(config, 1.0, t);
        if room < LEAST {
            return Err(Refused::Capped);
        }
        let amount = amount.min(room);
        if amount < LEAST {
            return Ok(());
        }
        let voucher = Voucher {
            by,
            amount,
            taken: t,
        };
        if self.0.len() < MAX_VOUCHERS {
            self.0.push(voucher);
            return Ok(());
        }
        let faintest = self
            .0
            .iter_mut()
            .min_by(|a, b| a.amount.total_cmp(&b.amount));
        match faintest {
            Some(faintest) if faintest.amount < amount => *faintest = voucher,
            _ => return Err(Refused::Capped),
        }
        Ok(())
    }
}

impl Voucher {
    fn lives(&self, config: &Config, t: i64) -> bool {
        let lifetime = i64::try_from(config.recommendation_lifetime.saturating_mul(1000));
        t.saturating_sub(self.taken) < lifetime.unwrap_or(i64::MAX)
    }
}
