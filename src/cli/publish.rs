//! `publish …` and `broadcast`: things for peers to receive.

use std::{
    io::{self, Read},
    path::Path,
    time::Duration,
};

use super::{
    Outcome,
    args::{AppMessage, Publish, Txs},
    chain::{MINE_PATIENCE, mined},
    context::{Context, absolute},
    locate,
    progress::Bar,
    screen::{Screen, bytes, facts},
};
use crate::{
    api::{
        archive::file_failed,
        code::{ErrorCode, Failure},
        control::Request,
        publish::{
            AppReport, AppRequest, BlobReport, BlobRequest, ShareReport, TxsReport, TxsRequest,
            read_at_most,
        },
    },
    chain::miner::Timestamps,
    registry::{MAX_ENVELOPE_PAYLOAD, MAX_SHARE_BYTES, MAX_TX_BYTES},
    report::MineReport,
    telemetry::escaped,
};

/// How long a node may take between two lines of its answer: an application's admission or the
/// disk under a blob may be slow.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(context: &Context, command: &Publish, screen: &Screen) -> Outcome {
    match command {
        Publish::Headers { count, shape } => {
            let mut node = locate::node(context, screen)?;
            let bar = Bar::new(screen, "mining");
            let request = Request::ChainMine(shape.request(*count, Timestamps::WallClock));
            let report: MineReport = node.call(&request, MINE_PATIENCE, |step| bar.step(step))?;
            drop(bar);
            mined(&report, screen)
        }
        Publish::Txs(command) => txs(context, command, screen),
        Publish::Blob { file, namespace } => blob(context, file, *namespace, screen),
        Publish::Share { file } => share(context, file, screen),
        Publish::App(message) => app(context, message, screen),
    }
}

fn txs(context: &Context, command: &Txs, screen: &Screen) -> Outcome {
    let request = match &command.file {
        Some(file) => Request::PublishTx {
            tx: object_file(file, "transaction", MAX_TX_BYTES)?,
        },
        None => Request::PublishTxs(TxsRequest {
            count: command.count.unwrap_or(1),
            bytes: command.bytes,
            seed: command.seed,
        }),
    };
    let mut node = locate::node(context, screen)?;
    let bar = Bar::new(screen, "publishing");
    let report: TxsReport = node.call(&request, PATIENCE, |step| bar.step(step))?;
    drop(bar);
    screen.show(&report, || {
        let mut text = format!("{} transactions taken", report.taken);
        if report.known > 0 {
            text.push_str(&format!(", {} wait already", report.known));
        }
        if let [id] = report.ids[..] {
            text.push_str(&format!(", id {id}"));
        }
        let pool = report.pool;
        text + &format!(
            "; the pool has {} ({})",
            pool.transactions,
            bytes(pool.bytes as u64)
        )
    })
}

fn blob(context: &Context, file: &Path, namespace: u32, screen: &Screen) -> Outcome {
    let request = Request::PublishBlob(BlobRequest {
        namespace,
        path: absolute(file),
    });
    let report: BlobReport = locate::node(context, screen)?.call(&request, PATIENCE, |_| {})?;
    screen.show(&report, || {
        facts(&[
            ("root", report.root.to_string()),
            ("namespace", report.namespace.to_string()),
            ("size", bytes(report.size)),
            ("leaves", report.leaves.to_string()),
        ])
    })
}

fn share(context: &Context, file: &Path, screen: &Screen) -> Outcome {
    let request = Request::PublishShare {
        share: object_file(file, "share", MAX_SHARE_BYTES)?,
    };
    let report: ShareReport = locate::node(context, screen)?.call(&request, PATIENCE, |_| {})?;
    screen.show(&report, || format!("share {} published", report.id))
}

/// `publish app` and `broadcast`.
pub(super) fn app(context: &Context, message: &AppMessage, screen: &Screen) -> Outcome {
    let payload = message_bytes(&message.message, MAX_ENVELOPE_PAYLOAD)?;
    let request = Request::PublishApp(AppRequest {
        topic: message.topic.clone(),
        ttl_ms: message.ttl.map(|secs| secs.saturating_mul(1000)),
        unsigned: message.unsigned,
        payload: hex::encode(payload),
    });
    let report: AppReport = locate::node(context, screen)?.call(&request, PATIENCE, |_| {})?;
    screen.show(&report, || {
        let how = if report.signed { "signed" } else { "unsigned" };
        format!(
            "published {how}, {} about `{}`, id {}",
            bytes(report.bytes as u64),
            escaped(&report.topic),
            report.id
        )
    })
}

/// What a message says: its argument, or standard input where that is `-`.
///
/// # Errors
/// `rejected` beyond `max` bytes, or what the system says.
pub(super) fn message_bytes(argument: &str, max: usize) -> Result<Vec<u8>, Failure> {
    let mut payload = Vec::new();
    if argument == "-" {
        let input = io::stdin().lock().take(max as u64 + 1);
        read(input, &mut payload)?;
    } else {
        payload.extend_from_slice(argument.as_bytes());
    }
    if payload.len() > max {
        return Err(too_long("message", max));
    }
    Ok(payload)
}

fn read(mut input: impl Read, out: &mut Vec<u8>) -> Result<(), Failure> {
    input.read_to_end(out).map(drop).map_err(|e| {
        let message = format!("cannot read standard input: {e}");
        Failure::new(ErrorCode::FileFailed, message)
    })
}

/// The object in a file as hex. A file of nothing but hex digits and white space holds hex; no
/// binary object looks like that, because none begins with a byte below 0x80.
fn object_file(path: &Path, what: &str, max: usize) -> Result<String, Failure> {
    // Hex has two digits a byte and perhaps line ends.
    let limit = max.saturating_mul(2).saturating_add(4096);
    let data = read_at_most(path, limit).map_err(|e| file_failed(path, &e))?;
    let digit = |b: &u8| b.is_ascii_hexdigit();
    let text: Vec<u8> = data
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    let hex = if !text.is_empty() && text.iter().all(digit) {
        String::from_utf8_lossy(&text).into_owned()
    } else {
        hex::encode(&data)
    };
    if hex.len() > max.saturating_mul(2) {
        return Err(too_long(what, max));
    }
    Ok(hex)
}

fn too_long(what: &str, max: usize) -> Failure {
    Failure::new(
        ErrorCode::Rejected,
        format!("a {what} has at most {max} bytes"),
    )
}
