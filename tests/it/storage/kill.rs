//! kill -9 at any moment: what was acknowledged is there, and nothing by half.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use animica_p2p::chain::ChainStore;

use super::{check, extend, open};

/// Names the data directory in the environment of the process that will be killed.
const DIR: &str = "ANIMICA_TEST_STORE";

/// Kills, unless the time runs out first.
const KILLS: u32 = 40;

/// Longest the test may take before it stops killing.
const BUDGET: Duration = Duration::from_secs(8);

/// Commits until it is killed, saying how high it came after each commit.
#[test]
fn child() {
    let Some(dir) = env::var_os(DIR) else {
        return; // run as a test of its own, it has nothing to do
    };
    let store = open(Path::new(&dir)).unwrap();
    let mut out = std::io::stdout().lock();
    writeln!(out).unwrap();
    for round in 0_usize.. {
        let tips = store.chain().tips();
        let height = tips.blocks.height.0;
        store.state().put("test", b"height", &height).unwrap();
        let tips = store
            .chain()
            .commit(extend(&tips.blocks, 1 + round % 9))
            .unwrap();
        writeln!(out, "ack {}", tips.blocks.height.0).unwrap();
        out.flush().unwrap();
    }
}

fn spawn(dir: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "storage::kill::child", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads acknowledgements until `count` have come; the last one.
fn read_acks(out: &mut impl BufRead, count: u32, acked: &mut u64) {
    let mut line = String::new();
    let mut seen = 0;
    while seen < count {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "the child ended");
        if let Some(height) = line.strip_prefix("ack ") {
            *acked = height.trim().parse().unwrap();
            seen += 1;
        }
    }
}

/// Reads what was acknowledged between the last look and the kill.
fn drain_acks(out: &mut impl BufRead, acked: &mut u64) {
    let mut rest = Vec::new();
    out.read_to_end(&mut rest).unwrap();
    // The last line may have been cut by the kill.
    let whole = rest
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    for line in String::from_utf8_lossy(&rest[..whole]).lines() {
        if let Some(height) = line.strip_prefix("ack ") {
            *acked = height.parse().unwrap();
        }
    }
}

#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let (mut acked, mut checked, mut kills) = (0, 0, 0);
    while kills < KILLS && started.elapsed() < BUDGET {
        let mut child = spawn(dir.path());
        let mut out = BufReader::new(child.stdout.take().unwrap());
        // Now and then before the first commit, while the store is being opened.
        read_acks(&mut out, (kills * 7) % 23, &mut acked);
        child.kill().unwrap();
        child.wait().unwrap();
        drain_acks(&mut out, &mut acked);

        let store = open(dir.path()).unwrap();
        let tips = store.chain().tips();
        let head = tips.blocks.height.0;
        assert!(head >= acked, "{acked} was acknowledged, {head} is there");
        assert!(head <= acked + 9, "more than one commit was in flight");
        assert_eq!(tips.headers, tips.blocks);
        if acked > 0 {
            // It is written before each commit, so it is behind by one commit at most.
            let noted = store.state().get::<u64>("test", b"height").unwrap();
            assert!(
                noted.is_some_and(|n| n + 9 >= acked && n <= head),
                "{noted:?} with {acked}"
            );
        }
        check(&store, checked..=head);
        checked = head;
        kills += 1;
    }
    assert!(kills >= 10, "only {kills} kills in {BUDGET:?}");
    check(&open(dir.path()).unwrap(), 0..=checked);
}
