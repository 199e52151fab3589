//! Peers, `[discovery]`, `[trust]`, `[dht]`, and the names of the original networks.

use super::*;

fn config_of(text: &str) -> Config {
    let path = file(".toml", text);
    let loaded = load_file(&path).unwrap_or_else(|e| panic!("{text}: {e}"));
    loaded.config
}

/// The one problem of a file, and the whole error.
fn problem_of(text: &str) -> (String, String, Option<String>) {
    let error = load_file(&file(".toml", text)).expect_err(text);
    let ConfigError::Invalid(problems) = &error else {
        panic!("{text}: {error}");
    };
    assert_eq!(problems.len(), 1, "{text}: {error}");
    (problems[0].key.clone(), error.to_string(), error.hint())
}

#[test]
fn the_most_peers_alone_make_a_small_node() {
    let path = file(".toml", "max_peers = 3\n");
    let loaded = load_file(&path).expect("loads");
    let config = &loaded.config;
    assert_eq!((config.min_peers, config.target_peers), (3, 3));
    let follows = Origin::Follows("max_peers");
    assert_eq!(loaded.origin("min_peers"), follows);
    let config = config_of("max_peers = 6\nmin_peers = 2\n");
    assert_eq!((config.min_peers, config.target_peers), (2, 6));
    let config = config_of("max_peers = 500\n");
    assert_eq!((config.min_peers, config.target_peers), (5, 8));
}

#[test]
fn what_contradicts_itself_is_named_with_key_line_and_what_to_do() {
    for (text, key, line) in [
        ("max_peers = 3\nmin_peers = 4\n", "min_peers", ":2"),
        ("target_peers = 51\n", "target_peers", ":1"),
        ("reserved = [\"/ip4/10.0.0.1/tcp/1\"]\n", "reserved", ":1"),
        ("[network]\ndead_secs = 35\n", "network.dead_secs", ":2"),
        (
            "[trust]\nmin_trust_threshold = 0.6\n",
            "trust.initial_trust_score",
            "",
        ),
        (
            "[trust]\nmax_trust_score = 0.4\n",
            "trust.initial_trust_score",
            "",
        ),
        (
            "[trust]\nshare_interval_secs = 59\n",
            "trust.share_interval_secs",
            ":2",
        ),
        (
            "[discovery]\nseed_keys = [\"abc\"]\n",
            "discovery.seed_keys",
            ":2",
        ),
    ] {
        let (found, error, hint) = problem_of(text);
        assert_eq!(found, key, "{text}: {error}");
        assert!(error.contains(line), "{text}: {error}");
        assert!(hint.is_some(), "{text}: {error}");
    }
    let key = format!(
        "\"{}\"",
        "5866666666666666666666666666666666666666666666666666666666666666"
    );
    let many = format!(
        "[discovery]\nseed_keys = [{}]\n",
        [key.as_str(); 17].join(",")
    );
    assert!(problem_of(&many).1.contains("17 keys"));
}

