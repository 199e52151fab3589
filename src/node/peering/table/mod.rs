//! The hash table: what handles write and read, what peers want stored.
//!
//! The records lie with the behaviour, in the event loop; the task has signatures checked and made,
//! and remembers who waits. [`TableCall`]s go there, [`TableNews`] come back.

mod reads;
mod writes;

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, kad::QueryId};

use self::{reads::Reading, writes::Write};
use super::{DhtError, PeeringTask, clerk::Desk, done::Done};
use crate::{
    dht::{Body, Key, Place, RecordError, Refused, Stats, Verified, judge},
    network::dht::{Event, Inbound, InboundId},
    node::effect::Effect,
    peers::{
        Change, Group, Table as Rows,
        book::{Origin, Source},
    },
    report::DhtStatsReport,
};

/// Writes and reads of handles at a time; more are told to come back.
pub(super) const MAX_WAITING: usize = 256;

/// How long a write or read may take in all: a query, the checks of its answers, and a commit.
const DEADLINE: Duration = Duration::from_secs(15);

/// Before the first walk of a node that asks its peers whom they know. A walk is up to twenty
/// handshakes, fewer the more of those nearby are peers by then.
const FIRST_WALK: Duration = Duration::from_secs(5);

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
    Size(TableSize),
}

/// How large the table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TableSize {
    /// What is stored.
    pub(crate) stats: Stats,
    /// Peers that queries are routed through.
    pub(crate) routing: usize,
}

/// Who waits, and what was counted.
#[derive(Default)]
pub(super) struct Table {
    next: u64,
    writes: HashMap<u64, Write>,
    reads: HashMap<u64, Reading>,
    queries: HashMap<QueryId, u64>,
    serving: Option<bool>,
    /// When there was somebody to ask.
    began: Option<Instant>,
    walked: Option<Instant>,
    hasher: RandomState,
    pub(super) size: TableSize,
    stored: u64,
    refused: BTreeMap<String, u64>,
    found: u64,
    missed: u64,
}

impl PeeringTask {
    /// The table answers.
    pub(in crate::node::peering) fn news(&mut self, news: TableNews) {
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
            TableNews::Size(size) => self.table.size = size,
        }
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

    pub(in crate::node::peering) fn dht_inbound(
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

    /// Walked to a random point: whoever was met is worth knowing.
    fn walked(&mut self, peers: Vec<(PeerId, Vec<Multiaddr>)>) {
        let now = self.now();
        let origin = Origin {
            source: Source::Dht,
            group: Group::Other,
        };
        for (peer, addresses) in peers {
            let learnt = self.learn(peer, &addresses, origin, now);
            self.told.found("dht", u64::from(learnt.new_peer), now.mono);
        }
    }

    /// A peer answers look-ups.
    pub(in crate::node::peering) fn routable(&mut self, peer: PeerId, addresses: &[Multiaddr]) {
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
    pub(in crate::node::peering) fn walk(&mut self, now: Instant) {
        self.table.expire(now);
        let serves = self.serves_because(now).is_some();
        if self.table.serving != Some(serves) {
            self.table.serving = Some(serves);
            self.outbox.push(Effect::Table(TableCall::Serve(serves)));
        }
        if !self.config.discovery.dht || self.table.size.routing == 0 {
            return;
        }
        let walks = self.config.discovery.walks;
        let pause = match (self.table.walked, self.plan.is_at_target()) {
            (None, _) if !self.config.discovery.exchange => Duration::ZERO,
            (None, _) => FIRST_WALK.min(walks),
            (_, false) => walks,
            (_, true) => CALM_WALKS,
        };
        let last = self.table.walked.or(self.table.began);
        if last.is_none_or(|last| now.saturating_duration_since(last) >= pause) {
            self.table.walked = Some(now);
            self.outbox.push(Effect::Table(TableCall::Walk));
        }
    }

    pub(in crate::node::peering) fn dht_report(&self) -> DhtStatsReport {
        let (table, stats) = (&self.table, self.table.size.stats);
        DhtStatsReport {
            mode: if table.serving == Some(true) {
                "server"
            } else {
                "client"
            }
            .to_owned(),
            routing_peers: table.size.routing,
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
