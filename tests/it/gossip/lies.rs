//! Peers that announce one thing and show another.

use animica_p2p::{
    cbor::Writer,
    chain::{Blob, Block, HashShare, ProofEnvelope, ProofType, nmt::Namespace, object_id},
    event::NodeEvent,
    gossip::compact::{self, SHORT_ID_LEN, ShortIds},
    ids::Hash32,
    network::exchange::Answer,
    offence::Offence,
    registry::Topic,
    wire::{DaProof, Message, Sketch, SketchPart, SketchQuery, Symbol, Txs},
};
use bytes::Bytes;

use super::{
    made,
    puppet::{Puppet, genesis, silent},
    scene::{Scene, counted, has_listeners, ignored},
    withheld::is_asked,
};
use crate::support::{address, event, on_loopback, reaches, soon, start};

/// An announce of `block` that says `counts` of transactions, proofs and bytes.
fn announce(block: &Block, counts: [usize; 3], short_ids: &[u8]) -> Vec<u8> {
    let mut w = Writer::new();
    w.map(5).uint(0).bytes(&block.header.encode());
    w.uint(1).uint(SALT);
    w.uint(2).array(3);
    for count in counts {
        w.uint(count as u64);
    }
    w.uint(3).bytes(short_ids);
    w.uint(4).array(0);
    w.finish()
}

const SALT: u64 = 5;

fn short_ids(block: &Block) -> Vec<u8> {
    let keys = ShortIds::new(&Bytes::from(block.header.encode()), SALT);
    let ids = block.txs.iter().map(|tx| keys.of(&object_id(tx)));
    ids.flat_map(|id| id.to_bytes()).collect()
}

#[tokio::test]
async fn compact_blocks_whose_counts_lie_are_refused() {
    let mut scene = Scene::new().await;
    let block = made::block(vec![made::tx(1, 500).into(), made::tx(2, 500).into()]);
    let (ids, len) = (short_ids(&block), block.encoded_len());
    let honest = announce(&block, [2, 0, len], &ids);
    assert_eq!(honest, compact::build(&block, SALT, []).encode());
    let max = genesis().params().max_txs;
    for (lie, offence) in [
        (
            announce(&block, [3, 0, len], &ids),
            Offence::MalformedMessage,
        ),
        (
            announce(&block, [1, 0, len], &ids),
            Offence::MalformedMessage,
        ),
        (
            announce(&block, [2, 0, usize::MAX], &ids),
            Offence::MalformedMessage,
        ),
        (announce(&block, [2, 0, 0], &ids), Offence::MalformedMessage),
        (
            announce(&block, [max + 1, 0, len], &ids),
            Offence::MalformedMessage,
        ),
        (announce(&block, [0, 0, len], &[]), Offence::BodyMismatch),
        (
            announce(
                &block,
                [2, 1, len],
                &[ids.clone(), vec![1; SHORT_ID_LEN]].concat(),
            ),
            Offence::BodyMismatch,
        ),
    ] {
        scene.rejects(Topic::Blocks, lie, offence).await;
    }
    scene.is_unharmed().await;
}

#[tokio::test]
async fn wrong_transactions_for_an_announced_block_are_a_lie_and_the_next_announcer_has_it() {
    let mut scene = Scene::new().await;
    let block = made::block(vec![made::tx(1, 500).into()]);
    let liar = Puppet::new(|message| match message {
        Message::GetTx(request) => {
            let wrong = Bytes::from(made::tx(2, 500));
            let txs = request.indexes.iter().map(|_| wrong.clone()).collect();
            Some(Message::Tx(Txs { txs }).into())
        }
        _ => silent(message),
    })
    .await;
    liar.meets(&scene.node).await;
    let honest = announce(&block, [1, 0, block.encoded_len()], &short_ids(&block));
    liar.publish(Topic::Blocks, honest).await;
    scene.blames(liar.id, Offence::BodyMismatch).await;
    let honest = server(block.clone()).await;
    honest.meets(&scene.node).await;
    let again = compact::build(&block, SALT + 1, []).encode();
    honest.publish(Topic::Blocks, again.to_vec()).await;
    reaches(&scene.node, block.hash()).await;
    reaches(&scene.honest, block.hash()).await;
    scene.is_unharmed().await;
}

/// A peer that has `block`.
pub(super) async fn server(block: Block) -> Puppet {
    Puppet::new(move |message| match message {
        Message::GetTx(request) => {
            let txs = compact::serve(&block, request).expect("it is asked for what it has");
            Some(Message::Tx(txs).into())
        }
        _ => silent(message),
    })
    .await
}

#[tokio::test]
async fn repeated_announces_and_unknown_parents_are_nobodys_fault() {
    let mut scene = Scene::new().await;
    let blocks = made::chain(2).await;
    let peer = Puppet::beside(&scene.node).await;
    let orphan = compact::build(&blocks[1], 1, []).encode();
    peer.publish(Topic::Blocks, orphan.to_vec()).await;
    ignored(&scene.node, Topic::Blocks, "unknown_parent").await;
    for salt in 1..5 {
        let again = compact::build(&blocks[0], salt, []).encode();
        peer.publish(Topic::Blocks, again.to_vec()).await;
    }
    reaches(&scene.honest, blocks[0].hash()).await;
    counted(&scene.node, Topic::Blocks, |t| {
        (t.received, t.accepted) == (5, 1)
    })
    .await;
    scene.blames_nobody().await;
}

