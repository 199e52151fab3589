//! Where nodes say they are.

use animica_p2p::{
    node::{Handle, PeeringConfig, Scope},
    peers::reach,
};
use libp2p::Multiaddr;

use super::{meet, open, until};
use crate::support::{address, on_loopback, start};

const EVERYWHERE: &str = "/ip4/0.0.0.0/tcp/0";

fn at(text: &str) -> Multiaddr {
    text.parse().expect("an address")
}

/// Where `node` listens on loopback.
fn on_this_machine(node: &Handle) -> Multiaddr {
    let local = node.addresses().into_iter();
    let mut local = local.filter(|a| a.to_string().starts_with("/ip4/127."));
    local.next().expect("loopback is an interface")
}

async fn announced(node: &Handle) -> Vec<String> {
    node.discovery().await.expect("runs").announced
}

/// The addresses at which `node` knows `of`, once it knows any or its record.
async fn known(node: &Handle, of: &Handle) -> Vec<String> {
    let id = of.peer_id().to_string();
    until("its record came", async || {
        let rows = node.known_peers(100).await.expect("runs");
        let row = rows
            .into_iter()
            .find(|row| row.peer_id == id && row.record)?;
        Some(row.addresses.into_iter().map(|a| a.address).collect())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_listens_everywhere_says_where_and_never_nowhere() {
    let node = animica_p2p::node::Node::builder()
        .listen(at(EVERYWHERE))
        .peering(open());
    let node = start(node).await;
    let told = until("it says where it is", async || {
        Some(announced(&node).await).filter(|told| !told.is_empty())
    })
    .await;
    let peer = start(on_loopback().peering(open())).await;
    peer.connect(on_this_machine(&node))
        .await
        .expect("accepted");
    meet(&node, &peer).await;
    let seen = known(&peer, &node).await;
    let shown = node.addresses().into_iter().map(|a| a.to_string());
    for address in told.into_iter().chain(seen).chain(shown) {
        assert!(!address.contains("0.0.0.0"), "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_announces_takes_the_place_of_everything_else() {
    let place = "/dns4/node.example.org/tcp/41000";
    let node = on_loopback().peering(open()).announce(at(place));
    let node = start(node).await;
    assert_eq!(announced(&node).await, [place]);
    let peer = on_loopback().peering(open());
    let peer = start(peer.bootstrap(on_this_machine(&node))).await;
    meet(&node, &peer).await;
    let seen = known(&peer, &node).await;
    assert!(seen.iter().any(|a| a.starts_with(place)), "{seen:?}");
    assert!(node.addresses()[0].to_string().starts_with(place));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_public_network_private_addresses_are_not_told() {
    let public = || PeeringConfig {
        scope: Scope::Public,
        ..open()
    };
    let node = start(on_loopback().peering(public())).await;
    let peer = on_loopback().peering(public()).bootstrap(address(&node));
    let peer = start(peer).await;
    meet(&node, &peer).await;
    let third = on_loopback().peering(public()).bootstrap(address(&node));
    let third = start(third).await;
    meet(&node, &third).await;
    for one in [&node, &peer, &third] {
        assert_eq!(announced(one).await, Vec::<String>::new());
        // What a person had it dial is all that it has heard of.
        for row in one.known_peers(100).await.expect("runs") {
            assert_eq!(row.peer_id, node.peer_id().to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_counts_when_enough_peers_see_it() {
    let config = |confirmations| PeeringConfig {
        reach: reach::Config {
            confirmations,
            ..reach::Config::default()
        },
        ..open()
    };
    let node = start(on_loopback().peering(config(2))).await;
    let mut peers = Vec::new();
    for _ in 0..2 {
        let peer = start(on_loopback().peering(config(2))).await;
        node.connect(address(&peer)).await.expect("accepted");
        peers.push(peer);
    }
    let observed = until("both see it", async || {
        let observed = node.discovery().await.expect("runs").observed;
        observed
            .iter()
            .map(|o| o.peers)
            .sum::<usize>()
            .ge(&2)
            .then_some(observed)
    })
    .await;
    for seen in observed {
        assert_eq!(seen.confirmed, seen.peers >= 2, "{seen:?}");
    }
}
