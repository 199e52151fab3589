//! `peer show|known|add|remove|reserve`: the address book.

use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{PATIENCE, Typed, channel, direction, or_dash, whose};
use crate::{
    api::control::Request,
    cli::{
        Outcome,
        context::Context,
        locate,
        resolve::is_prefix,
        screen::{Screen, duration, facts},
    },
    report::{KnownAddressReport, KnownPeerReport, PeerReport},
    telemetry::escaped,
};

/// Answer of `peer show`: the one or the other.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shown {
    /// It is connected.
    Connection(PeerReport),
    /// It is not, and the book knows it.
    Known(KnownPeerReport),
}

pub(super) fn show(context: &Context, text: &str, screen: &Screen) -> Outcome {
    let typed = Typed::parse(text)?;
    let mut node = locate::node(context, screen)?;
    let peer = typed.find(&mut node)?.to_string();
    let shown: Shown = node.call(&Request::PeerShow { peer }, PATIENCE, |_| {})?;
    screen.show(&shown, || match &shown {
        Shown::Connection(peer) => facts(&connection(peer)),
        Shown::Known(known) => facts(&entry(known)),
    })
}

fn connection(peer: &PeerReport) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("peer id", peer.peer_id.clone()),
        ("connected", line(peer)),
        ("agent", or_dash(peer.agent.as_deref().map(escaped))),
        ("trust", super::believed(peer)),
    ];
    rows.extend(channel(peer));
    if let Some(height) = peer.head_height {
        rows.push(("head height", height.to_string()));
    }
    rows
}

/// `out, /ip4/…, for 3 min 2 s, rtt 0.4 ms`.
pub(super) fn line(peer: &PeerReport) -> String {
    let mut line = format!(
        "{}, {}, for {}",
        direction(peer.direction),
        escaped(&peer.address),
        duration(peer.connected_s)
    );
    if let Some(ms) = peer.rtt_ms {
        line.push_str(&format!(", rtt {ms:.1} ms"));
    }
    line
}

/// What the book knows of a peer, a line each.
pub(super) fn entry(known: &KnownPeerReport) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("peer id", known.peer_id.clone()),
        ("book", state(known)),
        ("trust", format!("{:.2}", known.trust)),
    ];
    rows.extend(addresses(known));
    rows
}

/// Its addresses and what came of them.
pub(super) fn addresses(known: &KnownPeerReport) -> Vec<(&'static str, String)> {
    let line = |a: &KnownAddressReport| {
        let (address, group) = (escaped(&a.address), escaped(&a.group));
        let tries = tries(a);
        format!(
            "{address} (from {}, group {group}, {tries})",
            escaped(&a.source)
        )
    };
    let all = known.addresses.iter();
    all.map(|a| ("address", line(a))).collect()
}

/// `worked 3 s ago`, `3 failures, last 1 min 10 s ago`, `never tried`.
fn tries(a: &KnownAddressReport) -> String {
    let ago = |s: u64| format!("{} ago", duration(s));
    let worked = a.last_success_s.map(|s| format!("worked {}", ago(s)));
    let failed = (a.failures > 0).then(|| {
        let last = a.last_failure_s.map(ago);
        let last = last.map(|ago| format!(", last {ago}")).unwrap_or_default();
        let plural = if a.failures == 1 { "" } else { "s" };
        format!("{} failure{plural}{last}", a.failures)
    });
    match (worked, failed) {
        (None, None) => "never tried".to_owned(),
        (Some(one), None) | (None, Some(one)) => one,
        (Some(worked), Some(failed)) => format!("{worked}, then {failed}"),
    }
}

/// `connected reserved trusted anchor record`, or `new`.
pub(super) fn state(known: &KnownPeerReport) -> String {
    let words: Vec<&str> = [
        (known.connected, "connected"),
        (known.reserved, "reserved"),
        (known.trusted, "trusted"),
        (known.anchor, "anchor"),
        (known.tried, "tried"),
        (known.record, "record"),
    ]
    .into_iter()
    .filter_map(|(is, word)| is.then_some(word))
    .collect();
    match words.is_empty() {
        true => "new".to_owned(),
        false => words.join(" "),
    }
}