#[tokio::test]
async fn a_share_under_the_nullifier_of_another_does_not_keep_it_out() {
    let mut scene = Scene::new().await;
    let mine = made::header(|_| {}, Result::is_ok);
    let next = mine.nonce + 1;
    let other = made::header(|h| h.nonce = next, Result::is_ok);
    let (mine, other) = (HashShare::new(mine), HashShare::new(other));
    let squatted = ProofEnvelope {
        kind: ProofType::Hash,
        body: &other.encode(),
        nullifier: mine.nullifier(),
    };
    scene
        .rejects(
            Topic::SharesHash,
            squatted.encode(),
            Offence::ForgedNullifier,
        )
        .await;
    for share in [mine, other] {
        let published = scene.honest.publish_share(share.envelope()).await;
        published.expect("nobody has taken its place");
    }
    counted(&scene.node, Topic::SharesHash, |t| t.accepted == 2).await;
    scene.is_unharmed().await;
}

#[tokio::test]
async fn blob_proofs_that_do_not_verify_are_a_lie_and_the_blob_is_had_from_others() {
    let mut scene = Scene::new().await;
    let data = Bytes::from(vec![9; 5000]);
    let blob = Blob::new(Namespace(7), data.clone()).expect("a blob");
    let commitment = *blob.commitment();
    let liar = Puppet::new(move |message| match message {
        Message::DaGet(request) => {
            let mut samples = blob.samples(&request.indexes);
            let last = samples.last_mut().expect("asked for some");
            let mut leaf = last.leaf.to_vec();
            *leaf.last_mut().expect("not empty") ^= 1;
            last.leaf = leaf.into();
            Some(Message::DaProof(DaProof { samples }).into())
        }
        _ => silent(message),
    })
    .await;
    liar.meets(&scene.node).await;
    liar.publish(Topic::Blobs, commitment.encode()).await;
    scene.blames(liar.id, Offence::BadProof).await;
    let published = scene.honest.publish_blob(Namespace(7), data).await;
    assert_eq!(published.expect("a blob"), commitment);
    event(&mut scene.events, "the blob is available", |e| match e {
        NodeEvent::BlobJudged { root, available } => {
            (available && root == commitment.root).then_some(())
        }
        _ => None,
    })
    .await;
    scene.is_unharmed().await;
}

/// Sketches of a set that does not exist. `size` is what it claims.
fn garbage(size: u32) -> impl FnMut(&Message) -> Option<Answer> + Send + 'static {
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    move |message| {
        let Message::GetSketch(request) = message else {
            return silent(message);
        };
        let mut next = || {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            noise
        };
        let part = match &request.query {
            SketchQuery::Symbols { count, .. } => {
                let symbols = (0..*count).map(|_| Symbol {
                    keys: next(),
                    checks: (next() >> 32) as u32,
                    count: (next() >> 48) as u16,
                });
                SketchPart::Symbols(symbols.collect())
            }
            SketchQuery::Keys { from, count } => {
                let keys = (*from..size.min(from + count)).map(|n| u64::from(n) << 32);
                SketchPart::Keys(keys.map(animica_p2p::wire::ShortKey).collect())
            }
            SketchQuery::Ids(keys) => {
                let ids = keys.iter().map(|key| {
                    let mut id = [0; 32];
                    id[..8].copy_from_slice(&key.0.to_be_bytes());
                    Hash32(id)
                });
                SketchPart::Ids(ids.collect())
            }
        };
        Some(Message::Sketch(Sketch { size, tag: 1, part }).into())
    }
}

#[tokio::test]
async fn ids_that_no_sketch_asked_for_are_an_offence() {
    let mut scene = Scene::new().await;
    let liar = Puppet::new(garbage(500)).await;
    liar.meets(&scene.node).await;
    scene.blames(liar.id, Offence::UnsolicitedResponse).await;
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_sketch_that_never_decodes_is_given_up_and_others_still_converge() {
    let scene = Scene::new().await;
    let mut liar = Puppet::new(garbage(131_072)).await;
    liar.meets(&scene.node).await;
    is_asked(&mut liar, |m| matches!(m, Message::GetSketch(_))).await;
    let late = start(on_loopback()).await;
    let id = late.submit(&made::tx(1, 100)).expect("the pool has room");
    soon("connects", late.connect(address(&scene.node)))
        .await
        .expect("accepted");
    has_listeners(&scene.node, 3).await;
    let has_it = async {
        while scene.node.waiting_transactions() == 0 || scene.honest.waiting_transactions() == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("the transaction arrives", has_it).await;
    assert_eq!(scene.node.mempool().transactions, 1, "{id}");
    let mut asked = 1;
    while let Ok(message) = liar.asked.try_recv() {
        asked += usize::from(matches!(message, Message::GetSketch(_)));
    }
    assert!(asked <= 40, "{asked} requests for one sketch");
}
