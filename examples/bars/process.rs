//! A node in a process of its own, so that memory and processor time are those of one side.
//!
//! The program starts itself again: `serve DIR [FAULT…]`, `fetch DIR HEIGHT HONEST [BAD…]`, `idle`,
//! `gossip PART…`, `peers PART…`.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use animica_p2p::{
    Multiaddr,
    chain::{ChainStore, Genesis},
    ids::{ChainId, Height},
    node::{Builder, Handle, Node},
    storage::{DataDir, Options, RedbStore, Store},
};
use futures::future::join_all;

use crate::{
    faults::{self, Fault, Faulty},
    gossip, peers,
};

/// A child and what it said.
pub(crate) struct Process {
    child: Child,
    /// The words of its first line.
    pub(crate) said: Vec<String>,
}

impl Process {
    /// Starts a child and waits for its first line.
    ///
    /// # Panics
    /// On anything unexpected, as everything here: it is a measurement.
    pub(crate) fn start<'a>(args: impl IntoIterator<Item = &'a str>) -> Self {
        let me = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(me)
            .arg("--child")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts itself");
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("piped");
        BufReader::new(out).read_line(&mut line).expect("a pipe");
        assert!(!line.is_empty(), "the child failed, and said why above");
        let said = line.split_whitespace().map(str::to_owned).collect();
        Self { child, said }
    }

    /// Its id.
    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The child: runs nodes until the parent closes its input.
pub(crate) fn run(args: &[&str]) {
    let runtime = runtime();
    let stalled = faults::hold_stalled();
    let nodes = runtime.block_on(async {
        match args {
            ["serve", dir, faults @ ..] => serve(Path::new(dir), faults).await,
            ["fetch", dir, height, honest, bad @ ..] => {
                let height = Height(height.parse().expect("a height"));
                vec![fetch(Path::new(dir), height, honest, bad).await]
            }
            ["idle"] => {
                let node = start(on_loopback()).await;
                println!("{}", node.addresses()[0]);
                vec![node]
            }
            ["gossip", part @ ..] => gossip::child(part).await,
            ["peers", part @ ..] => peers::child(part).await,
            other => panic!("no such child: {other:?}"),
        }
    });
    let _ = std::io::stdin().lines().next();
    drop(stalled);
    runtime.block_on(join_all(nodes.iter().map(Handle::shutdown)));
}

/// A runtime as the binary has it.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// The durable store in `dir`.
pub(crate) fn durable(dir: &Path) -> Arc<RedbStore> {
    let genesis = Genesis::of_chain(ChainId::DEVNET).expect("a preset");
    let dir = DataDir::open(dir).expect("a directory of ours");
    let store = Store::open(dir, &genesis, &Options::default()).expect("a store of ours");
    Arc::clone(store.chain())
}

/// Starts a node.
pub(crate) async fn start(builder: Builder) -> Handle {
    builder.start().await.expect("starts")
}

fn on_loopback() -> Builder {
    Node::builder().listen("/ip4/127.0.0.1/tcp/0".parse().expect("valid"))
}

/// An honest node on the store in `dir`, and beside it one for every fault, all real nodes with
/// identities and listeners of their own. Prints their addresses.
async fn serve(dir: &Path, faults: &[&str]) -> Vec<Handle> {
    let honest = durable(dir);
    let faulty = |name: &&str| -> Arc<dyn ChainStore> {
        Arc::new(Faulty::new(Arc::clone(&honest), Fault::of(name)))
    };
    let stores = [Arc::clone(&honest) as _]
        .into_iter()
        .chain(faults.iter().map(faulty));
    let nodes = join_all(stores.map(|store| start(on_loopback().store(store)))).await;
    let addresses: Vec<String> = nodes.iter().map(|n| n.addresses()[0].to_string()).collect();
    println!("{}", addresses.join(" "));
    nodes
}

/// Syncs a fresh node up to `height` and prints the seconds until it had the headers, and all of
/// it. The first of the bad peers is a liar and must be found out; nobody else may be blamed.
async fn fetch(dir: &Path, height: Height, honest: &str, bad: &[&str]) -> Handle {
    let node = start(Node::builder().store(durable(dir))).await;
    let begin = Instant::now();
    for address in bad.iter().chain([&honest]) {
        let address: Multiaddr = address.parse().expect("an address");
        node.connect(address).await.expect("accepted");
    }
    let mut headers_at = None;
    while node.head().height < height {
        if headers_at.is_none() && node.store().tips().headers.height >= height {
            headers_at = Some(begin.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let all = begin.elapsed();
    judge(&node, honest, bad.first().copied()).await;
    let headers = headers_at.unwrap_or(all);
    println!("{} {}", headers.as_secs_f64(), all.as_secs_f64());
    node
}

async fn judge(node: &Handle, honest: &str, liar: Option<&str>) {
    let id = |address: &str| address.rsplit('/').next().map(str::to_owned);
    let bans = node.bans().await.expect("runs");
    let banned: Vec<String> = bans.iter().map(|ban| ban.subject.clone()).collect();
    assert_eq!(banned, Vec::from_iter(liar.and_then(id)), "{bans:?}");
    let peers = node.peers().await.expect("runs");
    // Nothing dials it again, so it is here only if it was never sent away.
    let connected = peers
        .iter()
        .any(|peer| Some(&peer.peer_id) == id(honest).as_ref());
    assert!(connected, "the honest peer is gone: {peers:?}");
}
