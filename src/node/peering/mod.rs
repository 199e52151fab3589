//! The peering task: whom the node knows, trusts, dials and keeps, beside the event loop.
//!
//! The engines decide ([`peers`](crate::peers), [`trust`](crate::trust), [`dht`](crate::dht)); this
//! room tells them what happened, turns what they say into effects, and keeps their rows. Signatures
//! and the disk are the [`clerk`]'s.

mod answers;
mod clerk;
mod config;
mod done;
mod explain;
mod input;
mod judge;
mod keep;
mod links;
mod records;
mod request;
mod share;
mod signed_ping;
mod sources;
mod spawn;
mod table;
mod telling;
mod upkeep;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use config::{Discovery, PeeringConfig, Scope};
pub(crate) use explain::complete;
pub(crate) use input::{INPUT_QUEUE, PeeringInput, PeeringLink};
pub use request::{DhtError, DhtKey, PeeringError, ShareWith};
pub(crate) use request::{Peering, PeeringRequest};
pub use spawn::SetupError;
pub(crate) use spawn::{Kept, Parts, load, spawn};
pub(crate) use table::{TableCall, TableNews, TableSize};

use self::{
    clerk::{Clerk, Desk, Office},
    done::Done,
    judge::Link,
    keep::Keep,
    sources::{Fetching, SeedNews},
    table::Table,
};
use super::{effect::Effect, outbox::Outbox};
use crate::{
    bucket::Bucket,
    clock::{Clock, Now, Rng},
    identity::NodeRecord,
    ids::{ChainId, Hash32},
    network::{
        exchange::{Lane, RequestId},
        identify::Info,
    },
    peers::{
        Goodbye, PeerStoreError, Row,
        book::Book,
        exchange::{Askers, Intake, OwnRecord, Schedule},
        reach::Reach,
        signed_ping::Responder,
        slots::{Action, Exclude, Plan},
    },
    report::{Direction, PeeringReport},
    trust::{self, Event, Observation, TrustModel, mesh::MeshScores},
    wire::{Disconnect, Message},
};

/// How often the engines are told the time.
const TICK: Duration = Duration::from_millis(250);

/// How long a peer has to read a goodbye before its connections are closed.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long a peer for which there is no place may ask whom it could go to instead, and finish a
/// look-up in the hash table. Longer keeps connections that serve nobody; shorter sends newcomers
/// away from a full node as clever as they came.
const VISIT: Duration = Duration::from_secs(3);

/// Most such peers at a time; others are told goodbye and nothing else. As many as the connections
/// that a node allows beyond its peers.
const MAX_VISITORS: usize = 32;

/// A peer that is connected and has a place.
struct Live {
    direction: Direction,
    address: Multiaddr,
    identified: bool,
    /// The score that those who choose whom to ask were told, and when.
    score_told: Option<(f64, Instant)>,
    /// Statements of trust and questions about it.
    words: Bucket,
}

/// Something is durable, or cannot be made so.
enum Written {
    /// A record of ours for the hash table.
    Value(u64, Result<(), PeerStoreError>),
    /// The number of our own record.
    Record(Box<NodeRecord>),
}

/// What the task is told.
struct Mail {
    inputs: mpsc::Receiver<PeeringInput>,
    requests: mpsc::Receiver<PeeringRequest>,
    finished: mpsc::Receiver<(Desk, Done)>,
    seeds: mpsc::Receiver<SeedNews>,
    written: mpsc::Receiver<Written>,
}

/// A connection that a query of the hash table made, and nothing else wants.
struct Borrowed {
    id: ConnectionId,
    address: Multiaddr,
}

/// Why a request of ours is on its way.
enum Asked {
    /// Whom do you know.
    Peers,
    /// Goodbye.
    Goodbye,
    /// Whom do you trust.
    Trusted(tokio::sync::oneshot::Sender<Result<usize, PeeringError>>),
    /// Whom we trust.
    Trusting {
        named: usize,
        reply: tokio::sync::oneshot::Sender<Result<usize, PeeringError>>,
    },
    /// A signed ping.
    Ping(Box<signed_ping::Waiting>),
}

pub(super) struct PeeringTask {
    me: PeerId,
    network: (ChainId, Hash32),
    config: PeeringConfig,
    office: Office,
    clock: Arc<dyn Clock>,
    rng: Rng,
    outbox: Outbox,
    clerk: Clerk<Done>,
    keep: Keep,

