//! A node whose disk fills up under it: it says so, loses nothing and goes on by itself.

use std::{fs, path::Path};

use serde_json::Value;

use super::{Home, Node, get, signal, until};
use crate::support::tmpfs::Tmpfs;

/// Size of the file system, in MiB.
const DISK: u32 = 48;

/// A home with a file system of its own at `disk`, `None` where that is not permitted. Bound in this
/// order, the file system goes before the directory it is in.
fn home() -> Option<(Home, Tmpfs)> {
    let home = Home::new();
    let at = home.path("disk");
    fs::create_dir(&at).expect("a directory");
    Tmpfs::mount(&at, DISK).map(|disk| (home, disk))
}

/// Waits until the node at `dir` says that its disk is full, on every face, and returns its head.
fn says_it_is_full(home: &Home, node: &Node, dir: &str) -> Value {
    let base = node.text("metrics").replace("/metrics", "");
    until("the node notices that its disk is full", || {
        let (code, text) = get(&format!("{base}/readyz?verbose"));
        (code == 503 && text.contains("[-] store: the disk is full")).then_some(())
    });
    assert_eq!(get(&format!("{base}/healthz")).0, 200, "it lives");
    let (_, metrics) = get(&node.text("metrics"));
    assert!(metrics.contains("p2p_store_healthy 0"));
    let error = home.fails(&format!("health --ready --data-dir {dir}"), 6, "not_ready");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("store: the disk is full"), "{message}");
    home.json(&format!("chain head --data-dir {dir}"))
}

/// Waits until the node at `dir` has imported `head` and is ready.
fn heals(home: &Home, dir: &str, head: &Value) {
    until("the node goes on", || {
        (home.json(&format!("chain head --data-dir {dir}")) == *head).then_some(())
    });
    until("the node is ready again", || {
        let command = format!("health --ready --data-dir {dir}");
        home.run(&command).status.success().then_some(())
    });
}

fn block(home: &Home, dir: &str, height: &Value) -> Value {
    home.json(&format!("chain show {height} --data-dir {dir}"))
}

#[test]
fn a_disk_that_fills_while_syncing_stops_the_sync_until_there_is_room() {
    let Some((home, disk)) = home() else { return };
    // 30 MB of blocks; the ballast leaves room for some of them.
    home.json("chain mine --count 300 --txs 10 --tx-bytes 10000 --data-dir a");
    let ballast = disk.path("ballast");
    fs::write(&ballast, vec![7; 36 << 20]).expect("there is room");
    let a = home.node("--data-dir a");
    let whole = home.json("chain head --data-dir a");
    let b = home.node(&format!("--data-dir disk/b --bootstrap {}", a.host_port()));

    let stuck = says_it_is_full(&home, &b, "disk/b");
    let height = stuck["height"].as_u64().expect("a height");
    assert!((1..300).contains(&height), "{stuck}");
    assert_eq!(
        block(&home, "disk/b", &stuck["height"])["hash"],
        stuck["hash"]
    );
    assert_eq!(
        block(&home, "a", &stuck["height"])["hash"],
        stuck["hash"],
        "what it has is right"
    );

    fs::remove_file(ballast).expect("there");
    heals(&home, "disk/b", &whole);
    assert_eq!(
        block(&home, "disk/b", &stuck["height"])["hash"],
        stuck["hash"]
    );
    assert_eq!(b.terminate(), Some(0));
    assert_eq!(home.json("chain verify --data-dir disk/b")["bodies"], 300);
}

#[test]
fn a_full_disk_refuses_to_mine_and_loses_nothing_that_was_mined() {
    const MINE: &str = "chain mine --count 200 --txs 5 --tx-bytes 5000 --data-dir disk/b";
    let Some((home, disk)) = home() else { return };
    let b = home.node("--data-dir disk/b");
    let mined = home.json("chain mine --count 20 --data-dir disk/b")["head"].clone();
    let ballast = disk.fill();

    let error = home.fails(MINE, 1, "disk_full");
    let hint = error["hint"].as_str().expect("a hint");
    assert!(hint.contains("free some space"), "{error}");
    assert_eq!(says_it_is_full(&home, &b, "disk/b"), mined);

    // Not even a kill loses what was acknowledged, and a full disk can be read and started on.
    signal(&b.child, "KILL");
    drop(b);
    assert_eq!(home.json("chain head --data-dir disk/b"), mined);
    home.fails(MINE, 1, "disk_full");
    let b = home.node("--data-dir disk/b");
    assert_eq!(home.json("chain head --data-dir disk/b"), mined);
    home.fails(MINE, 1, "disk_full");

    fs::remove_file(ballast).expect("there");
    until("the node is ready again", || {
        let command = "health --ready --data-dir disk/b";
        home.run(command).status.success().then_some(())
    });
    let more = home.json(MINE);
    assert_eq!(
        block(&home, "disk/b", &mined["height"])["hash"],
        mined["hash"]
    );
    assert_eq!(b.terminate(), Some(0));
    let verified = home.json("chain verify --data-dir disk/b");
    assert_eq!(verified["head"], more["head"]);
}

#[test]
fn a_first_start_on_a_full_disk_says_so_and_leaves_no_half_key() {
    let Some((home, disk)) = home() else { return };
    let ballast = disk.fill();
    let listen = "listen --data-dir disk/new --listen 127.0.0.1:0 --metrics off";
    home.fails(listen, 1, "disk_full");
    assert!(!Path::new(&disk.path("new/identity.key")).exists());
    fs::remove_file(ballast).expect("there");
    assert_eq!(home.node("--data-dir disk/new").terminate(), Some(0));
}
