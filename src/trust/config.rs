//! The figures of trust, under the names of the original networks where they have one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What an operator may set. Every figure is judged by [`Config::validate`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Score of a stranger, to which every score returns. 0 to 1.
    pub initial_trust_score: f64,
    /// A peer below it is not served. Below the initial score.
    pub min_trust_threshold: f64,
    /// Highest score. At least the initial one, at most 1.
    pub max_trust_score: f64,
    /// Share of the way back to the initial score that a score goes each interval. Below 1.
    pub trust_decay_rate: f64,
    /// Seconds between two steps of the decay.
    pub trust_decay_interval: u64,
    /// Most that a score may gain by good behaviour within one interval of the decay. A flood of
    /// valid messages buys no more than one invalid one costs.
    pub trust_gain_limit: f64,
    /// Gain of a valid message.
    pub trust_boost_message: f64,
    /// Loss of an invalid message; the unit of what offences cost.
    pub trust_penalty_invalid: f64,
    /// Loss of a request that was not answered in time.
    pub trust_penalty_timeout: f64,
    /// Gain of a connection. Once an hour for a peer, however often it connects.
    pub trust_boost_connection: f64,
    /// Gain of an acknowledged transfer.
    pub trust_boost_transfer: f64,
    /// Loss of a transfer that broke off.
    pub trust_penalty_transfer: f64,
    /// Gain of an IOU created.
    pub trust_boost_iou_created: f64,
    /// Gain of an IOU redeemed.
    pub trust_boost_iou_redeemed: f64,
    /// Loss of an IOU defaulted on.
    pub trust_penalty_iou_defaulted: f64,
    /// Gain of an answered ping.
    pub trust_boost_ping: f64,
    /// Loss of an unanswered ping.
    pub trust_penalty_ping_timeout: f64,
    /// Weight of a recommendation: it adds recommended × recommender × this.
    pub recommendation_weight: f64,
    /// Most that all recommendations together add to a score, at any time.
    pub recommendation_cap: f64,
    /// Score that a peer must have earned with us before its recommendations count.
    pub recommender_threshold: f64,
    /// Interactions that a peer must have had with us before its recommendations count.
    pub recommender_min_interactions: u64,
    /// Seconds after which a recommendation is forgotten and may be made again.
    pub recommendation_lifetime: u64,
    /// Peers with at least this score are named as trusted to others.
    pub trusted_list_threshold: f64,
    /// Peers with at least this score are handed out in discovery.
    pub discovery_threshold: f64,
    /// Seconds that a peer below the threshold is left alone. Doubles with each further fall, up
    /// to 64 times, until the peer is halfway back to the initial score.
    pub cool_down: u64,
    /// Peers remembered. About 1 KiB each in memory and 0.5 KiB on disk.
    pub max_peers: usize,
    /// Entries of the audit trail kept.
    pub audit_max_rows: u64,
    /// Bytes of the audit trail kept: keys and rows, without what the store adds.
    pub audit_max_bytes: u64,
    /// Seconds that an entry of the audit trail is kept.
    pub audit_max_age: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            initial_trust_score: 0.5,
            min_trust_threshold: 0.1,
            max_trust_score: 1.0,
            trust_decay_rate: 0.01,
            trust_decay_interval: 300,
            trust_gain_limit: 0.1,
            trust_boost_message: 0.001,
            trust_penalty_invalid: 0.1,
            trust_penalty_timeout: 0.05,
            trust_boost_connection: 0.005,
            trust_boost_transfer: 0.01,
            trust_penalty_transfer: 0.05,
            trust_boost_iou_created: 0.005,
            trust_boost_iou_redeemed: 0.02,
            trust_penalty_iou_defaulted: 0.1,
            trust_boost_ping: 0.001,
            trust_penalty_ping_timeout: 0.01,
            recommendation_weight: 0.1,
            recommendation_cap: 0.2,
            recommender_threshold: 0.5,
            recommender_min_interactions: 50,
            recommendation_lifetime: 24 * 60 * 60,
            trusted_list_threshold: 0.7,
            discovery_threshold: 0.6,
            cool_down: 600,
            max_peers: 16_384,
            audit_max_rows: 131_072,
            audit_max_bytes: 16 * 1024 * 1024,
            audit_max_age: 30 * 24 * 60 * 60,
        }
    }
}

/// A figure that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{name} = {value} cannot be: {must}")]
pub struct ConfigError {
    /// The figure.
    pub name: &'static str,
    /// What it was set to.
    pub value: String,
    /// What it must be.
    pub must: String,
}

