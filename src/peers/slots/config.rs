//! How many peers a node wants, where from, and how patient it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bucket::Rate;

/// Most peers that may be configured. The tables of the plan are scanned at every tick.
pub const MOST_PEERS: usize = 1000;

/// Figures of the plan of connections. Reserved peers have places of their own and count in none
/// of the limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Below this many peers the node dials many at once, with short pauses. Five is what the
    /// gossip mesh needs to survive the loss of some.
    pub min_peers: usize,
    /// Up to this many peers the node goes on dialling, in its own time.
    pub target_peers: usize,
    /// Never more peers than this, dials in flight included.
    pub max_peers: usize,
    /// Peers of the node's own choice that it wants however many came by themselves: inbound peers
    /// are chosen by whoever dials.
    pub target_outbound: usize,
    /// Most peers of the node's own choice.
    pub max_outbound: usize,
    /// Most peers that came by themselves. Leaves room for `target_outbound`.
    pub max_inbound: usize,
    /// How many of the inbound places rotate: while they are taken, the least useful inbound peer
    /// that had its grace leaves. So a full node still serves newcomers, who learn of others.
    pub surplus: usize,
    /// Most outbound peers in one group of addresses, and in all a bound on what an attacker with
    /// few groups can have of us: two of each.
    pub max_outbound_per_group: usize,
    /// Most outbound peers at addresses whose group cannot be told: names and relays.
    pub max_outbound_unplaced: usize,
    /// Whether `max_outbound_per_group` holds for loopback and private addresses as well.
    pub limit_local: bool,
    /// Most dials in flight at once.
    pub max_dials: usize,
    /// How often the node dials. Above the minimum of peers half of the burst is kept back.
    pub dials: Rate,
    /// A peer that has not said who it is after so many seconds leaves.
    pub identify_secs: u64,
    /// A peer that sent nothing useful for so many seconds leaves; 0 = never.
    pub idle_secs: u64,
    /// A peer of which nothing was heard for so many seconds, answers to pings included, leaves.
    pub dead_secs: u64,
    /// How long an inbound peer keeps its place at least, in milliseconds: enough to identify and
    /// to answer one request.
    pub grace_ms: u64,
    /// How often an outbound peer may give way to one that is trusted much more, in seconds;
    /// 0 = never.
    pub rotate_secs: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            min_peers: 5,
            target_peers: 25,
            max_peers: 50,
            target_outbound: 8,
            max_outbound: 16,
            max_inbound: 40,
            surplus: 5,
            max_outbound_per_group: 2,
            max_outbound_unplaced: 2,
            limit_local: false,
            max_dials: 16,
            dials: Rate {
                per_second: 4,
                burst: 32,
            },
            identify_secs: 10,
            idle_secs: 0,
            dead_secs: 60,
            grace_ms: 2000,
            rotate_secs: 600,
        }
    }
}

impl Config {
    /// The default figures, scaled to a most of `max_peers`: what a person means who names only
    /// that.
    #[must_use]
    pub fn of_max(max_peers: usize) -> Self {
        let max_peers = max_peers.clamp(1, MOST_PEERS);
        let share = |of: usize| (max_peers * of).div_ceil(50);
        let target_outbound = share(8).min(max_peers);
        let max_inbound = max_peers - share(10).clamp(target_outbound, max_peers);
        let max_outbound = share(16).min(max_peers);
        Self {
            min_peers: 5.min(max_outbound),
            target_peers: share(25).min(max_peers),
            max_peers,
            target_outbound,
            max_outbound,
            max_inbound,
            surplus: share(5).min(max_inbound / 2),
            ..Self::default()
        }
    }

