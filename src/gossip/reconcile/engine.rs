//! Whom to reconcile with, and when: after a connection opens, when a silent peer is heard again,
//! and every half minute with the peer whose turn it is.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use libp2p::PeerId;
use rand::{RngExt, SeedableRng};

use super::{
    GiveUp, Sets,
    peers::Peers,
    session::{Next, Session, Stats},
};
use crate::{
    clock::{Now, Rng},
    ids::Hash32,
    offence::Offence,
    wire::{ErrorCode, GetSketch, Message, Salt, Sketch, SketchSet},
};

/// Most ids in one [`Action::Offer`].
const OFFER: usize = 1024;

/// When to reconcile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The sets that are compared, in this order.
    pub sets: Vec<SketchSet>,
    /// Between two reconciliations in turn, a quarter more or less at random. What a peer missed is
    /// late by the number of peers times this at most.
    pub interval: Duration,
    /// The longest wait after a connection opened, and the shortest is a sixth of it. At random, so
    /// that the two ends of a connection do not do the same work at the same time.
    pub delay: Duration,
    /// A peer that was silent for so long may have been cut off, and is reconciled with when it is
    /// heard again.
    pub silence: Duration,
    /// An answer that takes longer will not come.
    pub timeout: Duration,
    /// How long a peer is left alone after its first failure. Doubles with every further one.
    pub first_rest: Duration,
    /// And at most.
    pub longest_rest: Duration,
}

/// Names a request until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask `peer`, and give the answer to [`Engine::answer`] or [`Engine::failed`].
    Request {
        /// Whom.
        peer: PeerId,
        /// Names the request.
        id: RequestId,
        /// A `GET_SKETCH`.
        message: Message,
    },
    /// `peer` has these and we have not: fetch them. At most 4 096 at a time.
    Fetch {
        /// Who has them.
        peer: PeerId,
        /// What they are.
        set: SketchSet,
        /// Their ids.
        ids: Vec<Hash32>,
    },
    /// We have these and `peer` has not: announce them. At most 1 024 at a time.
    Offer {
        /// Who lacks them.
        peer: PeerId,
        /// What they are.
        set: SketchSet,
        /// Their ids.
        ids: Vec<Hash32>,
    },
    /// A set is reconciled.
    Done {
        /// With whom.
        peer: PeerId,
        /// Which.
        set: SketchSet,
        /// What it took.
        stats: Stats,
    },
    /// A set is not reconciled.
    GaveUp {
        /// With whom.
        peer: PeerId,
        /// Which.
        set: SketchSet,
        /// Why not.
        why: GiveUp,
        /// What it took.
        stats: Stats,
    },
    /// No honest peer does this.
    Penalise {
        /// Who.
        peer: PeerId,
        /// What.
        offence: Offence,
        /// The particulars.
        detail: String,
    },
}

/// The requester's side of reconciliation with all peers, one at a time.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    rng: Rng,
    peers: Peers,
    running: Option<Running>,
    actions: VecDeque<Action>,
    /// When the next turn is.
    turn: Instant,
    next_id: u64,
}

#[derive(Debug)]
struct Running {
    peer: PeerId,
    session: Session,
    id: RequestId,
    deadline: Instant,
    /// Sets to go on with.
    left: VecDeque<SketchSet>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sets: SketchSet::ALL.to_vec(),
            interval: Duration::from_secs(30),
            delay: Duration::from_secs(3),
            silence: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
            first_rest: Duration::from_secs(30),
            longest_rest: Duration::from_secs(600),
        }
    }
}

