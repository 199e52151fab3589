//! `peer explain`: why a peer is treated as it is, and what would change it.

use super::{PATIENCE, Typed, bans, book};
use crate::{
    api::control::Request,
    cli::{
        Outcome,
        context::Context,
        locate,
        moment::{moment, now_ms},
        screen::{Screen, facts},
        trust::{events, parts},
    },
    report::ExplainReport,
    telemetry::escaped,
};

pub(super) fn run(context: &Context, text: &str, screen: &Screen) -> Outcome {
    let typed = Typed::parse(text)?;
    let mut node = locate::node(context, screen)?;
    let peer = typed.find(&mut node)?.to_string();
    let report: ExplainReport = node.call(&Request::PeerExplain { peer }, PATIENCE, |_| {})?;
    screen.show(&report, || answer(&report, now_ms(), screen))
}

/// The verdict, what it rests on, and the command that would change it.
fn answer(report: &ExplainReport, now_ms: u64, screen: &Screen) -> String {
    let mut text = String::new();
    for line in &report.summary {
        text.push_str(&format!("{}\n", escaped(line)));
    }
    text.push('\n');
    text.push_str(&facts(&reasons(report, now_ms)));
    if !report.events.is_empty() {
        text.push_str("\nlast events\n");
        text.push_str(&events(&report.events, false, now_ms, screen));
        text.push('\n');
    }
    text.push_str("\nto change it\n");
    for (command, does) in changes(report) {
        text.push_str(&format!("  animica-p2p {command}  # {does}\n"));
    }
    text
}

fn reasons(report: &ExplainReport, now_ms: u64) -> Vec<(&'static str, String)> {
    let mut rows = vec![("peer id", report.peer_id.clone())];
    let connection = report.connection.as_ref().map(book::line);
    rows.push((
        "connection",
        connection.unwrap_or_else(|| "none".to_owned()),
    ));
    let banned = report.bans.iter().map(|ban| bans::line(ban, now_ms));
    rows.extend(banned.map(|line| ("banned", line)));
    if let Some(until) = report.cool_down_until_ms {
        rows.push(("left alone", format!("until {}", moment(until, now_ms))));
    }
    match &report.trust {
        Some(trust) => rows.extend(parts(trust)),
        None => rows.push(("score", "it never did anything here".to_owned())),
    }
    match &report.known {
        Some(known) => {
            rows.push(("book", book::state(known)));
            rows.extend(book::addresses(known));
        }
        None => rows.push(("book", "not in the address book".to_owned())),
    }
    rows
}

/// Commands that would make it otherwise, and what they do.
fn changes(report: &ExplainReport) -> Vec<(String, &'static str)> {
    let peer = &report.peer_id;
    let below = report.trust.as_ref().is_some_and(|t| t.below_threshold);
    if !report.bans.is_empty() || report.cool_down_until_ms.is_some() || below {
        let does = "lifts bans, cool-down and low score at once";
        return vec![(format!("peer unban {peer}"), does)];
    }
    let known = report.known.as_ref();
    if known.is_some_and(|known| known.reserved) {
        let does = "a reserved peer is kept and never banned; this ends it";
        return vec![(format!("peer reserve {peer} --off"), does)];
    }
    if report.connection.is_some() {
        return vec![
            (
                format!("peer ban {peer} --for 1h"),
                "disconnects and refuses it",
            ),
            (format!("peer reserve {peer}"), "keeps it whatever happens"),
        ];
    }
    let address = known.and_then(|known| known.addresses.first());
    match address.map(|a| &a.address) {
        // An address of the book may be anything: it is not put where it would be pasted.
        Some(address) if is_plain(address) => vec![(
            format!("peer connect {}", with_peer(address, peer)),
            "dials it now",
        )],
        _ => vec![(
            "peer add ADDR".to_owned(),
            "an address with its id at the end, so that it can be dialled",
        )],
    }
}

