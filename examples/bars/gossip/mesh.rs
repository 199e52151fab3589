//! Nodes in one process, each connected to each, and messages between them.

use std::time::{Duration, Instant};

use animica_p2p::{
    gossip::{app::Delivery, buckets},
    node::{Handle, Limits, Node},
};
use futures::{StreamExt as _, future::join_all, stream};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{cpu, process::start};

/// What the messages are about.
const TOPIC: &str = "bars";

/// How long they live: longer than any measurement.
const LIFE: Duration = Duration::from_secs(600);

/// Requests of the application that one node has in flight.
const IN_FLIGHT: usize = 64;

/// With no delivery for so long, what is missing does not come.
const SILENCE: Duration = Duration::from_secs(3);

/// Nodes, connected in pairs.
pub(crate) struct Mesh {
    pub(crate) nodes: Vec<Handle>,
}

/// What became of messages that one node published at once.
pub(crate) struct Burst {
    /// Deliveries per second, from the first publication to the last delivery.
    pub(crate) rate: f64,
    /// Deliveries in percent of those due.
    pub(crate) delivered: f64,
    /// Processor time of all nodes for a delivery, in µs.
    pub(crate) cpu_us: f64,
}

/// Limits of a node whose buckets are `gossip`.
pub(crate) fn limits(gossip: buckets::Limits) -> Limits {
    Limits {
        gossip,
        ..Limits::default()
    }
}

/// The buckets of application messages, for the detail column.
pub(crate) fn said(gossip: &buckets::Limits) -> String {
    let app = gossip.app;
    if app.messages.per_second == u32::MAX {
        return "buckets off".to_owned();
    }
    format!(
        "buckets {}/s {} KiB/s a peer, x{} an address, x{} all",
        app.messages.per_second,
        app.bytes.per_second / 1024,
        gossip.address_factor,
        gossip.global_factor
    )
}

impl Mesh {
    /// `n` nodes with these buckets, each in the meshes of some others.
    pub(crate) async fn start(n: usize, gossip: buckets::Limits) -> Self {
        let mut nodes: Vec<Handle> = Vec::new();
        for _ in 0..n {
            let any = "/ip4/127.0.0.1/tcp/0".parse().expect("valid");
            let node = start(Node::builder().listen(any).limits(limits(gossip))).await;
            for other in &nodes {
                connect(&node, other).await;
            }
            nodes.push(node);
        }
        for node in &nodes {
            formed(node, n - 1).await;
        }
        Self { nodes }
    }

    /// One inbox for every node.
    pub(crate) fn inboxes(&self) -> Vec<Receiver<Delivery>> {
        self.nodes.iter().map(Handle::deliveries).collect()
    }

    /// Node 0 publishes `count` messages of `len` bytes at once, and again when all are there.
    pub(crate) async fn bursts(
        &self,
        signed: bool,
        times: usize,
        count: usize,
        len: usize,
    ) -> Burst {
        let (mut deliveries, mut took) = (0, 0.0);
        let used = cpu::time("self");
        for _ in 0..times {
            let (received, seconds) = self.burst(signed, count, len).await;
            deliveries += received;
            took += seconds;
        }
        let used = cpu::time("self") - used;
        let due = times * count * (self.nodes.len() - 1);
        Burst {
            cpu_us: used.as_secs_f64() * 1e6 / (deliveries as f64).max(1.0),
            rate: deliveries as f64 / took,
            delivered: deliveries as f64 / due as f64 * 100.0,
        }
    }

    /// Deliveries of one burst, and seconds from the first publication to the last of them.
    async fn burst(&self, signed: bool, count: usize, len: usize) -> (usize, f64) {
        let inboxes = self.inboxes().into_iter().skip(1);
        let readers: Vec<_> = inboxes
            .map(|inbox| tokio::spawn(count_all(inbox, count)))
            .collect();
        let begin = Instant::now();
        stream::iter(0..count)
            .map(|number| publish(&self.nodes[0], signed, number, len))
            .buffer_unordered(IN_FLIGHT)
            .for_each(|()| async {})
            .await;
        let (mut deliveries, mut last) = (0, begin);
        for reader in readers {
            let (received, at) = reader.await.expect("runs");
            deliveries += received;
            last = last.max(at.unwrap_or(begin));
        }
        (deliveries, (last - begin).as_secs_f64().max(1e-6))
    }

    /// Ends the nodes.
    pub(crate) async fn stop(self) {
        join_all(self.nodes.iter().map(Handle::shutdown)).await;
    }
}

/// Connects two nodes. A port that an earlier measurement used may be held by the system for a while
/// ("address already in use"), so this is tried more than once.
async fn connect(node: &Handle, other: &Handle) {
    let address = &other.addresses()[0];
    for _ in 0..20 {
        if node.connect(address.clone()).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    node.connect(address.clone()).await.expect("accepted");
}

/// Publishes message `number`, whose payload of `len` bytes begins with the number.
pub(crate) async fn publish(node: &Handle, signed: bool, number: usize, len: usize) {
    let mut payload = vec![7; len];
    payload[..8].copy_from_slice(&(number as u64).to_be_bytes());
    let published = if signed {
        node.broadcast(TOPIC, payload, LIFE).await
    } else {
        node.broadcast_unsigned(TOPIC, payload, LIFE).await
    };
    published.expect("within the limits");
}

/// The number of a message.
pub(crate) fn number(delivery: &Delivery) -> usize {
    let first = delivery.payload[..8].try_into().expect("eight bytes");
    u64::from_be_bytes(first) as usize
}

/// Deliveries until `count` are there, and when the last came.
async fn count_all(mut inbox: Receiver<Delivery>, count: usize) -> (usize, Option<Instant>) {
    let (mut received, mut last) = (0, None);
    while received < count {
        match tokio::time::timeout(SILENCE, inbox.recv()).await {
            Ok(Ok(_)) => {
                received += 1;
                last = Some(Instant::now());
            }
            // Lost to this subscriber, so not delivered.
            Ok(Err(RecvError::Lagged(_))) => {}
            Ok(Err(RecvError::Closed)) | Err(_) => break,
        }
    }
    (received, last)
}

/// Waits until all `peers` listen to `node` and some are in its meshes.
pub(crate) async fn formed(node: &Handle, peers: usize) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let meshes = node.meshes().await.expect("runs");
        let whole = meshes
            .iter()
            .all(|m| m.listeners == peers && m.mesh.len() >= peers.min(4));
        if whole {
            return;
        }
        assert!(Instant::now() < deadline, "no mesh: {meshes:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
