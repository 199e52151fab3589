//! Peers: how a network grows and heals, what a restart takes, the hash table, what an attacker
//! gets, and the engine of trust.

mod attackers;
mod net;
mod restart;
mod swarm;
mod table;
mod trust;

use animica_p2p::{
    Multiaddr, PeerId,
    identity::peer_id_from_digest,
    ids::Hash32,
    node::Handle,
    peers::book::{Origin, Source},
};

use crate::Part;

/// The group's name in reports.
const GROUP: &str = "peers";

/// What can be asked for by name.
pub(crate) const PARTS: &[Part] = &[
    ("trust", trust::measure),
    ("attackers", attackers::measure),
    ("restart", restart::measure),
    ("swarm", swarm::measure),
    ("table", table::measure),
];

/// The child of a part in a process of its own.
pub(crate) async fn child(args: &[&str]) -> Vec<Handle> {
    match args {
        ["restart", dir, began_ms] => restart::child(dir, began_ms).await,
        other => panic!("no such child: {other:?}"),
    }
}

/// Peer `n` of a model: nobody has its keys.
fn peer(n: u64) -> PeerId {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&n.to_be_bytes());
    peer_id_from_digest(Hash32(digest))
}

/// Host `n` of a /16 of the public internet, of which a model has 9 000.
fn host(group: u64, n: u64) -> Multiaddr {
    let (a, b) = (20 + group / 250 % 36, group % 250);
    let (c, d) = (n / 250 % 250, n % 250);
    let text = format!("/ip4/{a}.{b}.{c}.{d}/tcp/{}", 1 + n / 62_500);
    text.parse().expect("an address")
}

/// Told by a peer in that group.
fn exchange(group: u64) -> Origin {
    Origin::remote(Source::Exchange, &host(group, 1))
}

/// The value below which so many of a hundred lie.
fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() * percent).div_ceil(100);
    values[at.saturating_sub(1)]
}
