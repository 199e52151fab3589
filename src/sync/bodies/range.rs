//! A range of consecutive blocks on its way from a peer to the import.

use std::{collections::BTreeMap, time::Instant};

use bytes::Bytes;
use libp2p::PeerId;

use crate::{
    ids::Hash32,
    sync::{config::LACKING, io::RequestId, task::PlanItem},
};

/// Consecutive blocks that share one fate.
#[derive(Debug)]
pub(super) struct Range {
    /// Never used twice, so that a late answer finds out that its range is gone.
    pub(super) id: u64,
    /// At least one, lowest first.
    pub(super) items: Vec<PlanItem>,
    pub(super) state: State,
    /// Who did not have some of these blocks, and when.
    refused: BTreeMap<PeerId, Instant>,
}

/// Where the bodies of a range are.
#[derive(Debug)]
pub(super) enum State {
    /// Nowhere yet.
    Wanted,
    /// Asked for, of one peer or of two.
    Fetching {
        /// The open requests.
        asks: Vec<RequestId>,
        /// Bytes that each of them may bring.
        each: u64,
    },
    /// Being verified.
    Checking {
        /// Their size.
        bytes: u64,
    },
    /// Verified, waiting for the import.
    Ready {
        /// The blocks.
        blocks: Vec<(Hash32, Bytes)>,
        /// Their size.
        bytes: u64,
    },
    /// In the store already.
    Stored,
}

impl Range {
    pub(super) fn new(id: u64, items: Vec<PlanItem>, state: State) -> Self {
        Self {
            id,
            items,
            state,
            refused: BTreeMap::new(),
        }
    }

    /// Bytes that the range holds or will hold.
    pub(super) fn held(&self) -> u64 {
        match &self.state {
            State::Wanted | State::Stored => 0,
            State::Fetching { asks, each } => *each * asks.len() as u64,
            State::Checking { bytes } | State::Ready { bytes, .. } => *bytes,
        }
    }

    /// The first block that is not here yet.
    pub(super) fn missing(&self) -> Option<PlanItem> {
        match self.state {
            State::Wanted | State::Fetching { .. } => self.items.first().copied(),
            State::Checking { .. } | State::Ready { .. } | State::Stored => None,
        }
    }

    /// A request for it will not be answered in time.
    pub(super) fn give_up(&mut self, id: RequestId) {
        if let State::Fetching { asks, .. } = &mut self.state {
            asks.retain(|ask| *ask != id);
            if asks.is_empty() {
                self.state = State::Wanted;
            }
        }
    }

    /// Whether blocks that answer `id` are of use: nobody was faster, and it does not matter
    /// whether we were still waiting.
    pub(super) fn awaits(&self) -> bool {
        matches!(self.state, State::Wanted | State::Fetching { .. })
    }

    /// Notes that `peer` did not have all of it.
    pub(super) fn refuse(&mut self, peer: PeerId, now: Instant) {
        self.refused.insert(peer, now);
    }

    /// Whether `peer` may be asked for it.
    pub(super) fn may_ask(&self, peer: &PeerId, now: Instant) -> bool {
        self.refused.get(peer).is_none_or(|at| *at + LACKING <= now)
    }

    /// Cuts off everything behind the first `n` blocks and returns that.
    pub(super) fn split_off(&mut self, n: usize, id: u64) -> Self {
        Self {
            id,
            items: self.items.split_off(n),
            state: State::Wanted,
            refused: self.refused.clone(),
        }
    }

    /// The same reluctance for a part of it.
    pub(super) fn inherit(&mut self, from: &Self) {
        self.refused.clone_from(&from.refused);
    }
}