impl Config {
    /// Refuses figures that are no numbers, out of range, or contradict each other.
    ///
    /// # Errors
    /// The first such figure, by name.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (name, value) in self.shares() {
            real(name, value, 0.0, 1.0)?;
        }
        // A step of the whole way would make every score initial at once.
        real("trust_decay_rate", self.trust_decay_rate, 0.0, 0.999)?;
        let (initial, max) = (self.initial_trust_score, self.max_trust_score);
        real("max_trust_score", max, initial, 1.0)?;
        real(
            "min_trust_threshold",
            self.min_trust_threshold,
            0.0,
            initial,
        )?;
        if self.min_trust_threshold >= initial {
            let must = "below initial_trust_score, or strangers are not served";
            return Err(error("min_trust_threshold", self.min_trust_threshold, must));
        }
        const DAY: u64 = 24 * 60 * 60;
        whole("trust_decay_interval", self.trust_decay_interval, 1, DAY)?;
        let lifetime = self.recommendation_lifetime;
        whole("recommendation_lifetime", lifetime, 60, 365 * DAY)?;
        let interactions = self.recommender_min_interactions;
        whole("recommender_min_interactions", interactions, 1, 1_000_000)?;
        whole("cool_down", self.cool_down, 1, DAY)?;
        whole("max_peers", self.max_peers as u64, 64, 1 << 20)?;
        whole("audit_max_rows", self.audit_max_rows, 1_024, 1 << 24)?;
        whole("audit_max_bytes", self.audit_max_bytes, 1 << 18, 1 << 34)?;
        whole("audit_max_age", self.audit_max_age, 60, 3_650 * DAY)
    }

    /// How often a score steps towards the initial one.
    #[must_use]
    pub fn decay_interval(&self) -> Duration {
        Duration::from_secs(self.trust_decay_interval)
    }

    /// Every figure that is a share, by name.
    fn shares(&self) -> [(&'static str, f64); 21] {
        macro_rules! shares {
            ($($name:ident)*) => { [$((stringify!($name), self.$name)),*] };
        }
        shares!(
            initial_trust_score min_trust_threshold max_trust_score trust_decay_rate trust_gain_limit
            trust_boost_message trust_penalty_invalid trust_penalty_timeout trust_boost_connection
            trust_boost_transfer trust_penalty_transfer trust_boost_iou_created
            trust_boost_iou_redeemed trust_penalty_iou_defaulted trust_boost_ping
            trust_penalty_ping_timeout recommendation_weight recommendation_cap
            recommender_threshold trusted_list_threshold discovery_threshold
        )
    }
}

fn error(name: &'static str, value: impl ToString, must: impl Into<String>) -> ConfigError {
    ConfigError {
        name,
        value: value.to_string(),
        must: must.into(),
    }
}

fn real(name: &'static str, value: f64, low: f64, high: f64) -> Result<(), ConfigError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(error(name, value, format!("a number from {low} to {high}")))
}

fn whole(name: &'static str, value: u64, low: u64, high: u64) -> Result<(), ConfigError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let must = format!("a whole number from {low} to {high}");
    Err(error(name, value, must))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_figures_of_the_originals_and_hold() {
        let config = Config::default();
        config.validate().unwrap();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
        assert_eq!(toml::from_str::<Config>("").unwrap(), config);
        assert!(toml::from_str::<Config>("trust_boots_message = 1").is_err());
    }

    #[test]
    fn refuses_figures_that_are_no_numbers_by_name() {
        let text = toml::to_string(&Config::default()).unwrap();
        for (name, _) in Config::default().shares() {
            for bad in ["nan", "inf", "-0.001", "1.001"] {
                let line = |l: &str| {
                    if l.starts_with(&format!("{name} =")) {
                        format!("{name} = {bad}\n")
                    } else {
                        format!("{l}\n")
                    }
                };
                let changed: String = text.lines().map(line).collect();
                let config: Config = toml::from_str(&changed).unwrap();
                let refused = config.validate().unwrap_err();
                assert_eq!(refused.name, name, "{refused}");
            }
        }
    }

    #[test]
    fn refuses_contradictions_and_sizes_that_cannot_be() {
        let with = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.validate().unwrap_err().name
        };
        assert_eq!(with(|c| c.min_trust_threshold = 0.5), "min_trust_threshold");
        assert_eq!(with(|c| c.max_trust_score = 0.4), "max_trust_score");
        assert_eq!(with(|c| c.trust_decay_rate = 1.0), "trust_decay_rate");
        assert_eq!(with(|c| c.trust_decay_interval = 0), "trust_decay_interval");
        assert_eq!(with(|c| c.cool_down = u64::MAX), "cool_down");
        assert_eq!(with(|c| c.max_peers = 0), "max_peers");
        assert_eq!(with(|c| c.audit_max_rows = 1), "audit_max_rows");
        assert_eq!(with(|c| c.audit_max_bytes = 0), "audit_max_bytes");
    }
}
