//! Values that parse and still make no sense, and values that load without effect.

mod gossip;
mod peers;

use super::{Config, address::Address, error::Problem, origin::Origin};

/// What is wrong: key, words, hint.
type Complaint = (&'static str, String, Option<&'static str>);

/// Everything wrong with `config`; the loader fills in the origins.
#[must_use]
pub fn validate(config: &Config) -> Vec<Problem> {
    let mut out = Vec::new();
    let mut bad = |key: &str, message: String, hint: Option<&str>| {
        out.push(Problem {
            key: key.to_owned(),
            origin: Origin::Default,
            message,
            hint: hint.map(str::to_owned),
        });
    };
    if config.kem.is_round3() != config.sign_alg.is_round3() {
        bad(
            "kem",
            format!(
                "`{}` and sign_alg `{}` are of different families",
                config.kem.name(),
                config.sign_alg.name()
            ),
            Some("use ml-kem-768 with ml-dsa-65, or kyber768 with dilithium3"),
        );
    }
    #[cfg(not(feature = "round3"))]
    if config.kem.is_round3() || config.sign_alg.is_round3() {
        bad(
            "kem",
            "this build has no round-3 algorithms".to_owned(),
            Some("build with the cargo feature `round3`"),
        );
    }
    if !config.listen.is_empty() && config.listen_addresses().is_empty() {
        let names: Vec<String> = config.listen.iter().map(named).collect();
        bad(
            "listen",
            format!(
                "no address this version can listen on: {}",
                names.join(", ")
            ),
            Some("name a TCP address such as /ip4/0.0.0.0/tcp/41000"),
        );
    }
    for addr in &config.listen {
        if addr.unsupported().is_none() && !addr.can_listen() {
            bad(
                "listen",
                format!("cannot listen on `{addr}`"),
                Some("listen on an IP address, for example /ip4/0.0.0.0/tcp/41000"),
            );
        }
    }
    if config.max_peers == 0 {
        bad("max_peers", "must be at least 1".to_owned(), None);
    }
    if let Err(message) = config.metrics_addr() {
        bad("metrics", message, Some("for example 127.0.0.1:9464"));
    }
    if config.sync.minimum_chain_work.parse::<u128>().is_err() {
        bad(
            "sync.minimum_chain_work",
            format!(
                "`{}` is not a decimal number below 2^128",
                config.sync.minimum_chain_work.escape_debug()
            ),
            None,
        );
    }
    let whole = ranges(config).into_iter();
    for (key, value, low, high) in whole
        .chain(gossip::ranges(config))
        .chain(peers::ranges(config))
    {
        if !(low..=high).contains(&value) {
            bad(key, format!("{value} is outside {low} to {high}"), None);
        }
    }
    for (key, value, low, high) in peers::shares(&config.trust) {
        // Not a number is in no range.
        if !(low..=high).contains(&value) {
            let usual = peers::usual(key);
            let hint = usual.map(|usual| format!("the default is {usual}"));
            let message = format!("{value} is outside {low} to {high}");
            bad(key, message, hint.as_deref());
        }
    }
    let together = gossip::contradictions(&config.gossip).into_iter();
    for (key, message, hint) in together.chain(peers::contradictions(config)) {
        bad(key, message, hint);
    }
    for addr in &config.network.announce {
        let unspecified = addr.socket_addr().is_some_and(|a| a.ip().is_unspecified());
        if unspecified {
            bad(
                "network.announce",
                format!("`{addr}` reaches nobody"),
                Some("announce an address that peers can dial"),
            );
        }
    }
    out
}

/// What is named and has no effect in this version.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut out = Vec::new();
    let skipped = |key: &str, text: String, what: &str| {
        format!("{key}: `{text}` is skipped, this version has no {what}")
    };
    let lists = [
        ("listen", &config.listen),
        ("bootstrap", &config.bootstrap),
        ("reserved", &config.reserved),
        ("network.announce", &config.network.announce),
    ];
    for (key, list) in lists {
        for addr in list {
            if let Some(what) = addr.unsupported() {
                out.push(skipped(key, addr.to_string(), what));
            }
        }
    }
    for seed in &config.seeds {
        if let Some(what) = seed.unsupported() {
            out.push(skipped("seeds", seed.to_string(), what));
        }
    }
    out.extend(peers::warnings(config));
    out
}

/// Numbers with the range they make sense in: (key, value, least, most).
fn ranges(config: &Config) -> [(&'static str, u64, u64, u64); 11] {
    let (n, st) = (&config.network, &config.storage);
    [
        ("max_peers", config.max_peers.into(), 0, 10_000),
        ("network.max_per_peer", n.max_per_peer.into(), 1, 64),
        (
            "network.max_per_address",
            n.max_per_address.into(),
            1,
            10_000,
        ),
        ("network.max_per_group", n.max_per_group.into(), 1, 10_000),
        (
            "network.max_per_local_address",
            n.max_per_local_address.into(),
            1,
            10_000,
        ),
        ("network.max_pending", n.max_pending.into(), 1, 10_000),
        ("network.memory_limit_mib", n.memory_limit_mib, 0, 1 << 20),
        ("network.ban_secs", n.ban_secs, 1, 365 * 86_400),
        ("storage.cache_mib", st.cache_mib, 1, 1 << 20),
        ("storage.segment_mib", st.segment_mib, 1, 1 << 16),
        ("storage.blobs_mib", st.blobs_mib, 4, 1 << 24),
    ]
}

fn named(addr: &Address) -> String {
    match addr.unsupported() {
        Some(what) => format!("`{addr}` needs the {what}"),
        None => format!("`{addr}`"),
    }
}
