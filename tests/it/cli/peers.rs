//! Peers, trust and the hash table from outside.

use std::fs;

use animica_p2p::{identity::peer_id_from_digest, ids::Hash32};

use super::{Home, Node, until};

/// Two nodes, the second of which starts from the first.
fn pair(home: &Home) -> (Node, Node) {
    let a = home.node("--data-dir a --no-mdns");
    let b = home.node(&format!(
        "--data-dir b --no-mdns --bootstrap {}",
        a.host_port()
    ));
    until("they are connected", || {
        let peers = home.json("peer list --data-dir a");
        (!peers[0].is_null()).then_some(())
    });
    (a, b)
}

/// The whole address of a node, with its id.
fn address(node: &Node) -> String {
    let address = node.ready["addresses"][0].as_str().expect("an address");
    assert!(address.contains("/p2p/"), "{address}");
    address.to_owned()
}

#[test]
fn what_names_no_peer_is_a_usage_error_before_any_node_is_asked() {
    let home = Home::new();
    for command in [
        "peer show nobody",
        "peer explain 14QGS",
        "peer remove 12D3Koo",
        "peer disconnect nonsense",
        "peer trust nonsense",
        "peer ban nonsense",
        "peer ban 203.0.113",
        "peer ban 8.9.0.0/24",
        "peer unban /16",
        "peer reserve nonsense",
        "peer reserve 127.0.0.1:41000",
        "peer add /ip4/127.0.0.1/tcp/1",
        "trust show nonsense",
        "trust events nonsense",
        "trust share nonsense",
        "dht get k --author nonsense",
        "dht get k --content",
        "ping nonsense --signed",
        "send nonsense hello",
    ] {
        home.fails(&format!("{command} --data-dir nowhere"), 2, "usage");
    }
    // What could name one needs a node.
    for command in [
        "peer explain 14QGSabc",
        "peer ban 203.0.113.7",
        "peer bans",
        "peer known",
        "trust top",
        "discovery status",
        "dht put k v",
        "dht get k",
        "dht delete k",
        "dht stats",
    ] {
        let command = format!("{command} --data-dir nowhere");
        home.fails(&command, 7, "node_not_running");
    }
}

#[test]
fn durations_scores_and_values_out_of_their_range_are_refused() {
    let home = Home::new();
    for command in [
        "peer ban 203.0.113.7 --for soon",
        "peer ban 203.0.113.7 --for 0",
        "peer ban 203.0.113.7 --for 366d",
        "peer trust 14QGSabc --score NaN",
        "peer trust 14QGSabc --score 2.0",
        "dht put k v --ttl 0",
        "dht put k v --ttl 8d",
        "dht put k",
        "dht put",
        "dht put k v --content",
    ] {
        home.fails(command, 2, "usage");
    }
    let long = "v".repeat(8193);
    let error = home.fails(&format!("dht put k {long}"), 1, "rejected");
    let message = error["message"].as_str().expect("text");
    assert!(message.contains("8192"), "{message}");
    let long = "k".repeat(65);
    home.fails(&format!("dht put {long} v"), 1, "rejected");
    home.fails(&format!("dht get {long}"), 1, "rejected");
    fs::write(home.path("long"), vec![0; 8193]).expect("written");
    home.fails("dht put k --file long", 1, "rejected");
    home.fails("dht put k --file missing", 1, "file_failed");
}

#[test]
fn nobody_bans_oneself_and_nobody_is_banned_at_first() {
    let home = Home::new();
    let a = home.node("--data-dir a --no-mdns");
    let ban = format!("peer ban {} --data-dir a", a.text("peer_id"));
    home.fails(&ban, 1, "peer_self");
    let bans = home.json("peers bans --data-dir a");
    assert_eq!(bans.as_array().map(Vec::len), Some(0));
    let text = home.run("peer bans --data-dir a").stdout;
    assert_eq!(String::from_utf8_lossy(&text), "nobody is banned\n");
}

#[test]
fn the_list_has_a_column_for_trust_and_show_gives_one_connection() {
    let home = Home::new();
    let (a, b) = pair(&home);
    let list = home.run("peer list --data-dir a").stdout;
    let list = String::from_utf8_lossy(&list).into_owned();
    let header = list.lines().next().expect("a header");
    assert!(header.contains("trust"), "{header}");
    let shown = home.json(&format!("peer show {} --data-dir a", b.text("peer_id")));
    let connection = &shown["connection"];
    assert_eq!(connection["direction"], "inbound", "{shown}");
    assert_eq!(connection["peer_id"], b.text("peer_id").as_str());
    drop(a);
}

