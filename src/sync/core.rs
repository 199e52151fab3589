//! What every part of the engine shares: peers, open requests, the view of the store, and the
//! actions on their way out.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use libp2p::PeerId;
use rand::SeedableRng;

use super::{
    config::{ASIDE, ASIDES, CRAWL, Config, PATIENCE, UNMEASURED},
    headers::Role,
    io::{Action, JobId, RequestId, View},
    pace::Pace,
    peers::Peers,
    requests::{Open, Requests, What},
};
use crate::{
    chain::NewHeader,
    clock::{Now, Rng},
    event::NodeEvent,
    ids::Hash32,
    offence::Offence,
    wire::Message,
};

/// The shared state.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) config: Config,
    pub(super) view: View,
    pub(super) peers: Peers,
    pub(super) requests: Requests,
    pub(super) rng: Rng,
    out: VecDeque<Action>,
    jobs: u64,
    /// Blocks that nobody has or that are invalid, and until when their branches are left aside.
    asides: VecDeque<(Hash32, Instant)>,
}

impl Core {
    pub(super) fn new(config: Config, view: View, seed: u64) -> Self {
        Self {
            config,
            view,
            peers: Peers::new(),
            requests: Requests::default(),
            rng: Rng::seed_from_u64(seed),
            out: VecDeque::new(),
            jobs: 0,
            asides: VecDeque::new(),
        }
    }

    pub(super) fn push(&mut self, action: Action) {
        self.out.push_back(action);
    }

    pub(super) fn pop(&mut self) -> Option<Action> {
        self.out.pop_front()
    }

    pub(super) fn emit(&mut self, event: NodeEvent) {
        self.push(Action::Emit(event));
    }

    /// A fresh name for a task.
    pub(super) fn job(&mut self) -> JobId {
        self.jobs += 1;
        JobId(self.jobs)
    }

    /// Sends a request. `bytes` of blocks are held against the peer's credits; `size` is what the
    /// answer should weigh, for its deadline.
    pub(super) fn ask(
        &mut self,
        peer: PeerId,
        message: Message,
        what: What,
        bytes: u64,
        patience: Duration,
        now: Instant,
    ) -> Option<RequestId> {
        let entry = self.peers.get_mut(&peer)?;
        // Who was too late is given more time, so that a link is never too long to be used.
        let wait = patience.saturating_mul(1 << entry.failures.min(3));
        entry.open += 1;
        entry.open_bytes += bytes;
        let id = self.requests.insert(Open {
            peer,
            sent: now,
            deadline: now + wait.min(PATIENCE),
            bytes,
            announced: entry.announced(),
            what,
            overdue: false,
        });
        self.push(Action::Request { peer, id, message });
        Some(id)
    }

    /// Takes an answered request off the books.
    pub(super) fn close(&mut self, id: RequestId) -> Option<Open> {
        let open = self.requests.remove(id)?;
        if let Some(peer) = self.peers.get_mut(&open.peer) {
            peer.open = peer.open.saturating_sub(1);
            peer.open_bytes = peer.open_bytes.saturating_sub(open.bytes);
        }
        Some(open)
    }

    /// Gives up on a request because somebody else was faster. To be outrun after a hedge is to be
    /// slow: the peer rests.
    pub(super) fn cancel(&mut self, id: RequestId, now: Now) {
        let Some(open) = self.close(id) else { return };
        if let Some(peer) = self.peers.get_mut(&open.peer) {
            peer.asked.take_if(|asked| *asked == id);
        }
        self.push(Action::Cancel { id });
        if !open.overdue {
            self.slow(open.peer, "outrun", now);
        }
    }

    /// Leaves the branch of this block aside for a while.
    pub(super) fn set_aside(&mut self, block: Hash32, now: Instant) {
        self.asides.retain(|(_, until)| *until > now);
        if self.asides.len() >= ASIDES {
            self.asides.pop_front();
        }
        self.asides.push_back((block, now + ASIDE));
    }

    /// Whether one of these headers is that of a block left aside.
    pub(super) fn is_aside(&self, headers: &[NewHeader], now: Instant) -> bool {
        let live = self.asides.iter().filter(|(_, until)| *until > now);
        live.into_iter()
            .any(|(hash, _)| headers.iter().any(|header| header.hash == *hash))
    }

    /// Reports an offence and never asks the peer again.
    pub(super) fn penalise(&mut self, peer: PeerId, offence: Offence, detail: String) {
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.shunned = true;
            entry.role = Role::New;
        }
        self.push(Action::Penalise {
            peer,
            offence,
            detail,
        });
    }

    /// The peer let us wait: nobody's fault, but it is asked for less.
    pub(super) fn slow(&mut self, peer: PeerId, label: &'static str, now: Now) {
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.failed(now.mono);
            self.emit(NodeEvent::RequestFailed { peer, label });
        }
    }
}

/// How long an answer of `bytes` may take at this pace, beyond `least`.
pub(super) fn patience(pace: &Pace, bytes: u64, least: Duration) -> Duration {
    let crawl = Duration::from_millis(bytes.saturating_mul(1000) / CRAWL);
    let allowance = match pace.expected(bytes) {
        Some(expected) => (expected * 4).min(crawl),
        // Nothing is known: a late answer is still of use, so this may be short.
        None => crawl.min(UNMEASURED),
    };
    (least + allowance).min(PATIENCE)
}
