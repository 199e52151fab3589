//! The hash table: what handles write and read, what peers want stored.
//!
//! The records lie with the behaviour, in the event loop; the task has signatures checked and made,
//! and remembers who waits. [`TableCall`]s go there, [`TableNews`] come back.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId, kad::QueryId};
use tokio::sync::oneshot;

use super::{DhtError, DhtKey, PeeringTask, clerk::Desk, done::Done};
use crate::{
    dht::{
        Body, DEFAULT_QUORUM, Heard, Key, Place, Read, Record, RecordError, Refused, Stats,
        Verified, judge,
    },
    identity::{digest_from_peer_id, peer_id_from_digest},
    network::dht::{Event, Inbound, InboundId},
    node::effect::Effect,
    peers::{
        Change, Group, Table as Rows,
        book::{Origin, Source},
        reach::Mode,
    },
    report::{DhtPutReport, DhtStatsReport, DhtValueReport},
};

/// Writes and reads of handles at a time; more are told to come back.
pub(super) const MAX_WAITING: usize = 256;

/// How long a write or read may take in all: a query, the checks of its answers, and a commit.
const DEADLINE: Duration = Duration::from_secs(15);

/// Between two walks to random points while there are as many peers as wanted.
const CALM_WALKS: Duration = Duration::from_secs(600);

/// What the task asks of the table.
#[derive(Debug)]
pub(crate) enum TableCall {
    /// The next number of a name of ours.
    Seq { write: u64, key: Key },
    /// Store a record of ours here.
    Insert { write: u64, record: Verified },
    /// Send it to the nodes nearest to its key.
    Put {
        write: u64,
        record: Verified,
        quorum: usize,
    },
    /// Send it to these peers.
    Repair {
        record: Verified,
        peers: Vec<PeerId>,
    },
    /// Look for the record of a key.
    Get { read: u64, key: Key },
    /// End a query.
    Finish(QueryId),
    /// Store a record that a peer sent.
    Accept {
        id: InboundId,
        record: Verified,
        place: Option<Place>,
    },
    /// Turn it away.
    Refuse(InboundId),
    /// A peer that answers look-ups, and where.
    Routable { peer: PeerId, address: Multiaddr },
    /// A peer that does not any more.
    Remove(PeerId),
    /// The connections with a peer are wanted for more than a query.
    Adopt(PeerId),
    /// Look for peers at a random point.
    Walk,
    /// Answer look-ups from now on, or no longer.
    Serve(bool),
}

/// What the table answers.
#[derive(Debug)]
pub(crate) enum TableNews {
    /// Something happened.
    Event(Event),
    /// The query of a write or read has begun; `None`: too many run.
    Began { ticket: u64, query: Option<QueryId> },
    /// The next number of a name of ours.
    Seq { write: u64, seq: Option<u64> },
    /// A record of ours is stored here, or not.
    Inserted {
        write: u64,
        result: Result<(), Refused>,
    },
    /// A record that a peer sent is stored, or not.
    Judged { result: Result<(), Refused> },
    /// Rows that changed.
    Rows(Vec<(Key, Option<Vec<u8>>)>),
    /// How large it is.
    Stats { stats: Stats, routing: usize },
}

/// Who waits, and what was counted.
#[derive(Default)]
pub(super) struct Table {
    next: u64,
    writes: HashMap<u64, Write>,
    reads: HashMap<u64, Reading>,
    queries: HashMap<QueryId, u64>,
    serving: Option<bool>,
    walked: Option<Instant>,
    hasher: RandomState,
    pub(super) stats: Stats,
    pub(super) routing: usize,
    stored: u64,
    refused: BTreeMap<String, u64>,
    found: u64,
    missed: u64,
}

struct Write {
    body: Body,
    record: Option<Verified>,
    until: Instant,
    reply: oneshot::Sender<Result<DhtPutReport, DhtError>>,
}

struct Reading {
    read: Read,
    query: Option<QueryId>,
    /// Answers that are being checked.
    checking: usize,
    /// The query has ended.
    ended: bool,
    local: bool,
    without: Vec<PeerId>,
    until: Instant,
    reply: oneshot::Sender<Result<DhtValueReport, DhtError>>,
}

