//! What becomes of blocks that arrive.

use std::time::Instant;

use bytes::Bytes;

use super::{
    BodyAsk, BodySync,
    range::{Range, State},
};
use crate::{
    clock::Now,
    ids::Hash32,
    sync::{
        core::Core,
        io::{Action, JobId, RequestId, total_len},
        requests::Open,
        task::{BadBody, BodiesChecked, BodyTask, PlanItem},
    },
    wire::Blocks,
};

/// Weight of a new answer in the average size of a block.
const WEIGHT: f64 = 0.2;

impl BodySync {
    /// Takes the answer to a body request.
    pub(in crate::sync) fn on_answer(
        &mut self,
        core: &mut Core,
        id: RequestId,
        open: &Open,
        ask: BodyAsk,
        answer: Blocks,
        now: Now,
    ) {
        let bytes = total_len(&answer.blocks);
        let empty = answer.blocks.is_empty() && answer.missing.is_empty();
        if let Some(peer) = core.peers.get_mut(&open.peer) {
            peer.body_pace.sample(bytes, open.sent, now.mono);
            if !empty {
                peer.answered(now.mono);
            }
            if !answer.blocks.is_empty() {
                peer.withheld = 0;
            }
        }
        if empty {
            core.slow(open.peer, "empty", now);
        }
        let job = core.job();
        let Some(range) = self.range(ask).filter(|range| range.awaits()) else {
            return; // somebody else was faster, or the blocks are no longer of interest
        };
        if !answer.missing.is_empty() {
            range.refuse(open.peer, now.mono);
        }
        if answer.blocks.is_empty() {
            return range.give_up(id);
        }
        let hashes = range.items.iter().map(|item| item.hash).collect();
        let losers = match std::mem::replace(&mut range.state, State::Checking { bytes }) {
            State::Fetching { asks, .. } => asks,
            _ => Vec::new(),
        };
        for loser in losers.into_iter().filter(|ask| *ask != id) {
            core.cancel(loser, now);
        }
        self.checks.insert(job, (ask, open.peer));
        core.push(Action::CheckBodies(BodyTask {
            job,
            hashes,
            blocks: answer.blocks,
        }));
    }

    /// Takes the result of a body check.
    pub(in crate::sync) fn on_checked(
        &mut self,
        core: &mut Core,
        job: JobId,
        found: BodiesChecked,
    ) {
        let Some((ask, peer)) = self.checks.remove(&job) else {
            return;
        };
        let BodiesChecked { good, bad } = found;
        let invalid = bad.as_ref().and_then(|bad| bad.invalid);
        if let Some(BadBody { error, .. }) = bad {
            core.penalise(peer, error.offence(), error.to_string());
        }
        let current = self
            .ranges
            .get(&ask.key)
            .is_some_and(|range| range.id == ask.range);
        let Some(range) = current.then(|| self.ranges.remove(&ask.key)).flatten() else {
            return;
        };
        self.learn_size(&good);
        if let Some(item) = range.items.iter().find(|item| Some(item.hash) == invalid) {
            self.invalid = Some(*item);
        }
        self.sort_out(&range, good);
    }

    /// Cuts a checked range into what is there and what is still wanted.
    fn sort_out(&mut self, range: &Range, good: Vec<(Hash32, Bytes)>) {
        let mut good = good.into_iter().peekable();
        let mut run: Vec<PlanItem> = Vec::new();
        let mut blocks = Vec::new();
        for item in &range.items {
            let here = good.next_if(|(hash, _)| *hash == item.hash);
            if here.is_some() == blocks.is_empty() && !run.is_empty() {
                self.put(range, std::mem::take(&mut run), std::mem::take(&mut blocks));
            }
            run.push(*item);
            blocks.extend(here);
        }
        if !run.is_empty() {
            self.put(range, run, blocks);
        }
    }

    fn put(&mut self, from: &Range, items: Vec<PlanItem>, blocks: Vec<(Hash32, Bytes)>) {
        let state = if blocks.is_empty() {
            State::Wanted
        } else {
            let bytes = blocks.iter().map(|(_, b)| b.len() as u64).sum();
            State::Ready { blocks, bytes }
        };
        let mut range = self.new_range(items, state);
        range.inherit(from);
        self.insert(range);
    }

    fn learn_size(&mut self, good: &[(Hash32, Bytes)]) {
        if good.is_empty() {
            return;
        }
        let bytes: usize = good.iter().map(|(_, b)| b.len()).sum();
        #[allow(clippy::cast_precision_loss)] // an estimate
        let sample = bytes as f64 / good.len() as f64;
        self.average = Some(match self.average {
            Some(average) => average + WEIGHT * (sample - average),
            None => sample,
        });
    }

    /// When something is due although nothing happens.
    pub(in crate::sync) fn next_timeout(&self, core: &Core, now: Instant) -> Option<Instant> {
        self.hedge_at(core, now)
    }
}