#[test]
fn a_score_is_a_number_from_0_to_1() {
    for value in ["nan", "-nan", "inf", "-inf", "2.0", "-0.1", "2"] {
        for name in [
            "initial_trust_score",
            "trust_decay_rate",
            "trust_boost_message",
            "trust_penalty_timeout",
        ] {
            for text in [
                format!("[trust]\n{name} = {value}\n"),
                format!("{name} = {value}\n"),
            ] {
                let error = load_file(&file(".toml", &text)).expect_err(&text);
                let said = error.to_string();
                assert!(said.contains(&format!("trust.{name}")), "{text}: {said}");
                assert!(said.contains("is outside 0 to 1"), "{text}: {said}");
                let hint = error.hint().expect("a hint");
                assert!(hint.starts_with("the default is 0."), "{text}: {hint}");
            }
        }
    }
    for (text, part) in [
        ("[trust]\ninitial_trust_score = \"0.5\"\n", "a number"),
        ("initial_trust_score = true\n", "expected a number"),
        ("trust_decay_interval = 1.5\n", "expected a whole number"),
    ] {
        let error = load_file(&file(".toml", text)).expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    let error = load_env(&[("ANIMICA_P2P_TRUST__INITIAL_TRUST_SCORE", "NaN")]);
    assert_eq!(error.expect_err("refused").code(), "config_invalid");
}

#[test]
fn a_whole_number_is_a_number() {
    assert!((config_of("max_trust_score = 1\n").trust.max_trust_score - 1.0).abs() < 1e-9);
    let json = file(".json", r#"{"trust": {"initial_trust_score": 1}}"#);
    let loaded = load_file(&json).expect("loads");
    assert!((loaded.config.trust.initial_trust_score - 1.0).abs() < 1e-9);
}

#[test]
fn a_figure_about_peers_out_of_its_range_is_refused() {
    for text in [
        "min_peers = 10001\nmax_peers = 10000\n",
        "[network]\nmax_outbound_per_group = 0\n",
        "[network]\nidentify_secs = 0\n",
        "[network]\nping_secs = 0\n",
        "[network]\ndead_secs = 31536001\n",
        "[discovery]\ninterval_secs = 0\n",
        "[discovery]\nrefresh_hours = 0\n",
        "[trust]\ntrust_decay_interval = 0\n",
        "[trust]\naudit_mib = 0\n",
        "[dht]\nttl_secs = 0\n",
        "[dht]\nttl_secs = 604801\n",
        "[dht]\nquorum = 0\n",
        "[dht]\nquorum = 21\n",
        "[dht]\nmax_mib = 0\n",
    ] {
        let error = load_file(&file(".toml", text)).expect_err(text).to_string();
        assert!(error.contains("is outside"), "{text}: {error}");
    }
}

#[test]
fn the_originals_names_of_peers_and_trust_are_ours() {
    let config = config_of(
        "peer_discovery_interval = 20\npeer_timeout = 90\nheartbeat_interval = 12\n\
         initial_trust_score = 0.4\nmin_trust_threshold = 0.2\nmax_trust_score = 0.9\n\
         trust_decay_rate = 0.02\ntrust_decay_interval = 60\ntrust_boost_message = 0.002\n\
         trust_penalty_invalid = 0.2\n",
    );
    assert_eq!(config.discovery.interval_secs, 20);
    assert_eq!(
        (config.network.dead_secs, config.network.ping_secs),
        (90, 12)
    );
    let wanted = Trust {
        initial_trust_score: 0.4,
        min_trust_threshold: 0.2,
        max_trust_score: 0.9,
        trust_decay_rate: 0.02,
        trust_decay_interval: 60,
        trust_boost_message: 0.002,
        trust_penalty_invalid: 0.2,
        ..Trust::default()
    };
    assert_eq!(config.trust, wanted);
    assert_eq!(
        config_of("[network]\npeer_timeout = 90\n")
            .network
            .dead_secs,
        90
    );
    let loaded = load_env(&[
        ("ANIMICA_P2P_TRUST_DECAY_RATE", "0.5"),
        ("ANIMICA_P2P_TRUST__TRUST_DECAY_INTERVAL", "7"),
    ])
    .expect("loads");
    assert!((loaded.config.trust.trust_decay_rate - 0.5).abs() < 1e-9);
    assert_eq!(loaded.config.trust.trust_decay_interval, 7);
    let two = "initial_trust_score = 0.4\n[trust]\ninitial_trust_score = 0.5\n";
    let error = load_file(&file(".toml", two)).expect_err(two).to_string();
    assert!(error.contains("contradicts"), "{error}");
    // A name belongs to one table.
    let error = load_file(&file(".toml", "[gossip]\npeer_timeout = 90\n"));
    assert_eq!(error.expect_err("refused").code(), "config_unknown_key");
}

#[test]
fn a_bad_source_or_server_is_refused_where_it_stands() {
    for (text, part) in [
        ("\nseeds = [\"http://x/y.json\"]\n", "use https://"),
        ("\nseeds = [\"file://y.json\"]\n", "whole path"),
        ("[discovery]\ndns_servers = [\"dns.example\"]\n", "IP:PORT"),
        ("[discovery]\ndns_servers = [\"9.9.9.9:0\"]\n", "IP:PORT"),
        ("[network]\nprofile = \"lax\"\n", "lax"),
        ("[discovery]\nmdns = 1\n", "true or false"),
    ] {
        let error = load_file(&file(".toml", text)).expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
        assert!(error.contains(":2"), "{text}: {error}");
    }
    let text = "[discovery]\ndns_servers = \"9.9.9.9, 127.0.0.1:5353, ::1, [::1]:5353\"\n";
    let servers = config_of(text).discovery.dns_servers;
    let shown: Vec<String> = servers.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["9.9.9.9", "127.0.0.1:5353", "::1", "[::1]:5353"]);
    assert_eq!(servers[2].0.port(), 53);
}

#[test]
fn reserved_peers_are_named_with_their_address() {
    let peer = libp2p::PeerId::random();
    let addr = format!("/ip4/10.0.0.1/tcp/1/p2p/{peer}");
    let config = config_of(&format!("reserved = \"{addr}\"\n"));
    assert_eq!(
        config.reserved_peers(),
        [(peer, addr.parse().expect("an address"))]
    );
}

#[test]
fn the_specification_names_every_key_about_peers() {
    let text = include_str!("../../../../specs/configuration.md");
    let ours = |key: &&String| {
        ["discovery.", "trust.", "dht.", "network."]
            .iter()
            .any(|table| key.starts_with(table))
    };
    for key in keys().keys().filter(ours) {
        let leaf = key.rsplit('.').next().expect("a name");
        assert!(text.contains(&format!("| `{leaf}` |")), "{key}");
    }
    for key in [
        "reserved",
        "min_peers",
        "target_peers",
        "max_peers",
        "seeds",
    ] {
        assert!(text.contains(&format!("| `{key}` |")), "{key}");
    }
}
