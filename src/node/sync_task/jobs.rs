//! Jobs of the engine on the blocking pool.

use std::{num::NonZeroUsize, sync::Arc, time::Instant};

use tokio::{sync::mpsc, task::JoinHandle};

use super::{Done, waiting::Waiting};
use crate::{
    chain::{Batch, ChainStore, Genesis, StoreError, Verifier},
    clock::Clock,
    sync::{
        Commit, CommitFailure, Input,
        task::{self, BodyTask, HeaderTask, PlanTask, Rules},
    },
};

/// What every job needs.
pub(super) struct Shared {
    pub(super) genesis: Genesis,
    pub(super) store: Arc<dyn ChainStore>,
    pub(super) verifier: Arc<dyn Verifier>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) waiting: Arc<Waiting>,
}

impl Shared {
    pub(super) fn rules(&self) -> Rules<'_> {
        Rules {
            genesis: &self.genesis,
            verifier: &*self.verifier,
        }
    }

    pub(super) fn now_s(&self) -> u64 {
        self.clock.now().wall_secs()
    }
}

/// Commits that may wait: the engine opens one at a time.
const COMMIT_QUEUE: usize = 1;

/// Runs the jobs and sends their results back.
pub(super) struct Jobs {
    shared: Arc<Shared>,
    results: mpsc::Sender<Done>,
    threads: NonZeroUsize,
    commits: mpsc::Sender<Batch>,
    writer: JoinHandle<()>,
    committing: bool,
}

impl Jobs {
    pub(super) fn new(shared: Arc<Shared>, results: mpsc::Sender<Done>) -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let (commits, batches) = mpsc::channel(COMMIT_QUEUE);
        let (rules, done) = (Arc::clone(&shared), results.clone());
        let writer = tokio::task::spawn_blocking(move || write(&rules, batches, &done));
        Self {
            shared,
            results,
            threads,
            commits,
            writer,
            committing: false,
        }
    }

    pub(super) fn check_headers(&self, task: HeaderTask) {
        let threads = self.threads;
        self.run(move |shared| {
            let now_s = shared.now_s();
            let result = task::check_headers(shared.rules(), &*shared.store, &task, now_s, threads);
            Done::Job(Input::HeadersChecked {
                job: task.job,
                result,
            })
        });
    }

    pub(super) fn check_bodies(&self, task: BodyTask) {
        self.run(move |shared| {
            let job = task.job;
            let result = task::check_bodies(shared.rules(), task);
            Done::Job(Input::BodiesChecked { job, result })
        });
    }

    pub(super) fn plan(&self, task: PlanTask) {
        self.run(move |shared| {
            let result = task::plan(&*shared.store, &task);
            Done::Job(Input::Planned {
                job: task.job,
                result,
            })
        });
    }

    pub(super) fn commit(&mut self, batch: Batch) {
        self.committing = true;
        let sent = self.commits.try_send(batch);
        debug_assert!(sent.is_ok(), "one commit at a time");
    }

    /// The result of the open commit has arrived.
    pub(super) fn committed(&mut self) {
        self.committing = false;
    }

    pub(super) fn is_committing(&self) -> bool {
        self.committing
    }

    /// Lets go of the store.
    pub(super) async fn end(self) {
        drop(self.commits);
        // A panic was reported when it happened.
        let _ = self.writer.await;
    }

    fn run(&self, job: impl FnOnce(&Shared) -> Done + Send + 'static) {
        let (shared, results) = (Arc::clone(&self.shared), self.results.clone());
        tokio::task::spawn_blocking(move || {
            // The task is gone when the node stops; then nobody wants the result.
            let _ = results.blocking_send(job(&shared));
        });
    }
}

/// Commits what it is sent until the sender is gone, all on one thread: an allocator keeps what a
/// thread has freed for that thread, and a commit needs much for a moment. On a different thread of
/// the pool each time, every one of them would keep that much.
fn write(shared: &Shared, mut batches: mpsc::Receiver<Batch>, results: &mpsc::Sender<Done>) {
    while let Some(batch) = batches.blocking_recv() {
        let begin = Instant::now();
        let result = commit(shared, &batch);
        let took = begin.elapsed();
        // The task is gone when the node stops; then nobody wants the result.
        let _ = results.blocking_send(Done::Committed {
            took,
            result: result.map_err(|error| CommitFailure {
                batch: Box::new(batch),
                error,
            }),
        });
    }
}

fn commit(shared: &Shared, batch: &Batch) -> Result<Commit, StoreError> {
    let store = &*shared.store;
    let old = store.tips().blocks;
    store.commit(batch.clone())?;
    let reorg_depth = match batch.head {
        Some(_) => shared.waiting.follow(store, old, shared.clock.now().mono)?,
        None => 0,
    };
    Ok(Commit {
        view: task::view(store)?,
        reorg_depth,
    })
}
