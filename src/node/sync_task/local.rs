//! Blocks from this side: imports and the development miner. They pass the same verification and
//! the same commit as blocks of a peer; one request runs at a time, the others wait.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::{
    Done,
    jobs::Shared,
    mining::{mine, miner},
};
use crate::{
    chain::{
        At, Block, StoreError, Tips,
        miner::{MineError, MineRequest, Miner},
    },
    ids::Hash32,
    report::{HeadReport, MineReport},
    sync::{
        Input, LocalId, LocalRefused, Orphans,
        task::{self, LocalGroup},
    },
};

/// Requests of handles that may wait; their callers wait with them.
const LOCAL_QUEUE: usize = 16;

/// Why blocks from this side were not imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// A block breaks a rule, or has no parent.
    #[error(transparent)]
    Refused(#[from] task::LocalError),
    /// The miner cannot make the next block.
    #[error(transparent)]
    Mine(#[from] MineError),
    /// The import was not taken, or the store refused it.
    #[error(transparent)]
    Import(#[from] LocalRefused),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node is shutting down or gone.
    #[error("the node is not running any more")]
    Stopped,
}

/// A request of a handle.
#[derive(Debug)]
pub(crate) enum LocalRequest {
    /// Verify and import blocks, parents first.
    Import {
        blocks: Vec<Bytes>,
        reply: oneshot::Sender<Result<HeadReport, LocalError>>,
    },
    /// Mine on the head.
    Mine {
        request: MineRequest,
        reply: oneshot::Sender<Result<MineReport, LocalError>>,
    },
}

/// The end that handles hold.
#[derive(Clone, Debug)]
pub(crate) struct Local(mpsc::Sender<LocalRequest>);

impl Local {
    pub(crate) async fn import(&self, blocks: Vec<Bytes>) -> Result<HeadReport, LocalError> {
        self.ask(|reply| LocalRequest::Import { blocks, reply })
            .await
    }

    pub(crate) async fn mine(&self, request: MineRequest) -> Result<MineReport, LocalError> {
        self.ask(|reply| LocalRequest::Mine { request, reply })
            .await
    }

    async fn ask<R>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<R, LocalError>>) -> LocalRequest,
    ) -> Result<R, LocalError> {
        let (reply, answer) = oneshot::channel();
        self.0
            .send(request(reply))
            .await
            .map_err(|_| LocalError::Stopped)?;
        answer.await.map_err(|_| LocalError::Stopped)?
    }
}

pub(super) fn channel() -> (Local, mpsc::Receiver<LocalRequest>) {
    let (tx, rx) = mpsc::channel(LOCAL_QUEUE);
    (Local(tx), rx)
}

/// The request in progress.
enum Active {
    /// Blocks whose parents have come since; nobody waits for them.
    Adopt,
    Import {
        reply: oneshot::Sender<Result<HeadReport, LocalError>>,
    },
    Mine(Box<Mining>),
}

struct Mining {
    reply: oneshot::Sender<Result<MineReport, LocalError>>,
    request: MineRequest,
    done: u64,
    begun: Instant,
    /// With the threads that mine while it is `None`.
    miner: Option<Miner>,
}

/// What a thread made of a request, on its way back.
pub(super) struct Checked {
    pub(super) group: Result<LocalGroup, LocalError>,
    /// The miner that made it, and how many blocks it has made so far.
    pub(super) miner: Option<(Miner, u64)>,
    /// Blocks that were refused only because a parent is missing.
    pub(super) orphans: Vec<Bytes>,
}

/// Runs requests one after the other.
pub(super) struct Locals {
    shared: Arc<Shared>,
    results: mpsc::Sender<Done>,
    active: Option<Active>,
    next_id: u64,
    orphans: Orphans,
    /// Whether the head has moved since orphans were last looked through.
    moved: bool,
}

impl Locals {
    pub(super) fn new(shared: Arc<Shared>, results: mpsc::Sender<Done>) -> Self {
        Self {
            shared,
            results,
            active: None,
            next_id: 0,
            orphans: Orphans::default(),
            moved: false,
        }
    }

    /// Whether the next request may start.
    pub(super) fn is_free(&self) -> bool {
        self.active.is_none()
    }

    pub(super) fn start(&mut self, request: LocalRequest) {
        match request {
            LocalRequest::Import { blocks, reply } => {
                self.active = Some(Active::Import { reply });
                self.run(move |shared| check(shared, blocks));
            }
            LocalRequest::Mine { request, reply } => {
                let mining = Mining {
                    reply,
                    request: request.clone(),
                    done: 0,
                    begun: Instant::now(),
                    miner: None,
                };
                self.active = Some(Active::Mine(Box::new(mining)));
                self.run(move |shared| match miner(shared, request.clone()) {
                    Ok(miner) => mine(shared, miner, request.count, 0),
                    Err(error) => Checked::refused(error),
                });
            }
        }
    }

