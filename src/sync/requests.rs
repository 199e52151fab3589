//! The requests that are open, and the credits they hold.

use std::{collections::BTreeMap, time::Instant};

use libp2p::PeerId;

use super::{bodies::BodyAsk, headers::HeaderAsk, io::RequestId};
use crate::ids::Work;

/// Open requests by id.
#[derive(Debug, Default)]
pub(super) struct Requests {
    next: u64,
    open: BTreeMap<RequestId, Open>,
}

/// A request that has no answer yet.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) peer: PeerId,
    pub(super) sent: Instant,
    /// When it is given up.
    pub(super) deadline: Instant,
    /// Bytes of blocks it asks for, held against the peer's credits.
    pub(super) bytes: u64,
    /// Work of the imported head the peer had announced when it was asked: the best header in its
    /// answer may not have less.
    pub(super) announced: Work,
    pub(super) what: What,
    /// Given up: the answer may still come, and may still be of use.
    pub(super) overdue: bool,
}

impl Open {
    /// A late answer is waited for as long again as one in time.
    fn end(&self) -> Instant {
        self.deadline + self.deadline.saturating_duration_since(self.sent)
    }
}

/// What was asked for.
#[derive(Debug)]
pub(super) enum What {
    Headers(HeaderAsk),
    Bodies(BodyAsk),
}

impl Requests {
    pub(super) fn insert(&mut self, open: Open) -> RequestId {
        self.next += 1;
        let id = RequestId(self.next);
        self.open.insert(id, open);
        id
    }

    pub(super) fn get(&self, id: RequestId) -> Option<&Open> {
        self.open.get(&id)
    }

    pub(super) fn remove(&mut self, id: RequestId) -> Option<Open> {
        self.open.remove(&id)
    }

    /// Removes and returns everything that was asked of `peer`.
    pub(super) fn remove_peer(&mut self, peer: &PeerId) -> Vec<(RequestId, Open)> {
        self.open
            .extract_if(.., |_, open| open.peer == *peer)
            .collect()
    }

    /// Marks requests past their deadline as overdue and returns their ids.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<RequestId> {
        let mut out = Vec::new();
        for (id, open) in &mut self.open {
            if !open.overdue && open.deadline <= now {
                open.overdue = true;
                out.push(*id);
            }
        }
        out
    }

    /// Requests whose answer is not even waited for as a late one any more.
    pub(super) fn hopeless(&self, now: Instant) -> Vec<RequestId> {
        let hopeless = self.open.iter().filter(|(_, open)| open.end() <= now);
        hopeless.map(|(id, _)| *id).collect()
    }

    /// When the next deadline is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.open
            .values()
            .map(|open| {
                if open.overdue {
                    open.end()
                } else {
                    open.deadline
                }
            })
            .min()
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}
