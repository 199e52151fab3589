//! Layering, refusals and the original network's example.

use std::{io::Write, path::Path};

use super::*;

fn file(ext: &str, text: &str) -> tempfile::TempPath {
    let mut f = tempfile::Builder::new()
        .suffix(ext)
        .tempfile()
        .expect("a file");
    f.write_all(text.as_bytes()).expect("written");
    f.into_temp_path()
}

fn env(vars: &[(&str, &str)]) -> Vec<(String, String)> {
    vars.iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

fn load_file(path: &Path) -> Result<Loaded, ConfigError> {
    load(&Sources {
        file: Some(path.to_owned()),
        ..Sources::default()
    })
}

fn load_env(vars: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    load(&Sources {
        env: env(vars),
        ..Sources::default()
    })
}

/// The valid form of the example in the original network's documentation.
const ORIGINAL: &str = r#"# ~/.animica/p2p.toml
listen = ["tcp://0.0.0.0:41000", "ws://0.0.0.0:41001"]
seeds  = ["/ip4/144.126.133.21/tcp/30333"]
max_peers = 50
aead = "chacha20poly1305"
kem  = "kyber768"
sign_alg = "dilithium3"

[gossip.limits]
tx_per_sec = 200
block_per_min = 60
"#;

/// The form printed there, which is not TOML.
const ORIGINAL_PRINTED: &str = r#"# ~/.animica/p2p.toml
listen = ["tcp://0.0.0.0:41000", "ws://0.0.0.0:41001"]
seeds  = ["/ip4/144.126.133.21/tcp/30333"]
max_peers = 50
gossip:
  [gossip.limits]
  tx_per_sec = 200
  block_per_min = 60
aead = "chacha20poly1305"
kem  = "kyber768"
sign_alg = "dilithium3"
"#;

#[test]
fn the_commented_file_is_the_default_and_comments_every_key() {
    let path = file(".toml", DEFAULT_TOML);
    let loaded = load_file(&path).expect("the shipped file loads");
    assert_eq!(loaded.config, Config::default());
    for (key, info) in keys() {
        let origin = loaded.origin(key);
        assert!(origin.is_explicit(), "config/default.toml lacks {key}");
        assert_eq!(info.key, *key);
    }
    let lines: Vec<&str> = DEFAULT_TOML.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(lines[i - 1].starts_with('#'), "no comment above `{line}`");
        }
    }
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let path = file(
        ".toml",
        "max_peers = 10\nchain_id = 2\n[network]\nban_secs = 7\n",
    );
    let loaded = load(&Sources {
        file: Some(path.to_path_buf()),
        env: env(&[
            ("ANIMICA_P2P_MAX_PEERS", "20"),
            ("ANIMICA_P2P_CHAIN_ID", "1"),
            ("UNRELATED", "x"),
        ]),
        flags: vec![FlagValue {
            key: "max_peers",
            flag: "--max-peers",
            text: "30".to_owned(),
        }],
    })
    .expect("loads");
    assert_eq!(loaded.config.max_peers, 30);
    assert_eq!(loaded.config.chain_id, ChainId(1));
    assert_eq!(loaded.config.network.ban_secs, 7);
    assert_eq!(loaded.origin("max_peers"), Origin::Flag("--max-peers"));
    assert_eq!(
        loaded.origin("chain_id").to_string(),
        "env ANIMICA_P2P_CHAIN_ID"
    );
    assert_eq!(
        loaded.origin("network.ban_secs"),
        Origin::File {
            path: path.to_path_buf(),
            line: 4
        }
    );
    assert_eq!(loaded.origin("aead").to_string(), "default");
}

