//! `messages` and `send`: what applications say to all, and to one.

use std::time::Duration;

use super::{
    Outcome,
    args::{Messages, Send},
    context::{Context, absolute},
    locate,
    progress::Bar,
    publish::message_bytes,
    resolve::Typed,
    screen::{Screen, bytes},
};
use crate::{
    api::{
        control::Request,
        talk::{
            MessageItem, MessageReport, MessagesReport, MessagesRequest, SendContent, SendReport,
            SendRequest,
        },
    },
    telemetry::escaped,
};

/// How long the node may be silent while it waits for a receipt: its own deadline (30 s) and some;
/// of messages it gives a sign of life every few seconds.
const PATIENCE: Duration = Duration::from_secs(40);

/// Longest message given as an argument or on standard input: what travels whole fits a request in
/// hex. `--file` has no such limit.
const MAX_MESSAGE: usize = 256 * 1024;

/// Recent messages, and with `--follow` those that arrive.
pub(super) fn run(context: &Context, command: &Messages, screen: &Screen) -> Outcome {
    let node = locate::node(context, screen)?;
    let request = Request::Messages(MessagesRequest {
        topic: command.topic.clone(),
        follow: command.follow,
        count: command.count,
    });
    let end: Option<MessagesReport> = node.stream(&request, PATIENCE, |item| match item {
        MessageItem::Message(message) => screen.show_line(&message, || line(&message)),
        MessageItem::Missed(lost) => {
            screen.warn(&format!(
                "{lost} messages were not read in time and are lost"
            ));
            Ok(true)
        }
    })?;
    let none = end.is_some_and(|end| end.messages == 0);
    if none && !command.follow {
        screen.note("no recent messages; --follow waits for some");
    }
    Ok(())
}

fn line(m: &MessageReport) -> String {
    let text = match &m.text {
        Some(text) => escaped(text),
        None => format!(
            "{} of binary data, {}",
            bytes(m.bytes as u64),
            escaped(&m.payload)
        ),
    };
    let sender = m.sender.as_deref().unwrap_or("unsigned");
    format!("[{}] {sender}: {text}", escaped(&m.topic))
}

/// Sends a direct message and shows its receipt.
pub(super) fn send(context: &Context, command: &Send, screen: &Screen) -> Outcome {
    let typed = Typed::parse(&command.peer)?;
    let (kind, content) = match &command.file {
        Some(file) => ("file", SendContent::Path(absolute(file))),
        None => {
            let message = command.message.as_deref().unwrap_or_default();
            let payload = message_bytes(message, MAX_MESSAGE)
                .map_err(|e| e.hint("--file streams what is longer"))?;
            ("text", SendContent::Payload(hex::encode(payload)))
        }
    };
    let mut node = locate::node(context, screen)?;
    let request = Request::Send(SendRequest {
        peer: typed.find(&mut node)?.to_string(),
        kind: command.kind.as_deref().unwrap_or(kind).to_owned(),
        content,
    });
    let bar = Bar::new(screen, "sending");
    let report: SendReport = node.call(&request, PATIENCE, |step| bar.step(step))?;
    drop(bar);
    screen.show(&report, || {
        format!(
            "{} received {} ({}) after {:.1} ms",
            report.peer_id,
            escaped(&report.kind),
            bytes(report.bytes),
            report.took_ms
        )
    })
}