/// Whether a shell takes `text` as one word.
fn is_plain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b':' | b'-' | b'_');
    !text.is_empty() && text.len() < 200 && text.bytes().all(plain)
}

fn with_peer(address: &str, peer: &str) -> String {
    match address.contains("/p2p/") {
        true => address.to_owned(),
        false => format!("{address}/p2p/{peer}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests, *};
    use crate::report::{BanReport, TrustEventReport, TrustReport};

    fn report() -> ExplainReport {
        ExplainReport {
            peer_id: "14QGSabc".to_owned(),
            summary: vec!["refused: banned by the operator\u{1b}[2J".to_owned()],
            connection: None,
            trust: Some(TrustReport {
                peer_id: "14QGSabc".to_owned(),
                score: 0.52,
                direct: 0.5,
                recommended: 0.02,
                ..TrustReport::default()
            }),
            events: vec![TrustEventReport {
                seq: Some(9),
                peer_id: "14QGSabc".to_owned(),
                event: "invalid_message".to_owned(),
                count: 2,
                delta: -0.1,
                after: 0.4,
                first_ms: 0,
                last_ms: 1_000,
                evidence: Some("tx \u{202e}".to_owned()),
            }],
            bans: vec![BanReport {
                subject: "203.0.0.0/16".to_owned(),
                kind: "group".to_owned(),
                reason: "by hand".to_owned(),
                evidence: String::new(),
                by: "operator".to_owned(),
                since_ms: 0,
                until_ms: 3_600_000,
            }],
            cool_down_until_ms: Some(120_000),
            known: Some(tests::known()),
        }
    }

    #[test]
    fn the_answer_begins_with_the_verdict_and_ends_with_what_would_change_it() {
        let screen = Screen::new(false);
        let text = answer(&report(), 60_000, &screen);
        assert!(
            text.starts_with("refused: banned by the operator"),
            "{text}"
        );
        for part in [
            "group 203.0.0.0/16 until 1970-01-01 01:00:00 UTC (in 59 min 0 s): by hand, by operator",
            "until 1970-01-01 00:02:00 UTC (in 1 min 0 s)",
            "0.520",
            "+0.020",
            "invalid_message",
            "reserved anchor",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.ends_with(
            "  animica-p2p peer unban 14QGSabc  # lifts bans, cool-down and low score at once\n"
        ));
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }

    #[test]
    fn the_command_fits_what_is_in_the_way() {
        let mut report = report();
        let first = |report: &ExplainReport| changes(report)[0].0.clone();
        report.bans.clear();
        report.cool_down_until_ms = None;
        assert_eq!(first(&report), "peer reserve 14QGSabc --off");
        let known = report.known.as_mut().expect("known");
        known.reserved = false;
        assert_eq!(first(&report), "peer add ADDR", "no odd name is pasted");
        let known = report.known.as_mut().expect("known");
        known.addresses[0].address = "/ip4/203.0.113.7/tcp/1".to_owned();
        assert_eq!(
            first(&report),
            "peer connect /ip4/203.0.113.7/tcp/1/p2p/14QGSabc"
        );
        report.connection = Some(tests::connected());
        assert_eq!(first(&report), "peer ban 14QGSabc --for 1h");
        let trust = report.trust.as_mut().expect("a score");
        trust.below_threshold = true;
        assert_eq!(first(&report), "peer unban 14QGSabc");
    }

    #[test]
    fn nothing_known_is_an_answer_too() {
        let report = ExplainReport {
            summary: vec!["unknown".to_owned()],
            connection: None,
            trust: None,
            events: Vec::new(),
            bans: Vec::new(),
            cool_down_until_ms: None,
            known: None,
            ..report()
        };
        let text = answer(&report, 0, &Screen::new(false));
        assert!(text.contains("it never did anything here"), "{text}");
        assert!(text.contains("not in the address book"), "{text}");
    }
}
