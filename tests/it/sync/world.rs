//! The world around an engine: time, links, a store, workers. Nothing here is concurrent or random.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use animica_p2p::{
    PeerId,
    chain::{At, ChainStore, Genesis, HashOnly, MemoryStore, StoreError},
    clock::Now,
    crypto::hash::Hasher,
    event::NodeEvent,
    ids::Hash32,
    offence::Offence,
    report::{SyncPhase, SyncReport},
    sync::{
        Action, Commit, CommitFailure, Config, Engine, Input, RequestId,
        task::{self, Rules},
    },
};

use super::{
    chains::{WALL_S, devnet},
    model::{Link, Manner, ModelPeer, peer_id},
};

/// Time since the start of a run.
pub(crate) type Time = Duration;

/// What happens at some time.
enum Event {
    Input(Input),
    Down(PeerId),
}

/// One engine and everybody it talks to.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<MemoryStore>,
    genesis: Genesis,
    pub(crate) peers: Vec<ModelPeer>,
    start: Instant,
    pub(crate) now: Time,
    queue: BinaryHeap<Reverse<(Time, u64)>>,
    events: std::collections::HashMap<u64, Event>,
    next_event: u64,
    next_peer: u8,
    /// Timers in a row that did not move the time.
    idle_ticks: u32,
    pub(crate) penalties: Vec<(PeerId, Offence, String)>,
    pub(crate) emitted: Vec<NodeEvent>,
    pub(crate) phases: Vec<SyncPhase>,
    log: Option<Hasher>,
    /// Most bytes of bodies the engine held.
    pub(crate) most_held: u64,
    pub(crate) requests: u64,
    /// Whom the engine asked, and whether for bodies.
    pub(crate) asked: Vec<(PeerId, bool)>,
    innocent: std::collections::BTreeSet<PeerId>,
    /// What the disk says instead of writing.
    pub(crate) disk: Option<StoreError>,
    /// How long a commit takes.
    pub(crate) commit_time: Duration,
    /// How long a header or a kilobyte of body takes to verify.
    pub(crate) check_time: Duration,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(
            seed,
            Config::default(),
            Arc::new(MemoryStore::new(&devnet())),
        )
    }

    pub(crate) fn with(seed: u64, config: Config, store: Arc<MemoryStore>) -> Self {
        let start = Instant::now();
        let now = Now {
            mono: start,
            wall_ms: WALL_S * 1000,
        };
        let view = task::view(&*store).expect("memory");
        Self {
            engine: Engine::new(config, view, seed, now),
            store,
            genesis: devnet(),
            peers: Vec::new(),
            start,
            now: Time::ZERO,
            queue: BinaryHeap::new(),
            events: std::collections::HashMap::new(),
            next_event: 0,
            next_peer: 0,
            idle_ticks: 0,
            penalties: Vec::new(),
            emitted: Vec::new(),
            phases: Vec::new(),
            log: Some(Hasher::new()),
            most_held: 0,
            requests: 0,
            asked: Vec::new(),
            innocent: std::collections::BTreeSet::new(),
            disk: None,
            commit_time: Duration::from_millis(5),
            check_time: Duration::from_micros(10),
        }
    }

    /// Adds a peer that connects now.
    pub(crate) fn peer(&mut self, store: &Arc<MemoryStore>, manner: Manner, link: Link) -> PeerId {
        self.next_peer += 1;
        let id = peer_id(self.next_peer);
        let peer = ModelPeer::new(id, Arc::clone(store), manner, link);
        let head = peer.head();
        if peer.innocent() {
            self.innocent.insert(id);
        }
        self.peers.push(peer);
        self.at(
            self.now + link.rtt,
            Event::Input(Input::PeerUp { peer: id, head }),
        );
        id
    }

    /// Disconnects a peer at a time.
    pub(crate) fn down_at(&mut self, at: Time, peer: PeerId) {
        self.at(at, Event::Down(peer));
    }

    /// Announces the present head of a peer.
    pub(crate) fn announce(&mut self, peer: PeerId) {
        let model = self.peers.iter().find(|p| p.id == peer).expect("known");
        let (head, rtt) = (model.head(), model.link.rtt);
        self.at(
            self.now + rtt / 2,
            Event::Input(Input::PeerHead { peer, head }),
        );
    }

    /// Hands the engine an input after a while.
    pub(crate) fn input(&mut self, after: Duration, input: Input) {
        self.at(self.now + after, Event::Input(input));
    }

    fn at(&mut self, time: Time, event: Event) {
        self.next_event += 1;
        self.queue.push(Reverse((time, self.next_event)));
        self.events.insert(self.next_event, event);
    }

    pub(crate) fn clock(&self) -> Now {
        Now {
            mono: self.start + self.now,
            wall_ms: WALL_S * 1000 + u64::try_from(self.now.as_millis()).expect("short"),
        }
    }

    pub(crate) fn report(&self) -> SyncReport {
        self.engine.report(self.clock())
    }

    /// Runs until `done` or until `limit` has passed; whether it was done.
    pub(crate) fn run_until(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&Self) -> bool,
    ) -> bool {
        let end = self.now + limit;
        self.act();
        loop {
            if done(self) {
                return true;
            }
            let timer = self.engine.next_timeout();
            let timer = timer.map(|at| (at - self.start).max(self.now));
            let next = self.queue.peek().map(|Reverse((time, _))| *time);
            let (time, is_event) = match (next, timer) {
                (Some(event), Some(timer)) if timer < event => (timer, false),
                (Some(event), _) => (event, true),
                (None, Some(timer)) => (timer, false),
                (None, None) => return false,
            };
            if time > end {
                self.now = end;
                return false;
            }
            // A timer that does not move would hang a node; here it fails the test.
            self.idle_ticks = if time > self.now || is_event {
                0
            } else {
                self.idle_ticks + 1
            };
            assert!(
                self.idle_ticks < 10,
                "a timer that is always due: {:?}",
                self.report()
            );
            self.now = time.max(self.now);
            let event = is_event.then(|| self.queue.pop()).flatten();
            let event = event.and_then(|Reverse((_, id))| self.events.remove(&id));
            self.step(event);
            self.act();
        }
    }

    fn step(&mut self, event: Option<Event>) {
        let input = match event {
            Some(Event::Input(input)) => input,
            Some(Event::Down(peer)) => {
                self.peers.retain(|p| p.id != peer);
                Input::PeerDown { peer }
            }
            None => Input::Tick,
        };
        if let Input::Answer { peer, .. } | Input::PeerUp { peer, .. } = &input
            && !self.peers.iter().any(|p| p.id == *peer)
        {
            return;
        }
        let now = self.clock();
        let report = format!(
            "{:?} {:?} {}",
            self.now,
            std::mem::discriminant(&input),
            self.engine.open_requests()
        );
        self.note(&report);
        self.engine.handle(input, now);
        self.most_held = self.most_held.max(self.engine.held_bytes());
    }

    fn note(&mut self, line: &str) {
        if let Some(log) = &mut self.log {
            log.update(line.as_bytes());
        }
    }

    /// Hash over everything that happened.
    pub(crate) fn log_hash(&mut self) -> Hash32 {
        self.log.take().expect("asked once").finish()
    }

    fn act(&mut self) {
        while let Some(action) = self.engine.poll_action() {
            match &action {
                Action::Emit(NodeEvent::StoreCommitted { .. }) => {}
                Action::Commit(batch) => {
                    let line = format!(
                        "commit {} {} {:?}",
                        batch.headers.len(),
                        batch.bodies.len(),
                        batch.head
                    );
                    self.note(&line);
                }
                Action::CheckHeaders(t) => {
                    self.note(&format!("check {} {}", t.job.0, t.headers.len()))
                }
                Action::CheckBodies(t) => {
                    self.note(&format!("bodies {} {}", t.job.0, t.blocks.len()))
                }
                Action::Request { peer, id, message } => {
                    self.note(&format!("{peer} {} {:?}", id.0, message));
                }
                other => self.note(&format!("{other:?}")),
            }
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        let now_s = self.clock().wall_secs();
        let one = NonZeroUsize::MIN;
        let rules = Rules {
            genesis: &self.genesis,
            verifier: &HashOnly,
        };
        match action {
            Action::Request { peer, id, message } => self.request(peer, id, &message),
            Action::Cancel { .. } => {}
            Action::CheckHeaders(t) => {
                let took = self.check_time * u32::try_from(t.headers.len()).expect("small");
                let result = task::check_headers(rules, &*self.store, &t, now_s, one);
                self.input(took, Input::HeadersChecked { job: t.job, result });
            }
            Action::CheckBodies(t) => {
                let job = t.job;
                let bytes: usize = t.blocks.iter().map(bytes::Bytes::len).sum();
                let took = self.check_time * u32::try_from(1 + bytes / 1024).expect("small");
                let result = task::check_bodies(rules, t);
                self.input(took, Input::BodiesChecked { job, result });
            }
            Action::Plan(t) => {
                let result = task::plan(&*self.store, &t);
                self.input(
                    Duration::from_micros(100),
                    Input::Planned { job: t.job, result },
                );
            }
            Action::Commit(batch) => {
                let result = self.commit(batch);
                self.input(self.commit_time, Input::Committed { result });
            }
            Action::LocalDone { .. } => {}
            Action::Penalise {
                peer,
                offence,
                detail,
            } => {
                self.penalties.push((peer, offence, detail));
                self.down_at(self.now, peer);
            }
            Action::Emit(event) => {
                if let NodeEvent::SyncPhase { phase } = event {
                    self.phases.push(phase);
                }
                self.emitted.push(event);
            }
        }
    }

    fn request(&mut self, peer: PeerId, id: RequestId, message: &animica_p2p::wire::Message) {
        self.requests += 1;
        let bodies = matches!(message, animica_p2p::wire::Message::GetBlocks(_));
        self.asked.push((peer, bodies));
        let (now, start) = (self.now, self.start);
        let Some(model) = self.peers.iter_mut().find(|p| p.id == peer) else {
            return;
        };
        if let Some((at, result)) = model.on_request(message, now, start) {
            self.at(at, Event::Input(Input::Answer { peer, id, result }));
        }
    }

    fn commit(&mut self, batch: animica_p2p::chain::Batch) -> Result<Commit, CommitFailure> {
        if let Some(error) = self.disk.clone() {
            let batch = Box::new(batch);
            return Err(CommitFailure { batch, error });
        }
        let before = self.store.tips().blocks;
        let copy = batch.clone();
        if let Err(error) = self.store.commit(batch) {
            panic!("the engine wrote nonsense: {error} ({copy:?})");
        }
        let mut at = before;
        let mut reorg_depth = 0;
        while self.on_branch(at.height).is_none_or(|hash| hash != at.hash) {
            let stored = self
                .store
                .header(At::Hash(at.hash))
                .expect("memory")
                .expect("stored");
            let parent = stored.decode().expect("valid").parent_hash;
            at.hash = parent;
            at.height = at.height.saturating_sub(1);
            reorg_depth += 1;
        }
        Ok(Commit {
            view: task::view(&*self.store).expect("memory"),
            reorg_depth,
        })
    }

    fn on_branch(&self, height: animica_p2p::ids::Height) -> Option<Hash32> {
        self.store
            .header(At::Block(height))
            .expect("memory")
            .map(|h| h.hash)
    }

    /// Runs until the store has the blocks of `target`, and checks what must hold in every run.
    pub(crate) fn must_reach(&mut self, target: &MemoryStore, limit: Duration) -> Time {
        let goal = target.tips().blocks.hash;
        let reached = self.run_until(limit, |w| w.store.tips().blocks.hash == goal);
        let tips = self.store.tips();
        assert!(
            reached,
            "stuck at {}/{} after {:?}: {:?}, penalties {:?}",
            tips.blocks.height,
            tips.headers.height,
            self.now,
            self.report(),
            self.penalties
        );
        let at = self.now;
        self.run_until(Duration::from_millis(50), |_| false);
        self.check_innocents();
        at
    }

    /// No honest peer was penalised.
    pub(crate) fn check_innocents(&self) {
        for (peer, offence, detail) in &self.penalties {
            let honest = self.innocent.contains(peer);
            assert!(!honest, "an honest peer was penalised: {offence}, {detail}");
        }
    }

    pub(crate) fn penalty_of(&self, peer: PeerId) -> Option<Offence> {
        self.penalties.iter().find(|p| p.0 == peer).map(|p| p.1)
    }
}
