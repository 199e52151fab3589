//! `[trust]`: how far peers are believed. `specs/trust` says what each figure does.

use serde::{Deserialize, Serialize};

/// `[trust]`: scores from 0 to 1, under the names of the original networks where they have one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trust {
    /// Score of a peer that never did anything here, and what scores decay towards.
    pub initial_trust_score: f64,
    /// Below this score a peer is neither served nor connected.
    pub min_trust_threshold: f64,
    /// No score rises above this.
    pub max_trust_score: f64,
    /// Part of the way to the initial score that a score goes at each decay.
    pub trust_decay_rate: f64,
    /// Between two decays, in seconds.
    pub trust_decay_interval: u64,
    /// What a valid message adds.
    pub trust_boost_message: f64,
    /// What an invalid message costs.
    pub trust_penalty_invalid: f64,
    /// What a request without an answer costs, while our own link is healthy.
    pub trust_penalty_timeout: f64,
    /// What a connection that worked adds.
    pub trust_boost_connection: f64,
    /// How long a peer below the threshold is left alone before it is tried again, in seconds.
    pub cool_down_secs: u64,
    /// How long the audit trail goes back, in days.
    pub audit_days: u64,
    /// Most disk space of the audit trail, in MiB; the oldest lines go first.
    pub audit_mib: u64,
    /// How often the network is told whom this node trusts, in seconds; 0 = never.
    pub share_interval_secs: u64,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            initial_trust_score: 0.5,
            min_trust_threshold: 0.1,
            max_trust_score: 1.0,
            trust_decay_rate: 0.01,
            trust_decay_interval: 300,
            trust_boost_message: 0.001,
            trust_penalty_invalid: 0.1,
            trust_penalty_timeout: 0.05,
            trust_boost_connection: 0.005,
            cool_down_secs: 600,
            audit_days: 30,
            audit_mib: 16,
            share_interval_secs: 0,
        }
    }
}
