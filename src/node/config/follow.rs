//! Values that follow another when only that one is set.

use std::collections::BTreeMap;

use super::{Config, origin::Origin};

/// Fills in what `config` leaves open, and notes whom it follows.
pub(super) fn complete(config: &mut Config, origins: &mut BTreeMap<String, Origin>) {
    complete_family(config, origins);
    complete_mesh(config, origins);
    complete_peers(config, origins);
}

/// Naming one round-3 algorithm selects the round-3 policy, so the other key follows unless it was
/// set too.
fn complete_family(config: &mut Config, origins: &mut BTreeMap<String, Origin>) {
    match (is_set(origins, "kem"), is_set(origins, "sign_alg")) {
        (true, false) if config.sign_alg != config.kem.matching_signature() => {
            config.sign_alg = config.kem.matching_signature();
            origins.insert("sign_alg".to_owned(), Origin::Follows("kem"));
        }
        (false, true) if config.kem != config.sign_alg.matching_kem() => {
            config.kem = config.sign_alg.matching_kem();
            origins.insert("kem".to_owned(), Origin::Follows("sign_alg"));
        }
        _ => {}
    }
}

/// The bounds of the mesh keep their proportion to its degree, 4 : 6 : 12, unless they are set, so
/// that the degree alone (all that the original's `gossip_fanout` says) makes a mesh.
fn complete_mesh(config: &mut Config, origins: &mut BTreeMap<String, Origin>) {
    if !is_set(origins, "gossip.mesh") {
        return;
    }
    let gossip = &mut config.gossip;
    let bounds = [
        (
            "gossip.mesh_low",
            &mut gossip.mesh_low,
            // Two thirds, rounded up, without overflow for a degree that is refused later.
            gossip.mesh - gossip.mesh / 3,
        ),
        (
            "gossip.mesh_high",
            &mut gossip.mesh_high,
            gossip.mesh.saturating_mul(2),
        ),
    ];
    for (key, bound, proportional) in bounds {
        if !is_set(origins, key) && *bound != proportional {
            *bound = proportional;
            origins.insert(key.to_owned(), Origin::Follows("gossip.mesh"));
        }
    }
}

/// How many peers are wanted is at most how many there may be, unless it is set, so that the most
/// alone makes a small node.
fn complete_peers(config: &mut Config, origins: &mut BTreeMap<String, Origin>) {
    let most = config.max_peers;
    let wanted = [
        ("min_peers", &mut config.min_peers),
        ("target_peers", &mut config.target_peers),
    ];
    for (key, value) in wanted {
        if !is_set(origins, key) && *value > most {
            *value = most;
            origins.insert(key.to_owned(), Origin::Follows("max_peers"));
        }
    }
}

fn is_set(origins: &BTreeMap<String, Origin>, key: &str) -> bool {
    origins.get(key).is_some_and(Origin::is_explicit)
}
