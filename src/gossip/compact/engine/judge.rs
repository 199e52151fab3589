//! Places and merits: who may start a rebuild, who is preferred, who lied.

use libp2p::PeerId;

use super::{
    super::announce::{Announce, item_ids},
    Engine, Output,
    building::{Building, Stage},
};
use crate::{
    chain::Block,
    gossip::{Ignored, Verdict},
    ids::Hash32,
    offence::Offence,
};

/// The detail of the offence.
const LIE: &str = "announced another block than the header's";

impl Engine {
    /// Whether `peer` may take a place at `block`, beside those it has at others that go on.
    pub(super) fn may_take_part(&self, peer: &PeerId, block: &Hash32) -> bool {
        let others = self.blocks.iter().filter(|(hash, _)| *hash != block);
        let going = others.filter(|(_, b)| !b.is_given_up() && b.involves(peer));
        going.count() < self.config.blocks_per_peer
    }

    /// Whether there is room for a block that `peer` starts. One that was given up makes way.
    pub(super) fn make_room(&mut self, peer: &PeerId) -> bool {
        let reserved = if self.high.contains(peer) {
            0
        } else {
            self.config.reserved
        };
        let most = self.config.blocks.saturating_sub(reserved);
        if self.blocks.len() >= most {
            let oldest = self
                .blocks
                .iter()
                .filter(|(_, b)| b.is_given_up())
                .min_by_key(|(_, b)| b.deadline())
                .map(|(hash, _)| *hash);
            if let Some(hash) = oldest {
                self.blocks.remove(&hash);
            }
        }
        self.blocks.len() < most
    }

    /// Keeps the announce of `peer`, which came last, for later, if there is room.
    pub(super) fn keep_waiting(&mut self, peer: PeerId, block: Hash32) -> Vec<Output> {
        if self.bytes() <= self.config.bytes && self.bytes_of(&peer) <= self.config.bytes_per_peer {
            return Vec::new();
        }
        if let Some(building) = self.blocks.get_mut(&block) {
            building.waiting.pop_back();
        }
        let verdict = Verdict::Ignore(Ignored::Full);
        vec![Output::verdict(peer, block, verdict)]
    }

    /// What is held for `peer`.
    pub(super) fn bytes_of(&self, peer: &PeerId) -> usize {
        self.blocks.values().map(|b| b.bytes_of(peer)).sum()
    }

    pub(super) fn remember(&mut self, block: Hash32) {
        if !self.done.contains(&block) {
            self.done.push_back(block);
        }
        while self.done.len() > self.config.done {
            self.done.pop_front();
        }
    }

    pub(super) fn promote(&mut self, peer: PeerId) {
        self.demote(&peer);
        self.high.push_front(peer);
        self.high.truncate(self.config.high_bandwidth);
    }

    pub(super) fn demote(&mut self, peer: &PeerId) {
        self.high.retain(|high| high != peer);
    }
}

/// Holds every announce about a block against the block. Whoever passes an announce on has rebuilt
/// the block from it, so one that does not describe it is a lie; one that does is no fault, whatever
/// collided.
pub(super) fn judge(hash: Hash32, building: Building, block: Option<&Block>) -> Vec<Output> {
    let mut out = Vec::new();
    let mut ids = None;
    let mut is_lie = |announce: &Announce| {
        block.is_some_and(|block| {
            let ids = ids.get_or_insert_with(|| item_ids(block));
            !announce.describes_items(block, ids)
        })
    };
    for (peer, announce) in building.failed {
        if is_lie(&announce) {
            out.push(Output::Penalise {
                peer,
                offence: Offence::BodyMismatch,
                detail: LIE.to_owned(),
            });
        }
    }
    let open = match building.stage {
        Stage::Filling(attempt) => Some((attempt.peer, attempt.announce)),
        _ => None,
    };
    let waiting = building.waiting.into_iter();
    let waiting = waiting.map(|(peer, checked)| (peer, checked.announce().clone()));
    for (peer, announce) in open.into_iter().chain(waiting) {
        let verdict = if is_lie(&announce) {
            Verdict::Reject {
                offence: Offence::BodyMismatch,
                detail: LIE.to_owned(),
            }
        } else {
            Verdict::Ignore(Ignored::Duplicate)
        };
        out.push(Output::verdict(peer, hash, verdict));
    }
    out
}
