//! The sync task: drives the engine, the store and the serving side beside the event loop.
//!
//! The engine decides, this file does: verification, look-ups and commits run on the blocking pool
//! and their results come back as inputs, so that the link never waits for the disk. Nothing here
//! knows a rule of the chain or of sync.

mod jobs;
mod local;
mod mined;
mod mining;
mod serve;
mod waiting;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use libp2p::PeerId;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use self::local::LocalError;
pub use self::waiting::{PoolTx, TX_BACKLOG};
use self::{jobs::Jobs, local::Locals, serve::Server};
pub(crate) use self::{
    local::{Local, LocalRequest},
    waiting::Waiting,
};
use super::effect::Effect;
use crate::{
    chain::{ChainStore, Genesis, StoreError, Verifier},
    clock::Clock,
    event::NodeEvent,
    network::{
        exchange::{self, Failure, Lane, Token},
        identify::Head,
    },
    report::SyncReport,
    sync::{self, Action, Commit, CommitFailure, Engine, Input, RequestFailure, RequestId, task},
    trust::Score,
    wire::{Message, TipClaim, WireError},
};

/// Inputs from the event loop that may wait, each a message at most: what the loop cannot put here
/// it keeps (peers, answers) or refuses (requests of others).
pub(crate) const INPUT_QUEUE: usize = 1024;

/// Results of jobs that may wait. The engine has fewer jobs open than this.
const RESULT_QUEUE: usize = 64;

/// Something the event loop tells the sync task.
#[derive(Debug)]
pub(crate) enum SyncInput {
    /// A peer accepted us and said where it stands.
    PeerUp { peer: PeerId, head: Head },
    /// A peer moved its head.
    PeerHead { peer: PeerId, head: Head },
    /// How far a peer is trusted by now.
    Trust { peer: PeerId, score: Score },
    /// A peer is gone.
    PeerDown { peer: PeerId },
    /// A request of ours was answered, or will not be.
    Response {
        peer: PeerId,
        id: exchange::RequestId,
        result: Result<Message, Failure>,
    },
    /// A peer asks.
    Request {
        peer: PeerId,
        message: Message,
        token: Token,
    },
}

/// What the task is made from.
pub(crate) struct Parts {
    pub(crate) genesis: Genesis,
    pub(crate) store: Arc<dyn ChainStore>,
    pub(crate) verifier: Arc<dyn Verifier>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: sync::Config,
    pub(crate) seed: u64,
    pub(crate) effects: mpsc::Sender<Effect>,
    pub(crate) waiting: Arc<Waiting>,
}

/// The ends that others hold.
pub(crate) struct Ends {
    pub(crate) inputs: mpsc::Sender<SyncInput>,
    pub(crate) local: Local,
    pub(crate) report: watch::Receiver<SyncReport>,
    pub(crate) task: tokio::task::JoinHandle<()>,
}

/// Starts the task on the current runtime. It ends when `stop` is cancelled, after the commit that
/// is open.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn spawn(parts: Parts, stop: CancellationToken) -> Result<Ends, StoreError> {
    let view = task::view(&*parts.store)?;
    let engine = Engine::new(parts.config, view, parts.seed, parts.clock.now());
    let (inputs, input_rx) = mpsc::channel(INPUT_QUEUE);
    let (results_tx, results) = mpsc::channel(RESULT_QUEUE);
    let (local, local_rx) = local::channel();
    let (report_tx, report) = watch::channel(engine.report(parts.clock.now()));
    let rules = Arc::new(jobs::Shared {
        genesis: parts.genesis,
        store: parts.store,
        verifier: parts.verifier,
        clock: Arc::clone(&parts.clock),
        waiting: parts.waiting,
    });
    let task = SyncTask {
        engine,
        jobs: Jobs::new(Arc::clone(&rules), results_tx.clone()),
        locals: Locals::new(Arc::clone(&rules), results_tx),
        server: Server::new(rules, parts.effects.clone()),
        effects: parts.effects,
        clock: parts.clock,
        report: report_tx,
        events: Vec::new(),
    };
    let task = tokio::spawn(task.run(input_rx, results, local_rx, stop));
    Ok(Ends {
        inputs,
        local,
        report,
        task,
    })
}

/// What comes back from threads of the blocking pool.
enum Done {
    /// A job of the engine.
    Job(Input),
    /// A commit, and how long it took.
    Committed {
        took: Duration,
        result: Result<Commit, CommitFailure>,
    },
    /// A local group was verified, or refused.
    Checked(local::Checked),
}

struct SyncTask {
    engine: Engine,
    jobs: Jobs,
    locals: Locals,
    server: Server,
    effects: mpsc::Sender<Effect>,
    clock: Arc<dyn Clock>,
    report: watch::Sender<SyncReport>,
    /// Events that no engine knows of.
    events: Vec<NodeEvent>,
}

