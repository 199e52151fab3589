use super::*;
use crate::ids::Theta;

#[test]
fn presets_have_their_published_hashes() {
    for (name, chain, hash) in [
        (
            "upstream-core",
            1,
            "89147b3765ce9ca4922403f23e74c7e41c8ba25306a08d5a27900fb39baea825",
        ),
        (
            "upstream-mainnet",
            1,
            "0ce6d78de43e36910626ecac122314af99b7f5f0478d1edfa066c7e32623fae2",
        ),
        (
            "upstream-testnet",
            2,
            "6986ee0449ef2f58114088b94a687683123c048f04611159f7e208cc6428672b",
        ),
        (
            "upstream-devnet",
            1337,
            "2446adfdb87b38bb54ad54faaac9f4752655441bebe3c2b2a1537e4e42a5a01a",
        ),
    ] {
        let genesis = Genesis::preset(name).expect("a preset");
        assert_eq!(genesis.chain_id(), ChainId(chain));
        assert_eq!(genesis.hash().to_string(), hash, "{name}");
    }
    for (name, head, tail) in [
        ("mainnet", "2eda1a49fe1b0918", "c53dae"),
        ("testnet", "00d206011c54a416", "516cc2"),
        ("devnet", "b2545ce888c1aa87", "d3e5e0"),
    ] {
        let hash = Genesis::preset(name).expect("a preset").hash().to_string();
        assert!(
            hash.starts_with(head) && hash.ends_with(tail),
            "{name} {hash}"
        );
    }
}

#[test]
fn every_preset_survives_its_json() {
    for name in Genesis::PRESETS {
        let genesis = Genesis::preset(name).expect("a preset");
        let again = Genesis::from_json(&genesis.to_json()).expect("reads back");
        assert_eq!(again, genesis, "{name}");
    }
    assert_eq!(Genesis::preset("nonet"), None);
}

#[test]
fn a_short_toml_file_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("genesis.toml");
    std::fs::write(
        &path,
        "[header]\nchain_id = 4242\ntimestamp = 1800000000\ntheta_micro = 3000000\nextra = \"6869\"\n",
    )
    .unwrap();
    let genesis = Genesis::from_file(&path).expect("a genesis");
    assert_eq!(genesis.chain_id(), ChainId(4242));
    assert_eq!(genesis.header().theta, Theta(3_000_000));
    assert_eq!(genesis.header().extra, b"hi");
    assert_eq!(genesis.params().theta_min, Theta(1_000_000));
}

#[test]
fn says_what_is_wrong_with_a_file() {
    let head = "[header]\nchain_id = 7\ntimestamp = 1\n";
    for (text, expected) in [
        (format!("{head}theta_micro = 1\ntheta = 2\n"), "theta"),
        (head.to_owned(), "theta_micro"),
        (format!("{head}theta_micro = 64000001\n"), "theta_micro"),
        (format!("{head}theta_micro = 1\nextra = \"zz\"\n"), "extra"),
        (
            format!("{head}theta_micro = 1\nextra = \"{}\"\n", "00".repeat(33)),
            "33 bytes",
        ),
        (
            format!("{head}theta_micro = 1\nstate_root = \"ab\"\n"),
            "64 hex",
        ),
    ] {
        let error = Genesis::from_toml(&text).expect_err(&text).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big.json");
    std::fs::write(&path, vec![b' '; 70_000]).unwrap();
    assert!(matches!(
        Genesis::from_file(&path),
        Err(GenesisError::TooLarge)
    ));
}
