//! Nodes that find each other by lists and names.

use std::{fs, path::Path};

use animica_p2p::{
    clock::{Clock as _, SystemClock},
    crypto::{ed25519::KeyPair, secret::Secret},
    ids::ChainId,
    network::seeds,
    node::{Discovery, Handle, PeeringConfig},
    peers::seeds::{Keys, Signed, Source, public_text, sign},
    report::SourceReport,
};
use serde_json::json;

use super::{becomes_connected, looking, meet, open, until};
use crate::support::{address, dns_server::DnsServer, on_loopback, start};

fn publisher() -> KeyPair {
    KeyPair::from_seed(&Secret::from([5; 32]))
}

/// A node that starts from `source` alone, and believes the publisher.
fn from(source: Source, servers: Vec<std::net::SocketAddr>) -> PeeringConfig {
    let keys = Keys::read([public_text(&publisher()).as_str()]).expect("a key");
    let fetch = seeds::Config {
        keys,
        public_only: false,
        dns_servers: servers,
        ..seeds::Config::new(ChainId::DEVNET, 41_000)
    };
    PeeringConfig {
        discovery: Discovery {
            seeds: vec![source],
            fetch: Some(fetch),
            ..open().discovery
        },
        ..open()
    }
}

/// A list that names `node`, made at `now_ms` for `chain`.
fn list(node: &Handle, chain: ChainId, now_ms: u64) -> Signed {
    let entry = json!({ "addrs": [address(node).to_string()] });
    let list = json!({ "entries": [entry] }).to_string();
    sign(list.as_bytes(), &publisher(), chain, false, now_ms).expect("it keeps the rules")
}

fn write(dir: &Path, list: &Signed, signed: bool) -> Source {
    let path = dir.join("seeds.json");
    fs::write(&path, &list.document).expect("written");
    if signed {
        fs::write(dir.join("seeds.json.sig"), &list.signature).expect("written");
    }
    Source::File(path)
}

/// The row of the only seed of `node`, once it was visited.
async fn visited(node: &Handle) -> SourceReport {
    until("the source is visited", async || {
        let sources = node.discovery().await.expect("runs").sources;
        let row = sources.into_iter().find(|s| s.name.contains("://"))?;
        (row.last_s.is_some() || row.error.is_some()).then_some(row)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_list_leads_to_whom_it_names() {
    let named = start(looking(&[])).await;
    let dir = tempfile::tempdir().expect("a directory");
    let now = SystemClock.now().wall_ms;
    let source = write(dir.path(), &list(&named, ChainId::DEVNET, now), true);
    let node = start(on_loopback().peering(from(source, Vec::new()))).await;
    meet(&node, &named).await;
    let row = visited(&node).await;
    assert_eq!((row.found, row.error), (1, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_leads_to_whom_its_records_name() {
    let named = start(looking(&[])).await;
    let record = format!("ma={},w=10", address(&named));
    let server = DnsServer::start(vec![record]).await;
    let source: Source = "dns://seed.animica.test".parse().expect("a source");
    let config = from(source, vec![server.address]);
    let node = start(on_loopback().peering(config)).await;
    meet(&node, &named).await;
    let row = visited(&node).await;
    assert_eq!((row.found, row.error), (1, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_break_a_rule_lead_nowhere_and_say_why() {
    let named = start(looking(&[])).await;
    let now = SystemClock.now().wall_ms;
    let day = 24 * 60 * 60 * 1000;
    let good = || list(&named, ChainId::DEVNET, now);
    for (list, signed, why) in [
        (good(), false, "sign"),
        (
            list(&named, ChainId::DEVNET, now - 15 * day),
            true,
            "expired",
        ),
        (list(&named, ChainId(7), now), true, "animica:7"),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let source = write(dir.path(), &list, signed);
        let node = start(on_loopback().peering(from(source, Vec::new()))).await;
        let row = visited(&node).await;
        assert_eq!((row.found, row.state.as_str()), (0, "failing"));
        let error = row.error.expect("it is said");
        assert!(error.contains(why), "{error}");
        becomes_connected(&node, named.peer_id(), false).await;
        assert!(node.known_peers(10).await.expect("runs").is_empty());
    }
}
