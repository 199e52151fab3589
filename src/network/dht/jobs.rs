//! What the queries that run are for.

use std::collections::HashMap;

use bytes::Bytes;
use libp2p::{PeerId, kad::QueryId};

use super::{heard::MAX_CLOSER, inbox::REFUSED};

/// Queries at a time. Each asks up to three peers at once and may keep 20 answers of 16 KiB.
pub(super) const MAX_QUERIES: usize = 128;

/// What a query is for.
#[derive(Debug)]
pub(super) enum Job {
    /// A record is sent to those closest to its key.
    Put {
        sent: Bytes,
        quorum: usize,
        holders: Vec<PeerId>,
        refused: Vec<PeerId>,
    },
    /// The record of this query is sent to some that are connected, ahead of it.
    Ahead(QueryId),
    /// A record is looked for.
    Get { answers: usize },
    /// Peers are looked for.
    Walk,
}

/// What the queries that run are for.
#[derive(Debug, Default)]
pub(super) struct Jobs(HashMap<QueryId, Job>);

/// What a holder's answer to a record that was sent means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// With it as many have the record as were wanted.
    Enough(usize),
    /// It has another one, which counts more.
    Has(Bytes),
    /// Nothing to tell.
    Nothing,
}

impl Jobs {
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MAX_QUERIES
    }

    pub(super) fn add(&mut self, id: QueryId, job: Job) {
        self.0.insert(id, job);
    }

    pub(super) fn end(&mut self, id: &QueryId) -> Option<Job> {
        self.0.remove(id)
    }

    /// `peer` answered with `value` to a record that was sent: with nothing, or the record again, if
    /// it took it. Returns the query that sent it, and what the answer means. A peer that was sent
    /// it twice counts once.
    pub(super) fn replied(&mut self, id: &QueryId, peer: PeerId, value: &[u8]) -> (QueryId, Reply) {
        let id = match self.0.get(id) {
            Some(Job::Ahead(of)) => *of,
            _ => *id,
        };
        let Some(Job::Put {
            sent,
            quorum,
            holders,
            refused,
        }) = self.0.get_mut(&id)
        else {
            return (id, Reply::Nothing);
        };
        let taken = value.is_empty() || value == sent;
        let list = if taken { &mut *holders } else { refused };
        if list.contains(&peer) {
            return (id, Reply::Nothing);
        }
        list.push(peer);
        let reply = if !taken && value != REFUSED {
            Reply::Has(Bytes::copy_from_slice(value))
        } else if taken && holders.len() == *quorum {
            Reply::Enough(holders.len())
        } else {
            Reply::Nothing
        };
        (id, reply)
    }

    /// A peer that was asked to store a record did not answer.
    pub(super) fn failed(&mut self, id: &QueryId, peer: PeerId) {
        if let Some(Job::Put { refused, .. }) = self.0.get_mut(id)
            && !refused.contains(&peer)
        {
            refused.push(peer);
        }
    }

    /// A holder answered a read. Returns whether the answer is wanted.
    pub(super) fn answered(&mut self, id: &QueryId) -> bool {
        match self.0.get_mut(id) {
            Some(Job::Get { answers }) if *answers < MAX_CLOSER => {
                *answers += 1;
                true
            }
            _ => false,
        }
    }
}