pub(super) fn known(context: &Context, limit: usize, screen: &Screen) -> Outcome {
    let request = Request::PeerKnown { limit };
    let known: Vec<KnownPeerReport> =
        locate::node(context, screen)?.call(&request, PATIENCE, |_| {})?;
    screen.show(&known, || {
        if known.is_empty() {
            return "the address book is empty".to_owned();
        }
        let header = [
            "peer id", "address", "from", "group", "tries", "trust", "state",
        ];
        screen.table(&header, known.iter().map(row).collect())
    })?;
    if limit > 0 && known.len() == limit {
        screen.note(&format!("the first {limit}; --limit shows more"));
    }
    Ok(())
}

fn row(known: &KnownPeerReport) -> Vec<String> {
    let best = known.addresses.first();
    let more = match known.addresses.len() {
        0 | 1 => String::new(),
        n => format!(" +{}", n - 1),
    };
    vec![
        known.peer_id.clone(),
        or_dash(best.map(|a| escaped(&a.address) + &more)),
        or_dash(best.map(|a| escaped(&a.source))),
        or_dash(best.map(|a| escaped(&a.group))),
        or_dash(best.map(tries)),
        format!("{:.2}", known.trust),
        state(known),
    ]
}

pub(super) fn add(context: &Context, text: &str, screen: &Screen) -> Outcome {
    let addr = whose(text)?.to_string();
    let mut node = locate::node(context, screen)?;
    let answer: Value = node.call(&Request::PeerAdd { addr: addr.clone() }, PATIENCE, |_| {})?;
    screen.show(&answer, || format!("{addr} is in the address book"))
}

pub(super) fn remove(context: &Context, text: &str, screen: &Screen) -> Outcome {
    let typed = Typed::parse(text)?;
    let mut node = locate::node(context, screen)?;
    let peer = typed.find(&mut node)?.to_string();
    let request = Request::PeerRemove { peer: peer.clone() };
    let _: Value = node.call(&request, PATIENCE, |_| {})?;
    screen.show(&json!({ "removed": peer }), || format!("forgot {peer}"))
}

pub(super) fn reserve(context: &Context, text: &str, off: bool, screen: &Screen) -> Outcome {
    let is_peer = text.parse::<PeerId>().is_ok() || is_prefix(text);
    let (typed, address) = match is_peer {
        true => (Some(Typed::parse(text)?), None),
        false => (None, Some(whose(text)?.to_string())),
    };
    let mut node = locate::node(context, screen)?;
    let target = match (typed, address) {
        (Some(typed), _) => typed.find(&mut node)?.to_string(),
        (None, address) => address.unwrap_or_default(),
    };
    let request = Request::PeerReserve {
        target: target.clone(),
        off,
    };
    let answer: Value = node.call(&request, PATIENCE, |_| {})?;
    screen.show(&answer, || match off {
        true => format!("{target} is reserved no longer"),
        false => format!("{target} is reserved: it is kept connected whatever happens"),
    })
}

#[cfg(test)]
mod tests {
    use super::{super::tests, *};

    #[test]
    fn an_entry_says_where_an_address_is_from_and_what_came_of_it() {
        let mut known = tests::known();
        assert_eq!(state(&known), "reserved anchor tried record");
        let text = facts(&entry(&known));
        assert!(text.contains("3 failures, last 1 min 10 s ago"), "{text}");
        assert!(text.contains("from exchange, group 203.0.0.0/16"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(!row(&known).concat().contains('\u{1b}'));
        known.addresses[0].failures = 0;
        assert_eq!(tries(&known.addresses[0]), "never tried");
        known.addresses[0].last_success_s = Some(3);
        assert_eq!(tries(&known.addresses[0]), "worked 3 s ago");
        known.addresses.clear();
        assert_eq!(row(&known)[1], "-");
    }

    #[test]
    fn what_is_shown_is_the_connection_or_the_entry() {
        let json = json!({ "connection": tests::connected() });
        assert!(matches!(
            serde_json::from_value(json),
            Ok(Shown::Connection(_))
        ));
        let json = json!({ "known": tests::known() });
        assert!(matches!(serde_json::from_value(json), Ok(Shown::Known(_))));
        let text = facts(&connection(&tests::connected()));
        assert!(text.contains("out, /ip4/203.0.113.7/tcp/41000, for 1 min 1 s, rtt 1.2 ms"));
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
