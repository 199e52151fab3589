//! What an idle node weighs.

use std::time::Duration;

use animica_p2p::{Multiaddr, node::Node};

use crate::{
    cpu,
    process::{Process, runtime, start},
    report::{Good, Report},
};

/// A node with ten peers and nothing to do.
pub(crate) fn measure(report: &mut Report) {
    let node = Process::start(["idle"]);
    let address: Multiaddr = node.said[0].parse().expect("an address");
    let resident = runtime().block_on(async {
        let mut peers = Vec::new();
        for _ in 0..10 {
            let peer = start(Node::builder()).await;
            peer.connect(address.clone()).await.expect("accepted");
            peers.push(peer);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        cpu::resident(&node.pid())
    });
    report.add(
        "node",
        "idle with 10 peers, resident",
        resident as f64 / 1e6,
        "MB",
        Good::AtMost,
        (30.0, 30.0),
        "store in memory",
    );
}