#[test]
fn every_key_has_a_variable_and_lists_are_comma_separated() {
    for (key, info) in keys() {
        let text = match &info.default {
            toml::Value::Array(_) => match key.as_str() {
                "reserved" => format!("/ip4/10.0.0.1/tcp/1/p2p/{}", libp2p::PeerId::random()),
                "discovery.dns_servers" => "9.9.9.9, [::1]:5353".to_owned(),
                "discovery.seed_keys" => {
                    "5866666666666666666666666666666666666666666666666666666666666666".to_owned()
                }
                _ => "/ip4/10.0.0.1/tcp/1".to_owned(),
            },
            toml::Value::String(s) => s.clone(),
            other => other.to_string(),
        };
        let name = env_name(key);
        let loaded = load_env(&[(name.as_str(), text.as_str())]);
        let loaded = loaded.unwrap_or_else(|e| panic!("{name}={text}: {e}"));
        assert_eq!(loaded.origin(key), Origin::Env(name));
    }
    let loaded = load_env(&[
        ("ANIMICA_P2P_LISTEN", "tcp://127.0.0.1:1, 127.0.0.1:2"),
        ("ANIMICA_P2P_SEEDS", "/ip4/144.126.133.21/tcp/30333"),
        ("ANIMICA_P2P_GOSSIP__LIMITS__TX_PER_SEC", "5"),
    ])
    .expect("loads");
    let listen: Vec<String> = loaded.config.listen.iter().map(|a| a.to_string()).collect();
    assert_eq!(listen, ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2"]);
    assert_eq!(loaded.config.dial_addresses().len(), 1);
    assert_eq!(loaded.config.gossip.limits.tx_per_sec, 5);
}

#[test]
fn an_unknown_variable_is_refused_but_kubernetes_service_links_are_not() {
    let err = load_env(&[("ANIMICA_P2P_MAX_PEER", "3")]).expect_err("refused");
    assert_eq!(err.code(), "config_unknown_key");
    assert_eq!(
        err.hint().as_deref(),
        Some("did you mean `ANIMICA_P2P_MAX_PEERS`?")
    );
    load_env(&[
        ("ANIMICA_P2P_PORT", "tcp://10.0.0.1:41000"),
        ("ANIMICA_P2P_PORT_41000_TCP_ADDR", "10.0.0.1"),
        ("ANIMICA_P2P_SERVICE_HOST", "10.0.0.1"),
    ])
    .expect("service links are not ours");
    let err = load_env(&[("ANIMICA_P2P_MAX_PEERS", "many")]).expect_err("refused");
    assert_eq!(err.code(), "config_bad_value");
    assert!(err.to_string().contains("ANIMICA_P2P_MAX_PEERS"), "{err}");
}

#[test]
fn an_unknown_key_names_file_line_and_the_nearest_key() {
    let path = file(".toml", "max_peers = 1\n\n[network]\nban_sec = 3\n");
    let err = load_file(&path).expect_err("refused");
    let text = err.to_string();
    assert!(text.contains("network.ban_sec"), "{text}");
    assert!(text.contains(&format!("{}:4", path.display())), "{text}");
    assert_eq!(
        err.hint().as_deref(),
        Some("did you mean `network.ban_secs`?")
    );

    let path = file(
        ".json",
        "{\n  \"max_peers\": 1,\n  \"network\": {\n    \"ban_sec\": 3\n  }\n}\n",
    );
    let text = load_file(&path).expect_err("refused").to_string();
    assert!(text.contains(&format!("{}:4", path.display())), "{text}");

    for (text, hint) in [
        ("ban_secs = 3\n", "did you mean `network.ban_secs`?"),
        ("[gosip.limits]\ntx_per_sec = 1\n", "did you mean `gossip`?"),
    ] {
        let path = file(".toml", text);
        let err = load_file(&path).expect_err("refused");
        assert_eq!(err.hint().as_deref(), Some(hint), "{text}");
    }
}

#[test]
fn a_bad_value_names_its_line_and_what_was_expected() {
    for (text, line, part) in [
        ("\nmax_peers = \"x\"\n", 2, "expected a whole number"),
        ("max_peers = -1\n", 1, "max_peers"),
        ("max_peers = 99999999999999999999\n", 1, "max_peers"),
        ("listen = [1]\n", 1, "expected a list of strings"),
        ("listen = [\"nowhere\"]\n", 1, "has no port"),
        ("aead = \"rot13\"\n", 1, "rot13"),
        ("network = 3\n", 1, "is a table"),
        ("[log]\nformat = \"xml\"\n", 2, "xml"),
    ] {
        let path = file(".toml", text);
        let err = load_file(&path).expect_err(text).to_string();
        assert!(err.contains(&format!(":{line}")), "{text}: {err}");
        assert!(err.contains(part), "{text}: {err}");
    }
}

#[test]
fn values_that_make_no_sense_are_refused_together() {
    let path = file(
        ".toml",
        "max_peers = 0\nmetrics = \"nine\"\n[sync]\nminimum_chain_work = \"much\"\n",
    );
    let Err(ConfigError::Invalid(problems)) = load_file(&path) else {
        panic!("refused as a whole");
    };
    let keys: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
    assert_eq!(keys, ["max_peers", "metrics", "sync.minimum_chain_work"]);
    assert!(problems[0].to_string().contains(":1"), "{}", problems[0]);
}

#[test]
fn the_originals_example_loads_and_warns_about_its_websocket_address() {
    let path = file(".toml", ORIGINAL);
    let loaded = load_file(&path).expect("loads");
    assert_eq!(loaded.config.kem, Kem::Kyber768);
    assert_eq!(loaded.config.sign_alg, SignAlg::Dilithium3);
    assert_eq!(loaded.config.aead, Aead::ChaCha20Poly1305);
    assert_eq!(loaded.config.listen_addresses().len(), 1);
    assert_eq!(loaded.config.dial_addresses().len(), 1);
    assert!(
        loaded
            .warnings
            .iter()
            .any(|w| w.contains("ws://0.0.0.0:41001")),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn the_originals_printed_form_is_refused_with_its_line() {
    let path = file(".toml", ORIGINAL_PRINTED);
    let err = load_file(&path).expect_err("not TOML");
    assert_eq!(err.code(), "config_syntax");
    assert!(
        err.to_string().contains(&format!("{}:5:", path.display())),
        "{err}"
    );
    assert!(err.hint().expect("a hint").contains("[gossip]"), "{err}");
}

#[test]
fn seeds_are_addresses_names_and_lists_and_a_list_without_a_key_warns() {
    let seeds = "seeds = [\"dns://seed.example.org\", \"https://x/y.json\", \"10.0.0.1:1\", \"https://x/y.json\"]\n";
    let keys = format!(
        "[discovery]\nseed_keys = \"{}\"\n",
        "5866666666666666666666666666666666666666666666666666666666666666"
    );
    let loaded = load_file(&file(".toml", &(seeds.to_owned() + &keys))).expect("loads");
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert_eq!(loaded.config.dial_addresses().len(), 1);
    let dns = SeedSource::Dns {
        name: "seed.example.org".to_owned(),
        port: None,
    };
    let list = SeedSource::Https("https://x/y.json".to_owned());
    assert_eq!(loaded.config.seed_sources(), [dns, list]);
    let loaded = load_file(&file(".toml", seeds)).expect("loads");
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
    assert!(loaded.warnings[0].contains("https://x/y.json"));
    assert!(loaded.warnings[0].contains("discovery.seed_keys"));
}

#[test]
fn one_round_three_algorithm_selects_the_other_and_mixtures_are_refused() {
    let loaded = load_env(&[("ANIMICA_P2P_KEM", "kyber768")]).expect("loads");
    assert_eq!(loaded.config.sign_alg, SignAlg::Dilithium3);
    assert_eq!(loaded.origin("sign_alg"), Origin::Follows("kem"));
    let loaded = load_env(&[("ANIMICA_P2P_SIGN_ALG", "dilithium3")]).expect("loads");
    assert_eq!(loaded.config.kem, Kem::Kyber768);
    let err = load_env(&[
        ("ANIMICA_P2P_KEM", "kyber768"),
        ("ANIMICA_P2P_SIGN_ALG", "ml-dsa-65"),
    ])
    .expect_err("refused");
    assert!(err.hint().expect("a hint").contains("dilithium3"), "{err}");
}

#[test]
fn a_node_must_be_able_to_listen_on_what_it_is_told() {
    for listen in ["ws://0.0.0.0:1", "example.org:1", "/dns/a.b/tcp/1"] {
        let err = load_env(&[("ANIMICA_P2P_LISTEN", listen)]).expect_err(listen);
        assert_eq!(err.code(), "config_invalid");
    }
    let loaded = load_env(&[("ANIMICA_P2P_LISTEN", "")]).expect("a node need not listen");
    assert!(loaded.config.listen.is_empty());
}

#[test]
fn json_is_read_by_extension() {
    let path = file(
        ".json",
        r#"{"listen": "127.0.0.1:5", "gossip": {"limits": {"tx_per_sec": 9}}}"#,
    );
    let loaded = load_file(&path).expect("loads");
    assert_eq!(loaded.config.listen[0].to_string(), "/ip4/127.0.0.1/tcp/5");
    assert_eq!(loaded.config.gossip.limits.tx_per_sec, 9);
    let path = file(".json", "{\n\"listen\": ,\n}");
    let err = load_file(&path).expect_err("not JSON").to_string();
    assert!(err.contains(":2:"), "{err}");
}

#[test]
fn a_missing_file_is_named() {
    let err = load_file(Path::new("/nowhere/x.toml")).expect_err("missing");
    assert_eq!(err.code(), "config_unreadable");
    assert!(err.to_string().contains("/nowhere/x.toml"));
}

mod gossip;
mod peers;
