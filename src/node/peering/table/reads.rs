//! Reads of the hash table: answers checked, the best one returned, the others brought up to date.

use std::time::Instant;

use bytes::Bytes;
use libp2p::{PeerId, kad::QueryId};
use tokio::sync::oneshot;

use super::{DEADLINE, MAX_WAITING, TableCall, name_of};
use crate::{
    dht::{DEFAULT_QUORUM, Heard, Key, Read, RecordError, Verified, judge},
    identity::{digest_from_peer_id, peer_id_from_digest},
    node::{
        effect::Effect,
        peering::{DhtError, DhtKey, PeeringTask, clerk::Desk, done::Done},
    },
    report::DhtValueReport,
};

pub(super) struct Reading {
    read: Read,
    pub(super) query: Option<QueryId>,
    /// Answers that are being checked.
    checking: usize,
    /// The query has ended.
    pub(super) ended: bool,
    local: bool,
    pub(super) without: Vec<PeerId>,
    pub(super) until: Instant,
    pub(super) reply: oneshot::Sender<Result<DhtValueReport, DhtError>>,
}

impl PeeringTask {
    /// Reads on behalf of a handle.
    pub(in crate::node::peering) fn dht_get(
        &mut self,
        key: &DhtKey,
        reply: oneshot::Sender<Result<DhtValueReport, DhtError>>,
    ) {
        let now = self.now().mono;
        let key = match key {
            DhtKey::Content(address) => Key(*address),
            DhtKey::Authored { author, key } => {
                let Some(author) = digest_from_peer_id(&author.unwrap_or(self.me)) else {
                    let why = "the author's PeerId is not one of this network";
                    let _ = reply.send(Err(DhtError::Refused(why.to_owned())));
                    return;
                };
                Key::of_name(self.network, author, key)
            }
        };
        if self.table.reads.len() >= MAX_WAITING {
            let _ = reply.send(Err(DhtError::Refused(
                "too many reads at a time".to_owned(),
            )));
            return;
        }
        let read = self.table.ticket();
        let reading = Reading {
            read: Read::new(key, self.config.dht_quorum.unwrap_or(DEFAULT_QUORUM)),
            query: None,
            checking: 0,
            ended: false,
            local: false,
            without: Vec::new(),
            until: now + DEADLINE,
            reply,
        };
        self.table.reads.insert(read, reading);
        self.outbox
            .push(Effect::Table(TableCall::Get { read, key }));
    }

    pub(super) fn check_answer(&mut self, query: QueryId, from: Option<PeerId>, record: Bytes) {
        let Some(read) = self.table.queries.get(&query).copied() else {
            return;
        };
        let Some(reading) = self.table.reads.get_mut(&read) else {
            return;
        };
        let (office, wall_ms) = (self.office.clone(), self.clock.now().wall_ms);
        let key = reading.read.key();
        let queued = self.clerk.take(Desk::Own, move || {
            let verdict = judge(&key, record, &office.delegations, &office.policy, wall_ms);
            Done::DhtAnswer {
                read,
                from,
                verdict,
            }
        });
        if queued {
            reading.checking += 1;
        }
    }

    pub(in crate::node::peering) fn dht_answer(
        &mut self,
        read: u64,
        from: Option<PeerId>,
        verdict: Result<Verified, RecordError>,
    ) {
        let Some(reading) = self.table.reads.get_mut(&read) else {
            return;
        };
        reading.checking -= 1;
        match verdict {
            Ok(record) => {
                reading.local |= from.is_none();
                let enough = reading.read.answer(from, record) == Heard::Enough;
                if enough && let Some(query) = reading.query {
                    self.outbox.push(Effect::Table(TableCall::Finish(query)));
                }
            }
            Err(error) => {
                if let (Some(offence), Some(peer)) = (error.offence(), from) {
                    self.penalise(
                        peer,
                        offence,
                        format!("a record of the hash table: {error}"),
                    );
                }
            }
        }
        self.conclude(read);
    }

    /// Answers a read when its query has ended and every answer is checked.
    pub(super) fn conclude(&mut self, read: u64) {
        let over = |r: &Reading| r.ended && r.checking == 0;
        if !self.table.reads.get(&read).is_some_and(over) {
            return;
        }
        let Some(reading) = self.table.reads.remove(&read) else {
            return;
        };
        let best = reading.read.best().cloned();
        let value = best.as_ref().filter(|best| !best.is_tombstone());
        if let Some(best) = &best {
            // Whoever has an older one, or none, gets this one.
            let mut stale = reading.read.stale();
            stale.extend(reading.without.iter().copied());
            if !stale.is_empty() {
                let (record, peers) = (best.clone(), stale);
                self.outbox
                    .push(Effect::Table(TableCall::Repair { record, peers }));
            }
        }
        let answer = match value {
            Some(record) => {
                self.table.found += 1;
                Ok(value_report(record, &reading))
            }
            None => {
                self.table.missed += 1;
                Err(DhtError::NotFound)
            }
        };
        let _ = reading.reply.send(answer);
    }
}

fn value_report(record: &Verified, reading: &Reading) -> DhtValueReport {
    let body = record.body();
    let value = body.value.clone().unwrap_or_default();
    DhtValueReport {
        author: peer_id_from_digest(body.author).to_string(),
        key: name_of(body),
        address: record.key().to_string(),
        value: hex::encode(&value),
        text: String::from_utf8(value).ok(),
        seq: body.seq,
        created_ms: body.created_ms,
        expires_ms: body.expires_ms(),
        holders: reading.read.answers() - reading.read.stale().len(),
        local: reading.local,
    }
}
