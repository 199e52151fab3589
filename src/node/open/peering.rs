//! From the configuration to how peers are found, judged and kept.

use std::time::Duration;

use super::mib;
use crate::{
    dht,
    ids::ChainId,
    network::seeds,
    node::{
        Discovery, OpenError, PeeringConfig, Scope,
        config::{Config, DEFAULT_PORT, Trust},
    },
    peers::{seeds::Keys, slots},
    trust,
};

/// Bytes of the audit trail per line that it may have: a line has about a hundred.
const BYTES_PER_LINE: u64 = 128;

/// How `config` has it.
pub(super) fn peering(config: &Config, chain: ChainId) -> Result<PeeringConfig, OpenError> {
    let refused = |e: &dyn std::fmt::Display| OpenError::Peers(e.to_string());
    let plan = plan(config);
    plan.validate().map_err(|e| refused(&e))?;
    let trust = trust(&config.trust);
    trust.validate().map_err(|e| refused(&e))?;
    let profile = config.network.profile;
    let scope = Scope::of(chain, profile);
    let keys = config.discovery.seed_keys.iter().map(String::as_str);
    let keys = Keys::read(keys).map_err(|e| refused(&e))?;
    let discovery = &config.discovery;
    let fetch = seeds::Config {
        keys,
        public_only: scope == Scope::Public,
        dns_servers: discovery.dns_servers.iter().map(|s| s.0).collect(),
        tls_ca: discovery.tls_ca.clone(),
        ..seeds::Config::new(chain, DEFAULT_PORT)
    };
    let share = config.trust.share_interval_secs;
    Ok(PeeringConfig {
        plan,
        trust,
        profile,
        scope,
        discovery: Discovery {
            known: true,
            exchange: discovery.exchange,
            lan: discovery.mdns,
            dht: discovery.dht,
            seeds: config.seed_sources(),
            fetch: Some(fetch),
            refresh: Duration::from_secs(discovery.refresh_hours * 3600),
            walks: Duration::from_secs(discovery.interval_secs),
        },
        reserved: config
            .reserved_peers()
            .into_iter()
            .map(|(_, address)| address)
            .collect(),
        share_trust: (share > 0).then(|| Duration::from_secs(share)),
        ping: Duration::from_secs(config.network.ping_secs),
        dht_limits: dht::Limits {
            bytes: mib(config.dht.max_mib),
            ..dht::Limits::default()
        },
        dht_quorum: Some(config.dht.quorum as usize),
        ..PeeringConfig::default()
    })
}

/// The figures that follow from `max_peers`, with those that were set.
fn plan(config: &Config) -> slots::Config {
    let max_peers = config.max_peers as usize;
    let plan = slots::Config::of_max(max_peers);
    let min_peers = config.min_peers as usize;
    let target_outbound = config.target_peers as usize;
    let max_inbound = plan
        .max_inbound
        .min(max_peers - target_outbound.min(max_peers));
    let network = &config.network;
    slots::Config {
        min_peers,
        target_outbound,
        max_outbound: plan.max_outbound.max(target_outbound).max(min_peers),
        max_inbound,
        surplus: plan.surplus.min(max_inbound),
        target_peers: plan.target_peers.max(min_peers),
        max_outbound_per_group: network.max_outbound_per_group as usize,
        identify_secs: network.identify_secs,
        idle_secs: network.idle_secs,
        dead_secs: network.dead_secs,
        ..plan
    }
}

fn trust(trust: &Trust) -> trust::Config {
    let bytes = trust.audit_mib << 20;
    trust::Config {
        initial_trust_score: trust.initial_trust_score,
        min_trust_threshold: trust.min_trust_threshold,
        max_trust_score: trust.max_trust_score,
        trust_decay_rate: trust.trust_decay_rate,
        trust_decay_interval: trust.trust_decay_interval,
        trust_boost_message: trust.trust_boost_message,
        trust_penalty_invalid: trust.trust_penalty_invalid,
        trust_penalty_timeout: trust.trust_penalty_timeout,
        trust_boost_connection: trust.trust_boost_connection,
        cool_down: trust.cool_down_secs,
        audit_max_bytes: bytes,
        audit_max_rows: bytes / BYTES_PER_LINE,
        audit_max_age: trust.audit_days * 24 * 60 * 60,
        ..trust::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::conduct::Profile;

    #[test]
    fn the_defaults_of_the_file_are_those_of_the_engines() {
        let config = Config::default();
        let made = peering(&config, ChainId::DEVNET).unwrap();
        assert_eq!(made.plan, slots::Config::default());
        assert_eq!(made.trust, trust::Config::default());
        assert_eq!(made.ping, PeeringConfig::default().ping);
        assert!(made.discovery.known && made.discovery.exchange && made.discovery.dht);
    }

    #[test]
    fn any_size_of_a_node_makes_figures_that_go_together() {
        for max_peers in [1, 2, 3, 5, 8, 13, 50, 200, 1000] {
            let mut config = Config {
                max_peers,
                ..Config::default()
            };
            config.min_peers = config.min_peers.min(max_peers);
            config.target_peers = config.target_peers.min(max_peers);
            let plan = plan(&config);
            assert_eq!(plan.validate(), Ok(()), "{max_peers}: {plan:?}");
        }
    }

    #[test]
    fn only_the_public_networks_have_public_addresses_alone() {
        let of = |chain, profile| Scope::of(chain, profile);
        assert_eq!(of(ChainId::MAINNET, Profile::Standard), Scope::Public);
        assert_eq!(of(ChainId::TESTNET, Profile::Standard), Scope::Public);
        assert_eq!(of(ChainId::TESTNET, Profile::SmallTestnet), Scope::Any);
        assert_eq!(of(ChainId::DEVNET, Profile::Standard), Scope::Any);
        assert_eq!(of(ChainId(7), Profile::Standard), Scope::Any);
    }
}
