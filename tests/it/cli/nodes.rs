//! Nodes as processes: the original's walk-through, sync, restart, faces.

use std::{os::unix::fs::PermissionsExt, time::Instant};

use serde_json::Value;

use super::{Home, Node, get, node_args, signal, until};

fn head(home: &Home, dir: &str) -> Value {
    home.json(&format!("chain head --data-dir {dir}"))
}

fn same_head(home: &Home, a: &str, b: &str) -> Value {
    let wanted = head(home, a);
    until("the second node reaches the head of the first", || {
        (head(home, b) == wanted).then(|| wanted.clone())
    })
}

#[test]
fn the_originals_walk_through_works_in_its_own_words() {
    let home = Home::new();
    let a = home.node("--db sqlite:///nodeA.db --chain-id 1");
    let _b = home.node("--db sqlite:///nodeB.db --chain-id 1");
    let addr = a.host_port();
    let peer = home.json(&format!("peer connect --addr tcp://{addr}"));
    assert_eq!(peer["peer_id"].as_str(), Some(a.text("peer_id").as_str()));
    assert_eq!(peer["kem"], "x25519+ml-kem-768");
    let peers = home.json("peer list");
    for key in [
        "peer_id",
        "address",
        "direction",
        "transport",
        "kem",
        "signature",
        "aead",
        "rtt_ms",
        "head_height",
    ] {
        assert!(
            peers[0].get(key).is_some(),
            "peer list lacks {key}: {peers}"
        );
    }
    let mined = home.json("publish headers --count 5");
    assert_eq!(mined["head"]["height"], 5);
    same_head(&home, "nodeB.db", "nodeA.db");
}

