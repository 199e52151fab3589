//! Attempt after attempt, until the block is there or nobody is left to ask.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use libp2p::PeerId;

use super::{
    super::{Announce, Checked, FullReason, Known, Rebuild, Rebuilt},
    Engine, Failure, Output,
    building::{Attempt, Stage, rebuild_bytes},
};
use crate::{
    gossip::{Ignored, Verdict},
    ids::Hash32,
    wire::{GetCompact, Message},
};

impl Engine {
    /// Starts the next attempt for `block` if none is open: the next announce, then the next
    /// holder's, then the whole block.
    pub(super) fn next_attempt(
        &mut self,
        block: Hash32,
        known: &dyn Known,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        while let Some(building) = self.blocks.get_mut(&block)
            && !building.is_given_up()
            && !building.is_filling()
        {
            match building.waiting.pop_front() {
                Some((peer, checked)) => self.attempt(peer, &checked, known, now, out),
                None => return self.ask_holder(block, now, out),
            }
        }
    }

    /// Rebuilds as far as it goes from the announce of `peer`.
    fn attempt(
        &mut self,
        peer: PeerId,
        checked: &Checked,
        known: &dyn Known,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let (block, announce) = (checked.block(), checked.announce());
        let cost = rebuild_bytes(announce);
        if self.bytes() + cost > self.config.bytes
            || self.bytes_of(&peer) + cost > self.config.bytes_per_peer
        {
            let verdict = Verdict::Ignore(Ignored::Full);
            if let Some(building) = self.blocks.get_mut(&block) {
                building.last = FullReason::NoRoom;
                building.willing.push(peer);
            }
            return out.push(Output::verdict(peer, block, verdict));
        }
        match Rebuild::start(Arc::clone(announce), checked.bytes(), known, &self.extra) {
            Rebuild::Complete(rebuilt) => self.complete(peer, rebuilt, out),
            Rebuild::Full(reason) => self.set_aside(block, peer, Arc::clone(announce), reason, out),
            Rebuild::Missing(missing) => {
                let request = missing.request().clone();
                let until = now + self.config.patience(request.max_bytes);
                out.push(Output::Request {
                    peer,
                    block,
                    message: Message::GetTx(request),
                });
                let attempt = Attempt {
                    peer,
                    announce: Arc::clone(announce),
                    missing,
                    until,
                };
                if let Some(building) = self.blocks.get_mut(&block) {
                    building.stage = Stage::Filling(Box::new(attempt));
                }
            }
        }
    }

    /// Takes the answer to an attempt that is over with it.
    pub(super) fn filled(
        &mut self,
        block: Hash32,
        attempt: Attempt,
        txs: Vec<Bytes>,
        answer_bytes: usize,
        out: &mut Vec<Output>,
    ) {
        let Attempt {
            peer,
            announce,
            missing,
            ..
        } = attempt;
        match missing.fill(txs, answer_bytes) {
            Ok(Rebuild::Complete(rebuilt)) => self.complete(peer, rebuilt, out),
            Ok(Rebuild::Full(reason)) => self.set_aside(block, peer, announce, reason, out),
            // An announce is asked about once, so there is nothing left to ask.
            Ok(Rebuild::Missing(_)) => {
                self.set_aside(block, peer, announce, FullReason::NoAnswer, out);
            }
            Err(error) => {
                self.demote(&peer);
                let verdict = Verdict::Reject {
                    offence: error.offence(),
                    detail: error.to_string(),
                };
                out.push(Output::verdict(peer, block, verdict));
            }
        }
    }

    /// The request to `peer` about `block` has failed, if one is open.
    pub(super) fn fail(
        &mut self,
        peer: PeerId,
        block: Hash32,
        failure: Failure,
        known: &dyn Known,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let Some(building) = self.blocks.get_mut(&block) else {
            return;
        };
        if let Some(attempt) = building.take_filling(&peer) {
            let announce = attempt.announce;
            self.set_aside(block, peer, announce, FullReason::NoAnswer, out);
        } else if matches!(building.stage, Stage::Announcing { peer: asked, .. } if asked == peer) {
            building.stage = Stage::Expected { at: now };
        } else {
            return;
        }
        if failure != Failure::NotFound {
            self.demote(&peer);
        }
        self.next_attempt(block, known, now, out);
    }

    /// Keeps an announce that led nowhere until the block shows whether it was honest.
    fn set_aside(
        &mut self,
        block: Hash32,
        peer: PeerId,
        announce: Arc<Announce>,
        reason: FullReason,
        out: &mut Vec<Output>,
    ) {
        let verdict = Verdict::Ignore(Ignored::Unknown);
        out.push(Output::verdict(peer, block, verdict));
        if let Some(building) = self.blocks.get_mut(&block) {
            building.failed.push((peer, announce));
            building.last = reason;
            // Who does not answer is not asked again.
            if reason != FullReason::NoAnswer {
                building.willing.push(peer);
            }
        }
    }

    fn complete(&mut self, from: PeerId, rebuilt: Rebuilt, out: &mut Vec<Output>) {
        let block = rebuilt.hash;
        self.promote(from);
        self.remember(block);
        let Some(building) = self.blocks.get_mut(&block) else {
            return;
        };
        for (peer, _) in building.waiting.drain(..) {
            let verdict = Verdict::Ignore(Ignored::Duplicate);
            out.push(Output::verdict(peer, block, verdict));
        }
        out.push(Output::Block { from, rebuilt });
        if building.failed.is_empty() {
            self.blocks.remove(&block);
        } else {
            // The caller will show the block, which judges the others.
            let until = building.deadline() + self.config.given_up;
            building.stage = Stage::GivenUp { until };
        }
    }

    /// Asks the likeliest holder for an announce, or gives up.
    fn ask_holder(&mut self, block: Hash32, now: Instant, out: &mut Vec<Output>) {
        let Some(building) = self.blocks.get_mut(&block) else {
            return;
        };
        if matches!(building.stage, Stage::Announcing { .. }) {
            return;
        }
        let high = |holder: &PeerId| self.high.contains(holder);
        let at = building.holders.iter().position(high).unwrap_or(0);
        let tried = building.announcers.len() + building.asked.len();
        // Whoever has nothing of a block has nothing of it by another announce either.
        let useful = !matches!(building.last, FullReason::TooMuchMissing { .. });
        if useful
            && tried < self.config.announcers
            && let Some(peer) = building.holders.remove(at)
        {
            building.asked.push(peer);
            building.stage = Stage::Announcing {
                peer,
                until: now + self.config.patience(0),
            };
            return out.push(Output::Request {
                peer,
                block,
                message: Message::GetCompact(GetCompact { block }),
            });
        }
        let mut peers: Vec<PeerId> = building.holders.drain(..).collect();
        peers.append(&mut building.willing);
        let reason = building.last;
        let until = now + self.config.given_up;
        building.stage = Stage::GivenUp { until };
        if !peers.is_empty() {
            out.push(Output::FetchFull {
                block,
                peers,
                reason,
            });
        }
    }
}
