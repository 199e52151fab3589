//! Writes to the hash table: signed, durable here, then sent to the nodes nearest to the key.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{DEADLINE, MAX_WAITING, Table, TableCall, name_of};
use crate::{
    dht::{Body, DEFAULT_QUORUM, Record, Refused, Verified},
    identity::peer_id_from_digest,
    node::{
        effect::Effect,
        peering::{DhtError, PeeringTask, Written, clerk::Desk, done::Done},
    },
    peers::PeerStoreError,
    report::DhtPutReport,
};

pub(super) struct Write {
    body: Body,
    pub(super) record: Option<Verified>,
    pub(super) until: Instant,
    reply: oneshot::Sender<Result<DhtPutReport, DhtError>>,
}

impl PeeringTask {
    /// Writes, or deletes, on behalf of a handle.
    pub(in crate::node::peering) fn dht_put(
        &mut self,
        name: Option<Vec<u8>>,
        value: Option<Bytes>,
        ttl: Duration,
        reply: oneshot::Sender<Result<DhtPutReport, DhtError>>,
    ) {
        let now = self.now();
        let body = Body {
            author: self.office.identity.public().digest(),
            chain_id: self.network.0,
            genesis: self.network.1,
            seq: 0,
            created_ms: now.wall_ms,
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            name,
            value: value.map(Vec::from),
        };
        if self.table.writes.len() >= MAX_WAITING {
            let _ = reply.send(Err(DhtError::Refused(
                "too many writes at a time".to_owned(),
            )));
            return;
        }
        let write = self.table.ticket();
        let (named, key) = (body.name.is_some(), body.key());
        let entry = Write {
            body,
            record: None,
            until: now.mono + DEADLINE,
            reply,
        };
        self.table.writes.insert(write, entry);
        if named {
            self.outbox
                .push(Effect::Table(TableCall::Seq { write, key }));
        } else {
            self.sign_record(write, 0);
        }
    }

    pub(super) fn sign_record(&mut self, write: u64, seq: u64) {
        let Some(entry) = self.table.writes.get_mut(&write) else {
            return;
        };
        entry.body.seq = seq;
        let (body, office) = (entry.body.clone(), self.office.clone());
        self.clerk.take(Desk::Own, move || {
            let record = Record::sign(&office.identity, &body);
            let record = record.map_err(|e| DhtError::Refused(e.to_string()));
            Done::DhtSigned { write, record }
        });
    }

    pub(in crate::node::peering) fn dht_signed(
        &mut self,
        write: u64,
        record: Result<Verified, DhtError>,
    ) {
        match record {
            Ok(record) => {
                if let Some(entry) = self.table.writes.get_mut(&write) {
                    entry.record = Some(record.clone());
                    let call = TableCall::Insert { write, record };
                    self.outbox.push(Effect::Table(call));
                }
            }
            Err(error) => self.table.fail(write, error),
        }
    }

    /// A record of ours is stored here: it goes out once that is durable.
    pub(super) fn inserted(&mut self, write: u64, result: Result<(), Refused>) {
        if let Err(refused) = result {
            return self
                .table
                .fail(write, DhtError::Refused(refused.to_string()));
        }
        let durable = self.own_writes.clone();
        self.keep.then(move |result| {
            // The task is gone: so is whoever waited.
            let _ = durable.try_send(Written::Value(write, result));
        });
    }

    /// A record of ours is durable here, or is not.
    pub(in crate::node::peering) fn written(
        &mut self,
        write: u64,
        result: Result<(), PeerStoreError>,
    ) {
        if let Err(error) = result {
            return self.table.fail(write, DhtError::Store(error));
        }
        let Some(record) = self.table.writes.get(&write).and_then(|w| w.record.clone()) else {
            return;
        };
        let quorum = self.config.dht_quorum.unwrap_or(DEFAULT_QUORUM);
        let call = TableCall::Put {
            write,
            record,
            quorum,
        };
        self.outbox.push(Effect::Table(call));
    }
}

impl Table {
    pub(super) fn fail(&mut self, write: u64, error: DhtError) {
        if let Some(entry) = self.writes.remove(&write) {
            let _ = entry.reply.send(Err(error));
        }
    }

    /// So many others have the record.
    pub(super) fn spread(&mut self, write: u64, copies: usize) {
        let Some(entry) = self.writes.remove(&write) else {
            return;
        };
        let Some(record) = entry.record.filter(|_| copies > 0) else {
            let error = match self.size.routing {
                0 => DhtError::NoPeers,
                _ => DhtError::NotReplicated("none took it".to_owned()),
            };
            let _ = entry.reply.send(Err(error));
            return;
        };
        let body = record.body();
        let report = DhtPutReport {
            author: peer_id_from_digest(body.author).to_string(),
            key: name_of(body),
            address: record.key().to_string(),
            seq: body.seq,
            expires_ms: body.expires_ms(),
            copies,
        };
        let _ = entry.reply.send(Ok(report));
    }
}
