//! `peer ban|unban|bans`.

use super::PATIENCE;
use crate::{
    api::control::Request,
    cli::{
        Outcome,
        args::Ban,
        context::Context,
        locate,
        moment::{moment, now_ms},
        resolve::Whom,
        screen::Screen,
    },
    report::{BanReport, UnbanReport},
    telemetry::escaped,
};

pub(super) fn ban(context: &Context, command: &Ban, screen: &Screen) -> Outcome {
    let whom = Whom::parse(&command.subject)?;
    let mut node = locate::node(context, screen)?;
    let request = Request::PeerBan {
        subject: whom.find(&mut node)?,
        secs: command.lasts.as_secs(),
        reason: command.reason.clone(),
    };
    let report: BanReport = node.call(&request, PATIENCE, |_| {})?;
    screen.show(&report, || {
        let until = moment(report.until_ms, now_ms());
        let subject = escaped(&report.subject);
        format!("banned {subject} until {until}\nlift it with: animica-p2p peer unban {subject}")
    })
}

pub(super) fn unban(context: &Context, text: &str, screen: &Screen) -> Outcome {
    let whom = Whom::parse(text)?;
    let mut node = locate::node(context, screen)?;
    let subject = whom.find(&mut node)?;
    let request = Request::PeerUnban {
        subject: subject.clone(),
    };
    let report: UnbanReport = node.call(&request, PATIENCE, |_| {})?;
    screen.show(&report, || lifted(&subject, &report, now_ms()))
}

/// What was lifted, a line each.
fn lifted(subject: &str, report: &UnbanReport, now_ms: u64) -> String {
    let mut lines: Vec<String> = report
        .lifted
        .iter()
        .map(|ban| format!("lifted: {}", line(ban, now_ms)))
        .collect();
    if report.cool_down {
        lines.push("ended: its cool-down".to_owned());
    }
    if let (Some(before), Some(after)) = (report.trust_before, report.trust_after)
        && before < after
    {
        lines.push(format!("raised: its score, from {before:.3} to {after:.3}"));
    }
    if lines.is_empty() {
        return format!("nothing was held against {subject}");
    }
    lines.join("\n")
}

/// `peer ID until T (in 3 min): reason (evidence), by node`.
pub(super) fn line(ban: &BanReport, now_ms: u64) -> String {
    let evidence = match ban.evidence.is_empty() {
        true => String::new(),
        false => format!(" ({})", escaped(&ban.evidence)),
    };
    format!(
        "{} {} until {}: {}{evidence}, by {}",
        escaped(&ban.kind),
        escaped(&ban.subject),
        moment(ban.until_ms, now_ms),
        escaped(&ban.reason),
        escaped(&ban.by)
    )
}

pub(super) fn list(context: &Context, screen: &Screen) -> Outcome {
    let bans: Vec<BanReport> =
        locate::node(context, screen)?.call(&Request::PeerBans, PATIENCE, |_| {})?;
    screen.show(&bans, || {
        if bans.is_empty() {
            return "nobody is banned".to_owned();
        }
        let now = now_ms();
        let rows = bans.iter().map(|b| {
            vec![
                escaped(&b.subject),
                escaped(&b.kind),
                moment(b.until_ms, now),
                escaped(&b.by),
                escaped(&b.reason),
                escaped(&b.evidence),
            ]
        });
        let header = ["subject", "kind", "until", "by", "reason", "evidence"];
        screen.table(&header, rows.collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unbanning_says_what_it_lifted_and_when_there_was_nothing() {
        let ban = BanReport {
            subject: "203.0.113.7".to_owned(),
            kind: "address".to_owned(),
            reason: "floods".to_owned(),
            evidence: "\u{1b}[31m900 pings".to_owned(),
            by: "operator".to_owned(),
            since_ms: 0,
            until_ms: 3_600_000,
        };
        let report = UnbanReport {
            lifted: vec![ban],
            cool_down: true,
            trust_before: Some(0.05),
            trust_after: Some(0.5),
        };
        let text = lifted("x", &report, 60_000);
        assert!(
            text.contains(
                "address 203.0.113.7 until 1970-01-01 01:00:00 UTC (in 59 min 0 s): floods"
            ),
            "{text}"
        );
        assert!(text.contains("its cool-down"), "{text}");
        assert!(text.contains("from 0.050 to 0.500"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        let text = lifted("x", &UnbanReport::default(), 0);
        assert_eq!(text, "nothing was held against x");
    }
}
