//! Who announced what, whom to ask, and what became of it.
//!
//! A value, driven by the gossip task. Every block has one attempt in flight: the announce of one
//! peer, about which that peer is asked at most once. When it fails the next announcer's is tried,
//! and when none is left the block is fetched whole. See `specs/gossip/compact-blocks.md` section 5.

mod attempts;
mod building;
mod config;
mod judge;
mod output;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use bytes::Bytes;
use libp2p::PeerId;

use super::{Checked, ExtraPool, Known};
use crate::{
    chain::{Block, NewHeader},
    gossip::{Ignored, Verdict},
    ids::Hash32,
};

pub use config::Config;
pub use output::{Failure, Output};

use building::{Building, Stage};

/// Rebuilds announced blocks.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    extra: ExtraPool,
    blocks: BTreeMap<Hash32, Building>,
    /// Blocks that are here, newest last.
    done: VecDeque<Hash32>,
    /// Peers whose announces led to the last new blocks, newest first.
    high: VecDeque<PeerId>,
}

impl Engine {
    /// An engine that knows nothing.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            extra: ExtraPool::new(config.extra_bytes),
            config,
            blocks: BTreeMap::new(),
            done: VecDeque::new(),
            high: VecDeque::new(),
        }
    }

    /// Where to put transactions that leave the pool, are refused by it, or come back from a branch
    /// that was left.
    pub fn extra_mut(&mut self) -> &mut ExtraPool {
        &mut self.extra
    }

    /// The peers in high-bandwidth mode: those whose announces led to the last new blocks, newest
    /// first, at most [`Config::high_bandwidth`]. The caller keeps them in its mesh.
    pub fn high_bandwidth(&self) -> impl Iterator<Item = &PeerId> {
        self.high.iter()
    }

    /// An announce of `from`, pushed by gossip or asked for. Its verdict is among the outputs, now or
    /// later, exactly once; for the announce a block was rebuilt from, [`Output::Block`] stands for
    /// it.
    pub fn on_announce(
        &mut self,
        from: PeerId,
        checked: Checked,
        known: &dyn Known,
        now: Instant,
    ) -> Vec<Output> {
        let block = checked.block();
        let ignore = |why| vec![Output::verdict(from, block, Verdict::Ignore(why))];
        if self.done.contains(&block) {
            return ignore(Ignored::Duplicate);
        }
        if let Some(building) = self.blocks.get_mut(&block) {
            building.no_longer_asked(&from, now);
            if building.has_announced(&from) {
                return ignore(Ignored::Duplicate);
            }
            if building.announcers.len() >= self.config.announcers {
                return building.one_too_many(from, block);
            }
        }
        let new = !self.blocks.contains_key(&block);
        if !self.may_take_part(&from, &block) || (new && !self.make_room(&from)) {
            return ignore(Ignored::Full);
        }
        let building = self
            .blocks
            .entry(block)
            .or_insert_with(|| Building::new(now));
        building.announce(from, now);
        building.waiting.push_back((from, checked));
        if building.is_filling() {
            return self.keep_waiting(from, block);
        }
        let mut out = Vec::new();
        self.next_attempt(block, known, now, &mut out);
        out
    }

    /// A checked header that `from` has the block of: from the topic `headers`, an `INV` or a head.
    /// If no announce follows within [`Config::announce_wait`], one is asked for.
    ///
    /// The caller has verified the header and found that it beats its tip.
    pub fn on_header(&mut self, from: PeerId, header: &NewHeader, now: Instant) {
        if self.done.contains(&header.hash) {
            return;
        }
        if !self.blocks.contains_key(&header.hash) {
            if !self.may_take_part(&from, &header.hash) || !self.make_room(&from) {
                return;
            }
            let mut building = Building::new(now);
            building.stage = Stage::Expected {
                at: now + self.config.announce_wait,
            };
            self.blocks.insert(header.hash, building);
        }
        let most = self.config.announcers;
        let may = self.may_take_part(&from, &header.hash);
        if let Some(building) = self.blocks.get_mut(&header.hash)
            && may
        {
            building.add_holder(from, most);
        }
    }

    /// The `TX` that answers a request of this engine; `answer_bytes` are those of its payloads.
    pub fn on_txs(
        &mut self,
        from: PeerId,
        block: Hash32,
        txs: Vec<Bytes>,
        answer_bytes: usize,
        known: &dyn Known,
        now: Instant,
    ) -> Vec<Output> {
        let mut out = Vec::new();
        if let Some(building) = self.blocks.get_mut(&block)
            && let Some(attempt) = building.take_filling(&from)
        {
            self.filled(block, *attempt, txs, answer_bytes, &mut out);
            self.next_attempt(block, known, now, &mut out);
        }
        out
    }

    /// A request of this engine that `from` did not answer with what was asked for.
    pub fn on_failure(
        &mut self,
        from: PeerId,
        block: Hash32,
        failure: Failure,
        known: &dyn Known,
        now: Instant,
    ) -> Vec<Output> {
        let mut out = Vec::new();
        self.fail(from, block, failure, known, now, &mut out);
        out
    }

    /// A block is here, by whatever way: what was announced about it is judged by it and forgotten.
    /// `block` is `None` where it is known by its hash alone; then nobody can be judged.
    pub fn on_known(&mut self, hash: Hash32, block: Option<&Block>) -> Vec<Output> {
        self.remember(hash);
        let building = self.blocks.remove(&hash);
        building.map_or_else(Vec::new, |building| judge::judge(hash, building, block))
    }

    /// A rebuilt block was not imported for a reason of this node, say a full disk: it is not here
    /// after all, and the next announce of it is welcome.
    pub fn on_lost(&mut self, hash: &Hash32) {
        self.done.retain(|done| done != hash);
    }

    /// The last connection to a peer closed.
    pub fn on_gone(&mut self, peer: PeerId, known: &dyn Known, now: Instant) -> Vec<Output> {
        let mut out = Vec::new();
        self.high.retain(|high| *high != peer);
        let all: Vec<Hash32> = self.blocks.keys().copied().collect();
        for hash in all {
            if let Some(building) = self.blocks.get_mut(&hash) {
                out.extend(building.forget(&peer, hash));
            }
            self.fail(peer, hash, Failure::Gone, known, now, &mut out);
        }
        out
    }

    /// Does what has become due. Call it at [`Engine::deadline`].
    pub fn tick(&mut self, known: &dyn Known, now: Instant) -> Vec<Output> {
        let mut out = Vec::new();
        let due = |(hash, b): (&Hash32, &Building)| (b.deadline() <= now).then_some(*hash);
        let due: Vec<Hash32> = self.blocks.iter().filter_map(due).collect();
        for hash in due {
            let Some(building) = self.blocks.get(&hash) else {
                continue;
            };
            match building.stage {
                Stage::Expected { .. } => self.next_attempt(hash, known, now, &mut out),
                Stage::Announcing { peer, .. } => {
                    self.fail(peer, hash, Failure::TimedOut, known, now, &mut out);
                }
                Stage::Filling(ref attempt) => {
                    let peer = attempt.peer;
                    self.fail(peer, hash, Failure::TimedOut, known, now, &mut out);
                }
                Stage::GivenUp { .. } => drop(self.blocks.remove(&hash)),
            }
        }
        out
    }

    /// When [`Engine::tick`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.blocks.values().map(Building::deadline).min()
    }

    /// Blocks that are being rebuilt, or remembered because that failed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether nothing is being rebuilt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Bytes that announces and rebuilds in flight hold, at most, the extra pool not included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.blocks.values().map(Building::bytes).sum()
    }
}