impl Engine {
    /// An engine without peers. `seed` makes the salts, so outside of tests it comes from the
    /// operating system.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32], now: Now) -> Self {
        let mut engine = Self {
            config,
            rng: Rng::from_seed(seed),
            peers: Peers::default(),
            running: None,
            actions: VecDeque::new(),
            turn: now.mono,
            next_id: 0,
        };
        engine.turn = now.mono + engine.interval();
        engine
    }

    /// A peer that speaks the data protocol is connected.
    pub fn peer_up(&mut self, peer: PeerId, now: Now) {
        let due = now.mono + self.delay();
        self.peers.up(peer, due, now.mono);
    }

    /// A peer is gone.
    pub fn peer_down(&mut self, peer: &PeerId) {
        self.peers.down(peer);
        if let Some(running) = self.running.take_if(|running| running.peer == *peer) {
            self.gave_up(&running, GiveUp::Gone, running.session.stats());
        }
    }

    /// Something came from a peer.
    pub fn heard(&mut self, peer: &PeerId, now: Now) {
        if self.peers.heard(peer, self.config.silence, now.mono) {
            let due = now.mono + self.delay();
            self.peers.plan(peer, due);
        }
    }

    /// The answer to the request `id` came from `peer`. One that is not waited for is ignored.
    pub fn answer(
        &mut self,
        peer: &PeerId,
        id: RequestId,
        message: Message,
        sets: &dyn Sets,
        now: Now,
    ) {
        self.heard(peer, now);
        let Some(running) = self.take_running(peer, id) else {
            return;
        };
        match message {
            Message::Sketch(sketch) => self.on_sketch(running, sketch, sets, now),
            Message::Busy(busy) => {
                let wait = Duration::from_millis(busy.retry_after_ms);
                self.rest(running, GiveUp::Busy, wait, now);
            }
            Message::Error {
                code: ErrorCode::Unsupported,
            } => {
                self.gave_up(&running, GiveUp::Unsupported, running.session.stats());
                self.go_on(running.peer, running.left, sets, now);
            }
            _ => self.rest(running, GiveUp::NoAnswer, Duration::ZERO, now),
        }
        self.tick(sets, now);
    }

    /// The request `id` to `peer` has no answer. What the wire holds against the peer is judged
    /// there.
    pub fn failed(&mut self, peer: &PeerId, id: RequestId, sets: &dyn Sets, now: Now) {
        if let Some(running) = self.take_running(peer, id) {
            self.rest(running, GiveUp::NoAnswer, Duration::ZERO, now);
            self.tick(sets, now);
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, sets: &dyn Sets, now: Now) {
        if let Some(late) = self.running.take_if(|running| running.deadline <= now.mono) {
            self.rest(late, GiveUp::NoAnswer, Duration::ZERO, now);
        }
        if self.running.is_some() {
            return;
        }
        let mut next = self.peers.take_due(now.mono);
        if next.is_none() && self.turn <= now.mono {
            self.turn = now.mono + self.interval();
            next = self.peers.stalest(now.mono);
        }
        if let Some(peer) = next {
            self.go_on(peer, self.config.sets.clone().into(), sets, now);
        }
    }

    /// The next thing to do, if any.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`Engine::tick`] if nothing else happens before.
    #[must_use]
    pub fn next_timeout(&self) -> Instant {
        match &self.running {
            Some(running) => running.deadline,
            None => self
                .peers
                .next_due()
                .map_or(self.turn, |due| due.min(self.turn)),
        }
    }

    /// Begins with the next set that this node keeps, or notes that `peer` is done.
    fn go_on(&mut self, peer: PeerId, mut left: VecDeque<SketchSet>, sets: &dyn Sets, now: Now) {
        while let Some(set) = left.pop_front() {
            let Some(ids) = sets.ids(set) else {
                continue;
            };
            let salt = Salt(self.rng.random());
            let (session, request) = Session::open(set, salt, ids);
            self.request(peer, session, request, left, now);
            return;
        }
        self.peers.succeeded(&peer, now.mono);
    }

    fn on_sketch(&mut self, running: Running, sketch: Sketch, sets: &dyn Sets, now: Now) {
        let Running {
            peer,
            session,
            left,
            ..
        } = running;
        let set = session.set();
        let step = session.answer(sketch);
        for ids in step.offer.chunks(OFFER) {
            let ids = ids.to_vec();
            self.actions.push_back(Action::Offer { peer, set, ids });
        }
        if !step.fetch.is_empty() {
            let ids = step.fetch;
            self.actions.push_back(Action::Fetch { peer, set, ids });
        }
        match step.next {
            Next::Ask(session, request) => self.request(peer, *session, request, left, now),
            Next::Done(stats) => {
                self.actions.push_back(Action::Done { peer, set, stats });
                self.go_on(peer, left, sets, now);
            }
            Next::GaveUp(why, stats) => {
                let action = Action::GaveUp {
                    peer,
                    set,
                    why,
                    stats,
                };
                self.actions.push_back(action);
                self.leave_alone(&peer, Duration::ZERO, now);
            }
            Next::Unasked(stats) => {
                let detail = "a sketch holds an id whose key was not asked for".to_owned();
                self.actions.push_back(Action::GaveUp {
                    peer,
                    set,
                    why: GiveUp::Inconsistent,
                    stats,
                });
                self.actions.push_back(Action::Penalise {
                    peer,
                    offence: Offence::UnsolicitedResponse,
                    detail,
                });
                self.leave_alone(&peer, Duration::ZERO, now);
            }
        }
    }

    fn request(
        &mut self,
        peer: PeerId,
        session: Session,
        request: GetSketch,
        left: VecDeque<SketchSet>,
        now: Now,
    ) {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        self.running = Some(Running {
            peer,
            session,
            id,
            deadline: now.mono + self.config.timeout,
            left,
        });
        self.actions.push_back(Action::Request {
            peer,
            id,
            message: Message::GetSketch(request),
        });
    }

    fn take_running(&mut self, peer: &PeerId, id: RequestId) -> Option<Running> {
        self.running
            .take_if(|running| running.peer == *peer && running.id == id)
    }

    fn rest(&mut self, running: Running, why: GiveUp, at_least: Duration, now: Now) {
        self.gave_up(&running, why, running.session.stats());
        self.leave_alone(&running.peer, at_least, now);
    }

    fn leave_alone(&mut self, peer: &PeerId, at_least: Duration, now: Now) {
        let rests = (self.config.first_rest, self.config.longest_rest);
        self.peers.failed(peer, rests, at_least, now.mono);
    }

    fn gave_up(&mut self, running: &Running, why: GiveUp, stats: Stats) {
        self.actions.push_back(Action::GaveUp {
            peer: running.peer,
            set: running.session.set(),
            why,
            stats,
        });
    }

    /// The interval, a quarter more or less.
    fn interval(&mut self) -> Duration {
        let interval = self.config.interval;
        interval.mul_f64(self.rng.random_range(0.75..1.25))
    }

    /// The delay after a connection opened.
    fn delay(&mut self) -> Duration {
        let delay = self.config.delay;
        delay.mul_f64(self.rng.random_range(1.0 / 6.0..1.0))
    }
}
