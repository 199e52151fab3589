//! One durable commit at a time: what goes into it, and what is said about it afterwards.

use std::{collections::VecDeque, time::Instant};

use super::{
    batch::{Builder, Load},
    bodies::Group,
    config::{COMMIT_RETRY, LOCAL_GROUPS},
    core::Core,
    io::{Action, Commit, CommitFailure, LocalId, LocalRefused},
    task::LocalGroup,
};
use crate::{
    chain::{Batch, NewHeader, StoreError, Tip},
    event::NodeEvent,
};

/// Depths of a reorganisation that raise an alarm. Never a reason to refuse more work.
const ALARMS: [u64; 2] = [64, 512];

/// The writer's side of the engine.
#[derive(Debug, Default)]
pub(super) struct Import {
    state: State,
    local: VecDeque<(LocalId, LocalGroup)>,
    failing: Option<StoreError>,
}

/// What the writer is doing.
#[derive(Debug, Default)]
enum State {
    /// Nothing.
    #[default]
    Idle,
    /// A commit is open.
    Writing(Load),
    /// The store refused a batch, which is kept to be tried again.
    Waiting {
        batch: Box<Batch>,
        load: Load,
        retry_at: Instant,
    },
}

/// What a commit has changed, for the rest of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) headers: usize,
    pub(super) blocks: usize,
    pub(super) bytes: u64,
    /// The best headers took another way: what was planned on them is void.
    pub(super) turned: bool,
}

impl Import {
    /// Whether nothing is being written.
    pub(super) fn idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Whether headers are on their way to the disk.
    pub(super) fn writes_headers(&self) -> bool {
        match &self.state {
            State::Idle => false,
            State::Writing(load) | State::Waiting { load, .. } => load.headers > 0,
        }
    }

    /// Bytes of bodies on their way to the disk.
    pub(super) fn held(&self) -> u64 {
        match &self.state {
            State::Idle => 0,
            State::Writing(load) | State::Waiting { load, .. } => load.bytes,
        }
    }

    /// Why the store refuses to write, while it does.
    pub(super) fn failing(&self) -> Option<&StoreError> {
        self.failing.as_ref()
    }

    /// When a refused batch is tried again.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting { retry_at, .. } => Some(*retry_at),
            _ => None,
        }
    }

    /// Takes a verified group from this side.
    pub(super) fn on_local(&mut self, core: &mut Core, id: LocalId, group: LocalGroup) {
        if self.local.len() >= LOCAL_GROUPS {
            let result = Err(LocalRefused::Busy);
            core.push(Action::LocalDone { id, result });
            return;
        }
        self.local.push_back((id, group));
    }

    /// Tries a refused batch again when it is time.
    pub(super) fn retry(&mut self, core: &mut Core, now: Instant) {
        if self.next_timeout().is_none_or(|at| at > now) {
            return;
        }
        if let State::Waiting { batch, load, .. } = std::mem::take(&mut self.state) {
            self.state = State::Writing(load);
            core.push(Action::Commit(*batch));
        }
    }

    /// Writes what is there, if nothing is being written.
    pub(super) fn write(&mut self, core: &mut Core, headers: Vec<NewHeader>, group: Group) {
        let tips = core.view.tips;
        let mut builder = Builder::new(tips);
        builder.add_headers(headers);
        builder.add_group(group);
        while let Some((id, group)) = self.local.pop_front() {
            builder.add_local(id, group);
        }
        let (batch, load) = builder.finish();
        if batch != Batch::default() {
            self.state = State::Writing(load);
            core.push(Action::Commit(batch));
        } else if !load.local.is_empty() {
            // Nothing in it was new.
            for id in load.local {
                let result = Ok(tips);
                core.push(Action::LocalDone { id, result });
            }
        }
    }

    /// Ends the best headers where the blocks end, if nothing is being written. Returns whether it
    /// does.
    pub(super) fn turn_back(&mut self, core: &mut Core) -> bool {
        if !self.idle() {
            return false;
        }
        self.state = State::Writing(Load {
            turns: true,
            ..Load::default()
        });
        core.push(Action::Commit(Batch {
            best_header: Some(core.view.tips.blocks.hash),
            ..Batch::default()
        }));
        true
    }

    /// Takes the result of a commit.
    pub(super) fn on_committed(
        &mut self,
        core: &mut Core,
        result: Result<Commit, CommitFailure>,
        now: Instant,
    ) -> Option<Written> {
        let State::Writing(load) = std::mem::take(&mut self.state) else {
            return None;
        };
        match result {
            Ok(commit) => Some(self.written(core, load, commit)),
            Err(failure) => {
                self.refused(core, load, failure, now);
                None
            }
        }
    }

    fn written(&mut self, core: &mut Core, load: Load, commit: Commit) -> Written {
        if self.failing.take().is_some() {
            core.emit(NodeEvent::StoreHealed);
        }
        let before = std::mem::replace(&mut core.view, commit.view);
        let tips = core.view.tips;
        if load.headers > 0 {
            core.emit(NodeEvent::HeadersStored {
                count: load.headers,
                height: tips.headers.height,
            });
        }
        if load.blocks > 0 {
            core.emit(NodeEvent::BlocksImported {
                count: load.blocks,
                bytes: load.bytes,
                height: tips.blocks.height,
            });
        }
        if tips.blocks != before.tips.blocks {
            announce_head(core, tips.blocks, commit.reorg_depth);
        }
        for id in load.local {
            let result = Ok(tips);
            core.push(Action::LocalDone { id, result });
        }
        Written {
            headers: load.headers,
            blocks: load.blocks,
            bytes: load.bytes,
            turned: load.turns,
        }
    }

    /// Keeps what the store refused, except local groups, whose senders are told instead.
    fn refused(&mut self, core: &mut Core, mut load: Load, failure: CommitFailure, now: Instant) {
        if self.failing.as_ref() != Some(&failure.error) {
            core.emit(NodeEvent::StoreFailing {
                error: failure.error.to_string(),
            });
        }
        for id in load.local.drain(..) {
            let result = Err(failure.error.clone().into());
            core.push(Action::LocalDone { id, result });
        }
        self.failing = Some(failure.error);
        self.state = State::Waiting {
            batch: failure.batch,
            load,
            retry_at: now + COMMIT_RETRY,
        };
    }
}

fn announce_head(core: &mut Core, head: Tip, reorg_depth: u64) {
    let Tip {
        height, hash, work, ..
    } = head;
    core.emit(NodeEvent::HeadChanged {
        height,
        hash,
        work,
        reorg_depth,
    });
    let passed = ALARMS.iter().rev().find(|alarm| reorg_depth >= **alarm);
    if let Some(threshold) = passed {
        core.emit(NodeEvent::ReorgAlarm {
            depth: reorg_depth,
            threshold: *threshold,
        });
    }
}