#[test]
fn a_configuration_of_peers_that_makes_no_sense_stops_the_start() {
    let home = Home::new();
    for (flags, code) in [
        ("--min-peers 9 --max-peers 3", "config_invalid"),
        ("--max-peers 0", "config_invalid"),
        ("--seed http://h/list.json", "config_bad_value"),
        ("--seed file://list.json", "config_bad_value"),
        ("--reserve 127.0.0.1:1", "config_invalid"),
        ("--announce 0.0.0.0:41000", "config_invalid"),
    ] {
        let error = home.fails(&format!("listen --data-dir a {flags}"), 3, code);
        let flag = flags.split(' ').next().expect("a flag");
        let message = error["message"].as_str().expect("text");
        assert!(
            message.contains(flag) || flags.contains("--max-peers"),
            "{message}"
        );
    }
    fs::write(
        home.path("c.toml"),
        "\n[trust]\ninitial_trust_score = nan\n",
    )
    .expect("written");
    let error = home.fails("listen --config c.toml", 3, "config_invalid");
    let message = error["message"].as_str().expect("text");
    assert!(message.contains("trust.initial_trust_score"), "{message}");
    assert!(message.contains("c.toml:3"), "{message}");
    assert_eq!(error["hint"], "the default is 0.5");
    let values = home.json("config print --no-mdns --seed dns://seed.example.org");
    assert_eq!(values["discovery.mdns"], false);
    assert_eq!(values["seeds"][0], "dns://seed.example.org");
}

#[test]
fn a_peer_is_banned_explained_and_unbanned() {
    let home = Home::new();
    let (_a, b) = pair(&home);
    let id = b.text("peer_id");
    // As much of the id as names it alone.
    let short = &id[..12];
    let ban = home.json(&format!(
        "peer ban {short} --for 2h --reason floods --data-dir a"
    ));
    assert_eq!(
        (&ban["subject"], &ban["by"]),
        (&id.as_str().into(), &"operator".into())
    );
    until("it is disconnected", || {
        let peers = home.json("peer list --data-dir a");
        peers.as_array().is_some_and(Vec::is_empty).then_some(())
    });
    let explained = home.json(&format!("peer explain {id} --data-dir a"));
    assert_eq!(explained["bans"][0]["reason"], "floods", "{explained}");
    let text = home.run(&format!("peer explain {id} --data-dir a")).stdout;
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("floods"), "{text}");
    assert!(
        text.contains("(in 1 h 59 min)") || text.contains("(in 2 h 0 min)"),
        "{text}"
    );
    assert!(
        text.contains(&format!("animica-p2p peer unban {id}")),
        "{text}"
    );
    let lifted = home.json(&format!("peer unban {id} --data-dir a"));
    assert_eq!(
        lifted["lifted"].as_array().map(Vec::len),
        Some(1),
        "{lifted}"
    );
    assert_eq!(
        home.json("peer bans --data-dir a").as_array().map(Vec::len),
        Some(0)
    );
    until("it comes back", || {
        let peers = home.json("peer list --data-dir a");
        (peers[0]["peer_id"] == id.as_str()).then_some(())
    });
    let nothing = home.run(&format!("peer unban {id} --data-dir a")).stdout;
    assert!(String::from_utf8_lossy(&nothing).starts_with("nothing was held against"));
}

#[test]
fn an_address_is_banned_whoever_comes_from_it() {
    let home = Home::new();
    let _a = home.node("--data-dir a --no-mdns");
    for subject in ["203.0.113.7", "2001:db8::1", "8.9.0.0/16", "2a00:1450::/32"] {
        home.json(&format!("peer ban {subject} --for 1h --data-dir a"));
    }
    let bans = home.json("peer bans --data-dir a");
    assert_eq!(bans.as_array().map(Vec::len), Some(4), "{bans}");
    home.json("peer unban 8.9.0.0/16 --data-dir a");
    let bans = home.json("peer bans --data-dir a");
    assert_eq!(bans.as_array().map(Vec::len), Some(3), "{bans}");
}