    plan: Plan,
    book: Book,
    trust: Box<dyn TrustModel>,
    trust_size: trust::Stats,
    mesh: MeshScores,
    reach: Reach,
    /// How many bootstrap addresses there are.
    bootstrap: usize,
    announce: Vec<Multiaddr>,
    bound: Vec<Multiaddr>,
    tended: upkeep::Tended,
    quotas: upkeep::Quotas,
    own: OwnRecord,
    own_record: Option<NodeRecord>,
    askers: Askers,
    intake: Intake,
    schedule: Schedule,
    responder: Responder,
    table: Table,
    own_writes: mpsc::Sender<Written>,
    fetching: Option<Fetching>,

    live: HashMap<PeerId, Live>,
    borrowed: HashMap<PeerId, Borrowed>,
    /// What connected peers said last, whether they have a place or not.
    said: HashMap<PeerId, Box<Info>>,
    leaving: HashMap<PeerId, Instant>,
    /// Of those that leave, those that had no place, and where they are.
    visitors: HashMap<PeerId, Multiaddr>,
    /// Peers that are dialled only to see whether they are there.
    testing: HashMap<PeerId, Instant>,
    asked: HashMap<RequestId, Asked>,
    next_request: u64,
    link: Link,
    gossip: super::gossip_task::Gossip,
    statements: u64,
    signed: Option<share::Signed>,
    shared: Option<Instant>,

    events: BTreeMap<&'static str, u64>,
    cool_downs: u64,
    told: telling::Told,
    lan_state: String,
    report: watch::Sender<PeeringReport>,
}

