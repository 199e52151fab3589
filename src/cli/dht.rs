//! `dht put|get|delete|stats`.

use std::time::Duration;

use super::{
    Outcome,
    args::{Dht, Get, Put},
    context::Context,
    locate,
    moment::{moment, now_ms},
    publish::message_bytes,
    resolve::Typed,
    screen::{Screen, bytes, facts},
    status::PATIENCE,
};
use crate::{
    api::{
        archive::file_failed,
        code::{ErrorCode, Failure},
        control::Request,
        publish::read_at_most,
        values::{MAX_VALUE, check_key, check_ttl, check_value},
    },
    report::{DhtPutReport, DhtStatsReport, DhtValueReport},
    telemetry::escaped,
};

/// The node's own deadline for a look-up and some.
const LOOK_UP_PATIENCE: Duration = Duration::from_secs(90);

/// Characters escaped at a time: fewer than are shown of a single string.
const PIECE: usize = 200;

pub(super) fn run(context: &Context, command: &Dht, screen: &Screen) -> Outcome {
    match command {
        Dht::Put(command) => put(context, command, screen),
        Dht::Get(command) => get(context, command, screen),
        Dht::Delete { key } => delete(context, key, screen),
        Dht::Stats => stats(context, screen),
    }
}

fn put(context: &Context, command: &Put, screen: &Screen) -> Outcome {
    let (key, value) = what(command)?;
    let usual = Duration::from_secs(context.config().dht.ttl_secs);
    let ttl_s = command.ttl.unwrap_or(usual).as_secs();
    check_ttl(ttl_s)?;
    let request = Request::DhtPut {
        key: key.map(str::to_owned),
        value: hex::encode(value),
        ttl_s,
    };
    let report: DhtPutReport =
        locate::node(context, screen)?.call(&request, LOOK_UP_PATIENCE, |_| {})?;
    screen.show(&report, || {
        let mut rows = stored(&report);
        rows.push((
            "read it with",
            match report.key.is_empty() {
                true => format!("animica-p2p dht get {} --content", report.address),
                false => format!(
                    "animica-p2p dht get {} --author {}",
                    quoted(&report.key),
                    report.author
                ),
            },
        ));
        facts(&rows)
    })
}

/// The key, if there is one, and the value.
fn what(command: &Put) -> Result<(Option<&str>, Vec<u8>), Failure> {
    let usage = |message: &str| {
        Failure::new(ErrorCode::Usage, message)
            .hint("dht put KEY VALUE, dht put KEY --file F, dht put --content VALUE")
    };
    let (key, text) = match (&command.words[..], command.content, &command.file) {
        ([key, value], false, None) => (Some(key.as_str()), Some(value)),
        ([key], false, Some(_)) => (Some(key.as_str()), None),
        ([value], true, None) => (None, Some(value)),
        ([], true, Some(_)) => (None, None),
        ([_, _], true, _) => return Err(usage("what is found by its content has no key")),
        ([_, _], false, Some(_)) | ([_], true, Some(_)) => {
            return Err(usage("the value is given, or in a file, not both"));
        }
        ([], false, _) => return Err(usage("a key is needed")),
        _ => return Err(usage("a value is needed")),
    };
    if let Some(key) = key {
        check_key(key)?;
    }
    let value = match (text, &command.file) {
        (Some(text), _) => {
            message_bytes(text, MAX_VALUE).map_err(|failure| match failure.code {
                ErrorCode::Rejected => check_value(MAX_VALUE + 1).err().unwrap_or(failure),
                _ => failure,
            })?
        }
        (None, Some(file)) => read_at_most(file, MAX_VALUE).map_err(|e| file_failed(file, &e))?,
        (None, None) => Vec::new(),
    };
    check_value(value.len())?;
    Ok((key, value))
}

/// Where a record lies and how long, a line each.
fn stored(report: &DhtPutReport) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if !report.key.is_empty() {
        rows.push(("key", escaped(&report.key)));
    }
    rows.extend([
        ("author", report.author.clone()),
        ("lies at", report.address.clone()),
        ("number", report.seq.to_string()),
        ("until", moment(report.expires_ms, now_ms())),
        ("copies", format!("{} on other nodes", report.copies)),
    ]);
    rows
}

fn get(context: &Context, command: &Get, screen: &Screen) -> Outcome {
    let author = command.author.as_deref().map(Typed::parse).transpose()?;
    if command.content {
        let digits = |b: u8| b.is_ascii_hexdigit();
        if command.key.len() != 64 || !command.key.bytes().all(digits) {
            let message = format!("`{}` is no hash: 64 hex digits", escaped(&command.key));
            return Err(Failure::new(ErrorCode::Usage, message));
        }
    } else {
        check_key(&command.key)?;
    }
    let mut node = locate::node(context, screen)?;
    let author = match author {
        Some(typed) => Some(typed.find(&mut node)?.to_string()),
        None => None,
    };
    let request = Request::DhtGet {
        key: command.key.clone(),
        author,
        content: command.content,
    };
    let report: DhtValueReport = node.call(&request, LOOK_UP_PATIENCE, |_| {})?;
    screen.show(&report, || value(&report, screen.is_terminal()))
}

/// The value as it is if it is text, else in hex. A terminal gets no control characters of others.
fn value(report: &DhtValueReport, terminal: bool) -> String {
    match &report.text {
        None => report.value.clone(),
        Some(text) if !terminal => text.clone(),
        Some(text) => harmless(text),
    }
}

