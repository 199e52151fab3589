//! `[gossip]`, and the names of the original networks.

use super::*;

fn gossip_of(text: &str) -> Gossip {
    let path = file(".toml", text);
    let loaded = load_file(&path).unwrap_or_else(|e| panic!("{text}: {e}"));
    loaded.config.gossip
}

fn refused(text: &str) -> ConfigError {
    load_file(&file(".toml", text)).expect_err(text)
}

#[test]
fn the_limits_take_effect_without_a_warning() {
    let path = file(
        ".toml",
        "[gossip.limits]\ntx_per_sec = 9\nblock_per_min = 8\n",
    );
    let loaded = load_file(&path).expect("loads");
    assert_eq!(loaded.warnings, Vec::<String>::new());
    let limits = &loaded.config.gossip.limits;
    assert_eq!((limits.tx_per_sec, limits.block_per_min), (9, 8));
}

#[test]
fn the_originals_names_are_ours_wherever_they_stand() {
    let names = "gossip_fanout = 3\ngossip_interval = 0.25\nmessage_ttl = 10\n\
                 message_cache_size = 10000\n";
    for text in [names.to_owned(), format!("[gossip]\n{names}")] {
        let gossip = gossip_of(&text);
        assert_eq!((gossip.mesh, gossip.mesh_low, gossip.mesh_high), (3, 2, 6));
        assert_eq!(gossip.heartbeat_ms, 250);
        assert_eq!(gossip.message_ttl_secs, 10);
        assert_eq!(gossip.seen_exact, 10_000);
    }
    let json = file(
        ".json",
        r#"{"gossip_fanout": 3, "gossip": {"gossip_interval": 1.5}}"#,
    );
    let loaded = load_file(&json).expect("loads");
    assert_eq!(loaded.config.gossip.mesh, 3);
    assert_eq!(loaded.config.gossip.heartbeat_ms, 1500);
    let loaded = load_env(&[
        ("ANIMICA_P2P_GOSSIP_FANOUT", "8"),
        ("ANIMICA_P2P_GOSSIP__GOSSIP_INTERVAL", "2"),
        ("ANIMICA_P2P_MESSAGE_TTL", "30"),
    ])
    .expect("loads");
    assert_eq!(loaded.config.gossip.mesh, 8);
    assert_eq!(loaded.config.gossip.heartbeat_ms, 2000);
    assert_eq!(
        loaded.origin("gossip.mesh"),
        Origin::Env("ANIMICA_P2P_GOSSIP_FANOUT".to_owned())
    );
}

#[test]
fn the_bounds_of_the_mesh_follow_its_degree_unless_they_are_set() {
    let path = file(".toml", "[gossip]\nmesh = 9\nmesh_high = 11\n");
    let loaded = load_file(&path).expect("loads");
    let gossip = &loaded.config.gossip;
    assert_eq!((gossip.mesh_low, gossip.mesh_high), (6, 11));
    let follows = Origin::Follows("gossip.mesh");
    assert_eq!(loaded.origin("gossip.mesh_low"), follows);
    let line = Origin::File {
        path: path.to_path_buf(),
        line: 3,
    };
    assert_eq!(loaded.origin("gossip.mesh_high"), line);
    for degree in 1..=100 {
        let gossip = gossip_of(&format!("gossip_fanout = {degree}\n"));
        assert!(gossip.mesh_low <= degree && degree <= gossip.mesh_high);
    }
}

