//! Many nodes that know one address.

use std::time::Instant;

use animica_p2p::{clock::Rng, node::Handle};
use futures::future::join_all;
use rand::{SeedableRng as _, seq::SliceRandom as _};

use super::{graph, is_one, looking, plan, until};
use crate::support::{address, start};

const NODES: usize = 50;

/// For whoever wants the figures: `ANIMICA_P2P_SHOW_TIMES=1 cargo test … -- --nocapture`.
#[allow(clippy::print_stderr)]
fn took(what: &str, since: Instant) {
    if std::env::var_os("ANIMICA_P2P_SHOW_TIMES").is_some() {
        eprintln!("{what}: {:?}", since.elapsed());
    }
}

/// Waits until each of `nodes` has what it wants, and all are one network.
async fn lines_up(nodes: &[Handle]) {
    until("everybody has the peers it wants", async || {
        let reports = join_all(nodes.iter().map(Handle::discovery)).await;
        for report in reports {
            let report = report.expect("runs");
            let total = report.inbound + report.outbound;
            assert!(total <= report.max_peers, "{report:?}");
            if total < plan().target_peers {
                return None;
            }
        }
        is_one(&graph(nodes).await).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_nodes_line_up_from_one_address_and_recover_from_the_loss_of_twenty() {
    let begun = Instant::now();
    let first = start(looking(&[])).await;
    let others = (1..NODES).map(|_| start(looking(&[&first])));
    let mut nodes: Vec<_> = join_all(others).await;
    nodes.push(first);
    took("started", begun);
    lines_up(&nodes).await;
    took("lined up", begun);
    for (peer, others) in graph(&nodes).await {
        assert!(others.len() <= plan().max_peers, "{peer}: {}", others.len());
    }

    nodes.shuffle(&mut Rng::seed_from_u64(4));
    let gone = nodes.split_off(NODES * 3 / 5);
    let begun = Instant::now();
    join_all(gone.iter().map(Handle::shutdown)).await;
    took("shut down", begun);
    let least = plan().min_peers;
    until("everybody has enough peers again", async || {
        let graph = graph(&nodes).await;
        let enough = graph.values().all(|others| others.len() >= least);
        (enough && is_one(&graph)).then_some(())
    })
    .await;
    took("recovered", begun);
}
