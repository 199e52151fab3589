//! One body per decoder or machine that bytes of others reach: a plain function that panics where
//! a claim about those bytes does not hold. It returns whether the bytes were taken, which the
//! seeds must be and anything else may be.
//!
//! Included twice, so that there is one implementation: by `tests/fuzz/lib.rs` for campaigns and by
//! `tests/it/fuzz.rs` for the normal suite.

mod cbor;
mod chain;
mod channel;
mod first_peers;
mod gossip;
mod identify;
mod identity;
mod key_file;
mod peers;
pub mod seeds;
mod wire;

/// What a target does with its input.
pub type Body = fn(&[u8]) -> bool;

/// Every target by name: a file in `targets/`, a binary in `Cargo.toml`, a bounded test.
pub const TARGETS: &[(&str, Body)] = &[
    ("cbor", cbor::cbor),
    ("frame", wire::frame),
    ("get_headers", wire::get_headers),
    ("headers", wire::headers),
    ("get_blocks", wire::get_blocks),
    ("blocks", wire::blocks),
    ("not_found", wire::not_found),
    ("busy", wire::busy),
    ("ack", wire::ack),
    ("error", wire::error),
    ("inv", wire::inv),
    ("get_data", wire::get_data),
    ("tx", wire::tx),
    ("share", wire::share),
    ("get_compact", wire::get_compact),
    ("get_tx", wire::get_tx),
    ("tx_not_found", wire::tx_not_found),
    ("get_sketch", wire::get_sketch),
    ("sketch", wire::sketch),
    ("da_get", wire::da_get),
    ("da_proof", wire::da_proof),
    ("get_peers", wire::get_peers),
    ("peers", wire::peers),
    ("disconnect", wire::disconnect),
    ("ping", wire::ping),
    ("pong", wire::pong),
    ("trust_update", wire::trust_update),
    ("trusted_peers_request", wire::trusted_peers_request),
    ("trusted_peers_response", wire::trusted_peers_response),
    ("answer", wire::answer),
    ("header", chain::header),
    ("block", chain::block),
    ("archive", chain::archive),
    ("archive_blocks", chain::archive_blocks),
    ("announce", gossip::announce),
    ("symbols", gossip::symbols),
    ("hash_share", gossip::hash_share),
    ("blob", gossip::blob),
    ("bloom", gossip::bloom),
    ("unsigned", gossip::unsigned),
    ("direct", gossip::direct),
    ("seed_list", first_peers::seed_list),
    ("seed_txt", first_peers::seed_txt),
    ("identify", identify::identify),
    ("keys", identify::keys),
    ("envelope", identity::envelope),
    ("node_record", identity::node_record),
    ("dht_record", identity::dht_record),
    ("delegation", identity::delegation),
    ("policy", identity::policy),
    ("signed_ping", peers::signed_ping),
    ("trust_statement", peers::trust_statement),
    ("key_file", key_file::key_file),
    ("client_hello", channel::client_hello),
    ("server_hello", channel::server_hello),
    ("auth", channel::auth),
    ("record", channel::record),
];

/// The body of `target`.
///
/// # Panics
/// There is no such target.
pub fn of(target: &str) -> Body {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    found.unwrap_or_else(|| panic!("no target {target}")).1
}