#[test]
fn a_second_node_syncs_shows_it_in_its_metrics_and_survives_kill_9() {
    let home = Home::new();
    home.json("chain mine --count 3000 --data-dir a");
    let a = home.node("--data-dir a");
    let bootstrap = format!("--data-dir b --bootstrap {}", a.host_port());
    let b = home.node(&bootstrap);
    signal(&b.child, "KILL");
    drop(b);
    let b = home.node(&bootstrap);
    let wanted = same_head(&home, "a", "b");
    assert_eq!(wanted["height"], 3000);
    let status = home.json("status --data-dir b");
    assert_eq!(status["head"]["hash"], wanted["hash"]);
    assert_eq!(status["sync"]["phase"], "following", "{status}");
    for node in [&a, &b] {
        let (code, text) = get(&node.text("metrics"));
        assert_eq!(code, 200);
        for line in [
            "p2p_peers{state=\"connected\"} 1",
            "p2p_chain_height{kind=\"blocks\"} 3000",
        ] {
            assert!(text.contains(line), "no `{line}`");
        }
        let bytes = text
            .lines()
            .find_map(|l| l.strip_prefix("p2p_bytes_total{dir=\"in\"} "));
        assert!(bytes.is_some_and(|n| n != "0"), "{bytes:?}");
        assert!(text.contains("p2p_handshake_suites_total{"));
        let base = node.text("metrics").replace("/metrics", "");
        assert_eq!(get(&format!("{base}/healthz")).0, 200);
        let (code, text) = get(&format!("{base}/readyz?verbose"));
        assert_eq!(code, 200, "{text}");
        assert!(text.contains("[+] sync"), "{text}");
    }
    home.json("health --ready --data-dir b");
    let ping = home.json(&format!("ping {} --data-dir b", a.text("peer_id")));
    assert!(ping["rtt_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{ping}");
    assert!(ping["handshake_ms"].is_number(), "{ping}");
    home.json(&format!(
        "peer disconnect {} --data-dir b",
        a.text("peer_id")
    ));
}

#[test]
fn the_faces_are_private_and_gone_when_the_node_ends_cleanly() {
    let home = Home::new();
    let before = Instant::now();
    let node = home.node("--data-dir a");
    assert!(
        before.elapsed().as_secs() < 20,
        "even a debug build starts at once"
    );
    let mode = |name: &str| {
        let meta = std::fs::metadata(home.path(name)).expect("there");
        meta.permissions().mode() & 0o777
    };
    assert_eq!(mode("a/control.sock"), 0o600);
    assert_eq!(mode("a/identity.key"), 0o600);
    assert_eq!(mode("a"), 0o700);
    let status = home.json("status");
    for key in [
        "peer_id",
        "addresses",
        "chain_id",
        "head",
        "peers",
        "sync",
        "metrics",
    ] {
        assert!(status.get(key).is_some(), "status lacks {key}");
    }
    assert_eq!(
        status["metrics"].as_str(),
        Some(node.text("metrics").as_str())
    );
    assert!(status["head"]["work"].is_string());
    assert_eq!(status["sync"]["phase"], "idle");
    assert!(home.json("stats")["uptime_s"].is_number());
    let id = node.text("peer_id");
    assert_eq!(node.terminate(), Some(0));
    home.fails("status", 7, "node_not_running");
    let again = home.node("--data-dir a");
    assert_eq!(again.text("peer_id"), id, "a restart keeps the identity");
    signal(&again.child, "INT");
    assert_eq!(again.ends(), Some(0));
}

#[test]
fn a_refusal_is_printed_when_the_other_side_does_not_accept() {
    let home = Home::new();
    let a = home.node("--data-dir a --chain-id 1");
    let _b = home.node("--data-dir b --chain-id 2");
    let args = format!("peer connect {} --data-dir b", a.host_port());
    let error = home.fails(&args, 1, "peer_refused");
    assert!(
        error["hint"]
            .as_str()
            .expect("a hint")
            .contains("another chain"),
        "{error}"
    );
    let own = format!("peer connect {} --data-dir a", a.host_port());
    home.fails(&own, 1, "peer_refused");
    home.fails(
        "peer connect 127.0.0.1:1 --data-dir b",
        1,
        "peer_unreachable",
    );
    let unknown = format!("peer disconnect {} --data-dir b", a.text("peer_id"));
    home.fails(&unknown, 1, "peer_unknown");
}

#[cfg(feature = "round3")]
#[test]
fn the_original_networks_algorithms_connect_and_sync() {
    let home = Home::new();
    let round3 = |args: &str| -> Node {
        let mut command = home.command(&node_args(args));
        command
            .env("ANIMICA_P2P_KEM", "kyber768")
            .env("ANIMICA_P2P_SIGN_ALG", "dilithium3");
        home.node_with(command)
    };
    home.json("chain mine --count 50 --data-dir a");
    let a = round3("--data-dir a");
    let _b = round3(&format!("--data-dir b --bootstrap {}", a.host_port()));
    same_head(&home, "a", "b");
    let peers = home.json("peer list --data-dir b");
    assert_eq!(peers[0]["kem"], "x25519+kyber768", "{peers}");
    assert_eq!(peers[0]["signature"], "dilithium3+ed25519", "{peers}");
    let _fips = home.node("--data-dir c");
    let args = format!("peer connect {} --data-dir c", a.host_port());
    let error = home.fails(&args, 1, "peer_refused");
    assert!(
        error["hint"].as_str().expect("a hint").contains("kem"),
        "{error}"
    );
}

#[test]
fn a_running_node_mines_exports_and_imports() {
    let home = Home::new();
    let _a = home.node("--data-dir a");
    let mined = home.json("chain mine --count 700 --txs 1 --data-dir a");
    assert_eq!(mined["head"]["height"], 700);
    assert_eq!(home.json("chain verify --data-dir a")["bodies"], 700);
    home.json("chain export a.chain --data-dir a");
    let _b = home.node("--data-dir b");
    let imported = home.json("chain import a.chain --data-dir b");
    assert_eq!(imported["head"], mined["head"]);
    assert_eq!(
        home.json("chain show 700 --data-dir b")["hash"],
        mined["head"]["hash"]
    );
    home.fails("chain show 701 --data-dir b", 1, "not_found");
}
