//! Kademlia with a guard before and behind it.

use std::{
    collections::{HashSet, VecDeque},
    num::NonZeroUsize,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    kad::{self, GetRecordOk, KBucketKey, Mode, QueryId, QueryInfo, QueryResult, Quorum},
    swarm::{
        CloseConnection, ConnectionDenied, ConnectionId, DialError, DialFailure, FromSwarm,
        NetworkBehaviour, NotifyHandler, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    },
};
use rand::Rng as _;
use tokio::time::{Sleep, sleep};

use super::{
    Config, Event, Inbound, InboundId,
    dials::{Dials, Next},
    heard::{
        Heard, Kad, MAX_ADDRESSES_OF_PEER, Tell, Told, cut_heard, cut_told, is_reply, is_request,
    },
    inbox::{Inbox, Waiting},
    jobs::{Job, Jobs, Reply},
    rates::Rates,
    shelf::Shelf,
};
use crate::{
    clock::{Clock, Rng},
    dht::{Key, Place, Record, Refused, Source, Store, Stored, Verified},
    ids::Hash32,
    offence::Offence,
    registry::MAX_DHT_RECORD_BYTES,
};

/// How often waiting dials, requests and connections on loan are looked at. Nothing of theirs is
/// shorter than a second.
const TICK: Duration = Duration::from_millis(500);

/// How many more than the quorum get a record ahead of the search for those closest to its key. One
/// of them may be slow; all others are found by the search.
const AHEAD: usize = 1;

/// Too many queries run already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many queries of the hash table run already; try again when one has ended")]
pub struct Busy;

/// The hash table. Its state is bounded by [`Config`] and by the constants of this folder.
pub struct Behaviour {
    kad: Kad,
    clock: Arc<dyn Clock>,
    dialable: fn(&Multiaddr) -> bool,
    /// Who is connected: at most as many as connections.
    connected: HashSet<PeerId>,
    rates: Rates,
    dials: Dials,
    inbox: Inbox,
    jobs: Jobs,
    rng: Rng,
    out: VecDeque<ToSwarm<Event, Tell>>,
    tick: Option<Pin<Box<Sleep>>>,
    waker: Option<Waker>,
}

impl Behaviour {
    /// The table of the node `me`, as a client that looks things up and answers nobody until
    /// [`Behaviour::set_mode`] says otherwise.
    #[must_use]
    pub fn new(config: &Config, me: PeerId, clock: Arc<dyn Clock>, mut rng: Rng) -> Self {
        let shelf = Shelf {
            store: Store::new(me, config.limits, &mut rng),
            clock: Arc::clone(&clock),
        };
        let mut kad = Kad::with_config(me, shelf, config.kad());
        kad.set_mode(Some(Mode::Client));
        Self {
            kad,
            clock,
            dialable: config.dialable,
            connected: HashSet::new(),
            rates: Rates::new(config.lookups, config.stores, config.all_stores),
            dials: Dials::new(config.borrowed, config.linger),
            inbox: Inbox::default(),
            jobs: Jobs::default(),
            rng,
            out: VecDeque::new(),
            tick: None,
            waker: None,
        }
    }

    /// Answers look-ups and holds records from now on, or no longer. Only a node that others can
    /// reach should.
    pub fn set_mode(&mut self, mode: Mode) {
        self.kad.set_mode(Some(mode));
        self.wake();
    }