impl PeeringTask {
    /// Writes, or deletes, on behalf of a handle.
    pub(super) fn dht_put(
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

    fn sign_record(&mut self, write: u64, seq: u64) {
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

    pub(super) fn dht_signed(&mut self, write: u64, record: Result<Verified, DhtError>) {
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

    /// Reads on behalf of a handle.
    pub(super) fn dht_get(
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

    /// The table answers.
    pub(super) fn news(&mut self, news: TableNews) {
        match news {
            TableNews::Event(event) => self.table_event(event),
            TableNews::Began { ticket, query } => self.began(ticket, query),
            TableNews::Seq { write, seq } => match seq {
                Some(seq) => self.sign_record(write, seq),
                None => self.table.fail(
                    write,
                    DhtError::Refused("no number is left for this key".to_owned()),
                ),
            },
            TableNews::Inserted { write, result } => self.inserted(write, result),
            TableNews::Judged { result } => match result {
                Ok(()) => self.table.stored += 1,
                Err(refused) => self.table.refuse(refused.name()),
            },
            TableNews::Rows(rows) => {
                let change = |(key, row): (Key, Option<Vec<u8>>)| Change {
                    table: Rows::Dht,
                    key: key.as_bytes().to_vec(),
                    value: row,
                };
                self.keep.put(rows.into_iter().map(change));
            }
            TableNews::Stats { stats, routing } => {
                (self.table.stats, self.table.routing) = (stats, routing);
            }
        }
    }

    /// A record of ours is stored here: it goes out once that is durable.
    fn inserted(&mut self, write: u64, result: Result<(), Refused>) {
        if let Err(refused) = result {
            return self
                .table
                .fail(write, DhtError::Refused(refused.to_string()));
        }
        let durable = self.own_writes.clone();
        self.keep.then(move |result| {
            // The task is gone: so is whoever waited.
            let _ = durable.try_send((write, result));
        });
    }

    /// A record of ours is durable here, or is not.
    pub(super) fn written(&mut self, write: u64, result: Result<(), crate::peers::PeerStoreError>) {
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

    fn began(&mut self, ticket: u64, query: Option<QueryId>) {
        if let Some(query) = query {
            self.table.queries.insert(query, ticket);
            if let Some(reading) = self.table.reads.get_mut(&ticket) {
                reading.query = Some(query);
            }
            return;
        }
        let busy = || DhtError::Refused("too many queries run; try again".to_owned());
        self.table.fail(ticket, busy());
        if let Some(reading) = self.table.reads.remove(&ticket) {
            let _ = reading.reply.send(Err(busy()));
        }
    }

    fn table_event(&mut self, event: Event) {
        match event {
            Event::Inbound(inbound) => self.wants_stored(inbound),
            Event::Stored { query, copies } => {
                if let Some(write) = self.table.queries.get(&query).copied() {
                    self.table.spread(write, copies);
                }
            }
            Event::Spread { query, copies, .. } => {
                if let Some(write) = self.table.queries.remove(&query) {
                    self.table.spread(write, copies);
                }
            }
            Event::Newer {
                query,
                peer,
                record,
            }
            | Event::Answer {
                query,
                peer: Some(peer),
                record,
            } => {
                self.check_answer(query, Some(peer), record);
            }
            Event::Answer {
                query,
                peer: None,
                record,
            } => self.check_answer(query, None, record),
            Event::Ended { query, without, .. } => {
                if let Some(read) = self.table.queries.remove(&query)
                    && let Some(reading) = self.table.reads.get_mut(&read)
                {
                    (reading.ended, reading.without) = (true, without);
                    self.conclude(read);
                }
            }
            Event::Walked { peers, .. } => self.walked(peers),
            Event::Routable { peer, address } => {
                let known = self.live.get(&peer).map(|live| live.address.clone());
                if let Some(address) = address.or(known) {
                    self.routable(peer, &[address]);
                }
            }
            Event::Borrowed { .. } => {}
            Event::Offence { peer, offence, .. } => {
                self.penalise(peer, offence, "in the hash table".to_owned());
            }
        }
    }

    /// A peer wants a record stored: its signature is checked first.
    fn wants_stored(&mut self, inbound: Inbound) {
        let Inbound {
            id,
            peer,
            key,
            record,
            ..
        } = inbound;
        let (office, wall_ms) = (self.office.clone(), self.now().wall_ms);
        let queued = self.clerk.take(Desk::Peers, move || {
            let verdict = judge(&key, record, &office.delegations, &office.policy, wall_ms);
            Done::DhtInbound { peer, id, verdict }
        });
        if !queued {
            self.table.refuse("busy");
            self.outbox.push(Effect::Table(TableCall::Refuse(id)));
        }
    }

    pub(super) fn dht_inbound(
        &mut self,
        peer: PeerId,
        id: InboundId,
        verdict: Result<Verified, RecordError>,
    ) {
        let call = match verdict {
            Ok(record) => {
                let place = self.place_of(&peer);
                TableCall::Accept { id, record, place }
            }
            Err(error) => {
                self.table.refuse(if error.is_about_time() {
                    "time"
                } else {
                    "invalid"
                });
                if let Some(offence) = error.offence() {
                    self.penalise(
                        peer,
                        offence,
                        format!("a record of the hash table: {error}"),
                    );
                }
                TableCall::Refuse(id)
            }
        };
        self.outbox.push(Effect::Table(call));
    }

    /// The number of the address group of a peer, if groups cost something there.
    fn place_of(&self, peer: &PeerId) -> Option<Place> {
        let live = self.live.get(peer).map(|live| &live.address);
        let address = live.or_else(|| self.borrowed.get(peer).map(|b| &b.address))?;
        let group = Group::of(address);
        group
            .is_costly()
            .then(|| Place(self.table.hasher.hash_one(group)))
    }

    fn check_answer(&mut self, query: QueryId, from: Option<PeerId>, record: Bytes) {
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

    pub(super) fn dht_answer(
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
    fn conclude(&mut self, read: u64) {
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

    /// Walked to a random point: whoever was met is worth knowing.
    fn walked(&mut self, peers: Vec<(PeerId, Vec<Multiaddr>)>) {
        let now = self.now();
        let origin = Origin {
            source: Source::Dht,
            group: Group::Other,
        };
        for (peer, addresses) in peers {
            let learnt = self.book.learn(peer, &addresses, origin, now);
            self.told.found("dht", u64::from(learnt.new_peer), now.mono);
        }
    }

    /// A peer answers look-ups.
    pub(super) fn routable(&mut self, peer: PeerId, addresses: &[Multiaddr]) {
        if !self.config.discovery.dht {
            return;
        }
        for address in addresses {
            let call = TableCall::Routable {
                peer,
                address: address.clone(),
            };
            self.outbox.push(Effect::Table(call));
        }
    }

    /// Walks when it is time, says whether this node serves, and gives up on what takes too long.
    pub(super) fn walk(&mut self, now: Instant) {
        self.table.expire(now);
        let announces = !self.announce.is_empty();
        let reached = self.reach.mode(announces, now) == Mode::Server;
        let serves = self.config.discovery.dht && reached;
        if self.table.serving != Some(serves) {
            self.table.serving = Some(serves);
            self.outbox.push(Effect::Table(TableCall::Serve(serves)));
        }
        if !self.config.discovery.dht || self.table.routing == 0 {
            return;
        }
        let pause = if self.plan.is_at_target() {
            CALM_WALKS
        } else {
            self.config.discovery.walks
        };
        let due = |last: Instant| now.saturating_duration_since(last) >= pause;
        if self.table.walked.is_none_or(due) {
            self.table.walked = Some(now);
            self.outbox.push(Effect::Table(TableCall::Walk));
        }
    }

    pub(super) fn dht_report(&self) -> DhtStatsReport {
        let (table, stats) = (&self.table, self.table.stats);
        DhtStatsReport {
            mode: if table.serving == Some(true) {
                "server"
            } else {
                "client"
            }
            .to_owned(),
            routing_peers: table.routing,
            records: stats.records,
            own: stats.own,
            tombstones: stats.tombstones,
            bytes: (stats.bytes + stats.own_bytes) as u64,
            bytes_max: (self.config.dht_limits.bytes + self.config.dht_limits.own_bytes) as u64,
            stored: table.stored,
            refused: table.refused.clone(),
            found: table.found,
            missed: table.missed,
        }
    }
}

impl Table {
    fn ticket(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn refuse(&mut self, reason: &str) {
        *self.refused.entry(reason.to_owned()).or_default() += 1;
    }

    fn fail(&mut self, write: u64, error: DhtError) {
        if let Some(entry) = self.writes.remove(&write) {
            let _ = entry.reply.send(Err(error));
        }
    }

    /// So many others have the record.
    fn spread(&mut self, write: u64, copies: usize) {
        let Some(entry) = self.writes.remove(&write) else {
            return;
        };
        let Some(record) = entry.record.filter(|_| copies > 0) else {
            let error = match self.routing {
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

    fn expire(&mut self, now: Instant) {
        let late: Vec<u64> = self
            .writes
            .iter()
            .filter(|(_, w)| w.until <= now)
            .map(|(id, _)| *id)
            .collect();
        for write in late {
            let stored = self.writes.get(&write).is_some_and(|w| w.record.is_some());
            let error = if stored {
                DhtError::NotReplicated("no answer in time".to_owned())
            } else {
                DhtError::Timeout
            };
            self.fail(write, error);
        }
        let late: Vec<u64> = self
            .reads
            .iter()
            .filter(|(_, r)| r.until <= now)
            .map(|(id, _)| *id)
            .collect();
        for read in late {
            if let Some(reading) = self.reads.remove(&read) {
                let _ = reading.reply.send(Err(DhtError::Timeout));
            }
        }
        let (writes, reads) = (&self.writes, &self.reads);
        self.queries
            .retain(|_, ticket| writes.contains_key(ticket) || reads.contains_key(ticket));
    }
}

fn name_of(body: &Body) -> String {
    let name = body.name.as_deref().unwrap_or_default();
    String::from_utf8(name.to_vec()).unwrap_or_else(|_| hex::encode(name))
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