#[test]
fn a_reserved_peer_is_marked_and_not_banned() {
    let home = Home::new();
    let (_a, b) = pair(&home);
    let id = b.text("peer_id");
    let kept = home.json(&format!("peer reserve {} --data-dir a", address(&b)));
    assert_eq!(kept["reserved"], true);
    let error = home.fails(&format!("peer ban {id} --data-dir a"), 1, "peer_reserved");
    let hint = error["hint"].as_str().expect("a hint");
    assert!(hint.contains(&format!("peer reserve {id} --off")), "{hint}");
    home.json(&format!("peer trust {id} --data-dir a"));
    let list = home.run("peer list --data-dir a").stdout;
    let list = String::from_utf8_lossy(&list).into_owned();
    assert!(list.contains("reserved trusted"), "{list}");
    home.json(&format!("peer trust {id} --off --data-dir a"));
    home.json(&format!("peer reserve {id} --off --data-dir a"));
    home.json(&format!("peer ban {id} --data-dir a"));
}

#[test]
fn the_book_takes_addresses_and_forgets_peers() {
    let home = Home::new();
    let (a, _b) = pair(&home);
    let other = home.json("key generate k")["peer_id"].clone();
    let other = other.as_str().expect("an id");
    let added = home.json(&format!(
        "peer add /ip4/127.0.0.1/tcp/1/p2p/{other} --data-dir a"
    ));
    assert_eq!(added["peer_id"], other);
    let known = home.json("peer known --data-dir a");
    let rows = known.as_array().expect("rows");
    assert!(rows.iter().any(|row| row["peer_id"] == other), "{known}");
    let shown = home.json(&format!("peer show {other} --data-dir a"));
    assert_eq!(
        shown["known"]["addresses"][0]["source"], "operator",
        "{shown}"
    );
    home.json(&format!("peer remove {other} --data-dir a"));
    let gone = format!("peer remove {other} --data-dir a");
    home.fails(&gone, 1, "peer_unknown");
    home.fails(
        &format!("peer show {other} --data-dir a"),
        1,
        "peer_unknown",
    );
    let own = format!("peer add {} --data-dir a", address(&a));
    home.fails(&own, 1, "peer_self");
}

#[test]
fn a_beginning_that_names_nobody_or_several_is_said() {
    let home = Home::new();
    let (_a, _b) = pair(&home);
    let mut ids = Vec::new();
    for last in [1, 2] {
        let mut digest = [7; 32];
        digest[31] = last;
        let id = peer_id_from_digest(Hash32(digest)).to_string();
        let port = 1000 + u16::from(last);
        home.json(&format!(
            "peer add /ip4/127.0.0.1/tcp/{port}/p2p/{id} --data-dir a"
        ));
        ids.push(id);
    }
    let same = ids[0].bytes().zip(ids[1].bytes());
    let same = same.take_while(|(a, b)| a == b).count();
    let (twice, once) = (&ids[0][..same], &ids[0][..=same]);
    let error = home.fails(
        &format!("peer explain {twice} --data-dir a"),
        1,
        "peer_ambiguous",
    );
    let message = error["message"].as_str().expect("text");
    assert!(ids.iter().all(|id| message.contains(id)), "{message}");
    let explained = home.json(&format!("peer explain {once} --data-dir a"));
    assert_eq!(explained["peer_id"], ids[0].as_str());
    let nobody = format!("{}{}", &ids[0][..20], "zzzzzzzz");
    home.fails(
        &format!("peer explain {nobody} --data-dir a"),
        1,
        "peer_unknown",
    );
}

#[test]
fn trust_is_shown_set_and_its_trail_kept() {
    let home = Home::new();
    let (_a, b) = pair(&home);
    let id = b.text("peer_id");
    let set = home.json(&format!("peer trust {id} --score 0.25 --data-dir a"));
    assert!(
        (set["score"].as_f64().expect("a score") - 0.25).abs() < 1e-3,
        "{set}"
    );
    let shown = home.json(&format!("trust show {id} --data-dir a"));
    assert_eq!(shown["peer_id"], id.as_str());
    let events = home.json(&format!("trust events {id} --data-dir a"));
    assert_eq!(events[0]["peer_id"], id.as_str(), "{events}");
    let top = home.json("trust top --count 1 --data-dir a");
    assert_eq!(top.as_array().map(Vec::len), Some(1));
    let shared = home.json("trust share --data-dir a");
    assert!(shared["peers"].is_u64(), "{shared}");
    let asked = home.json(&format!("trust share {id} --ask --data-dir a"));
    assert!(asked["peers"].is_u64(), "{asked}");
    let stranger = home.json("key generate k")["peer_id"].clone();
    let stranger = stranger.as_str().expect("an id");
    home.fails(
        &format!("trust show {stranger} --data-dir a"),
        1,
        "peer_unknown",
    );
}

