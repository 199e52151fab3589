//! Commands that need no node.

use super::Home;

#[test]
fn a_stopped_nodes_chain_is_mined_shown_verified_exported_and_imported() {
    let home = Home::new();
    let mined = home.json("chain mine --count 300 --txs 2 --tx-bytes 200 --data-dir a");
    assert_eq!(
        (&mined["count"], &mined["head"]["height"]),
        (&300.into(), &300.into())
    );
    let head = home.json("chain head --data-dir a");
    assert_eq!(head, mined["head"]);
    assert_eq!(head["hash"].as_str().map(str::len), Some(64));
    assert!(head["work"].as_str().expect("text").parse::<u128>().is_ok());
    let block = home.json("chain show 300 --data-dir a");
    assert_eq!(
        (&block["hash"], &block["body"]["txs"]),
        (&head["hash"], &2.into())
    );
    let verified = home.json("chain verify --data-dir a");
    assert_eq!(verified["bodies"], 300);
    home.json("chain export a.chain --data-dir a");
    let imported = home.json("chain import a.chain --db sqlite:///b.db");
    assert_eq!(
        (&imported["head"], &imported["complete"]),
        (&head, &true.into())
    );
    assert!(home.path("b.db").is_dir());
    assert_eq!(home.json("chain head --db redb:///b.db"), head);
    let again = home.json("chain import a.chain --data-dir b.db");
    assert_eq!(
        (&again["known"], &again["blocks"]),
        (&300.into(), &0.into())
    );
}

#[test]
fn mining_is_deterministic_and_a_seed_makes_another_branch() {
    let home = Home::new();
    let mine = |dir: &str, seed: u32| {
        home.json(&format!(
            "chain mine --count 20 --seed {seed} --txs 1 --data-dir {dir}"
        ))["head"]
            .clone()
    };
    let (a, b, c) = (mine("a", 1), mine("b", 1), mine("c", 2));
    assert_eq!(a, b);
    assert_ne!(a["hash"], c["hash"]);
}

#[test]
fn a_data_directory_remembers_its_chain() {
    let home = Home::new();
    home.json("chain mine --count 2 --data-dir a --chain-id 2");
    assert_eq!(home.json("chain head --data-dir a")["height"], 2);
    home.fails("chain head --data-dir a --chain-id 1", 3, "wrong_genesis");
}

#[test]
fn keys_are_made_shown_verified_exported_and_delegated() {
    let home = Home::new();
    let made = home.json("key generate k");
    for command in ["key show k", "key verify k", "key export-public k"] {
        assert_eq!(home.json(command)["peer_id"], made["peer_id"], "{command}");
    }
    home.fails("key generate k", 5, "key_exists");
    let op = home.json("key delegate k --output op --days 7");
    assert_eq!(op["peer_id"], made["peer_id"]);
    assert_eq!(home.json("key verify op")["valid"], true);
    home.fails("key verify op --chain-id 2", 5, "delegation_invalid");
    home.fails("key delegate op --output op2", 5, "delegation_invalid");
    home.fails(
        "key delegate k --output op3 --days 91",
        5,
        "delegation_invalid",
    );
    std::fs::write(home.path("pass"), "correct horse\n").expect("written");
    std::fs::write(home.path("other"), "wrong\n").expect("written");
    home.json("key generate sealed --passphrase-file pass");
    assert_eq!(home.json("key show sealed")["sealed"], true);
    home.json("key verify sealed --passphrase-file pass");
    home.fails(
        "key verify sealed --passphrase-file other",
        5,
        "key_passphrase",
    );
    home.fails("key verify sealed", 5, "key_passphrase");
}

#[test]
fn the_configuration_is_printed_checked_and_written() {
    let home = Home::new();
    home.json("config init c.toml");
    assert_eq!(home.json("config check c.toml")["valid"], true);
    home.fails("config init c.toml", 1, "file_failed");
    let printed = home.json("config print --origin --config c.toml --chain-id 2");
    assert_eq!(printed["chain_id"]["origin"], "flag --chain-id");
    let origin = printed["max_peers"]["origin"].as_str().expect("text");
    assert!(origin.starts_with("file c.toml:"), "{origin}");
    std::fs::write(home.path("old.toml"), "gossip_fanout = 3\n").expect("written");
    let printed = home.json("config print --origin --config old.toml");
    assert_eq!(printed["gossip.mesh"]["value"], 3);
    assert_eq!(printed["gossip.mesh"]["origin"], "file old.toml:1");
    assert_eq!(printed["gossip.mesh_low"]["origin"], "follows gossip.mesh");
    assert_eq!(home.json("config check old.toml")["valid"], true);
    let text = home.run("config print --origin").stdout;
    let text = String::from_utf8(text).expect("text");
    assert!(text.contains("max_peers = 50") && text.contains("# default"));
}

#[test]
fn version_names_the_provider_of_every_algorithm() {
    let version = Home::new().json("version");
    for alg in [
        "ml-kem-768",
        "ml-dsa-65",
        "ed25519",
        "x25519",
        "aes-256-gcm",
    ] {
        assert!(version["providers"][alg]["crate"].is_string(), "{alg}");
    }
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}
