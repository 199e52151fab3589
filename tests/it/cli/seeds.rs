//! Signed lists of first peers: made, signed and checked without a node.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use super::{Home, exists};

/// A list of `entries` places far from each other, without dates.
fn list(entries: u8) -> Value {
    let entry = |n| json!({"addrs": [format!("/ip4/{}.1.1.1/tcp/41000", 11 + n)], "weight": 20});
    json!({"entries": (0..entries).map(entry).collect::<Vec<_>>()})
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

#[test]
fn a_list_is_signed_and_believed_on_the_key_alone() {
    let home = Home::new();
    fs::write(home.path("plain.json"), list(3).to_string()).expect("written");
    let key = home.json("seeds keygen --out seeds.key");
    let mode = fs::metadata(home.path("seeds.key")).expect("there");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    let signed = home.json("seeds sign plain.json --key seeds.key --out list.json --chain-id 2");
    assert_eq!(
        (&signed["entries"], &signed["dropped"]),
        (&3.into(), &0.into())
    );
    assert_eq!(signed["key_id"], key["key_id"]);
    let public = text(&key["public_key"]);
    let verified = home.json(&format!(
        "seeds verify list.json --key {public} --chain-id 2"
    ));
    assert_eq!(
        (&verified["valid"], &verified["key_id"]),
        (&true.into(), &key["key_id"])
    );
    let life = verified["expires_ms"].as_u64().expect("ms")
        - verified["generated_ms"].as_u64().expect("ms");
    assert_eq!(life, 14 * 24 * 60 * 60 * 1000);
    // The configuration's keys count where none is named.
    let mut command = home.command("seeds verify list.json --chain-id 2");
    command.env("ANIMICA_P2P_DISCOVERY__SEED_KEYS", public);
    assert!(command.status().expect("runs").success());
    let plain = fs::read_to_string(home.path("plain.json")).expect("there");
    assert_eq!(plain, list(3).to_string(), "left as it is");
}

#[test]
fn every_other_list_is_refused_with_its_reason() {
    let home = Home::new();
    fs::write(home.path("list.json"), list(3).to_string()).expect("written");
    let keys = ["a", "b"].map(|name| home.json(&format!("seeds keygen --out {name}.key")));
    let [a, b] = keys.map(|key| text(&key["public_key"]).to_owned());
    let verify = format!("seeds verify list.json --key {a}");
    let refuses = |command: &str, why: &str| {
        let error = home.fails(command, 6, "check_failed");
        let message = text(&error["message"]);
        assert!(message.contains(why), "{message}");
    };
    home.json("seeds sign list.json --key a.key");
    home.json(&verify);
    refuses(&format!("seeds verify list.json --key {b}"), "no key");
    refuses("seeds verify list.json", "no key");
    refuses(&format!("{verify} --chain-id 1"), "animica:1337");
    refuses(
        &format!("{verify}@2020-01-01..2020-01-02"),
        "not in use when it was made",
    );
    let signed = fs::read_to_string(home.path("list.json")).expect("there");
    let forged = signed.replace("11.1.1.1", "66.1.1.1");
    fs::write(home.path("list.json"), forged).expect("written");
    refuses(&verify, "no key");
    fs::remove_file(home.path("list.json.sig")).expect("there");
    refuses(&verify, "not signed");
    fs::write(home.path("list.json"), "{").expect("written");
    refuses("seeds sign list.json --key a.key", "JSON");
    fs::write(home.path("list.json"), list(1).to_string()).expect("written");
    refuses("seeds sign list.json --key a.key", "low diversity");
    let mut old = list(3);
    old["generatedAt"] = "2020-01-01T00:00:00Z".into();
    fs::write(home.path("list.json"), old.to_string()).expect("written");
    refuses("seeds sign list.json --key a.key", "expired");
    fs::write(home.path("list.json"), " ".repeat(300_000)).expect("written");
    refuses("seeds sign list.json --key a.key", "262144");
    assert!(!exists(&home.path("list.json.sig")), "nothing was signed");
}

#[test]
fn private_addresses_are_left_out_of_the_lists_of_public_networks() {
    let home = Home::new();
    home.json("seeds keygen --out k");
    let mut entries = list(3);
    let private = json!({"addrs": ["/ip4/10.0.0.1/tcp/41000"]});
    entries["entries"]
        .as_array_mut()
        .expect("entries")
        .push(private);
    fs::write(home.path("list.json"), entries.to_string()).expect("written");
    for (chain, left, dropped) in [(1, 3, 1), (1337, 4, 0)] {
        let command = format!("seeds sign list.json --key k --out {chain}.json --chain-id {chain}");
        let signed = home.json(&command);
        assert_eq!(
            (&signed["entries"], &signed["dropped"]),
            (&left.into(), &dropped.into())
        );
    }
}

#[test]
fn a_second_key_signs_beside_the_first() {
    let home = Home::new();
    fs::write(home.path("list.json"), list(2).to_string()).expect("written");
    let keys = ["a", "b"].map(|name| home.json(&format!("seeds keygen --out {name}.key")));
    let add = "seeds sign list.json --key b.key --add";
    home.fails(add, 6, "check_failed");
    home.json("seeds sign list.json --key a.key");
    let before = fs::read(home.path("list.json")).expect("there");
    home.json(add);
    assert_eq!(fs::read(home.path("list.json")).expect("there"), before);
    for key in keys {
        let public = text(&key["public_key"]);
        let verified = home.json(&format!("seeds verify list.json --key {public}"));
        assert_eq!(verified["key_id"], key["key_id"]);
    }
}

#[test]
fn keys_are_kept_to_their_owner_and_never_overwritten() {
    let home = Home::new();
    fs::write(home.path("list.json"), list(2).to_string()).expect("written");
    home.json("seeds keygen --out k");
    home.fails("seeds keygen --out k", 5, "key_exists");
    let sign = "seeds sign list.json --key k";
    let key = home.path("k");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("set");
    home.fails(sign, 5, "key_permissions");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("set");
    fs::write(&key, "not a key").expect("written");
    home.fails(sign, 5, "key_malformed");
    home.fails("seeds sign list.json --key none", 5, "key_unreadable");
    home.fails("seeds verify list.json --key nonsense", 2, "usage");
    home.json("seeds keygen --out l");
    home.fails("seeds sign none.json --key l", 1, "file_failed");
    home.fails("seeds sign . --key l", 1, "file_failed");
    let public = home.json("seeds keygen --out m")["public_key"].clone();
    let verify = format!("seeds verify none.json --key {}", text(&public));
    home.fails(&verify, 1, "file_failed");
}
