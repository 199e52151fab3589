//! Bodies: which peer fetches which blocks, in what order they are imported.
//!
//! The blocks to come are planned from the store in height order and cut into **ranges**, sized for
//! the peer that fetches them. A range is in exactly one [`State`], which owns its data. The lowest
//! ranges go first; the lowest one is hedged when it holds the others up; whatever fails goes back to
//! [`State::Wanted`].

mod answer;
mod assign;
mod range;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use bytes::Bytes;
use libp2p::PeerId;

use self::range::{Range, State};
use super::{
    config::{COMMIT_BLOCKS, COMMIT_BYTES, DEAD_END, PLAN_AHEAD, WITHHOLDS},
    core::Core,
    io::{Action, JobId, RequestId},
    peers::Peer,
    task::{PlanItem, PlanTask, Planned, TaskError},
};
use crate::ids::{Hash32, Height};

/// A body request.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyAsk {
    /// First height of the range it is for.
    key: Height,
    /// The range it is for.
    range: u64,
}

/// The body side of the engine.
#[derive(Debug, Default)]
pub(super) struct BodySync {
    /// By first height; consecutive, the first is the next to import.
    ranges: BTreeMap<Height, Range>,
    /// What follows the last range.
    plan: VecDeque<PlanItem>,
    /// The last block that was planned.
    planned: Option<(Height, Hash32)>,
    planning: Option<JobId>,
    /// The best header when there was nothing more to plan.
    exhausted: Option<Hash32>,
    next_range: u64,
    checks: BTreeMap<JobId, (BodyAsk, PeerId)>,
    /// Average size of a block, once known.
    average: Option<f64>,
    /// A block of the best headers that no body can make valid.
    invalid: Option<PlanItem>,
    /// The next block to import, and since when everybody denies it.
    denied: Option<(Hash32, Instant)>,
}

/// Consecutive blocks for one commit.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Bodies to store.
    pub(super) bodies: Vec<(Hash32, Bytes)>,
    /// The last block of the group.
    pub(super) last: Option<PlanItem>,
}

impl BodySync {
    /// Forgets everything: the best headers have taken another way.
    pub(super) fn reset(&mut self) {
        let (next_range, average) = (self.next_range, self.average);
        *self = Self {
            next_range,
            average,
            ..Self::default()
        };
    }

    /// Bytes in flight and waiting.
    pub(super) fn held(&self) -> u64 {
        self.ranges.values().map(Range::held).sum()
    }

    /// The next block that is missing, if any is known to be.
    pub(super) fn wanted(&self) -> Option<PlanItem> {
        let in_ranges = self.ranges.values().find_map(Range::missing);
        in_ranges.or_else(|| self.plan.front().copied())
    }

    /// The next block to import, if the branch ends there for us: no body can make it valid, or
    /// every peer that should have it denied it for a while, and one of them has imported a better
    /// chain than ours without it.
    pub(super) fn dead_end(&mut self, core: &Core, now: Instant) -> Option<Hash32> {
        if let Some(block) = self.invalid {
            return Some(block.hash);
        }
        let (_, range) = self.ranges.first_key_value()?;
        let block = *range.items.first()?;
        if self.denied.is_some_and(|(hash, _)| hash != block.hash) {
            self.denied = None;
        }
        if !matches!(range.state, State::Wanted) {
            return None;
        }
        let head = core.view.tips.blocks.work;
        let denies = |id: &PeerId| !range.may_ask(id, now);
        let should_have = || {
            let peers = core.peers.iter();
            peers.filter(|(_, peer)| peer.blocks >= block.height && !peer.shunned)
        };
        let nobody = should_have().all(|(id, peer)| denies(id) || peer.withheld >= WITHHOLDS);
        // Another branch, as far as the blocks planned ahead tell.
        let elsewhere = |peer: &Peer| self.planned_at(peer.head.height) != Some(peer.head.hash);
        let ahead = |peer: &Peer| self.planned_at(peer.head.height).is_some();
        let better = core.peers.values().any(|peer| {
            peer.credible() && peer.announced() > head && ahead(peer) && elsewhere(peer)
        });
        if !(nobody && better) {
            self.denied = None;
            return None;
        }
        let (hash, since) = *self.denied.get_or_insert((block.hash, now));
        (now.saturating_duration_since(since) >= DEAD_END).then_some(hash)
    }