#[test]
fn two_names_with_two_values_are_refused_with_both_lines() {
    let path = file(".toml", "gossip_fanout = 3\n[gossip]\nmesh = 6\n");
    let error = load_file(&path).expect_err("refused");
    assert_eq!(error.code(), "config_invalid");
    let text = error.to_string();
    for part in [
        ":1",
        ":3",
        "gossip_fanout means gossip.mesh = 3",
        "gossip.mesh = 6",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(
        error.hint().as_deref(),
        Some("keep one of `gossip_fanout` and `gossip.mesh`")
    );
    for text in [
        "gossip_interval = 2\n[gossip]\nheartbeat_ms = 1000\n",
        "message_ttl = 5\n[gossip]\nmessage_ttl_secs = 6\n",
        "message_cache_size = 5\n[gossip]\nseen_exact = 6\n",
        "gossip_fanout = 3\n[gossip]\ngossip_fanout = 4\n",
    ] {
        assert!(matches!(refused(text), ConfigError::Invalid(_)), "{text}");
    }
    let both = [
        ("ANIMICA_P2P_GOSSIP_FANOUT", "3"),
        ("ANIMICA_P2P_GOSSIP__MESH", "4"),
    ];
    let text = load_env(&both).expect_err("refused").to_string();
    assert!(both.iter().all(|(name, _)| text.contains(name)), "{text}");
}

#[test]
fn two_names_that_agree_are_accepted_and_the_stronger_layer_wins() {
    let gossip = gossip_of("gossip_interval = 2\n[gossip]\nheartbeat_ms = 2000\n");
    assert_eq!(gossip.heartbeat_ms, 2000);
    let path = file(".toml", "[gossip]\nmesh = 6\n");
    let loaded = load(&Sources {
        file: Some(path.to_path_buf()),
        env: env(&[("ANIMICA_P2P_GOSSIP_FANOUT", "8")]),
        ..Sources::default()
    })
    .expect("a variable beats the file");
    assert_eq!(loaded.config.gossip.mesh, 8);
}

#[test]
fn a_bad_value_is_named_as_it_was_written() {
    for (text, parts) in [
        ("\ngossip_fanout = \"x\"\n", [":2", "`gossip_fanout`"]),
        ("gossip_fanout = 2.5\n", [":1", "expected a whole number"]),
        ("gossip_fanout = -1\n", [":1", "gossip.mesh"]),
        ("gossip_interval = nan\n", [":1", "no length of time"]),
        ("gossip_interval = inf\n", [":1", "no length of time"]),
        ("gossip_interval = -0.5\n", [":1", "no length of time"]),
        ("gossip_interval = true\n", [":1", "number of seconds"]),
        (
            "gossip_interval = 9223372036854775807\n",
            [":1", "too long"],
        ),
        (
            "[gossip]\nmessage_ttl = []\n",
            [":2", "`gossip.message_ttl`"],
        ),
        (
            "message_cache_size = 99999999999\n",
            [":1", "gossip.seen_exact"],
        ),
    ] {
        let error = refused(text).to_string();
        for part in parts {
            assert!(error.contains(part), "{text}: {error}");
        }
    }
    let error = load_env(&[("ANIMICA_P2P_GOSSIP_INTERVAL", "soon")]).expect_err("refused");
    let text = error.to_string();
    assert!(text.contains("ANIMICA_P2P_GOSSIP_INTERVAL"), "{text}");
}

#[test]
fn a_mistyped_name_of_the_original_gets_its_suggestion() {
    let error = refused("gosip_fanout = 3\n");
    assert_eq!(
        error.hint().as_deref(),
        Some("did you mean `gossip_fanout`?")
    );
    let error = load_env(&[("ANIMICA_P2P_MESAGE_TTL", "3")]).expect_err("refused");
    assert_eq!(
        error.hint().as_deref(),
        Some("did you mean `ANIMICA_P2P_MESSAGE_TTL`?")
    );
}

#[test]
fn figures_that_contradict_each_other_are_refused_with_line_and_hint() {
    for (text, key, line) in [
        (
            "[gossip]\nmesh_low = 7\nmesh = 6\n",
            "gossip.mesh_low",
            ":2",
        ),
        ("[gossip]\nmesh_low = 7\n", "gossip.mesh_low", ":2"),
        (
            "gossip_fanout = 3\n[gossip]\nmesh_low = 4\n",
            "gossip.mesh_low",
            ":3",
        ),
        (
            "[gossip]\nmesh = 8\nmesh_high = 7\n",
            "gossip.mesh_high",
            ":3",
        ),
        (
            "[gossip]\nhistory_gossip = 7\n",
            "gossip.history_gossip",
            ":2",
        ),
        (
            "[gossip]\nduplicates_secs = 5\n",
            "gossip.duplicates_secs",
            ":2",
        ),
        (
            "[gossip.limits]\naddress_factor = 9\n",
            "gossip.limits.address_factor",
            ":2",
        ),
    ] {
        let path = file(".toml", text);
        let error = load_file(&path).expect_err(text);
        let ConfigError::Invalid(problems) = &error else {
            panic!("{text}: {error}");
        };
        assert_eq!(problems.len(), 1, "{text}: {error}");
        assert_eq!(problems[0].key, key, "{text}");
        let place = format!("{}{line}", path.display());
        assert!(error.to_string().contains(&place), "{text}: {error}");
        assert!(error.hint().is_some(), "{text}");
    }
    let error = refused("gossip_interval = 30\n").to_string();
    assert!(error.contains("gossip.duplicates_secs"), "{error}");
}

#[test]
fn a_figure_out_of_its_range_is_refused() {
    for text in [
        "gossip_fanout = 0\n",
        "gossip_fanout = 101\n",
        "gossip_fanout = 4294967295\n",
        "gossip_interval = 0.001\n",
        "message_ttl = 86401\n",
        "message_ttl = 0\n",
        "[gossip]\nseen_ids = 0\n",
        "[gossip]\nqueue = 0\n",
        "[gossip]\nreconcile_secs = 0\n",
        "[gossip.limits]\ntx_per_sec = 0\n",
        "[gossip.limits]\nblock_per_min = 0\n",
        "[pool]\nmax_txs = 0\n",
        "[pool]\nttl_secs = 0\n",
    ] {
        let error = refused(text);
        assert!(error.to_string().contains("is outside"), "{text}: {error}");
    }
}

#[test]
fn the_specification_names_every_key() {
    let text = include_str!("../../../../specs/gossip/configuration.md");
    let ours = |key: &&String| key.starts_with("gossip.") || key.starts_with("pool.");
    for key in keys().keys().filter(ours) {
        let leaf = key.rsplit('.').next().expect("a name");
        assert!(text.contains(&format!("| `{leaf}` |")), "{key}");
    }
    let peers = include_str!("../../../../specs/configuration.md");
    for name in aliases::names() {
        let row = format!("| `{name}` |");
        assert!(text.contains(&row) || peers.contains(&row), "{name}");
    }
}
