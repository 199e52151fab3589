//! A chain file into a running node: read here, verified and stored by the node between what it
//! syncs.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::{
    api::{
        archive::{ImportReport, file_failed},
        code::{ErrorCode, Failure},
        control::Progress,
    },
    chain::{
        At, Block, ChainStore, Genesis,
        archive::{Item, Reader},
    },
    node::Handle,
};

/// Most blocks handed to the node at once.
const GROUP_BLOCKS: usize = 1024;

/// Bytes after which a group is full. With one group waiting and one being imported this bounds
/// the memory of an import.
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// Buffer of the file, bytes.
const BUFFER: usize = 256 * 1024;

/// Blocks that follow each other, and how many known ones were passed over before them.
struct Group {
    blocks: Vec<Bytes>,
    known: u64,
}

pub(super) async fn run(
    node: &Handle,
    genesis: &Genesis,
    path: PathBuf,
    progress: &Progress,
) -> Result<ImportReport, Failure> {
    let started = Instant::now();
    let (send, mut groups) = mpsc::channel(1);
    let reading = {
        let (store, genesis, path) = (Arc::clone(node.store()), genesis.clone(), path.clone());
        tokio::task::spawn_blocking(move || read(&path, &genesis, &*store, &send))
    };
    let mut report = ImportReport {
        path,
        blocks: 0,
        known: 0,
        bytes: 0,
        complete: false,
        head: node.head(),
        seconds: 0.0,
    };
    while let Some(group) = groups.recv().await {
        report.known += group.known;
        if group.blocks.is_empty() {
            continue;
        }
        report.blocks += group.blocks.len() as u64;
        report.bytes += group.blocks.iter().map(|b| b.len() as u64).sum::<u64>();
        report.head = node.import(group.blocks).await?;
        progress.tell(report.blocks + report.known, None);
    }
    report.complete = reading
        .await
        .unwrap_or_else(|e| Err(Failure::new(ErrorCode::Failed, e.to_string())))?;
    report.head = node.head();
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// Reads the file group by group. True if it has its end; a cut file is good up to the cut.
fn read(
    path: &Path,
    genesis: &Genesis,
    store: &dyn ChainStore,
    send: &mpsc::Sender<Group>,
) -> Result<bool, Failure> {
    let file = File::open(path).map_err(|e| file_failed(path, &e))?;
    let mut reader = Reader::open(BufReader::with_capacity(BUFFER, file), genesis)?;
    let mut group = Group {
        blocks: Vec::new(),
        known: 0,
    };
    let mut size = 0;
    let complete = loop {
        let bytes = match reader.item()? {
            Item::Block { bytes, .. } => bytes,
            item => break matches!(item, Item::End { .. }),
        };
        if group.blocks.is_empty() && is_known(store, &bytes)? {
            group.known += 1;
            continue;
        }
        size += bytes.len();
        group.blocks.push(bytes);
        if group.blocks.len() >= GROUP_BLOCKS || size >= GROUP_BYTES {
            let full = std::mem::replace(
                &mut group,
                Group {
                    blocks: Vec::new(),
                    known: 0,
                },
            );
            size = 0;
            if send.blocking_send(full).is_err() {
                // Whoever asked is gone, or a block was refused.
                return Ok(false);
            }
        }
    };
    drop(send.blocking_send(group));
    Ok(complete)
}

fn is_known(store: &dyn ChainStore, bytes: &Bytes) -> Result<bool, Failure> {
    // What is no block is left to the node to refuse.
    let Ok(block) = Block::decode(bytes.clone()) else {
        return Ok(false);
    };
    let stored = store.header(At::Hash(block.hash()))?;
    Ok(stored.is_some_and(|stored| stored.has_body))
}
