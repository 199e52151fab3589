//! Gossip from the command line: what one process publishes, the other has.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, Stdio},
};

use serde_json::Value;

use super::{Home, Node, until};

/// Two nodes in `a` and `b` that know each other.
fn pair(home: &Home) -> (Node, Node) {
    let a = home.node("--data-dir a");
    let b = home.node("--data-dir b");
    home.json(&format!("peer connect {} --data-dir b", a.host_port()));
    (a, b)
}

/// The row of `gossip stats` or `gossip mesh` for a topic.
fn topic<'a>(rows: &'a Value, name: &str) -> &'a Value {
    let rows = rows.as_array().expect("rows");
    let row = rows.iter().find(|row| row["topic"] == name);
    row.expect("the topic has a row")
}

/// A command that runs until it is dropped.
struct Following(Child);

impl Drop for Following {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The lines of `messages --follow` on `b`, after the first.
fn follow(home: &Home, args: &str) -> (Following, impl Iterator<Item = Value>) {
    let mut command = home.command(&format!("messages --follow --json --data-dir b {args}"));
    let mut child = command.stdout(Stdio::piped()).spawn().expect("runs");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let values = lines.map(|line| serde_json::from_str(&line.expect("text")).expect("JSON"));
    (Following(child), values)
}

#[test]
fn a_broadcast_arrives_and_is_shown_with_its_sender() {
    let home = Home::new();
    let (a, _b) = pair(&home);
    let sent = home.json("broadcast hello --data-dir a");
    assert_eq!(
        (&sent["topic"], &sent["signed"]),
        (&"app".into(), &true.into())
    );
    let seen = until("the message arrives", || {
        let out = home.run("messages --json --data-dir b");
        assert!(out.status.success());
        serde_json::from_slice::<Value>(&out.stdout).ok()
    });
    assert_eq!((&seen["id"], &seen["text"]), (&sent["id"], &"hello".into()));
    assert_eq!(seen["sender"].as_str(), Some(a.text("peer_id").as_str()));
    assert_eq!(seen["payload"], hex::encode("hello"));
    // Its own messages are among the recent ones of the sender, too.
    assert_eq!(home.json("messages --data-dir a")["id"], sent["id"]);
}

#[test]
fn whoever_follows_gets_recent_and_new_messages_of_a_topic_once() {
    let home = Home::new();
    let (_a, b) = pair(&home);
    home.json("broadcast first --topic news --data-dir a");
    let (following, mut lines) = follow(&home, "--topic news --count 3");
    assert_eq!(lines.next().expect("a line")["text"], "first");
    home.json("publish app elsewhere --topic other --data-dir a");
    let mut stdin =
        home.command("publish app - --topic news --unsigned --ttl 60 --data-dir a --json");
    let mut child = stdin
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("runs");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(&[0xff, 0x00]).expect("written");
    drop(input);
    assert!(child.wait().expect("ends").success());
    let second = lines.next().expect("a line");
    assert_eq!(
        (&second["sender"], &second["text"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(second["payload"], "ff00");
    home.json("broadcast third --topic news --data-dir a");
    assert_eq!(lines.next().expect("a line")["text"], "third");
    assert!(lines.next().is_none(), "it ends after three");
    drop(following);
    // A follower that is gone does not hold the node up, and the node's end ends a follower.
    let (_following, mut lines) = follow(&home, "--topic news");
    assert_eq!(lines.by_ref().take(3).count(), 3);
    assert_eq!(b.terminate(), Some(0));
    assert!(lines.next().is_none());
}

#[test]
fn transactions_reach_the_other_pool_and_leave_both_with_a_block() {
    let home = Home::new();
    let (_a, _b) = pair(&home);
    let sent = home.json("publish txs --count 120 --bytes 300 --seed 5 --data-dir a");
    assert_eq!((&sent["taken"], &sent["known"]), (&120.into(), &0.into()));
    let ids = |dir: &str| {
        let pool = home.json(&format!("mempool --ids --data-dir {dir}"));
        let mut ids: Vec<String> = pool["ids"]
            .as_array()
            .expect("ids")
            .iter()
            .map(|id| id.as_str().expect("text").to_owned())
            .collect();
        ids.sort();
        ids
    };
    let all = ids("a");
    assert_eq!(all.len(), 120);
    until("they arrive", || (ids("b") == all).then_some(()));
    let again = home.json("publish txs --count 120 --bytes 300 --seed 5 --data-dir a");
    assert_eq!((&again["taken"], &again["known"]), (&0.into(), &120.into()));
    assert_eq!(again["ids"], sent["ids"], "the same for the same seed");
    fs::write(home.path("tx"), "a1 01\n02\n").expect("written");
    let one = home.json("publish txs --file tx --data-dir b");
    assert_eq!(one["ids"].as_array().map(Vec::len), Some(1));
    fs::write(home.path("tx.bin"), [0xa1, 1, 2]).expect("written");
    assert_eq!(
        home.json("publish txs --file tx.bin --data-dir b")["known"],
        1
    );
    until("the last arrives", || (ids("a").len() == 121).then_some(()));
    home.json("publish headers --count 1 --data-dir b");
    for dir in ["a", "b"] {
        until("the pool is empty", || ids(dir).is_empty().then_some(()));
        assert_eq!(
            home.json(&format!("chain show 1 --data-dir {dir}"))["body"]["txs"],
            121
        );
    }
    let stats = home.json("gossip stats --data-dir b");
    let txs = topic(&stats["topics"], "txs");
    assert!(txs["accepted"].as_u64().is_some_and(|n| n > 0), "{txs}");
    assert_eq!(
        topic(&home.json("gossip stats --data-dir a")["topics"], "txs")["published"],
        120
    );
}

#[test]
fn the_mesh_of_every_topic_has_the_peer() {
    let home = Home::new();
    let (a, _b) = pair(&home);
    until("the meshes are built", || {
        let mesh = home.json("gossip mesh --data-dir b");
        let whole = ["headers", "blocks", "txs", "app"]
            .iter()
            .all(|name| topic(&mesh, name)["mesh"][0] == a.text("peer_id").as_str());
        (whole && topic(&mesh, "app")["listeners"] == 1).then_some(())
    });
    let table = home.run("gossip mesh --data-dir b").stdout;
    assert!(String::from_utf8_lossy(&table).contains(&a.text("peer_id")));
}

#[test]
fn a_direct_message_has_a_receipt_and_a_large_file_is_streamed() {
    let home = Home::new();
    let (a, b) = pair(&home);
    let (a, b) = (a.text("peer_id"), b.text("peer_id"));
    let receipt = home.json(&format!("send {b} hello --data-dir a"));
    assert_eq!(
        (&receipt["peer_id"], &receipt["kind"]),
        (&b.as_str().into(), &"text".into())
    );
    assert!(
        receipt["took_ms"].as_f64().is_some_and(|ms| ms > 0.0),
        "{receipt}"
    );
    let file: Vec<u8> = (0..3 << 20).map(|i| (i % 251) as u8).collect();
    fs::write(home.path("large"), &file).expect("written");
    let receipt = home.json(&format!("send {a} --file large --data-dir b"));
    assert_eq!(
        (&receipt["bytes"], &receipt["kind"]),
        (&file.len().into(), &"file".into())
    );
    let direct = &home.json("gossip stats --data-dir a")["direct"];
    assert_eq!(
        (&direct["acknowledged"], &direct["received"]),
        (&1.into(), &1.into())
    );
    assert_eq!(direct["received_bytes"], file.len());
    let error = home.fails(
        &format!("send {b} x --kind nobody --data-dir a"),
        1,
        "not_received",
    );
    assert!(
        error["message"]
            .as_str()
            .expect("text")
            .contains("no handler"),
        "{error}"
    );
}

#[test]
fn a_blob_is_stored_and_announced() {
    let home = Home::new();
    let (_a, _b) = pair(&home);
    fs::write(home.path("data"), [7; 10_000]).expect("written");
    let blob = home.json("publish blob --namespace 9 data --data-dir a");
    assert_eq!(
        (&blob["size"], &blob["leaves"]),
        (&10_000.into(), &4.into())
    );
    assert_eq!(blob["root"].as_str().map(str::len), Some(64));
    until("the announcement arrives", || {
        let stats = home.json("gossip stats --data-dir b");
        (topic(&stats["topics"], "blobs")["accepted"] == 1).then_some(())
    });
}

#[test]
fn what_nobody_would_take_is_refused_and_says_why() {
    let home = Home::new();
    let a = home.node("--data-dir a");
    let long = "t".repeat(65);
    home.fails(
        &format!("broadcast x --topic {long} --data-dir a"),
        1,
        "rejected",
    );
    home.fails(
        &format!("broadcast x --unsigned --topic {long} --data-dir a"),
        1,
        "rejected",
    );
    home.fails("broadcast x --ttl 86401 --data-dir a", 2, "usage");
    let oversized = "m".repeat(64 * 1024 + 1);
    home.fails(
        &format!("broadcast {oversized} --data-dir a"),
        1,
        "rejected",
    );
    fs::write(home.path("no-tx"), "hello").expect("written");
    let error = home.fails("publish txs --file no-tx --data-dir a", 1, "rejected");
    assert!(
        error["message"]
            .as_str()
            .expect("text")
            .contains("not a transaction"),
        "{error}"
    );
    fs::write(home.path("long-tx"), vec![0xa0; 128 * 1024 + 1]).expect("written");
    home.fails("publish txs --file long-tx --data-dir a", 1, "rejected");
    home.fails("publish txs --file missing --data-dir a", 1, "file_failed");
    home.fails("publish txs --count 0 --data-dir a", 2, "usage");
    home.fails("publish txs --count 5 --bytes 39 --data-dir a", 2, "usage");
    home.fails("publish share no-tx --data-dir a", 1, "rejected");
    fs::write(home.path("empty"), "").expect("written");
    home.fails(
        "publish blob empty --namespace 1 --data-dir a",
        1,
        "rejected",
    );
    home.fails(
        "publish blob missing --namespace 1 --data-dir a",
        1,
        "file_failed",
    );
    home.fails("send nonsense hello --data-dir a", 2, "usage");
    let other = home.json("key generate k")["peer_id"].clone();
    let other = other.as_str().expect("an id");
    home.fails(
        &format!("send {other} hello --data-dir a"),
        1,
        "peer_unknown",
    );
    let own = a.text("peer_id");
    home.fails(
        &format!("send {own} --file missing --data-dir a"),
        1,
        "file_failed",
    );
    home.fails("mempool --data-dir nobody", 7, "node_not_running");
    // Nothing of it changed the node.
    assert_eq!(home.json("mempool --data-dir a")["transactions"], 0);
}