    /// The block planned at this height, if it is among those planned ahead.
    fn planned_at(&self, height: Height) -> Option<Hash32> {
        let ranges = self.ranges.range(..=height).next_back();
        let mut items = ranges.into_iter().flat_map(|(_, range)| range.items.iter());
        let in_range = items.find(|item| item.height == height);
        let first = self.plan.front().map_or(height, |item| item.height);
        let in_plan = || {
            let place = usize::try_from(height.0.checked_sub(first.0)?).ok()?;
            self.plan.get(place)
        };
        in_range.or_else(in_plan).map(|item| item.hash)
    }

    /// Looks up what comes next, when that is soon needed.
    fn look_ahead(&mut self, core: &mut Core) {
        let tips = core.view.tips;
        let enough = self.plan.len() >= PLAN_AHEAD / 2;
        let at_end = self.exhausted == Some(tips.headers.hash)
            || (self.planned.is_none() && tips.headers.hash == tips.blocks.hash);
        if self.planning.is_some() || self.invalid.is_some() || enough || at_end {
            return;
        }
        let job = core.job();
        self.planning = Some(job);
        core.push(Action::Plan(PlanTask {
            job,
            after: self.planned,
            max: PLAN_AHEAD,
        }));
    }

    /// Takes the result of a look-up.
    pub(super) fn on_planned(
        &mut self,
        core: &Core,
        job: JobId,
        result: Result<Planned, TaskError>,
    ) {
        if self.planning.take_if(|current| *current == job).is_none() {
            return;
        }
        match result {
            Ok(Planned::Items(items)) => {
                if let Some(last) = items.last() {
                    self.planned = Some((last.height, last.hash));
                } else {
                    self.exhausted = Some(core.view.tips.headers.hash);
                }
                self.plan.extend(items);
            }
            Ok(Planned::Moved) => self.reset(),
            // The next turn tries again; a store that fails shows itself at the next commit.
            Err(_) => {}
        }
    }

    /// Consecutive blocks from the lowest height on that can be imported now.
    pub(super) fn take_group(&mut self) -> Group {
        let (mut group, mut bytes) = (Group::default(), 0);
        while let Some(entry) = self.ranges.first_entry() {
            if bytes >= COMMIT_BYTES || group.bodies.len() >= COMMIT_BLOCKS {
                break;
            }
            if !matches!(entry.get().state, State::Ready { .. } | State::Stored) {
                break;
            }
            let range = entry.remove();
            group.last = range.items.last().copied().or(group.last);
            if let State::Ready { blocks, bytes: n } = range.state {
                bytes += usize::try_from(n).unwrap_or(usize::MAX / 2);
                group.bodies.extend(blocks);
            }
        }
        group
    }

    /// A body request will not be answered in time, or not at all.
    pub(super) fn on_failed(&mut self, id: RequestId, ask: BodyAsk) {
        if let Some(range) = self.range(ask) {
            range.give_up(id);
        }
    }

    fn range(&mut self, ask: BodyAsk) -> Option<&mut Range> {
        self.ranges
            .get_mut(&ask.key)
            .filter(|range| range.id == ask.range)
    }

    fn new_range(&mut self, items: Vec<PlanItem>, state: State) -> Range {
        self.next_range += 1;
        Range::new(self.next_range, items, state)
    }

    fn insert(&mut self, range: Range) {
        if let Some(first) = range.items.first() {
            self.ranges.insert(first.height, range);
        }
    }

    /// Does what is due. While headers flow, no new blocks are asked for.
    /// `writing` bytes are on their way to the disk.
    pub(super) fn drive(&mut self, core: &mut Core, hold: bool, writing: u64, now: Instant) {
        if !hold {
            self.look_ahead(core);
            self.pass_stored();
            self.assign(core, writing, now);
        }
        self.hedge(core, now);
    }

    /// Moves blocks at the front of the plan whose bodies are stored straight to the import.
    fn pass_stored(&mut self) {
        while self.plan.front().is_some_and(|item| item.has_body) {
            let n = self.plan.iter().take_while(|item| item.has_body).count();
            let items = self.plan.drain(..n).collect();
            let range = self.new_range(items, State::Stored);
            self.insert(range);
        }
    }
}
