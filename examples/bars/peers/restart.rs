//! A node that is started again and knows ten thousand others.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use animica_p2p::{
    Multiaddr, PeerId,
    chain::Genesis,
    clock::{Clock as _, Now, Rng, SystemClock},
    crypto::sign::SigAlg,
    identity::{NodeIdentity, NodeRecord, RecordFields},
    ids::ChainId,
    node::{
        self, Handle, Node,
        config::{Address, Config},
    },
    peers::{
        PeerStore as _,
        book::{Book, BookConfig, MAX_ANCHORS, Origin, Retry, Scope, Source},
    },
    storage::{DataDir, Options, Store},
};
use rand::{RngExt as _, SeedableRng as _};

use super::{GROUP, exchange, peer};
use crate::{
    Effort,
    process::{Process, runtime, start},
    report::{Good, Report, median, spread},
};

/// Peers in the book.
const KNOWN: usize = 10_000;

/// Of these, how many were reached before.
const TRIED: u64 = 2_000;

/// One of so many has a node record.
const WITH_RECORD: u64 = 10;

/// Groups of those who told of them.
const SOURCES: u64 = 400;

/// Starts a node several times on the same directory.
pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let runtime = runtime();
    let anchors: Vec<Handle> = runtime.block_on(async {
        let mut anchors = Vec::new();
        for _ in 0..MAX_ANCHORS {
            let any = "/ip4/127.0.0.1/tcp/0".parse().expect("valid");
            anchors.push(start(Node::builder().listen(any)).await);
        }
        anchors
    });
    let dir = tempfile::tempdir().expect("a directory");
    write(dir.path(), &anchors);
    let path = dir.path().to_str().expect("a readable path");
    let (mut ready, mut first, mut known) = (Vec::new(), Vec::new(), usize::MAX);
    for _ in 0..effort.rounds {
        let node = Process::start(["peers", "restart", path, &wall_ms().to_string()]);
        let number = |at: usize| node.said[at].parse::<f64>().expect("a number");
        ready.push(number(0));
        first.push(number(1));
        known = known.min(number(2) as usize);
    }
    report.add(
        GROUP,
        "restart with 10 000 known addresses, ready",
        median(ready.clone()),
        "s",
        Good::AtMost,
        (2.0, 1.0),
        format!("{known} known at the least; {}", spread(&ready)),
    );
    report.add(
        GROUP,
        "first anchor connected, after that",
        median(first.clone()),
        "s",
        Good::AtMost,
        (1.0, 0.5),
        spread(&first),
    );
    runtime.block_on(async {
        for anchor in &anchors {
            anchor.shutdown().await;
        }
    });
}

/// The node as `animica-p2p listen` opens it. Prints the seconds from the start of the process until
/// it was ready, from then until an anchor was connected, and how many peers it knows.
pub(crate) async fn child(dir: &str, began_ms: &str) -> Vec<Handle> {
    let config = Config {
        data_dir: Some(dir.into()),
        listen: vec![listen()],
        metrics: "off".to_owned(),
        ..Config::default()
    };
    let opened = node::open(&config, false, None).expect("opens");
    let node = opened.builder.start().await.expect("starts");
    while !node.readiness().await.expect("runs").ready {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (ready, began) = (Instant::now(), began_ms.parse::<f64>().expect("a number"));
    let until_ready = (wall_ms() as f64 - began) / 1e3;
    // Nobody else can be reached.
    let accepted = |node: &Handle| {
        let node = node.clone();
        async move {
            let peers = node.peers().await.expect("runs");
            peers.iter().any(|p| p.agent.is_some())
        }
    };
    while !accepted(&node).await {
        assert!(ready.elapsed() < Duration::from_secs(30), "no anchor");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let until_anchor = ready.elapsed().as_secs_f64();
    let known = node.discovery().await.expect("runs").known;
    println!("{until_ready} {until_anchor} {known}");
    vec![node]
}

fn listen() -> Address {
    "/ip4/127.0.0.1/tcp/0".parse().expect("valid")
}

fn wall_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(now.expect("after 1970").as_millis()).expect("fits")
}

/// Writes the book: told from many groups, a fifth reached before. Of those only the anchors are
/// there; at the other addresses of this machine nobody listens.
fn write(dir: &Path, anchors: &[Handle]) {
    let genesis = Genesis::of_chain(ChainId::DEVNET).expect("a preset");
    let data = DataDir::open(dir).expect("a directory of ours");
    let store = Store::open(data, &genesis, &Options::default()).expect("a store of ours");
    let mut rng = Rng::seed_from_u64(1);
    let now = SystemClock.now();
    let config = BookConfig {
        me: peer(u64::MAX),
        chain: ChainId::DEVNET,
        genesis: genesis.hash(),
        scope: Scope::Any,
        retry: Retry::default(),
    };
    let mut book = Book::new(config, rng.random(), now);
    let mut n = 0;
    while book.len() < KNOWN {
        let origin = exchange(rng.random_range(0..SOURCES));
        let at: Multiaddr = format!(
            "/ip4/127.{}.{}.{}/tcp/1",
            1 + n / 62_500,
            n / 250 % 250,
            1 + n % 250
        )
        .parse()
        .expect("an address");
        let peer = if n % WITH_RECORD == 0 {
            with_record(&mut book, &genesis, &at, origin, now)
        } else {
            let peer = peer(n);
            book.learn(peer, std::slice::from_ref(&at), origin, now);
            peer
        };
        if n < TRIED {
            book.succeeded(&peer, &at, now);
        }
        n += 1;
    }
    let best: Vec<PeerId> = anchors.iter().map(Handle::peer_id).collect();
    for anchor in anchors {
        let (peer, at) = (anchor.peer_id(), &anchor.addresses()[0]);
        let origin = Origin::remote(Source::Identify, at);
        book.learn(peer, std::slice::from_ref(at), origin, now);
        book.succeeded(&peer, at, now);
    }
    book.set_anchors(&best);
    let changes = book.take_changes();
    store.peers().commit(&changes).expect("is written");
    drop(Arc::clone(store.peers()));
}

/// A peer that signed where it is.
fn with_record(
    book: &mut Book,
    genesis: &Genesis,
    at: &Multiaddr,
    origin: Origin,
    now: Now,
) -> PeerId {
    let identity = NodeIdentity::generate(SigAlg::MlDsa65).expect("a key");
    let fields = RecordFields {
        chain_id: ChainId::DEVNET,
        genesis: genesis.hash(),
        seq: 1,
        created_ms: now.wall_ms,
        ttl_ms: 24 * 3600 * 1000,
        addresses: vec![at.clone()],
    };
    let record = NodeRecord::sign(&identity, &fields).expect("a record");
    // Without room it is one peer less, and another one comes.
    let _ = book.insert_record(&record, origin, now);
    identity.peer_id()
}