impl PeeringTask {
    async fn run(mut self, state: Vec<Row>, mail: Mail, stop: CancellationToken) {
        let Mail {
            mut inputs,
            mut requests,
            mut finished,
            mut seeds,
            mut written,
        } = mail;
        let mut deliveries = self.gossip.subscribe();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.begin(&state).await;
        drop(state);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(input) = inputs.recv() => self.input(input),
                Some((desk, done)) = finished.recv() => {
                    self.clerk.finished(desk);
                    self.done(done);
                }
                Some(request) = requests.recv() => self.answer(request),
                Some(news) = seeds.recv() => self.seeded(news),
                Some(written) = written.recv() => match written {
                    Written::Value(write, result) => self.written(write, result),
                    Written::Record(record) => self.own_record = Some(*record),
                },
                Ok(delivery) = deliveries.recv() => self.overheard(&delivery),
                _ = tick.tick() => self.tick(),
            }
            if self.keep.is_awaited() {
                // Now and not at the next tick: a person waits, or a write of the hash table.
                self.keep_rows(self.now().mono);
            }
            if self.outbox.flush().await.is_err() {
                break;
            }
        }
        self.end(finished).await;
    }

    /// Writes what is not written, after the commit that may run.
    async fn end(mut self, mut finished: mpsc::Receiver<(Desk, Done)>) {
        while self.clerk.is_busy(Desk::Disk) {
            let Some((desk, done)) = finished.recv().await else {
                break;
            };
            self.clerk.finished(desk);
            if let Done::Committed(committed) = done {
                self.committed(committed);
            }
        }
        let (store, changes, then) = self.last_rows();
        let commit = tokio::task::spawn_blocking(move || store.commit(&changes));
        let result = match commit.await {
            Ok(result) => result,
            Err(e) => Err(PeerStoreError(e.to_string())),
        };
        if let Err(error) = &result {
            tracing::warn!(%error, "what is known about peers was not written at the end");
        }
        for then in then {
            then(result.clone());
        }
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn input(&mut self, input: PeeringInput) {
        match input {
            PeeringInput::Listening { bound } => self.listening(bound),
            PeeringInput::Established {
                peer,
                id,
                direction,
                address,
                borrowed,
            } => self.established(peer, id, direction, address, borrowed),
            PeeringInput::Closed { peer, id, last } => self.closed(peer, id, last),
            PeeringInput::DialFailed {
                id,
                peer,
                addresses,
                misled,
                ourselves,
            } => self.dial_failed(id, peer, &addresses, misled, ourselves),
            PeeringInput::Stayed { peer } => {
                self.observe(peer, Observation::of(Event::Disconnected));
            }
            PeeringInput::Identified {
                peer,
                info,
                seen_at,
            } => self.identified(peer, info, &seen_at),
            PeeringInput::Rtt { peer, rtt } => self.round_trip(peer, rtt),
            PeeringInput::PingLost { peer } => self.ping_lost(peer),
            PeeringInput::Offence {
                peer,
                offence,
                detail,
                sanction,
            } => self.offended(peer, offence, &detail, sanction),
            PeeringInput::Bans { rows, news } => self.bans_changed(rows, news),
            PeeringInput::LanState(state) => self.lan_state = state,
            PeeringInput::Merits { merits } => self.merits(merits),
            PeeringInput::Request {
                lane,
                peer,
                message,
                token,
            } => self.asked_by(lane, peer, message, token),
            PeeringInput::Response { peer, id, result } => self.response(peer, id, result),
            PeeringInput::Lan(event) => self.lan(event),
            PeeringInput::Dht(news) => self.news(news),
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Committed(committed) => self.committed(committed),
            Done::OwnRecord(record) => self.own_record_signed(record),
            Done::Records { from, good, bad } => self.records_checked(from, good, bad),
            Done::Pong { to, peer, pong } => self.pong_signed(to, peer, pong),
            Done::PingSigned { peer, ping, reply } => self.ping_signed(peer, ping, reply),
            Done::PongChecked {
                peer,
                report,
                reply,
            } => self.pong_checked(peer, report, reply),
            Done::Statement {
                envelope,
                named,
                then,
            } => self.statement_signed(envelope, named, then),
            Done::Heard(heard) => self.heard(heard),
            Done::DhtInbound { peer, id, verdict } => self.dht_inbound(peer, id, verdict),
            Done::DhtAnswer {
                read,
                from,
                verdict,
            } => self.dht_answer(read, from, verdict),
            Done::DhtSigned { write, record } => self.dht_signed(write, record),
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        self.plan_connections(now.mono);
        self.part(now.mono);
        self.make_own_record(now);
        self.ask_for_peers(now.mono);
        self.visit_seeds(now.mono);
        self.walk(now.mono);
        self.share_now_and_then(now.mono);
        self.tend_book(now);
        self.keep_rows(now.mono);
        self.tell(now);
    }

    /// Does what the plan of connections says.
    fn plan_connections(&mut self, now: Instant) {
        let wall = self.now();
        let (trust, book, rng) = (&self.trust, &mut self.book, &mut self.rng);
        let score = |peer: &PeerId| trust.standing(peer, wall).score;
        let known = self.config.discovery.known;
        let mut next = |out: &Exclude<'_>| {
            let accept = |peer: &PeerId, address: &Multiaddr| {
                !out.peer(peer) && !out.address(address) && trust.standing(peer, wall).is_served()
            };
            let picked = known.then(|| book.pick(rng, accept, wall)).flatten()?;
            // Not offered twice in one plan.
            for address in &picked.addresses {
                book.attempt(&picked.peer, address, wall);
            }
            Some(spawn::to_dial(picked))
        };
        let actions = self.plan.plan(now, &score, &mut next);
        for action in actions {
            match action {
                Action::Dial {
                    ticket,
                    peer,
                    addresses,
                } => self.dial(ticket, peer, addresses, wall),
                Action::Disconnect { peer, reason } => self.goodbye(peer, reason),
            }
        }
    }

    /// Says goodbye and closes the connections when it is read, or after a second.
    fn goodbye(&mut self, peer: PeerId, reason: Goodbye) {
        let now = self.now().mono;
        if self.leaving.contains_key(&peer) {
            return;
        }
        self.told.goodbye_sent(reason);
        self.leaving.insert(peer, now + GOODBYE);
        let retry = u64::try_from(reason.back_off().as_millis()).unwrap_or(u64::MAX);
        let message = Message::Disconnect(Disconnect {
            code: reason.code(),
            retry_after_ms: retry.min(crate::registry::MAX_GOODBYE_RETRY_MS),
        });
        self.ask(Lane::Peers, peer, message, Asked::Goodbye);
    }

    /// Says that there is no place, and leaves a moment for a question.
    fn no_place(&mut self, peer: PeerId, address: Multiaddr) {
        let told = self.leaving.contains_key(&peer);
        self.goodbye(peer, Goodbye::TooManyPeers);
        if !told && self.visitors.len() < MAX_VISITORS {
            self.leaving.insert(peer, self.now().mono + VISIT);
            self.visitors.insert(peer, address);
        }
    }

    /// Closes the connections of those who had their time to read a goodbye.
    fn part(&mut self, now: Instant) {
        let due = self.leaving.iter().filter(|(_, until)| **until <= now);
        let due: Vec<_> = due.map(|(peer, _)| *peer).collect();
        for peer in due {
            self.leaving.remove(&peer);
            self.visitors.remove(&peer);
            self.outbox.push(Effect::Disconnect { peer });
        }
    }

    /// Sends a request and notes why.
    fn ask(&mut self, lane: Lane, peer: PeerId, message: Message, asked: Asked) {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.asked.insert(id, asked);
        self.outbox.push(Effect::Request {
            lane,
            peer,
            id,
            message,
        });
    }
}