    /// Checks that the figures go together.
    ///
    /// # Errors
    /// The first pair that does not, with what to do.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let at_most = |what, value, limit, most| {
            if value > most {
                Err(ConfigError::AtMost {
                    what,
                    value,
                    limit,
                    most,
                })
            } else {
                Ok(())
            }
        };
        at_most("max_peers", self.max_peers, "the limit", MOST_PEERS)?;
        at_most(
            "min_peers",
            self.min_peers,
            "target_peers",
            self.target_peers,
        )?;
        at_most(
            "target_peers",
            self.target_peers,
            "max_peers",
            self.max_peers,
        )?;
        // The node can dial itself back to the minimum only if it may dial that many.
        at_most(
            "min_peers",
            self.min_peers,
            "max_outbound",
            self.max_outbound,
        )?;
        at_most(
            "target_outbound",
            self.target_outbound,
            "max_outbound",
            self.max_outbound,
        )?;
        at_most(
            "max_outbound",
            self.max_outbound,
            "max_peers",
            self.max_peers,
        )?;
        at_most(
            "max_inbound + target_outbound",
            self.max_inbound.saturating_add(self.target_outbound),
            "max_peers",
            self.max_peers,
        )?;
        at_most("surplus", self.surplus, "max_inbound", self.max_inbound)?;
        at_most("max_dials", self.max_dials, "the limit", 64)?;
        let at_least_one = [
            ("max_peers", self.max_peers),
            ("max_outbound_per_group", self.max_outbound_per_group),
            ("max_dials", self.max_dials),
            ("dials.per_second", self.dials.per_second as usize),
            ("dials.burst", self.dials.burst as usize),
            (
                "identify_secs",
                usize::try_from(self.identify_secs).unwrap_or(usize::MAX),
            ),
        ];
        for (what, value) in at_least_one {
            if value == 0 {
                return Err(ConfigError::Zero { what });
            }
        }
        let seconds = [
            ("identify_secs", self.identify_secs),
            ("idle_secs", self.idle_secs),
            ("dead_secs", self.dead_secs),
            ("grace_ms", self.grace_ms / 1000),
            ("rotate_secs", self.rotate_secs),
        ];
        for (what, value) in seconds {
            if value > MOST_SECS {
                return Err(ConfigError::TooLong { what });
            }
        }
        if self.dead_secs < LEAST_DEAD_SECS {
            return Err(ConfigError::Impatient {
                dead_secs: self.dead_secs,
            });
        }
        Ok(())
    }

    pub(super) fn identify(&self) -> Duration {
        Duration::from_secs(self.identify_secs)
    }

    pub(super) fn dead(&self) -> Duration {
        Duration::from_secs(self.dead_secs)
    }

    pub(super) fn idle(&self) -> Option<Duration> {
        (self.idle_secs > 0).then(|| Duration::from_secs(self.idle_secs))
    }

    pub(super) fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }

    pub(super) fn rotate(&self) -> Option<Duration> {
        (self.rotate_secs > 0).then(|| Duration::from_secs(self.rotate_secs))
    }
}

/// A peer is pinged every 15 s and answers within 20 s; less than this loses healthy peers.
const LEAST_DEAD_SECS: u64 = 40;

/// A year; keeps the arithmetic of clocks far from its ends.
const MOST_SECS: u64 = 365 * 24 * 60 * 60;

/// Figures that do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// One figure is above another.
    #[error("{what} is {value}, but must be at most {limit} ({most})")]
    AtMost {
        /// Which figure.
        what: &'static str,
        /// Its value.
        value: usize,
        /// What bounds it.
        limit: &'static str,
        /// The bound.
        most: usize,
    },
    /// A figure is zero that must not be.
    #[error("{what} must be at least 1")]
    Zero {
        /// Which figure.
        what: &'static str,
    },
    /// A duration is longer than a year.
    #[error("{what} must be at most a year")]
    TooLong {
        /// Which figure.
        what: &'static str,
    },
    /// Healthy peers would be taken for dead.
    #[error("dead_secs is {dead_secs}; a healthy peer may be silent for {LEAST_DEAD_SECS} s")]
    Impatient {
        /// The value.
        dead_secs: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_go_together_at_every_size() {
        Config::default().validate().unwrap();
        assert_eq!(Config::of_max(50), Config::default());
        for max in 1..=MOST_PEERS {
            let config = Config::of_max(max);
            assert_eq!(config.validate(), Ok(()), "{config:?}");
            assert_eq!(config.max_peers, max);
        }
    }

    #[test]
    fn figures_that_contradict_each_other_are_named() {
        let refused = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        assert_eq!(
            refused(|c| c.min_peers = 30),
            "min_peers is 30, but must be at most target_peers (25)"
        );
        assert!(refused(|c| c.max_inbound = 48).starts_with("max_inbound + target_outbound"));
        assert!(refused(|c| c.max_dials = 0).contains("max_dials"));
        assert!(refused(|c| c.dead_secs = 5).contains("dead_secs"));
        assert!(refused(|c| c.idle_secs = u64::MAX).contains("a year"));
        assert!(refused(|c| c.max_peers = 100_000).contains("max_peers"));
    }

    #[test]
    fn the_specification_has_the_same_figures() {
        let page = include_str!("../../../specs/connections.md");
        let figures = serde_json::to_value(Config::default()).unwrap();
        for (name, value) in figures.as_object().unwrap() {
            let value = match value.as_object() {
                Some(rate) => format!("{}/s, burst {}", rate["per_second"], rate["burst"]),
                None => value.to_string(),
            };
            let row = format!("| `{name}` | {value} |");
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn an_unknown_figure_is_refused() {
        assert!(serde_json::from_str::<Config>(r#"{"max_peer":3}"#).is_err());
        let few: Config = serde_json::from_str(r#"{"min_peers":3}"#).unwrap();
        assert_eq!(few.min_peers, 3);
    }
}