impl SyncTask {
    async fn run(
        mut self,
        mut inputs: mpsc::Receiver<SyncInput>,
        mut results: mpsc::Receiver<Done>,
        mut local: mpsc::Receiver<LocalRequest>,
        stop: CancellationToken,
    ) {
        loop {
            let wake = self.engine.next_timeout();
            tokio::select! {
                () = stop.cancelled() => break,
                Some(input) = inputs.recv() => self.input(input),
                Some(done) = results.recv() => self.done(done),
                Some(request) = local.recv(), if self.locals.is_free() => self.locals.start(request),
                () = until(wake) => self.feed(Input::Tick),
            }
            if self.act().await.is_err() {
                break;
            }
        }
        // A commit that has begun is finished, so that what it acknowledges is really there.
        while self.jobs.is_committing() {
            match results.recv().await {
                Some(done) => self.done(done),
                None => break,
            }
        }
        self.jobs.end().await;
    }

    fn input(&mut self, input: SyncInput) {
        match input {
            SyncInput::PeerUp { peer, head } => self.feed(Input::PeerUp {
                peer,
                head: claim(head),
            }),
            SyncInput::PeerHead { peer, head } => {
                self.feed(Input::PeerHead {
                    peer,
                    head: claim(head),
                });
            }
            SyncInput::Trust { peer, score } => self.feed(Input::Trust { peer, score }),
            SyncInput::PeerDown { peer } => self.feed(Input::PeerDown { peer }),
            SyncInput::Response { peer, id, result } => {
                let result = result.map_err(failure);
                self.feed(Input::Answer {
                    peer,
                    id: RequestId(id.0),
                    result,
                });
            }
            SyncInput::Request {
                peer,
                message,
                token,
            } => self.server.serve(peer, message, token),
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Job(input) => self.feed(input),
            Done::Committed { took, result } => {
                self.jobs.committed();
                if result.is_ok() {
                    self.events.push(NodeEvent::StoreCommitted { took });
                }
                self.feed(Input::Committed { result });
            }
            Done::Checked(checked) => {
                if let Some(input) = self.locals.checked(checked) {
                    self.feed(input);
                }
            }
        }
    }

    fn feed(&mut self, input: Input) {
        self.engine.handle(input, self.clock.now());
    }

    /// Does what the engine wants done. An error means the event loop is gone.
    async fn act(&mut self) -> Result<(), mpsc::error::SendError<Effect>> {
        while let Some(action) = self.engine.poll_action() {
            match action {
                Action::Request { peer, id, message } => {
                    let id = exchange::RequestId(id.0);
                    self.effects
                        .send(Effect::Request {
                            lane: Lane::Sync,
                            peer,
                            id,
                            message,
                        })
                        .await?;
                }
                Action::Cancel { id } => {
                    let id = exchange::RequestId(id.0);
                    let lane = Lane::Sync;
                    self.effects.send(Effect::Cancel { lane, id }).await?;
                }
                Action::CheckHeaders(task) => self.jobs.check_headers(task),
                Action::CheckBodies(task) => self.jobs.check_bodies(task),
                Action::Plan(task) => self.jobs.plan(task),
                Action::Commit(batch) => self.jobs.commit(batch),
                Action::LocalDone { id, result } => self.locals.imported(id, result),
                Action::Penalise {
                    peer,
                    offence,
                    detail,
                } => {
                    self.effects
                        .send(Effect::Penalise {
                            peer,
                            offence,
                            detail,
                        })
                        .await?;
                }
                Action::Emit(event) => self.emit(event).await?,
            }
        }
        for event in std::mem::take(&mut self.events) {
            self.emit(event).await?;
        }
        self.locals.adopt();
        let report = self.engine.report(self.clock.now());
        self.report.send_if_modified(|old| {
            let changed = *old != report;
            *old = report;
            changed
        });
        Ok(())
    }

    async fn emit(&mut self, event: NodeEvent) -> Result<(), mpsc::error::SendError<Effect>> {
        if let NodeEvent::HeadChanged {
            height, hash, work, ..
        } = event
        {
            self.locals.head_moved();
            self.effects
                .send(Effect::Announce(Head { height, hash, work }))
                .await?;
        }
        self.effects.send(Effect::Emit(event)).await
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn claim(head: Head) -> TipClaim {
    TipClaim {
        height: head.height,
        hash: head.hash,
        work: head.work,
    }
}

/// What the engine makes of a failed request. The offence of a refused answer was reported by the
/// exchange already; the engine only learns that nothing will come.
fn failure(failure: Failure) -> RequestFailure {
    match failure {
        Failure::Timeout => RequestFailure::Timeout,
        Failure::Unsupported => RequestFailure::Unsupported,
        Failure::Refused(error) => match WireError::offence(&error) {
            Some(offence) => RequestFailure::Malformed {
                offence,
                detail: error.to_string(),
            },
            None => RequestFailure::Disconnected,
        },
        _ => RequestFailure::Disconnected,
    }
}
