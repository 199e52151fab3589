//! `trust show|events|top|share`.

use super::{
    Outcome,
    args::Trust,
    context::Context,
    locate,
    moment::{moment, now_ms},
    peer::DIAL_PATIENCE,
    resolve::Typed,
    screen::{Screen, facts},
    status::PATIENCE,
};
use crate::{
    api::{code::Failure, control::Request},
    report::{TrustEventReport, TrustReport},
    telemetry::escaped,
};

pub(super) fn run(context: &Context, command: &Trust, screen: &Screen) -> Outcome {
    match command {
        Trust::Show(one) => show(context, &one.peer, screen),
        Trust::Events { peer, limit } => trail(context, peer.as_deref(), *limit, screen),
        Trust::Top { count } => top(context, *count, screen),
        Trust::Share { peer, ask } => share(context, peer.as_deref(), *ask, screen),
    }
}

fn show(context: &Context, text: &str, screen: &Screen) -> Outcome {
    let typed = Typed::parse(text)?;
    let mut node = locate::node(context, screen)?;
    let peer = typed.find(&mut node)?.to_string();
    let report: TrustReport = node.call(&Request::TrustShow { peer }, PATIENCE, |_| {})?;
    screen.show(&report, || {
        let mut rows = vec![("peer id", report.peer_id.clone())];
        rows.extend(parts(&report));
        facts(&rows)
    })
}

/// A score and what it is made of, a line each.
pub(super) fn parts(t: &TrustReport) -> Vec<(&'static str, String)> {
    let below = if t.below_threshold {
        ", below the threshold: neither served nor connected"
    } else {
        ""
    };
    let recommends = match t.recommends {
        true => "what it says about others counts",
        false => "what it says about others does not count yet",
    };
    vec![
        ("score", format!("{:.3}{below}", t.score)),
        (
            "  direct",
            format!("{:.3}, by our own experience", t.direct),
        ),
        (
            "  recommended",
            format!("{:+.3}, by what others say", no_minus_zero(t.recommended)),
        ),
        (
            "reputation",
            format!("{:.3}: 0.6 score, 0.2 trend, 0.2 statistics", t.reputation),
        ),
        ("  trend", format!("{:+.4} an interaction", t.trend)),
        (
            "  statistics",
            format!(
                "{:.2}: valid {:.2}, answers {:.2}, uptime {:.2}",
                t.statistics, t.valid_ratio, t.responsiveness, t.uptime
            ),
        ),
        ("interactions", t.interactions.to_string()),
        ("recommends", recommends.to_owned()),
        ("mesh score", format!("{:.2}", t.mesh)),
    ]
}

fn trail(context: &Context, peer: Option<&str>, limit: usize, screen: &Screen) -> Outcome {
    let typed = peer.map(Typed::parse).transpose()?;
    let mut node = locate::node(context, screen)?;
    let peer = match typed {
        Some(typed) => Some(typed.find(&mut node)?.to_string()),
        None => None,
    };
    let whose = peer.is_none();
    let request = Request::TrustEvents { peer, limit };
    let trail: Vec<TrustEventReport> = node.call(&request, PATIENCE, |_| {})?;
    screen.show(&trail, || match trail.is_empty() {
        true => "no events".to_owned(),
        false => events(&trail, whose, now_ms(), screen),
    })
}

/// Lines of the audit trail; `whose`: with the peer.
pub(super) fn events(
    trail: &[TrustEventReport],
    whose: bool,
    now_ms: u64,
    screen: &Screen,
) -> String {
    let mut header = vec!["last", "event", "times", "delta", "score", "evidence"];
    if whose {
        header.insert(1, "peer id");
    }
    let rows = trail.iter().map(|e| {
        let mut row = vec![
            moment(e.last_ms, now_ms),
            escaped(&e.event),
            e.count.to_string(),
            format!("{:+.4}", e.delta),
            format!("{:.3}", e.after),
            e.evidence.as_deref().map_or("-".to_owned(), escaped),
        ];
        if whose {
            row.insert(1, escaped(&e.peer_id));
        }
        row
    });
    screen.table(&header, rows.collect())
}

fn top(context: &Context, count: usize, screen: &Screen) -> Outcome {
    let request = Request::TrustTop { count };
    let peers: Vec<TrustReport> =
        locate::node(context, screen)?.call(&request, PATIENCE, |_| {})?;
    screen.show(&peers, || {
        if peers.is_empty() {
            return "nobody did anything here yet".to_owned();
        }
        let rows = peers.iter().map(|t| {
            vec![
                t.peer_id.clone(),
                format!("{:.3}", t.score),
                format!("{:.3}", t.reputation),
                format!("{:.3}", t.direct),
                format!("{:+.3}", no_minus_zero(t.recommended)),
                format!("{:.2}", t.valid_ratio),
                format!("{:.2}", t.uptime),
                t.interactions.to_string(),
            ]
        });
        let header = [
            "peer id",
            "score",
            "reputation",
            "direct",
            "recommended",
            "valid",
            "uptime",
            "interactions",
        ];
        screen.table(&header, rows.collect())
    })
}

fn share(context: &Context, peer: Option<&str>, ask: bool, screen: &Screen) -> Outcome {
    let typed = peer.map(Typed::parse).transpose()?;
    let mut node = locate::node(context, screen)?;
    let peer = match typed {
        Some(typed) => Some(typed.find(&mut node)?.to_string()),
        None => None,
    };
    let request = Request::TrustShare {
        peer: peer.clone(),
        ask,
    };
    let answer: serde_json::Value = node.call(&request, DIAL_PATIENCE, |_| {})?;
    let named = answer["peers"].as_u64().ok_or_else(|| {
        Failure::new(
            crate::api::code::ErrorCode::Failed,
            "the node did not say how many peers the list named",
        )
    })?;
    screen.show(&answer, || {
        let plural = if named == 1 { "" } else { "s" };
        match (peer, ask) {
            (Some(peer), true) => format!("{peer} trusts {named} peer{plural}"),
            (Some(peer), false) => format!("told {peer} that we trust {named} peer{plural}"),
            (None, _) => format!("told the network that we trust {named} peer{plural}"),
        }
    })
}

/// Rounded to three digits, and nothing is plus nothing.
fn no_minus_zero(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0 + 0.0
}
