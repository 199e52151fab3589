//! Blocks that are handed to a node before their parents.

use animica_p2p::chain::{ChainStore, Which};

use super::chains::{chain, devnet};
use crate::support::{on_loopback, reaches, start};

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_come_before_their_parents_are_kept_until_those_are_there() {
    let source = chain(9, 1, 1);
    let headers = source
        .headers(Which::Blocks, animica_p2p::ids::Height(1), 9)
        .expect("memory");
    let blocks: Vec<_> = headers
        .iter()
        .map(|h| source.body(&h.hash).expect("memory").expect("stored"))
        .collect();
    let node = start(on_loopback()).await;
    assert_eq!(node.head().hash, devnet().hash());
    for part in [&blocks[6..], &blocks[3..6]] {
        let refused = node.import(part.to_vec()).await;
        assert!(refused.is_err(), "its parent is unknown");
    }
    node.import(blocks[..3].to_vec())
        .await
        .expect("follows genesis");
    let tip = source.tips().blocks;
    reaches(&node, tip.hash).await;
}
