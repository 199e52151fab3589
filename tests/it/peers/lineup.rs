//! Many nodes that know one address.

use std::{collections::HashSet, time::Instant};

use animica_p2p::{
    clock::Rng,
    network::exchange::Lane,
    node::{Handle, PeeringConfig},
    peers::slots,
    wire::{GetPeers, Message},
};
use futures::future::join_all;
use rand::{SeedableRng as _, seq::SliceRandom as _};

use super::{graph, is_one, looking, open, peers, plan, start_all, took, until};
use crate::support::{
    address, assert_nobody_blamed, on_loopback,
    puppet::{Puppet, silent},
    soon, start,
};

const NODES: usize = 50;

/// Waits until each of `nodes` has as many peers as it wants, and all are one network. None ever
/// has more than it may.
async fn lines_up(nodes: &[Handle]) {
    until("everybody has the peers it wants", async || {
        let reports = join_all(nodes.iter().map(Handle::discovery)).await;
        let mut enough = true;
        for report in reports {
            let report = report.expect("runs");
            let total = report.inbound + report.outbound;
            assert!(total <= report.max_peers, "{report:?}");
            enough &= total >= plan().target_peers;
        }
        (enough && is_one(&graph(nodes).await)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_nodes_line_up_from_one_address_and_recover_from_the_loss_of_twenty() {
    let begun = Instant::now();
    let mut nodes = start_all(NODES, &[], open).await;
    lines_up(&nodes).await;
    took("line-up of fifty", begun);
    for (peer, others) in graph(&nodes).await {
        assert!(others.len() <= plan().max_peers, "{peer}: {}", others.len());
    }

    nodes.shuffle(&mut Rng::seed_from_u64(4));
    let gone = nodes.split_off(NODES * 3 / 5);
    join_all(gone.iter().map(Handle::shutdown)).await;
    let begun = Instant::now();
    let least = plan().min_peers;
    until("everybody has enough peers again", async || {
        let graph = graph(&nodes).await;
        let enough = graph.values().all(|others| others.len() >= least);
        (enough && is_one(&graph)).then_some(())
    })
    .await;
    took("recovery of thirty", begun);
    assert_nobody_blamed(&nodes.iter().collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_node_tells_newcomers_of_each_other() {
    let full = PeeringConfig {
        plan: slots::Config::of_max(4),
        ..open()
    };
    let first = start(looking(&[]).peering(full)).await;
    let newcomers = join_all((0..10).map(|_| start(looking(&[&first])))).await;
    until("the newcomers have each other", async || {
        let mut graph = graph(&newcomers).await;
        graph.retain(|peer, _| *peer != first.peer_id());
        let enough = |others: &HashSet<_>| others.len() >= plan().min_peers;
        (graph.values().all(enough) && is_one(&graph)).then_some(())
    })
    .await;
    assert!(peers(&first).await.len() <= 4);
    assert_nobody_blamed(&newcomers.iter().chain([&first]).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_place_may_ask_where_else_to_go() {
    let nobody = PeeringConfig {
        plan: slots::Config {
            max_inbound: 0,
            surplus: 0,
            ..plan()
        },
        ..open()
    };
    let node = start(looking(&[]).peering(nobody)).await;
    let friend = start(on_loopback().peering(open())).await;
    soon("it dials", node.connect(address(&friend)))
        .await
        .expect("accepted");
    let newcomer = Puppet::new(silent).await;
    newcomer.dials(&node).await;
    let records = until("it is answered", async || {
        let ask = Message::GetPeers(GetPeers { max: 32 });
        match newcomer.asks(Lane::Peers, node.peer_id(), ask).await {
            Ok(Message::Peers(peers)) => Some(peers.records.len()),
            _ => None,
        }
    })
    .await;
    assert!(records >= 1, "at least its own");
    assert_eq!(peers(&node).await, HashSet::from([friend.peer_id()]));
    until("it has gone", async || {
        let rows = node.peers().await.expect("runs");
        (rows.len() == 1).then_some(())
    })
    .await;
}
