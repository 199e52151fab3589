//! Bad input: a clear message, the documented exit code, nothing lost.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt};

use super::{Home, exists};

#[test]
fn usage_configuration_and_absent_nodes_have_their_exit_codes() {
    let home = Home::new();
    home.fails("lisen", 2, "usage");
    home.fails("status --data-dir nowhere", 7, "node_not_running");
    home.fails("peer list", 7, "node_not_running");
    home.fails("health", 7, "node_not_running");
    home.fails("chain head", 7, "node_not_running");
    assert!(!exists(&home.path("nowhere")), "asking creates nothing");
    home.fails("peer connect ws://h:1", 2, "usage");
    home.fails("chain show x --data-dir d", 7, "node_not_running");
    let mut command = home.command("status --json");
    command.env("ANIMICA_P2P_MAX_PEER", "3");
    let error = home.fails_with(command, 3, "config_unknown_key");
    assert_eq!(error["hint"], "did you mean `ANIMICA_P2P_MAX_PEERS`?");
}

#[test]
fn a_bad_configuration_file_stops_the_start_with_file_and_line() {
    let home = Home::new();
    for (text, code, line) in [
        ("\nmax_peer = 3\n", "config_unknown_key", ":2"),
        ("max_peers = \"x\"\n", "config_bad_value", ":1"),
        ("a\nb = [\n", "config_syntax", ":1:"),
        (
            "kem = \"kyber768\"\nsign_alg = \"ml-dsa-65\"\n",
            "config_invalid",
            ":1",
        ),
        (
            "gossip_fanout = 3\n[gossip]\nmesh = 6\n",
            "config_invalid",
            ":3",
        ),
        ("[gossip]\nmesh_low = 7\n", "config_invalid", ":2"),
    ] {
        fs::write(home.path("c.toml"), text).expect("written");
        let error = home.fails("listen --config c.toml", 3, code);
        let message = error["message"].as_str().expect("text");
        assert!(message.contains(&format!("c.toml{line}")), "{message}");
    }
    home.fails("listen --config nope.toml", 3, "config_unreadable");
    home.fails("listen --chain-id 99", 3, "genesis_invalid");
}

#[test]
fn a_port_that_was_asked_for_and_is_taken_is_an_error() {
    let home = Home::new();
    let held = TcpListener::bind("127.0.0.1:0").expect("binds");
    let addr = held.local_addr().expect("an address");
    let args = format!("listen --listen {addr} --metrics off --data-dir a");
    let error = home.fails(&args, 4, "port_in_use");
    assert!(
        error["message"]
            .as_str()
            .expect("text")
            .contains(&addr.port().to_string())
    );
    let args = format!("listen --listen 127.0.0.1:0 --metrics {addr} --data-dir a");
    home.fails(&args, 4, "port_in_use");
    let args = "listen --listen 192.0.2.1:1 --metrics off --data-dir a";
    home.fails(args, 4, "address_unavailable");
}

#[test]
fn a_second_node_on_one_directory_is_refused_and_the_first_goes_on() {
    let home = Home::new();
    let first = home.node("--data-dir a");
    let args = "listen --data-dir a --listen 127.0.0.1:0 --metrics off";
    home.fails(args, 4, "data_dir_locked");
    assert_eq!(
        home.json("status --data-dir a")["peer_id"].as_str(),
        Some(first.text("peer_id").as_str())
    );
}

#[test]
fn a_key_that_others_can_read_or_that_is_damaged_is_refused() {
    let home = Home::new();
    home.json("key generate k");
    let listen = "listen --identity k --data-dir a --listen 127.0.0.1:0 --metrics off";
    let key = home.path("k");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("set");
    let error = home.fails(listen, 5, "key_permissions");
    assert!(
        error["message"]
            .as_str()
            .expect("text")
            .contains("chmod 600")
    );
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("set");
    fs::write(&key, "{}").expect("written");
    home.fails(listen, 5, "key_malformed");
    assert_eq!(
        fs::read_to_string(&key).expect("readable"),
        "{}",
        "left as it is"
    );
}

#[cfg(feature = "round3")]
#[test]
fn a_key_outside_the_policy_is_refused_with_what_to_do() {
    let home = Home::new();
    home.json("key generate k --alg dilithium3");
    let listen = "listen --identity k --data-dir a --listen 127.0.0.1:0 --metrics off";
    let error = home.fails(listen, 5, "key_not_in_policy");
    assert!(
        error.to_string().contains("key generate --alg ml-dsa-65"),
        "{error}"
    );
}

#[test]
fn another_chains_data_directory_is_refused() {
    let home = Home::new();
    home.json("chain mine --count 1 --data-dir a --chain-id 2");
    let args = "listen --data-dir a --chain-id 1 --listen 127.0.0.1:0 --metrics off";
    home.fails(args, 3, "wrong_genesis");
    assert_eq!(home.json("chain head --data-dir a")["height"], 1);
}

#[test]
fn damaged_files_are_named_and_left_alone() {
    let home = Home::new();
    home.json("chain mine --count 5 --data-dir a");
    home.json("chain export x.chain --data-dir a");
    home.fails("chain export x.chain --data-dir a", 1, "file_failed");
    fs::write(home.path("not.chain"), "hello").expect("written");
    home.fails("chain import not.chain --data-dir b", 1, "file_failed");
    home.fails("chain import missing.chain --data-dir b", 1, "file_failed");
    let mut bytes = fs::read(home.path("x.chain")).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(home.path("x.chain"), bytes).expect("written");
    home.fails("chain import x.chain --data-dir b", 1, "file_failed");
    let db = home.path("a/node.redb");
    let len = fs::metadata(&db).expect("there").len();
    let cut = fs::OpenOptions::new().write(true).open(&db).expect("opens");
    cut.set_len(len / 3).expect("cut");
    drop(cut);
    home.fails("chain head --data-dir a", 1, "store_corrupt");
    assert_eq!(
        fs::metadata(&db).expect("there").len(),
        len / 3,
        "left alone"
    );
}
