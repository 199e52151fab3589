//! Transactions: from the mesh, from peers that were asked, and from this side.

use std::sync::Arc;

use bytes::Bytes;
use libp2p::PeerId;

use super::GossipTask;
use crate::{
    chain::object_id,
    gossip::{
        Ignored, Verdict,
        inventory::{Way, way},
        stats::Layer,
        txs::Came,
    },
    ids::Hash32,
    registry::Topic,
    wire::{Item, ItemKind},
};

impl GossipTask {
    pub(super) fn pushed_tx(&mut self, from: PeerId, tx: &Bytes) -> Verdict {
        let id = object_id(tx);
        let item = tx_item(id);
        self.inventory.knows(&from, &item);
        let verdict = self.take_tx(tx, Came::Pushed);
        if verdict == Verdict::Accept {
            self.inventory.have(&item);
        }
        verdict
    }

    /// A transaction that was asked for.
    pub(super) fn fetched_tx(&mut self, id: Hash32, tx: &Bytes) -> Verdict {
        let now = self.now().mono;
        let item = tx_item(id);
        let verdict = self.take_tx(tx, Came::Fetched);
        match &verdict {
            Verdict::Accept => self.inventory.learned(item, now),
            Verdict::Ignore(Ignored::Duplicate | Ignored::Full) => self.inventory.have(&item),
            _ => self.inventory.refused(item, now),
        }
        verdict
    }

    /// A transaction of this side is in the pool: it goes out.
    pub(super) fn spread_tx(&mut self, id: Hash32, tx: Bytes) {
        let now = self.now().mono;
        self.spread.insert(id, now);
        match way(ItemKind::Tx, tx.len()) {
            Way::Push => self.publish(Topic::Txs, tx),
            Way::Announce => self.inventory.learned(tx_item(id), now),
        }
    }

    fn take_tx(&mut self, tx: &Bytes, came: Came) -> Verdict {
        let now = self.now().mono;
        let waiting = Arc::clone(&self.parts.waiting);
        let added = waiting.take(tx, came, now, || self.enter(Layer::Chain));
        let id = object_id(tx);
        match &added {
            Verdict::Accept => self.spread.insert(id, now),
            // It may still be in the next block, whose announce then needs no round trip.
            Verdict::Ignore(Ignored::Full | Ignored::NotAdmitted) => {
                self.compact.extra_mut().insert(id, tx);
            }
            _ => {}
        }
        added
    }
}

pub(super) fn tx_item(id: Hash32) -> Item {
    Item {
        kind: ItemKind::Tx,
        id,
    }
}