/// All of a text, control characters but line ends and tabs made visible.
fn harmless(text: &str) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive(['\n', '\t']) {
        let line = piece.trim_end_matches(['\n', '\t']);
        let chars: Vec<char> = line.chars().collect();
        for part in chars.chunks(PIECE) {
            out.push_str(&escaped(&part.iter().collect::<String>()));
        }
        out.push_str(&piece[line.len()..]);
    }
    out
}

fn delete(context: &Context, key: &str, screen: &Screen) -> Outcome {
    check_key(key)?;
    let request = Request::DhtDelete {
        key: key.to_owned(),
    };
    let report: DhtPutReport =
        locate::node(context, screen)?.call(&request, LOOK_UP_PATIENCE, |_| {})?;
    screen.show(&report, || {
        let mut rows = vec![("deleted", escaped(&report.key))];
        rows.extend(
            stored(&report)
                .into_iter()
                .filter(|(name, _)| *name != "key"),
        );
        facts(&rows)
    })
}

fn stats(context: &Context, screen: &Screen) -> Outcome {
    let report: DhtStatsReport =
        locate::node(context, screen)?.call(&Request::DhtStats, PATIENCE, |_| {})?;
    screen.show(&report, || {
        let mut rows = vec![
            ("mode", escaped(&report.mode)),
            ("routing table", format!("{} peers", report.routing_peers)),
            (
                "records",
                format!(
                    "{} ({} our own, {} deletions)",
                    report.records, report.own, report.tombstones
                ),
            ),
            (
                "size",
                format!("{} of {}", bytes(report.bytes), bytes(report.bytes_max)),
            ),
            ("stored", format!("{} for others", report.stored)),
            (
                "look-ups",
                format!("{} found, {} in vain", report.found, report.missed),
            ),
        ];
        let refused = report.refused.iter().filter(|(_, n)| **n > 0);
        rows.extend(refused.map(|(why, n)| ("refused", format!("{n} {}", escaped(why)))));
        facts(&rows)
    })
}

/// A key as a shell takes it.
fn quoted(key: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b':' | b'-' | b'_');
    if key.bytes().all(plain) && !key.starts_with('-') {
        return key.to_owned();
    }
    format!("'{}'", escaped(key).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str], content: bool, file: Option<&str>) -> Put {
        Put {
            words: words.iter().map(|w| (*w).to_owned()).collect(),
            ttl: None,
            content,
            file: file.map(Into::into),
        }
    }

    #[test]
    fn a_value_has_a_key_or_is_its_own_and_stands_in_one_place() {
        let named = command(&["k", "v"], false, None);
        assert_eq!(what(&named), Ok((Some("k"), b"v".to_vec())));
        let own = command(&["v"], true, None);
        assert_eq!(what(&own), Ok((None, b"v".to_vec())));
        for (words, content, file) in [
            (&[][..], false, None),
            (&["k"], false, None),
            (&["k", "v"], true, None),
            (&["k", "v"], false, Some("f")),
            (&["v"], true, Some("f")),
            (&[], false, Some("f")),
            (&[], true, None),
        ] {
            let failure = what(&command(words, content, file)).expect_err("refused");
            assert_eq!(
                failure.code,
                ErrorCode::Usage,
                "{words:?} {content} {file:?}"
            );
        }
        let missing = what(&command(&["k"], false, Some("missing"))).expect_err("refused");
        assert_eq!(missing.code, ErrorCode::FileFailed);
    }

    #[test]
    fn what_no_node_would_store_is_refused_before_it_is_asked() {
        let long = "v".repeat(MAX_VALUE + 1);
        let longest = "v".repeat(MAX_VALUE);
        assert!(what(&command(&["k", &longest], false, None)).is_ok());
        for words in [["k", &long], ["", "v"], [&"k".repeat(65), "v"]] {
            let failure = what(&command(&words, false, None)).expect_err("refused");
            assert_eq!(failure.code, ErrorCode::Rejected);
        }
        let failure = what(&command(&["k", &long], false, None)).expect_err("refused");
        assert!(failure.message.contains("8192"), "{failure}");
        assert!(failure.hint.is_some_and(|hint| hint.contains("blob")));
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        std::io::Write::write_all(&mut file, long.as_bytes()).expect("written");
        let path = file.path().display().to_string();
        let failure = what(&command(&["k"], false, Some(&path))).expect_err("refused");
        assert_eq!(failure.code, ErrorCode::Rejected);
    }

    #[test]
    fn a_terminal_gets_the_whole_text_and_no_control_characters() {
        let long = "x".repeat(1000);
        let text = format!("a\u{1b}[2J\n\tb\r\n{long}\n");
        let report = DhtValueReport {
            author: String::new(),
            key: String::new(),
            address: String::new(),
            value: hex::encode(&text),
            text: Some(text.clone()),
            seq: 1,
            created_ms: 0,
            expires_ms: 0,
            holders: 1,
            local: false,
        };
        assert_eq!(value(&report, false), text, "a pipe gets it as it is");
        let shown = value(&report, true);
        assert!(!shown.contains(['\u{1b}', '\r']), "{shown}");
        assert!(shown.contains(&long));
        assert!(shown.contains("\n\tb"));
        let binary = DhtValueReport {
            text: None,
            ..report
        };
        assert_eq!(value(&binary, true), hex::encode(&text));
    }

    #[test]
    fn a_key_is_shown_as_a_shell_takes_it() {
        assert_eq!(quoted("a/b-1"), "a/b-1");
        assert_eq!(quoted("it's $x"), r"'it'\''s $x'");
        assert_eq!(quoted("--author"), "'--author'");
    }
}
