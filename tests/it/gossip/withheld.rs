//! Peers that announce and do not deliver: what they withhold comes from others.

use animica_p2p::{
    gossip::compact,
    ids::Hash32,
    offence::Offence,
    registry::{MAX_INV_ITEMS, Topic},
    wire::{GetData, Inv, Item, ItemKind, Message},
};

use super::{lies::server, made, puppet::Puppet, scene::Scene};
use crate::support::{reaches, soon};

/// What `peer` is asked, as soon as `wanted` picks it.
pub(super) async fn is_asked(peer: &mut Puppet, wanted: impl Fn(&Message) -> bool) -> Message {
    let asked = async {
        loop {
            let message = peer.asked.recv().await.expect("it runs");
            if wanted(&message) {
                return message;
            }
        }
    };
    soon("it is asked", asked).await
}

#[tokio::test]
async fn a_withheld_body_comes_from_the_next_announcer() {
    let mut scene = Scene::new().await;
    let block = made::block(vec![made::tx(1, 500).into(), made::tx(2, 500).into()]);
    let mut withholder = Puppet::beside(&scene.node).await;
    let announce = compact::build(&block, 1, []).encode();
    withholder.publish(Topic::Blocks, announce.to_vec()).await;
    is_asked(&mut withholder, |m| matches!(m, Message::GetTx(_))).await;
    let honest = server(block.clone()).await;
    honest.meets(&scene.node).await;
    let announce = compact::build(&block, 2, []).encode();
    honest.publish(Topic::Blocks, announce.to_vec()).await;
    reaches(&scene.node, block.hash()).await;
    reaches(&scene.honest, block.hash()).await;
    let again = withholder.asked.try_recv();
    assert!(
        !matches!(again, Ok(Message::GetTx(_))),
        "an announce leads to one request"
    );
    // Slow is no offence.
    scene.blames_nobody().await;
}

#[tokio::test]
async fn a_block_withheld_by_everybody_who_announced_it_does_not_hold_up_the_next() {
    let mut scene = Scene::new().await;
    let withheld = made::block(vec![made::tx(1, 500).into()]);
    let mut withholders = Vec::new();
    for salt in 0..4 {
        let mut peer = Puppet::beside(&scene.node).await;
        let announce = compact::build(&withheld, salt, []).encode();
        peer.publish(Topic::Blocks, announce.to_vec()).await;
        if salt == 0 {
            is_asked(&mut peer, |m| matches!(m, Message::GetTx(_))).await;
        }
        withholders.push(peer);
    }
    let next = made::block(vec![made::tx(2, 500).into()]);
    let honest = server(next.clone()).await;
    honest.meets(&scene.node).await;
    let announce = compact::build(&next, 9, []).encode();
    honest.publish(Topic::Blocks, announce.to_vec()).await;
    reaches(&scene.node, next.hash()).await;
    scene.blames_nobody().await;
}

/// The `n`th full announcement of things nobody has.
fn of_nothing(n: usize) -> Message {
    let id = |i: usize| {
        let mut id = [0xee; 32];
        id[..8].copy_from_slice(&(n * MAX_INV_ITEMS + i).to_be_bytes());
        Hash32(id)
    };
    let item = |i| Item {
        kind: ItemKind::Tx,
        id: id(i),
    };
    let items = (0..MAX_INV_ITEMS).map(item).collect();
    Message::Inv(Inv { items })
}

#[tokio::test]
async fn a_flood_of_announcements_without_objects_costs_little_and_stops_nobody() {
    let mut scene = Scene::new().await;
    let mut flooder = Puppet::beside(&scene.node).await;
    for n in 0..100 {
        flooder.request(scene.node.peer_id(), of_nothing(n)).await;
    }
    is_asked(&mut flooder, |m| matches!(m, Message::GetData(_))).await;
    // Above 16 KiB a transaction is announced, too.
    let tx = made::tx(1, 20_000);
    let id = scene.honest.submit(&tx).expect("the pool has room");
    let arrives = async {
        while scene.node.waiting_transactions() == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("the honest transaction arrives", arrives).await;
    assert_eq!(scene.node.mempool().bytes, tx.len(), "{id}");
    // 204 800 announcements later it has two requests of at most 512 ids in flight.
    let mut ids = 0;
    while let Ok(message) = flooder.asked.try_recv() {
        if let Message::GetData(GetData { ids: wanted, .. }) = message {
            ids += wanted.len();
        }
    }
    assert!(ids <= 2 * 512, "asked for {ids} at a time");
    scene.blames_nobody().await;
}

#[tokio::test]
async fn a_withheld_transaction_comes_from_the_next_announcer() {
    let mut scene = Scene::new().await;
    let tx = made::tx(1, 20_000);
    let mut withholder = Puppet::beside(&scene.node).await;
    let item = Item {
        kind: ItemKind::Tx,
        id: animica_p2p::chain::object_id(&tx),
    };
    let inv = Message::Inv(Inv { items: vec![item] });
    withholder.request(scene.node.peer_id(), inv).await;
    is_asked(&mut withholder, |m| matches!(m, Message::GetData(_))).await;
    scene.honest.submit(&tx).expect("the pool has room");
    let arrives = async {
        while scene.node.waiting_transactions() == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("it arrives", arrives).await;
    scene.blames_nobody().await;
}

#[tokio::test]
async fn an_announcement_that_repeats_itself_is_an_offence() {
    let mut scene = Scene::new().await;
    let liar = Puppet::beside(&scene.node).await;
    let item = Item {
        kind: ItemKind::Tx,
        id: Hash32([1; 32]),
    };
    let items = vec![item, item];
    let inv = Message::Inv(Inv { items });
    liar.request(scene.node.peer_id(), inv).await;
    scene.blames(liar.id, Offence::MalformedMessage).await;
    scene.is_unharmed().await;
}