    /// A thread is done; what it made goes to the engine.
    pub(super) fn checked(&mut self, checked: Checked) -> Option<Input> {
        if let (Some(Active::Mine(mining)), Some((miner, done))) = (&mut self.active, checked.miner)
        {
            mining.miner = Some(miner);
            mining.done = done;
        }
        for block in checked.orphans {
            self.keep(block);
        }
        match checked.group {
            Ok(group) => {
                self.next_id += 1;
                Some(Input::Local {
                    id: LocalId(self.next_id),
                    group,
                })
            }
            Err(error) => {
                self.finish(Err(error));
                None
            }
        }
    }

    /// Keeps a block whose parent may still come.
    fn keep(&mut self, bytes: Bytes) {
        if let Ok(block) = Block::decode(bytes.clone()) {
            let now = self.shared.clock.now().mono;
            let (parent, hash) = (block.header.parent_hash, block.hash());
            self.orphans.insert(parent, hash, bytes, now);
        }
    }

    /// The head has moved: some orphans may have their parents now.
    pub(super) fn head_moved(&mut self) {
        self.moved = true;
    }

    /// Imports blocks whose parents have come since, if nothing else is being imported.
    pub(super) fn adopt(&mut self) {
        if !self.moved || !self.is_free() {
            return;
        }
        self.orphans.expire(self.shared.clock.now().mono);
        let store = &self.shared.store;
        let stored = |hash: &&Hash32| {
            let header = store.header(At::Hash(**hash));
            header.is_ok_and(|header| header.is_some_and(|header| header.has_body))
        };
        let Some(parent) = self.orphans.parents().find(stored).copied() else {
            self.moved = false;
            return;
        };
        let blocks = self.orphans.take_children(&parent);
        self.active = Some(Active::Adopt);
        self.run(move |shared| check(shared, blocks));
    }

    /// The engine has imported the group, or refused it.
    pub(super) fn imported(&mut self, id: LocalId, result: Result<Tips, LocalRefused>) {
        if id != LocalId(self.next_id) {
            return;
        }
        if let (Ok(_), Some(Active::Mine(mining))) = (&result, &mut self.active)
            && mining.done < mining.request.count
            && let Some(miner) = mining.miner.take()
        {
            let (count, done) = (mining.request.count, mining.done);
            return self.run(move |shared| mine(shared, miner, count, done));
        }
        self.finish(result.map_err(LocalError::from));
    }

    fn finish(&mut self, result: Result<Tips, LocalError>) {
        let head = |tips: Tips| HeadReport {
            height: tips.blocks.height,
            hash: tips.blocks.hash,
            work: tips.blocks.work,
        };
        // Whoever asked may have gone away meanwhile.
        match self.active.take() {
            Some(Active::Import { reply }) => drop(reply.send(result.map(head))),
            Some(Active::Mine(mining)) => drop(mining.reply.send(result.map(|tips| MineReport {
                count: mining.done,
                head: head(tips),
                seconds: mining.begun.elapsed().as_secs_f64(),
            }))),
            Some(Active::Adopt) | None => {}
        }
    }

    fn run(&self, work: impl FnOnce(&Shared) -> Checked + Send + 'static) {
        let (shared, results) = (Arc::clone(&self.shared), self.results.clone());
        tokio::task::spawn_blocking(move || {
            // The task is gone when the node stops; then nobody wants the result.
            let _ = results.blocking_send(Done::Checked(work(&shared)));
        });
    }
}

impl Checked {
    pub(super) fn refused(error: LocalError) -> Self {
        Self {
            group: Err(error),
            miner: None,
            orphans: Vec::new(),
        }
    }
}

/// Verifies blocks for an import.
fn check(shared: &Shared, mut blocks: Vec<Bytes>) -> Checked {
    let now_s = shared.now_s();
    match task::check_local(shared.rules(), &*shared.store, &blocks, now_s) {
        Ok(group) => Checked {
            group: Ok(group),
            miner: None,
            orphans: Vec::new(),
        },
        Err(error) => Checked {
            orphans: match error {
                task::LocalError::Orphan { index, .. } => blocks.split_off(index),
                _ => Vec::new(),
            },
            ..Checked::refused(error.into())
        },
    }
}
