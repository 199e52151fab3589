//! Kademlia with a guard before and behind it.

mod progress;
mod swarm;

use std::{
    collections::{HashSet, VecDeque},
    num::NonZeroUsize,
    pin::Pin,
    sync::Arc,
    task::Waker,
};

use libp2p::{
    Multiaddr, PeerId,
    kad::{self, KBucketKey, Mode, QueryId, Quorum},
    swarm::{ConnectionId, NotifyHandler, ToSwarm},
};
use rand::Rng as _;
use tokio::time::Sleep;

use super::{
    Config, Event, InboundId,
    dials::Dials,
    heard::{Kad, MAX_ADDRESSES_OF_PEER, Tell, Told},
    inbox::Inbox,
    jobs::{Job, Jobs},
    rates::Rates,
    shelf::Shelf,
};
use crate::{
    clock::{Clock, Rng},
    dht::{Key, Place, Record, Refused, Source, Store, Stored, Verified},
};

/// How many more than the quorum get a record ahead of the search for those closest to its key. One
/// of them may be slow; all others are found by the search.
const AHEAD: usize = 1;

/// How many peers a walk looks for. Each is a handshake and for half a minute a connection at a peer
/// that did not choose us; fewer would learn of too few to be worth the way.
const WALK: NonZeroUsize = NonZeroUsize::new(8).expect("not zero");

/// Too many queries run already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many queries of the hash table run already; try again when one has ended")]
pub struct Busy;

/// The hash table. Its state is bounded by [`Config`] and by the constants of this folder.
pub struct Behaviour {
    kad: Kad,
    me: PeerId,
    /// Whether the last walk was to this node itself.
    home: bool,
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
            me,
            home: false,
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

    /// Whether a connected peer is answered, until it disconnects.
    pub fn serve(&mut self, peer: PeerId, on: bool) {
        if on {
            self.rates.allow(&peer);
        } else if self.connected.contains(&peer) {
            self.rates.refuse(peer);
        }
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

    /// Looks for peers nobody has named yet: those closest to this node the first time and every
    /// second time from then on, which is how neighbours come to know each other, and some at a
    /// random point in between.
    ///
    /// # Errors
    /// Too many queries run.
    pub fn walk(&mut self) -> Result<QueryId, Busy> {
        self.free()?;
        self.home = !self.home;
        let id = if self.home {
            self.kad.get_n_closest_peers(self.me, WALK)
        } else {
            let mut goal = vec![0; 32];
            self.rng.fill_bytes(&mut goal);
            self.kad.get_n_closest_peers(goal, WALK)
        };
        self.start(id, Job::Walk);
        Ok(id)
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
}

fn to_kad(record: &Record) -> kad::Record {
    let key = kad::RecordKey::new(record.key().as_bytes());
    kad::Record::new(key, record.as_bytes().to_vec())
}

fn put_job(record: &Record, quorum: usize) -> Job {
    Job::Put {
        sent: record.as_bytes().clone(),
        quorum: quorum.max(1),
        holders: Vec::new(),
        refused: Vec::new(),
    }
}
