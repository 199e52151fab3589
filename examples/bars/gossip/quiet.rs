//! What a node costs that has nothing to do, in a mesh of ten.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use animica_p2p::{
    Multiaddr,
    gossip::buckets,
    node::{Handle, Node},
};

use super::{
    GROUP,
    mesh::{Mesh, formed, said},
};
use crate::{
    Effort, cpu,
    process::{Process, runtime, start},
    report::{Good, Report},
};

/// Nodes beside the one that is watched.
const OTHERS: usize = 9;

pub(super) fn measure(effort: Effort, report: &mut Report) {
    let watched = Duration::from_secs(effort.of(30).max(6) as u64);
    let child = Process::start(["gossip", "quiet"]);
    let address: Multiaddr = child.said[0].parse().expect("an address");
    let share = runtime().block_on(async {
        let mesh = Mesh::start(OTHERS, buckets::Limits::default()).await;
        for node in &mesh.nodes {
            node.connect(address.clone()).await.expect("accepted");
        }
        for node in &mesh.nodes {
            formed(node, OTHERS).await;
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        let (begin, used) = (Instant::now(), cpu::time(&child.pid()));
        tokio::time::sleep(watched).await;
        let used = cpu::time(&child.pid()) - used;
        let share = used.as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0;
        mesh.stop().await;
        share
    });
    report.add(
        GROUP,
        "idle node in a mesh of 10",
        share,
        "% core",
        Good::AtMost,
        (1.0, 0.3),
        format!(
            "over {} s, {}",
            watched.as_secs(),
            said(&buckets::Limits::default())
        ),
    );
}

/// The child: a node that waits.
pub(super) async fn rest() -> Vec<Handle> {
    let any = "/ip4/127.0.0.1/tcp/0".parse().expect("valid");
    let node = start(Node::builder().listen(any)).await;
    println!("{}", node.addresses()[0]);
    std::io::stdout().flush().expect("a pipe");
    vec![node]
}