    /// Whether look-ups are answered.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.kad.mode()
    }

    /// The records held here.
    pub fn store_mut(&mut self) -> &mut Store {
        &mut self.kad.store_mut().store
    }

    /// Sends a record to the nodes closest to its key, and says when `quorum` have it. It is stored
    /// here only by [`Store::insert`].
    ///
    /// The closest of those connected get it at once, ahead of the search for closer ones.
    ///
    /// # Errors
    /// Too many queries run.
    pub fn put(&mut self, record: &Record, quorum: usize) -> Result<QueryId, Busy> {
        self.free()?;
        // All, so that Kademlia goes on when as many have it as the caller waits for.
        let put = self.kad.put_record(to_kad(record), Quorum::All);
        let id = put.map_err(|_| Busy)?;
        self.start(id, put_job(record, quorum));
        let key = KBucketKey::new(*record.key().as_bytes());
        let known = self.kad.get_closest_local_peers(&key);
        let known = known.map(KBucketKey::into_preimage);
        let near = known.filter(|peer| self.connected.contains(peer));
        let near: Vec<PeerId> = near.take(quorum.saturating_add(AHEAD)).collect();
        if !near.is_empty() {
            let near = near.into_iter();
            let ahead = self.kad.put_record_to(to_kad(record), near, Quorum::All);
            self.start(ahead, Job::Ahead(id));
        }
        Ok(id)
    }

    /// Sends a record to these peers: holders that answered a read with another one, or had none.
    ///
    /// # Errors
    /// Too many queries run.
    pub fn repair(&mut self, record: &Record, peers: &[PeerId]) -> Result<QueryId, Busy> {
        self.free()?;
        let to = peers.iter().copied();
        let id = self.kad.put_record_to(to_kad(record), to, Quorum::All);
        self.start(id, put_job(record, peers.len()));
        Ok(id)
    }

    /// Looks for the record of `key`, here first. Every answer is an [`Event::Answer`]; call
    /// [`Behaviour::finish`] when there are enough.
    ///
    /// # Errors
    /// Too many queries run.
    pub fn get(&mut self, key: Key) -> Result<QueryId, Busy> {
        self.free()?;
        let id = self.kad.get_record(kad::RecordKey::new(key.as_bytes()));
        self.start(id, Job::Get { answers: 0 });
        Ok(id)
    }

    /// Ends a query before its time; its last event follows.
    pub fn finish(&mut self, query: QueryId) {
        if let Some(mut query) = self.kad.query_mut(&query) {
            query.finish();
            self.wake();
        }
    }

    /// Looks for the peers closest to a random point, to learn of some nobody has named yet.
    ///
    /// # Errors
    /// Too many queries run.
    pub fn walk(&mut self) -> Result<QueryId, Busy> {
        self.free()?;
        let mut goal = vec![0; 32];
        self.rng.fill_bytes(&mut goal);
        let id = self.kad.get_closest_peers(goal);
        self.start(id, Job::Walk);
        Ok(id)
    }

    /// Looks for the peers closest to this node, then for some at every distance. Returns whether
    /// anybody is known to ask.
    pub fn bootstrap(&mut self) -> bool {
        self.wake();
        self.kad.bootstrap().is_ok()
    }

    /// Puts a peer that answers look-ups into the table, at an address where others can reach it:
    /// they will be told. Returns whether it is there now.
    pub fn add_address(&mut self, peer: &PeerId, address: Multiaddr) -> bool {
        let known = self.kad.kbucket(*peer).and_then(|bucket| {
            let mut entries = bucket.iter();
            let entry = entries.find(|e| e.node.key.preimage() == peer)?;
            Some(entry.node.value.len())
        });
        if known.is_some_and(|n| n >= MAX_ADDRESSES_OF_PEER) {
            return true;
        }
        self.wake();
        let update = self.kad.add_address(peer, address);
        matches!(update, kad::RoutingUpdate::Success)
    }

    /// Takes a peer out of the table: it is banned, or has stopped to answer look-ups.
    pub fn remove_peer(&mut self, peer: &PeerId) {
        self.kad.remove_peer(peer);
    }

    /// Takes an address of a peer out of the table, and the peer with its last one.
    pub fn remove_address(&mut self, peer: &PeerId, address: &Multiaddr) {
        self.kad.remove_address(peer, address);
    }

    /// Peers in the table.
    pub fn known(&mut self) -> usize {
        self.kad.kbuckets().map(|bucket| bucket.num_entries()).sum()
    }

    /// Stores the record of a request and answers it.
    ///
    /// # Errors
    /// Why the store did not take it. The peer is told of a record that counts more.
    pub fn accept(
        &mut self,
        id: InboundId,
        record: Verified,
        place: Option<Place>,
    ) -> Result<Stored, Refused> {
        let (now, key) = (self.clock.now(), record.key());
        let outcome = self.store_mut().insert(record, Source::Held(place), now);
        if let Some(waiting) = self.inbox.take(id) {
            let told = match &outcome {
                Ok(_) if waiting.key == key => waiting.stored(),
                Err(Refused::Stale(held)) => waiting.stale(held.as_bytes()),
                _ => waiting.refused(),
            };
            self.tell(told);
        }
        outcome
    }

    /// Turns a request away.
    pub fn refuse(&mut self, id: InboundId) {
        if let Some(waiting) = self.inbox.take(id) {
            self.tell(waiting.refused());
        }
    }

    /// The connections with `peer` are wanted for more than a query, and are not closed any more.
    /// Returns whether one was on loan until now.
    pub fn adopt(&mut self, peer: PeerId) -> bool {
        self.dials.adopt(peer)
    }

    /// Whether this connection is on loan: made for a query and not adopted.
    #[must_use]
    pub fn is_borrowed(&self, connection: ConnectionId) -> bool {
        self.dials.is_borrowed(connection)
    }

    /// Connections on loan.
    #[must_use]
    pub fn borrowed(&self) -> usize {
        self.dials.borrowed()
    }

    fn free(&self) -> Result<(), Busy> {
        if self.jobs.is_full() {
            Err(Busy)
        } else {
            Ok(())
        }
    }

    fn start(&mut self, id: QueryId, job: Job) {
        self.jobs.add(id, job);
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn emit(&mut self, event: Event) {
        self.out.push_back(ToSwarm::GenerateEvent(event));
    }

    fn tell(&mut self, (peer_id, connection, event): Told) {
        self.out.push_back(ToSwarm::NotifyHandler {
            peer_id,
            handler: NotifyHandler::One(connection),
            event,
        });
        self.wake();
    }

    /// A peer wants a record stored. Kademlia never hears of it: it would say yes at once.
    fn asked_to_store(&mut self, waiting: Waiting, value: Vec<u8>) {
        let (peer, connection, key) = (waiting.peer, waiting.connection, waiting.key);
        let now = waiting.since;
        if self.store_mut().holds(&key, &value, now) {
            return self.tell(waiting.stored());
        }
        match self.inbox.add(waiting) {
            Err(waiting) => self.tell(waiting.refused()),
            Ok(id) => self.emit(Event::Inbound(Inbound {
                id,
                peer,
                connection,
                key,
                record: value.into(),
            })),
        }
    }

    /// Whether `query` has found where to store and is storing.
    fn is_storing(&self, query: &QueryId) -> bool {
        let query = self.kad.query(query);
        query.is_some_and(|q| match q.info() {
            QueryInfo::PutRecord { phase, .. } => {
                matches!(phase, kad::PutRecordPhase::PutRecord { .. })
            }
            _ => false,
        })
    }

    fn on_kad(&mut self, event: kad::Event) {
        match event {
            kad::Event::OutboundQueryProgressed {
                id, result, step, ..
            } => {
                self.on_progress(id, result, step.last);
            }
            kad::Event::UnroutablePeer { peer } => self.emit(Event::Routable {
                peer,
                address: None,
            }),
            kad::Event::RoutablePeer { peer, address }
            | kad::Event::PendingRoutablePeer { peer, address } => self.emit(Event::Routable {
                peer,
                address: Some(address),
            }),
            _ => {}
        }
    }

    fn on_progress(&mut self, query: QueryId, result: QueryResult, last: bool) {
        let mut without = Vec::new();
        let mut met = Vec::new();
        match result {
            QueryResult::GetRecord(Ok(GetRecordOk::FoundRecord(found))) => {
                if self.jobs.answered(&query) {
                    let (peer, record) = (found.peer, found.record.value.into());
                    self.emit(Event::Answer {
                        query,
                        peer,
                        record,
                    });
                }
            }
            QueryResult::GetRecord(Ok(GetRecordOk::FinishedWithNoAdditionalRecord {
                cache_candidates,
            })) => without = cache_candidates.into_values().collect(),
            QueryResult::GetClosestPeers(found) => {
                met = match found {
                    Ok(ok) => ok.peers,
                    Err(kad::GetClosestPeersError::Timeout { peers, .. }) => peers,
                };
            }
            _ => {}
        }
        if !last {
            return;
        }
        let event = match self.jobs.end(&query) {
            Some(Job::Put {
                holders, refused, ..
            }) => Event::Spread {
                query,
                copies: holders.len(),
                refused: refused.len(),
            },
            Some(Job::Get { answers }) => Event::Ended {
                query,
                answers,
                without,
            },
            Some(Job::Walk) => Event::Walked {
                query,
                peers: met.into_iter().map(|p| (p.peer_id, p.addrs)).collect(),
            },
            Some(Job::Ahead(_)) | None => return,
        };
        self.emit(event);
    }

    /// Lets time pass. Returns whether there is anything that time changes.
    fn pass_time(&mut self, now: Instant) -> bool {
        while let Some(waiting) = self.inbox.overdue(now) {
            self.tell(waiting.refused());
        }
        while let Some(next) = self.dials.next(now) {
            match next {
                Next::Dial(opts) => self.out.push_back(ToSwarm::Dial { opts }),
                Next::Close(peer_id, id) => self.out.push_back(ToSwarm::CloseConnection {
                    peer_id,
                    connection: CloseConnection::One(id),
                }),
                Next::GiveUp(opts) => {
                    let failure = DialFailure {
                        peer_id: opts.get_peer_id(),
                        error: &DialError::Aborted,
                        connection_id: opts.connection_id(),
                    };
                    self.kad.on_swarm_event(FromSwarm::DialFailure(failure));
                }
            }
        }
        !(self.inbox.is_empty() && self.dials.is_idle() && self.rates.is_empty())
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>, now: Instant) {
        let wanted = self.pass_time(now);
        if let Some(tick) = &mut self.tick
            && tick.as_mut().poll(cx).is_ready()
        {
            self.tick = None;
            self.rates.prune(now);
        }
        if wanted && self.tick.is_none() {
            let mut tick = Box::pin(sleep(TICK));
            // Polled at once, so that its end wakes this task.
            if tick.as_mut().poll(cx).is_pending() {
                self.tick = Some(tick);
            }
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = THandler<Kad>;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let kad = &mut self.kad;
        kad.handle_established_inbound_connection(id, peer, local, remote)
    }

    /// Addresses that peers named serve the dials of queries only: whom this node dials for itself
    /// it dials where it knows the peer to be.
    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if !self.dials.is_flying(id) {
            return Ok(Vec::new());
        }
        let kad = &mut self.kad;
        let mut known = kad.handle_pending_outbound_connection(id, peer, addresses, role)?;
        known.retain(self.dialable);
        known.dedup();
        known.truncate(MAX_ADDRESSES_OF_PEER);
        Ok(known)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let kad = &mut self.kad;
        kad.handle_established_outbound_connection(id, peer, remote, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match &event {
            FromSwarm::ConnectionEstablished(e) => {
                let (peer, connection) = (e.peer_id, e.connection_id);
                let now = self.clock.now().mono;
                self.connected.insert(peer);
                if self.dials.connected(connection, peer, now) {
                    self.emit(Event::Borrowed { peer, connection });
                }
            }
            FromSwarm::ConnectionClosed(e) => {
                if e.remaining_established == 0 {
                    self.connected.remove(&e.peer_id);
                }
                self.dials.closed(e.connection_id);
                self.inbox.closed(e.connection_id);
            }
            FromSwarm::DialFailure(e) => self.dials.failed(e.connection_id),
            // Kademlia would look for itself, and complain that it knows nobody to ask.
            FromSwarm::NewListenAddr(_) => return,
            _ => {}
        }
        self.kad.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        mut event: THandlerOutEvent<Self>,
    ) {
        let now = self.clock.now().mono;
        if is_reply(&event) {
            self.dials.answered(peer, now);
        }
        match &mut event {
            Heard::FindNodeReq { request_id, .. } if !self.rates.lookup(peer, now) => {
                let nobody = Tell::FindNodeRes {
                    closer_peers: Vec::new(),
                    request_id: *request_id,
                };
                return self.tell((peer, connection, nobody));
            }
            Heard::GetRecord { request_id, .. } if !self.rates.lookup(peer, now) => {
                let nothing = Tell::GetRecordRes {
                    record: None,
                    closer_peers: Vec::new(),
                    request_id: *request_id,
                };
                return self.tell((peer, connection, nothing));
            }
            Heard::PutRecord { record, request_id } => {
                let key = Key::from_slice(record.key.as_ref());
                let waiting = Waiting {
                    peer,
                    connection,
                    key: key.unwrap_or(Key(Hash32::ZERO)),
                    tell: Tell::PutRecordRes {
                        key: record.key.clone(),
                        value: Vec::new(),
                        request_id: *request_id,
                    },
                    since: now,
                };
                if !self.rates.store(peer, now) {
                    return self.tell(waiting.refused());
                }
                let offence = match key {
                    None => Offence::MalformedMessage,
                    Some(_) if record.value.len() > MAX_DHT_RECORD_BYTES => {
                        Offence::OversizedMessage
                    }
                    Some(_) => {
                        let value = std::mem::take(&mut record.value);
                        return self.asked_to_store(waiting, value);
                    }
                };
                self.tell(waiting.refused());
                return self.emit(Event::Offence {
                    peer,
                    connection,
                    offence,
                });
            }
            // Nobody here provides anything.
            Heard::GetProvidersReq { request_id, .. } => {
                let nobody = Tell::GetProvidersRes {
                    closer_peers: Vec::new(),
                    provider_peers: Vec::new(),
                    request_id: *request_id,
                };
                return self.tell((peer, connection, nobody));
            }
            Heard::AddProvider { .. } => return,
            Heard::FindNodeRes { closer_peers, .. } | Heard::GetRecordRes { closer_peers, .. } => {
                cut_heard(closer_peers, self.dialable);
            }
            Heard::PutRecordRes {
                value, query_id, ..
            } => {
                let (query, reply) = self.jobs.replied(query_id, peer, value);
                match reply {
                    Reply::Enough(copies) => self.emit(Event::Stored { query, copies }),
                    Reply::Has(record) => self.emit(Event::Newer {
                        query,
                        peer,
                        record,
                    }),
                    Reply::Nothing => {}
                }
            }
            Heard::QueryError { query_id, .. } if self.is_storing(query_id) => {
                self.jobs.failed(query_id, peer);
            }
            _ => {}
        }
        self.kad
            .on_connection_handler_event(peer, connection, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        let now = self.clock.now().mono;
        loop {
            self.poll_tick(cx, now);
            if let Some(event) = self.out.pop_front() {
                return Poll::Ready(event);
            }
            match self.kad.poll(cx) {
                Poll::Ready(ToSwarm::GenerateEvent(event)) => self.on_kad(event),
                Poll::Ready(ToSwarm::Dial { opts }) => self.dials.want(opts, now),
                Poll::Ready(ToSwarm::NotifyHandler {
                    peer_id,
                    handler,
                    mut event,
                }) => {
                    if is_request(&event) {
                        self.dials.asked(peer_id, now);
                    }
                    cut_told(&mut event, self.dialable);
                    return Poll::Ready(ToSwarm::NotifyHandler {
                        peer_id,
                        handler,
                        event,
                    });
                }
                Poll::Ready(other) => {
                    return Poll::Ready(other.map_out(|_| unreachable!("matched above")));
                }
                Poll::Pending => {
                    self.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        }
    }
}

fn to_kad(record: &Record) -> kad::Record {
    let key = kad::RecordKey::new(record.key().as_bytes());
    kad::Record::new(key, record.as_bytes().to_vec())
}

fn put_job(record: &Record, quorum: usize) -> Job {
    Job::Put {
        sent: Bytes::clone(record.as_bytes()),
        quorum: NonZeroUsize::new(quorum).map_or(1, NonZeroUsize::get),
        holders: Vec::new(),
        refused: Vec::new(),
    }
}
