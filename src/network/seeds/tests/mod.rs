//! Sources that are real servers on this machine.

mod dns;
mod dns_server;
#[cfg(feature = "http")]
mod https;
#[cfg(feature = "http")]
mod https_server;
mod lists;

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::{
    clock::ManualClock,
    crypto::{ed25519::KeyPair, secret::Secret},
    peers::seeds::{Signed, public_text, sign},
};

const CHAIN: ChainId = ChainId(7);
const NOW: u64 = 1_784_118_896_000;

fn publisher() -> KeyPair {
    KeyPair::from_seed(&Secret::from([5; 32]))
}

fn config() -> Config {
    Config {
        keys: Keys::read([public_text(&publisher()).as_str()]).unwrap(),
        ..Config::new(CHAIN, 41_000)
    }
}

fn fetcher(config: Config) -> Fetcher {
    Fetcher::new(config, Arc::new(ManualClock::at_wall_ms(NOW))).unwrap()
}

fn signed_list() -> Signed {
    let entry = |i: u8| json!({"addrs": [format!("/ip4/{i}.8.8.8/tcp/41000")]});
    let list = json!({"entries": [entry(8), entry(9), entry(11)]}).to_string();
    sign(list.as_bytes(), &publisher(), CHAIN, true, NOW).unwrap()
}

fn source(text: &str) -> Source {
    text.parse().unwrap()
}
