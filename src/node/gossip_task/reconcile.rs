//! Set reconciliation: which sets this node has, and what becomes of a difference.

use std::collections::HashMap;

use libp2p::PeerId;
use tracing::debug;

use super::{
    GossipTask,
    data::{Asked, item_of},
};
use crate::{
    clock::Now,
    event::NodeEvent,
    gossip::reconcile::{self as recon, Action, Sets},
    ids::Hash32,
    network::exchange::Failure,
    node::{effect::Effect, sync_task::Waiting},
    wire::{Item, Message, SketchSet},
};

/// The sets of this node: the pool, and recent application messages by the hashes of their bytes.
pub(super) struct OwnSets<'a> {
    pub(super) waiting: &'a Waiting,
    pub(super) app_ids: &'a HashMap<Hash32, Hash32>,
}

impl Sets for OwnSets<'_> {
    fn ids(&self, set: SketchSet) -> Option<Vec<Hash32>> {
        Some(match set {
            SketchSet::Pool => self.waiting.ids(),
            SketchSet::App => self.app_ids.keys().copied().collect(),
        })
    }
}

impl GossipTask {
    pub(super) fn recon_tick(&mut self, now: Now) {
        let sets = OwnSets {
            waiting: &self.parts.waiting,
            app_ids: &self.app_ids,
        };
        self.recon.tick(&sets, now);
    }

    pub(super) fn sketched(
        &mut self,
        peer: PeerId,
        id: recon::RequestId,
        result: Result<Message, Failure>,
    ) {
        let now = self.now();
        let sets = OwnSets {
            waiting: &self.parts.waiting,
            app_ids: &self.app_ids,
        };
        match result {
            Ok(message) => self.recon.answer(&peer, id, message, &sets, now),
            Err(_) => self.recon.failed(&peer, id, &sets, now),
        }
    }

    pub(super) fn recon_actions(&mut self) {
        while let Some(action) = self.recon.poll_action() {
            match action {
                Action::Request { peer, id, message } => {
                    self.ask(Asked::Sketch { peer, id }, message);
                }
                Action::Fetch { peer, set, ids } => self.fetch(peer, set, &ids),
                Action::Offer { peer, set, ids } => self.offer(peer, set, &ids),
                Action::Done { peer, set, stats } => {
                    self.tally.reconciled(&stats);
                    self.outbox.push(Effect::Emit(NodeEvent::Reconciled {
                        peer,
                        set: set.label(),
                        saved: stats.saved(),
                    }));
                }
                Action::GaveUp {
                    peer,
                    set,
                    why,
                    stats,
                } => {
                    self.tally.gave_up(why, &stats);
                    debug!(%peer, set = set.label(), why = why.label(), "sets not reconciled");
                }
                Action::Penalise {
                    peer,
                    offence,
                    detail,
                } => self.penalise(peer, offence, detail),
            }
        }
        self.inventory_outputs();
    }

    /// `peer` has these: as if it had announced them.
    fn fetch(&mut self, peer: PeerId, set: SketchSet, ids: &[Hash32]) {
        let items: Vec<Item> = ids.iter().map(|id| item_of(set, *id)).collect();
        self.heard_of(peer, &items);
    }
}
