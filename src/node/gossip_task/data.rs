//! Requests of this node on the data protocol, and what became of them.

use std::collections::HashSet;

use libp2p::PeerId;

use super::{GossipTask, apps::message_item, txs::tx_item};
use crate::{
    bucket::Rate,
    chain::At,
    gossip::{
        Verdict, blobs,
        compact::engine,
        inventory::{self, Output},
        reconcile as recon,
    },
    ids::Hash32,
    network::exchange::{Failure, Lane, RequestId},
    node::effect::Effect,
    wire::{Inv, Item, ItemKind, Message, SketchSet},
};

/// Requests of one peer. Twice a second a reconciliation or a rebuild is plenty; a node that
/// catches up asks for a few hundred objects a second in a dozen requests.
pub(super) const REQUESTS: Rate = Rate {
    per_second: 50,
    burst: 200,
};

/// Whose request it is.
#[derive(Debug)]
pub(super) enum Asked {
    Inventory {
        peer: PeerId,
        id: inventory::RequestId,
    },
    Compact {
        peer: PeerId,
        block: Hash32,
    },
    Sketch {
        peer: PeerId,
        id: recon::RequestId,
    },
    Samples {
        peer: PeerId,
        id: blobs::RequestId,
    },
    /// An announcement nobody waits for.
    Offer {
        peer: PeerId,
    },
}

impl Asked {
    pub(super) fn peer(&self) -> &PeerId {
        match self {
            Self::Inventory { peer, .. }
            | Self::Compact { peer, .. }
            | Self::Sketch { peer, .. }
            | Self::Samples { peer, .. }
            | Self::Offer { peer } => peer,
        }
    }
}

impl GossipTask {
    /// Asks a peer; the answer comes back to whom `asked` names.
    pub(super) fn ask(&mut self, asked: Asked, message: Message) {
        self.next_id += 1;
        let id = RequestId(self.next_id);
        let peer = *asked.peer();
        self.asked.insert(id, asked);
        self.outbox.push(Effect::Request {
            lane: Lane::Data,
            peer,
            id,
            message,
        });
    }

    /// A request of ours was answered, or will not be. The wire's offences were reported already.
    pub(super) fn answered(
        &mut self,
        peer: PeerId,
        id: RequestId,
        result: Result<Message, Failure>,
    ) {
        let now = self.now();
        match self.asked.remove(&id) {
            Some(Asked::Inventory { id, .. }) => {
                self.inventory.answer(peer, id, result.ok(), now.mono);
            }
            Some(Asked::Compact { block, .. }) => {
                let result = result.map_err(|failure| match failure {
                    Failure::Timeout => engine::Failure::TimedOut,
                    Failure::Disconnected => engine::Failure::Gone,
                    _ => engine::Failure::Refused,
                });
                self.compact_answered(peer, block, result);
            }
            Some(Asked::Sketch { id, .. }) => self.sketched(peer, id, result),
            Some(Asked::Samples { id, .. }) => self.sampled(peer, id, result),
            Some(Asked::Offer { .. }) | None => {}
        }
    }

    pub(super) fn inventory_outputs(&mut self) {
        while let Some(output) = self.inventory.poll_output() {
            match output {
                Output::Request { peer, id, message } | Output::Announce { peer, id, message } => {
                    self.ask(Asked::Inventory { peer, id }, message);
                }
                Output::Received { peer, item, bytes } => {
                    let verdict = match item.kind {
                        ItemKind::Tx => self.fetched_tx(item.id, &bytes),
                        ItemKind::Message => self.fetched_message(peer, item, bytes),
                        ItemKind::Share => self.share(peer, None, &bytes),
                        ItemKind::Block | ItemKind::Blob => {
                            let now = self.now().mono;
                            self.inventory.refused(item, now);
                            continue;
                        }
                    };
                    if let Verdict::Reject { offence, detail } = verdict {
                        self.penalise(peer, offence, detail);
                    }
                }
                Output::Heard { .. } => {}
                Output::Penalise {
                    peer,
                    offence,
                    detail,
                } => self.penalise(peer, offence, detail),
            }
        }
    }

    /// Whether an announced object is of no interest because it is here.
    fn has(&self, item: &Item) -> bool {
        match item.kind {
            ItemKind::Tx => self.parts.waiting.contains(&item.id),
            ItemKind::Message => self.app_ids.contains_key(&item.id),
            ItemKind::Share => self.shares.contains(&item.id),
            ItemKind::Block => {
                let found = self.parts.store.header(At::Hash(item.id));
                found.is_ok_and(|header| header.is_some_and(|header| header.has_body))
            }
            // Blobs are announced on their topic.
            ItemKind::Blob => true,
        }
    }

    /// A peer has these: what is not here is asked for.
    pub(super) fn heard_of(&mut self, peer: PeerId, items: &[Item]) {
        let here: HashSet<Item> = items.iter().filter(|i| self.has(i)).copied().collect();
        let now = self.now().mono;
        self.inventory
            .announced(peer, items, |item| here.contains(item), now);
    }

    /// Tells one peer what a reconciliation found it to lack.
    pub(super) fn offer(&mut self, peer: PeerId, set: SketchSet, ids: &[Hash32]) {
        let items = ids.iter().map(|id| item_of(set, *id)).collect();
        self.ask(Asked::Offer { peer }, Message::Inv(Inv { items }));
    }
}

pub(super) fn item_of(set: SketchSet, id: Hash32) -> Item {
    match set {
        SketchSet::Pool => tx_item(id),
        SketchSet::App => message_item(id),
    }
}
