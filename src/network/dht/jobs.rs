//! What the queries that run are for.

use std::collections::HashMap;

use bytes::Bytes;
use libp2p::kad::QueryId;

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
        copies: usize,
        refused: usize,
    },
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
    /// It has the record.
    Took,
    /// It has it, and with it as many have it as were wanted.
    Enough(usize),
    /// It has another one, which counts more.
    Has(Bytes),
    /// It did not take it.
    Refused,
    /// Not about a query of ours.
    Unknown,
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

    /// A holder answered with `value` to a record that was sent: nothing, or the record again, if
    /// it took it.
    pub(super) fn replied(&mut self, id: &QueryId, value: &[u8]) -> Reply {
        let Some(Job::Put {
            sent,
            quorum,
            copies,
            refused,
        }) = self.0.get_mut(id)
        else {
            return Reply::Unknown;
        };
        if !value.is_empty() && value != sent {
            *refused += 1;
            if value == REFUSED {
                return Reply::Refused;
            }
            return Reply::Has(Bytes::copy_from_slice(value));
        }
        *copies += 1;
        if *copies == *quorum {
            Reply::Enough(*copies)
        } else {
            Reply::Took
        }
    }

    /// A peer that was asked to store a record turned it away or did not answer.
    pub(super) fn failed(&mut self, id: &QueryId) {
        if let Some(Job::Put { refused, .. }) = self.0.get_mut(id) {
            *refused += 1;
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
