//! The engine of trust: how many events it takes, and what its trail of a million weighs.

use std::time::{Duration, Instant};

use animica_p2p::{
    PeerId,
    chain::Genesis,
    clock::{Clock as _, ManualClock},
    ids::ChainId,
    peers::{Change, PeerStore as _, Table},
    storage::{DataDir, Options, Store},
    trust::{Config, Engine, Event, Observation, TrustModel},
};

use super::{GROUP, peer};
use crate::{
    Effort,
    report::{Good, Report, median, spread},
};

/// A wall clock somewhere in 2026.
const WALL_MS: u64 = 1_790_000_000_000;

/// Events of the trail.
const TRAIL: u64 = 1_000_000;

/// Peers of whom they are: so many that few events of one come together in a line.
const PEERS: u64 = 10_000;

/// Measures both.
pub(crate) fn measure(effort: Effort, report: &mut Report) {
    for (peers, what) in [
        (1, "one peer"),
        (1_000, "1 000 peers"),
        (16_384, "16 384 peers"),
    ] {
        speed(effort, peers, what, report);
    }
    trail(report);
}

fn model(clock: &ManualClock) -> Box<dyn TrustModel> {
    let engine = Engine::new(Config::default(), peer(u64::MAX), clock.now());
    Box::new(engine.expect("the default figures"))
}

/// Events of peers in turn, whose records are in the cache or not.
fn speed(effort: Effort, count: u64, what: &str, report: &mut Report) {
    let clock = ManualClock::at_wall_ms(WALL_MS);
    let events = effort.of(20_000_000);
    let mut rates = Vec::new();
    for _ in 0..effort.rounds {
        let mut model = model(&clock);
        let peers: Vec<PeerId> = (0..count).map(peer).collect();
        let now = clock.now();
        for peer in &peers {
            model.observe(peer, &Observation::of(Event::Connected), now);
        }
        let seen = Observation::of(Event::ValidMessage);
        let begin = Instant::now();
        for peer in peers.iter().cycle().take(events) {
            std::hint::black_box(model.observe(peer, &seen, now));
        }
        rates.push(events as f64 / begin.elapsed().as_secs_f64() / 1e6);
    }
    report.add(
        GROUP,
        format!("trust, events of {what}"),
        median(rates.clone()),
        "M/s",
        Good::AtLeast,
        (5.0, 10.0),
        spread(&rates),
    );
}

/// A million events, none like the one before, so that each is a line of its own; written to a real
/// store every five seconds, as a node does.
fn trail(report: &mut Report) {
    let dir = tempfile::tempdir().expect("a directory");
    let genesis = Genesis::of_chain(ChainId::DEVNET).expect("a preset");
    let data = DataDir::open(dir.path()).expect("a directory of ours");
    let store = Store::open(data, &genesis, &Options::default()).expect("a store of ours");
    let (clock, config) = (ManualClock::at_wall_ms(WALL_MS), Config::default());
    let mut model = model(&clock);
    let peers: Vec<PeerId> = (0..PEERS).map(peer).collect();
    let kinds = [
        Event::ValidMessage,
        Event::PingTimeout,
        Event::InvalidMessage,
    ];
    let (mut bytes, mut rows, mut disk, mut lines) = (0, 0, 0, 0_u64);
    let begin = Instant::now();
    for n in 0..TRAIL {
        let peer = &peers[(n % PEERS) as usize];
        let event = kinds[(n / PEERS % 3) as usize];
        let evidence = format!("number {n}");
        let seen = Observation::of(event).because(&evidence).on_healthy_link();
        model.observe(peer, &seen, clock.now());
        clock.advance(Duration::from_millis(1));
        if n % 5_000 == 4_999 {
            let last = n + 1 == TRAIL;
            let taken = model.take_rows(last, clock.now());
            (bytes, rows) = (
                bytes.max(taken.stats.audit_bytes),
                rows.max(taken.stats.audit_rows),
            );
            lines += taken.audit.len() as u64;
            assert_eq!(taken.stats.audit_lost, 0, "lines are lost");
            let new = taken.audit.iter();
            let new = new.map(|row| Change::put(Table::TrustEvents, row.key(), &*row.bytes));
            let old = taken.expired_keys();
            let old = old.map(|key| Change::remove(Table::TrustEvents, key));
            let changes: Vec<Change> = new.chain(old).collect();
            store.peers().commit(&changes).expect("is written");
            disk = disk.max(store.peers().disk_bytes());
        }
    }
    let kept = store.peers().load(Table::TrustEvents).expect("reads");
    assert!(kept.len() as u64 <= config.audit_max_rows);
    report.add(
        GROUP,
        "audit trail of 1 000 000 events, of its limit",
        bytes as f64 / config.audit_max_bytes as f64 * 100.0,
        "%",
        Good::AtMost,
        (100.0, 100.0),
        format!(
            "{lines} lines written, most kept {rows} of {}; {:.1} MiB on disk, {:.1} s",
            config.audit_max_rows,
            disk as f64 / f64::from(1 << 20),
            begin.elapsed().as_secs_f64()
        ),
    );
}
