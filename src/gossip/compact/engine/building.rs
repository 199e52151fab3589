//! One block on its way.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use libp2p::PeerId;

use super::{
    super::{Announce, Checked, FullReason, Missing},
    Output,
};
use crate::{
    gossip::{Ignored, Verdict},
    ids::Hash32,
};

/// Memory of an item in a rebuild: its slot, its place, and the handle of its bytes.
const ITEM_BYTES: usize = 128;

/// What is going on about a block.
#[derive(Debug)]
pub(super) struct Building {
    pub(super) stage: Stage,
    /// Who has announced it, whatever became of that.
    pub(super) announcers: Vec<PeerId>,
    /// Announces that wait for their attempt.
    pub(super) waiting: VecDeque<(PeerId, Checked)>,
    /// Who is said to have it and has not announced it.
    pub(super) holders: VecDeque<PeerId>,
    /// Announces that led nowhere through no fault that could be seen.
    pub(super) failed: Vec<(PeerId, Arc<Announce>)>,
    /// Who was asked to announce it and has not.
    pub(super) asked: Vec<PeerId>,
    /// Announcers that can still be asked for the whole block.
    pub(super) willing: Vec<PeerId>,
    /// Why the last attempt failed.
    pub(super) last: FullReason,
}

/// What a block waits for.
#[derive(Debug)]
pub(super) enum Stage {
    /// An announce, which is asked for at `at`.
    Expected { at: Instant },
    /// The announce asked of `peer`.
    Announcing { peer: PeerId, until: Instant },
    /// The missing items.
    Filling(Box<Attempt>),
    /// To come whole, until it is forgotten.
    GivenUp { until: Instant },
}

/// A request for items that is open.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) peer: PeerId,
    pub(super) announce: Arc<Announce>,
    pub(super) missing: Missing,
    pub(super) until: Instant,
}

impl Building {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            stage: Stage::Expected { at: now },
            announcers: Vec::new(),
            waiting: VecDeque::new(),
            holders: VecDeque::new(),
            failed: Vec::new(),
            asked: Vec::new(),
            willing: Vec::new(),
            last: FullReason::NoAnswer,
        }
    }

    pub(super) fn has_announced(&self, peer: &PeerId) -> bool {
        self.announcers.contains(peer)
    }

    /// Takes a place for the announce of `peer`, also where others have led nowhere.
    pub(super) fn announce(&mut self, peer: PeerId, now: Instant) {
        self.holders.retain(|holder| *holder != peer);
        self.announcers.push(peer);
        if self.is_given_up() {
            self.stage = Stage::Expected { at: now };
        }
    }

    /// Ends the wait for the announce of `peer`, which is here.
    pub(super) fn no_longer_asked(&mut self, peer: &PeerId, now: Instant) {
        self.asked.retain(|asked| asked != peer);
        if matches!(&self.stage, Stage::Announcing { peer: asked, .. } if asked == peer) {
            self.stage = Stage::Expected { at: now };
        }
    }

    /// An announce beyond the bound is not tried. Where all others have failed, its peer may still
    /// have the block.
    pub(super) fn one_too_many(&self, peer: PeerId, block: Hash32) -> Vec<Output> {
        let verdict = Verdict::Ignore(Ignored::Full);
        let mut out = vec![Output::verdict(peer, block, verdict)];
        if self.is_given_up() {
            out.push(Output::FetchFull {
                block,
                peers: vec![peer],
                reason: self.last,
            });
        }
        out
    }

    /// Whether `peer` takes a place here.
    pub(super) fn involves(&self, peer: &PeerId) -> bool {
        self.has_announced(peer) || self.holders.contains(peer) || self.asked.contains(peer)
    }

    pub(super) fn is_given_up(&self) -> bool {
        matches!(self.stage, Stage::GivenUp { .. })
    }

    pub(super) fn is_filling(&self) -> bool {
        matches!(self.stage, Stage::Filling(_))
    }

    pub(super) fn deadline(&self) -> Instant {
        match &self.stage {
            Stage::Expected { at } => *at,
            Stage::Filling(attempt) => attempt.until,
            Stage::Announcing { until, .. } | Stage::GivenUp { until } => *until,
        }
    }

    pub(super) fn add_holder(&mut self, peer: PeerId, most: usize) {
        if self.holders.len() < most && !self.involves(&peer) {
            self.holders.push_back(peer);
        }
    }

    /// The open request to `peer`, which is over then.
    pub(super) fn take_filling(&mut self, peer: &PeerId) -> Option<Box<Attempt>> {
        if !matches!(&self.stage, Stage::Filling(attempt) if attempt.peer == *peer) {
            return None;
        }
        // Nothing waits at this moment: the caller starts the next attempt.
        let idle = Stage::Expected {
            at: self.deadline(),
        };
        match std::mem::replace(&mut self.stage, idle) {
            Stage::Filling(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// Forgets what `peer` has not been asked about yet.
    pub(super) fn forget(&mut self, peer: &PeerId, block: Hash32) -> Option<Output> {
        self.holders.retain(|holder| holder != peer);
        self.willing.retain(|willing| willing != peer);
        let at = self.waiting.iter().position(|(p, _)| p == peer)?;
        self.waiting.remove(at);
        let verdict = Verdict::Ignore(Ignored::Unknown);
        Some(Output::verdict(*peer, block, verdict))
    }

    /// What it holds, at most.
    pub(super) fn bytes(&self) -> usize {
        let waiting: usize = self.waiting.iter().map(|(_, c)| c.bytes()).sum();
        let failed: usize = self.failed.iter().map(|(_, a)| announce_bytes(a)).sum();
        waiting + failed + self.attempt_bytes()
    }

    /// What it holds for `peer`.
    pub(super) fn bytes_of(&self, peer: &PeerId) -> usize {
        let waiting = self.waiting.iter().filter(|(p, _)| p == peer);
        let failed = self.failed.iter().filter(|(p, _)| p == peer);
        let filling = match &self.stage {
            Stage::Filling(attempt) if attempt.peer == *peer => self.attempt_bytes(),
            _ => 0,
        };
        waiting.map(|(_, c)| c.bytes()).sum::<usize>()
            + failed.map(|(_, a)| announce_bytes(a)).sum::<usize>()
            + filling
    }

    fn attempt_bytes(&self) -> usize {
        match &self.stage {
            Stage::Filling(attempt) => rebuild_bytes(&attempt.announce),
            _ => 0,
        }
    }
}

/// What rebuilding a block from `announce` holds, at most.
pub(super) fn rebuild_bytes(announce: &Announce) -> usize {
    announce_bytes(announce) + announce.block_bytes() + announce.items() * ITEM_BYTES
}

/// What an announce holds: the payload it is a slice of.
fn announce_bytes(announce: &Announce) -> usize {
    let full: usize = announce.prefilled.iter().map(|(_, item)| item.len()).sum();
    announce.short_ids.len() + announce.header_bytes.len() + full + 11 * announce.prefilled.len()
}