#[test]
fn a_value_written_on_one_node_is_read_on_the_other() {
    let home = Home::new();
    let (a, _b) = pair(&home);
    let author = a.text("peer_id");
    until("the other takes part", || {
        let stats = home.json("dht stats --data-dir a");
        (stats["routing_peers"] == 1).then_some(())
    });
    let put = home.json("dht put colour blue --ttl 10m --data-dir a");
    assert_eq!(
        (&put["author"], &put["key"]),
        (&author.as_str().into(), &"colour".into())
    );
    assert!(put["copies"].as_u64().is_some_and(|n| n >= 1), "{put}");
    let get = format!("dht get colour --author {author} --data-dir b");
    assert_eq!(home.run(&get).stdout, b"blue\n");
    assert_eq!(home.json(&get)["value"], hex::encode("blue"));
    // Nobody else's key.
    home.fails("dht get colour --data-dir b", 1, "dht_no_value");
    fs::write(home.path("binary"), [0xff, 0]).expect("written");
    home.json("dht put binary --file binary --data-dir a");
    let get = format!("dht get binary --author {author} --data-dir b");
    assert_eq!(home.run(&get).stdout, b"ff00\n");
    let own = home.json("dht put --content hello --data-dir a");
    assert_eq!(own["key"], "");
    home.json("dht delete colour --data-dir a");
    let get = format!("dht get colour --author {author} --data-dir b");
    home.fails(&get, 1, "dht_no_value");
    let stats = home.json("dht stats --data-dir a");
    assert!(stats["own"].as_u64().is_some_and(|n| n >= 2), "{stats}");
    let stored = home.json("dht stats --data-dir b");
    assert!(
        stored["stored"].as_u64().is_some_and(|n| n >= 1),
        "{stored}"
    );
}

#[test]
fn a_value_that_nobody_else_can_hold_is_not_acknowledged() {
    let home = Home::new();
    let _a = home.node("--data-dir a --no-mdns");
    home.fails("dht put k v --data-dir a", 1, "dht_no_peers");
    home.fails("dht get nothing --data-dir a", 1, "dht_no_value");
}

#[test]
fn a_signed_ping_says_who_answered_and_what_its_clock_shows() {
    let home = Home::new();
    let (_a, b) = pair(&home);
    let id = b.text("peer_id");
    let pong = home.json(&format!("ping {id} --signed --data-dir a"));
    assert_eq!(pong["peer_id"], id.as_str());
    assert!(
        pong["clock_offset_ms"]
            .as_i64()
            .is_some_and(|ms| ms.abs() < 60_000),
        "{pong}"
    );
    assert!(
        pong["nonce"].as_str().is_some_and(|hex| hex.len() >= 32),
        "{pong}"
    );
    let stranger = home.json("key generate k")["peer_id"].clone();
    let stranger = stranger.as_str().expect("an id");
    home.fails(
        &format!("ping {stranger} --signed --data-dir a"),
        1,
        "peer_unknown",
    );
    let own = format!("ping {} --signed --data-dir b", b.host_port());
    home.fails(&own, 1, "peer_refused");
}

#[test]
fn the_status_of_discovery_names_every_source() {
    let home = Home::new();
    let (_a, _b) = pair(&home);
    let status = home.json("discovery status --data-dir b");
    let names: Vec<&str> = status["sources"]
        .as_array()
        .expect("sources")
        .iter()
        .filter_map(|s| s["name"].as_str())
        .collect();
    for name in ["bootstrap", "lan", "dht", "exchange"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert_eq!(status["outbound"], 1, "{status}");
    let text = home.run("discovery status --data-dir b").stdout;
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("too few: everything is tried"), "{text}");
}
