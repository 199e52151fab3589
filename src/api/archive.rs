//! Chain files: writing one from a store, reading one into a stopped node's store.

use std::{
    fs::File,
    io::{self, BufReader},
    num::NonZeroUsize,
    ops::ControlFlow,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use serde::{Deserialize, Serialize};

use super::{
    code::{ErrorCode, Failure},
    inspect,
};
use crate::{
    chain::{
        ChainStore, Genesis, Verifier,
        archive::{self, Import, Progress, Range, Start},
    },
    ids::Height,
    report::HeadReport,
};

/// Buffer of a file that is read, bytes.
const BUFFER: usize = 256 * 1024;

/// What to export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRequest {
    /// The file, absolute.
    pub path: PathBuf,
    /// Height of the first block.
    #[serde(default)]
    pub from: Option<Height>,
    /// Height of the last block; without one, the head.
    #[serde(default)]
    pub to: Option<Height>,
    /// What to do with a file that is there.
    #[serde(default)]
    pub existing: Existing,
}

/// What to do with a file that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// Leave it alone and fail.
    #[default]
    Refuse,
    /// Go on behind its whole blocks.
    Resume,
    /// Replace it.
    Replace,
}

/// Answer of `chain export`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportReport {
    /// The file.
    pub path: PathBuf,
    /// Blocks written now.
    pub blocks: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Height of the last block in the file.
    pub last: Height,
    /// Seconds it took.
    pub seconds: f64,
}

/// Answer of `chain import`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// The file.
    pub path: PathBuf,
    /// Blocks verified and stored.
    pub blocks: u64,
    /// Blocks that were stored already.
    pub known: u64,
    /// Bytes of the blocks stored.
    pub bytes: u64,
    /// Whether the file has its end; without, it was cut, and what it has is imported.
    pub complete: bool,
    /// The head now.
    pub head: HeadReport,
    /// Seconds it took.
    pub seconds: f64,
}

/// Writes blocks of `store` into a file. `step` is told heights done and in all, and says whether
/// to go on.
///
/// # Errors
/// The file or the store fails, or `step` said stop; what was written can be resumed.
pub fn export(
    store: &dyn ChainStore,
    genesis: &Genesis,
    request: &ExportRequest,
    step: &mut dyn FnMut(u64, Option<u64>) -> bool,
) -> Result<ExportReport, Failure> {
    let started = Instant::now();
    let path = &request.path;
    if request.existing == Existing::Replace {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(file_failed(path, &e)),
            _ => {}
        }
    }
    let range = Range {
        from: request.from.unwrap_or(Height(1)),
        to: request.to,
    };
    let start = match request.existing {
        Existing::Resume => Start::Resume,
        Existing::Refuse | Existing::Replace => Start::New,
    };
    let total = request.to.unwrap_or(store.tips().blocks.height).0;
    let mut progress = |p: Progress| flow(step(p.height.0, Some(total)));
    let done = archive::export_file(store, genesis, path, range, start, &mut progress);
    let done = done.map_err(|e| match e {
        archive::ArchiveError::Io(e) => file_failed(path, &e),
        e => Failure::from(e),
    })?;
    if !done.complete {
        return Err(Failure::new(
            ErrorCode::Failed,
            format!("stopped at height {}", done.last),
        )
        .hint("go on with --resume"));
    }
    Ok(ExportReport {
        path: path.clone(),
        blocks: done.blocks,
        bytes: done.bytes,
        last: done.last,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Reads a file into `store`, verifying everything, batch by durable batch.
///
/// # Errors
/// The file, a block in it or the store; what was committed before stays.
pub fn import(
    store: &dyn ChainStore,
    genesis: &Genesis,
    verifier: &dyn Verifier,
    path: &Path,
    now_s: u64,
    step: &mut dyn FnMut(u64, Option<u64>) -> bool,
) -> Result<ImportReport, Failure> {
    let started = Instant::now();
    let file = File::open(path).map_err(|e| file_failed(path, &e))?;
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let reader = BufReader::with_capacity(BUFFER, file);
    let mut import = Import::open(reader, genesis, threads)?;
    let mut progress = |p: Progress| flow(step(p.height.0, None));
    let done = archive::import(store, &mut import, verifier, now_s, &mut progress)?;
    Ok(ImportReport {
        path: path.to_owned(),
        blocks: done.blocks,
        known: done.known,
        bytes: done.bytes,
        complete: done.complete,
        head: inspect::head(store),
        seconds: started.elapsed().as_secs_f64(),
    })
}

fn flow(go_on: bool) -> ControlFlow<()> {
    if go_on {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(())
    }
}

pub(crate) fn file_failed(path: &Path, e: &io::Error) -> Failure {
    let code = match e.kind() {
        io::ErrorKind::PermissionDenied => ErrorCode::PermissionDenied,
        io::ErrorKind::StorageFull => ErrorCode::DiskFull,
        _ => ErrorCode::FileFailed,
    };
    let failure = Failure::new(code, format!("{}: {e}", path.display()));
    if e.kind() == io::ErrorKind::AlreadyExists {
        return failure.hint("--resume goes on behind its blocks, --force replaces it");
    }
    failure
}
