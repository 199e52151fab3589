//! `chain …`: through the running node, or on a stopped node's data directory.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Outcome,
    args::Chain,
    context::{Context, absolute},
    locate::{self, Found},
    progress::Bar,
    screen::{Screen, bytes, facts},
};
use crate::{
    api::{
        archive::{Existing, ExportReport, ExportRequest, ImportReport},
        control::Request,
        inspect::{BlockReport, VerifyReport},
    },
    chain::miner::Timestamps,
    ids::Height,
    report::{HeadReport, MineReport},
};

mod offline;

/// How long a node may take between two progress lines: a block near the difficulty that the miner
/// refuses takes tens of seconds.
pub(super) const MINE_PATIENCE: Duration = Duration::from_secs(300);

pub(super) fn run(context: &Context, command: &Chain, screen: &Screen) -> Outcome {
    let (request, doing) = request(command);
    let found = locate::find(context, screen, None)?;
    match command {
        Chain::Head => {
            let head: HeadReport = carry_out(context, found, &request, doing, screen)?;
            screen.show(&head, || {
                facts(&[
                    ("height", head.height.to_string()),
                    ("hash", head.hash.to_string()),
                    ("work", head.work.to_string()),
                ])
            })
        }
        Chain::Show { .. } => {
            let block: BlockReport = carry_out(context, found, &request, doing, screen)?;
            screen.show(&block, || show(&block))
        }
        Chain::Mine(_) => {
            let report: MineReport = carry_out(context, found, &request, doing, screen)?;
            mined(&report, screen)
        }
        Chain::Verify => {
            let report: VerifyReport = carry_out(context, found, &request, doing, screen)?;
            screen.show(&report, || {
                format!(
                    "{} headers and {} bodies ({}) verified in {:.1} s; head {} at height {}",
                    report.headers,
                    report.bodies,
                    bytes(report.bytes),
                    report.seconds,
                    report.head.hash,
                    report.head.height
                )
            })
        }
        Chain::Export(_) => {
            let report: ExportReport = carry_out(context, found, &request, doing, screen)?;
            screen.show(&report, || {
                format!(
                    "wrote {} blocks ({}) up to height {} into {}",
                    report.blocks,
                    bytes(report.bytes),
                    report.last,
                    report.path.display()
                )
            })
        }
        Chain::Import { .. } => {
            let report: ImportReport = carry_out(context, found, &request, doing, screen)?;
            if !report.complete {
                screen.warn("the file has no end: it was cut; everything in it is imported");
            }
            screen.show(&report, || {
                format!(
                    "imported {} blocks ({}), {} were there already; head {} at height {}",
                    report.blocks,
                    bytes(report.bytes),
                    report.known,
                    report.head.hash,
                    report.head.height
                )
            })
        }
    }
}

/// The command as a running node understands it, and what its progress bar says.
fn request(command: &Chain) -> (Request, &'static str) {
    match command {
        Chain::Head => (Request::ChainHead, ""),
        Chain::Show { at } => (Request::ChainShow { at: at.clone() }, ""),
        Chain::Mine(mine) => (
            Request::ChainMine(mine.shape.request(mine.count, Timestamps::Schedule)),
            "mining",
        ),
        Chain::Verify => (Request::ChainVerify, "verifying"),
        Chain::Export(export) => {
            let existing = match (export.resume, export.force) {
                (true, _) => Existing::Resume,
                (false, true) => Existing::Replace,
                (false, false) => Existing::Refuse,
            };
            let request = ExportRequest {
                path: absolute(&export.file),
                from: export.from.map(Height),
                to: export.to.map(Height),
                existing,
            };
            (Request::ChainExport(request), "exporting")
        }
        Chain::Import { file } => {
            let path = absolute(file);
            (Request::ChainImport { path }, "importing")
        }
    }
}

/// By the node, or here on its directory.
fn carry_out<T: Serialize + DeserializeOwned>(
    context: &Context,
    found: Found,
    request: &Request,
    doing: &'static str,
    screen: &Screen,
) -> Result<T, crate::api::code::Failure> {
    let bar = Bar::new(screen, doing);
    match found {
        Found::Node(mut node) => node.call(request, MINE_PATIENCE, |step| bar.step(step)),
        Found::Stopped(dir) => {
            let value = offline::run(context, &dir, request, &mut |step| bar.step(step))?;
            serde_json::from_value(value).map_err(|e| {
                crate::api::code::Failure::new(crate::api::code::ErrorCode::Failed, e.to_string())
            })
        }
    }
}

/// What mining came to.
pub(super) fn mined(report: &MineReport, screen: &Screen) -> Outcome {
    screen.show(report, || {
        format!(
            "mined {} blocks in {:.1} s; head {} at height {}",
            report.count, report.seconds, report.head.hash, report.head.height
        )
    })
}

fn show(block: &BlockReport) -> String {
    let body = match &block.body {
        Some(b) => format!(
            "{} txs, {} proofs, {}",
            b.txs,
            b.proofs,
            bytes(b.bytes as u64)
        ),
        None => "not stored".to_owned(),
    };
    let place = if block.imported {
        "imported chain"
    } else {
        "beside the imported chain"
    };
    facts(&[
        ("height", block.height.to_string()),
        ("hash", block.hash.to_string()),
        ("parent", block.parent.to_string()),
        ("timestamp", block.timestamp.to_string()),
        ("theta", block.theta.to_string()),
        ("nonce", block.nonce.to_string()),
        ("work", block.work.to_string()),
        ("body", body),
        ("place", place.to_owned()),
    ])
}
