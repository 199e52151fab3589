//! The chain commands on a stopped node's data directory.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    api::{
        archive,
        code::{ErrorCode, Failure},
        control::{Request, Step},
        inspect,
    },
    chain::{
        Ancestry, Batch, ChainStore, Genesis, HashOnly,
        miner::{MineRequest, Miner},
    },
    cli::{context::Context, genesis},
    clock::{Clock, SystemClock},
    report::MineReport,
    storage::{DataDir, Options, Store},
};

/// Mined blocks per commit: each commit waits for the disk.
const COMMIT_BLOCKS: usize = 2048;

/// Bytes of mined blocks per commit, bounding memory.
const COMMIT_BYTES: usize = 16 * 1024 * 1024;

/// Time after which mined blocks are committed even when they are few, so that little is lost to
/// Ctrl-C.
const COMMIT_EVERY: Duration = Duration::from_secs(2);

/// Carries out a request of a running node without one.
pub(super) fn run(
    context: &Context,
    path: &Path,
    request: &Request,
    step: &mut dyn FnMut(&Step),
) -> Result<Value, Failure> {
    let makes_one = matches!(request, Request::ChainMine(_) | Request::ChainImport { .. });
    let nothing = || {
        Failure::new(
            ErrorCode::NodeNotRunning,
            format!(
                "no node runs on {} and there is no chain in it",
                path.display()
            ),
        )
        .hint("start one with `animica-p2p listen`, or name its --data-dir")
    };
    if !makes_one && !path.is_dir() {
        return Err(nothing());
    }
    let dir = DataDir::open(path)?;
    if !makes_one && Store::genesis(&dir)?.is_none() {
        return Err(nothing());
    }
    let genesis = genesis::in_dir(context, &dir)?;
    let store = Store::open(dir, &genesis, &options(context))?;
    let chain = store.chain().as_ref();
    let mut step = |done: u64, total: Option<u64>| {
        step(&Step { done, total });
        true
    };
    match request {
        Request::ChainHead => to_value(&inspect::head(chain)),
        Request::ChainShow { at } => to_value(&inspect::show(chain, at)?),
        Request::ChainMine(request) => to_value(&mine(chain, &genesis, request, &mut step)?),
        Request::ChainVerify => {
            let report = inspect::verify(chain, &genesis, &HashOnly, now_s(), &mut step)?;
            to_value(&report)
        }
        Request::ChainExport(request) => {
            to_value(&archive::export(chain, &genesis, request, &mut step)?)
        }
        Request::ChainImport { path } => {
            let report = archive::import(chain, &genesis, &HashOnly, path, now_s(), &mut step)?;
            to_value(&report)
        }
        _ => Err(nothing()),
    }
}

/// Sizes of the store, as configured.
pub(in crate::cli) fn options(context: &Context) -> Options {
    let storage = &context.config().storage;
    Options {
        cache_bytes: usize::try_from(storage.cache_mib << 20).unwrap_or(usize::MAX),
        segment_bytes: storage.segment_mib << 20,
    }
}

fn mine(
    store: &dyn ChainStore,
    genesis: &Genesis,
    request: &MineRequest,
    step: &mut dyn FnMut(u64, Option<u64>) -> bool,
) -> Result<MineReport, Failure> {
    let started = Instant::now();
    let ancestry = Ancestry::load(store, store.tips().blocks.hash)?
        .ok_or_else(|| Failure::new(ErrorCode::StoreCorrupt, "the head has no header"))?;
    let mut miner = Miner::new(genesis, ancestry, request.clone())?;
    let mut batch = Batch::default();
    let (mut size, mut since) = (0, Instant::now());
    for done in 1..=request.count {
        let mined = miner.mine(&[], now_s());
        let end = mined.is_err() || done == request.count;
        let refused = match mined {
            Ok(mined) => {
                size += mined.block.len();
                batch.bodies.push((mined.header.hash, mined.block));
                batch.headers.push(mined.header);
                None
            }
            Err(e) => Some(e),
        };
        let full = batch.headers.len() >= COMMIT_BLOCKS
            || size >= COMMIT_BYTES
            || since.elapsed() >= COMMIT_EVERY;
        if let Some(last) = batch
            .headers
            .last()
            .map(|h| h.tip())
            .filter(|_| end || full)
        {
            let tips = store.tips();
            batch.best_header = last.beats(&tips.headers).then_some(last.hash);
            batch.head = Some(last.hash);
            store.commit(std::mem::take(&mut batch))?;
            (size, since) = (0, Instant::now());
        }
        if let Some(refused) = refused {
            return Err(stopped_at(done - 1, request.count, refused.into()));
        }
        step(done, Some(request.count));
    }
    Ok(MineReport {
        count: request.count,
        head: inspect::head(store),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Says how many blocks there are when there are fewer than asked for.
fn stopped_at(done: u64, count: u64, mut failure: Failure) -> Failure {
    if done > 0 {
        failure.message = format!("mined {done} of {count} blocks, then: {}", failure.message);
    }
    failure
}

fn now_s() -> u64 {
    SystemClock.now().wall_secs()
}

fn to_value<T: serde::Serialize>(report: &T) -> Result<Value, Failure> {
    serde_json::to_value(report).map_err(|e| Failure::new(ErrorCode::Failed, e.to_string()))
}
