//! `discovery status`.

use super::{
    Outcome,
    args::Discovery,
    context::Context,
    locate,
    screen::{Screen, bytes, duration, facts},
    status::PATIENCE,
};
use crate::{api::control::Request, report::DiscoveryReport, telemetry::escaped};

pub(super) fn run(context: &Context, command: Discovery, screen: &Screen) -> Outcome {
    match command {
        Discovery::Status => status(context, screen),
    }
}

fn status(context: &Context, screen: &Screen) -> Outcome {
    let report: DiscoveryReport =
        locate::node(context, screen)?.call(&Request::DiscoveryStatus, PATIENCE, |_| {})?;
    screen.show(&report, || {
        let header = ["source", "on", "found", "last", "state"];
        let rows = report.sources.iter().map(|s| {
            let state = match &s.error {
                Some(error) => format!("{}: {}", escaped(&s.state), escaped(error)),
                None => escaped(&s.state),
            };
            let last = s.last_s.map(|s| format!("{} ago", duration(s)));
            vec![
                escaped(&s.name),
                if s.on { "yes" } else { "no" }.to_owned(),
                s.found.to_string(),
                last.unwrap_or_else(|| "-".to_owned()),
                state,
            ]
        });
        let table = screen.table(&header, rows.collect());
        format!("{table}\n\n{}", facts(&totals(&report)))
    })
}

fn totals(r: &DiscoveryReport) -> Vec<(&'static str, String)> {
    let connected = r.inbound + r.outbound;
    let urgency = if connected < r.min_peers {
        ", too few: everything is tried"
    } else {
        ""
    };
    let mut rows = vec![
        (
            "peers",
            format!(
                "{connected} (at least {}, at most {}){urgency}",
                r.min_peers, r.max_peers
            ),
        ),
        (
            "dialled by us",
            format!("{} of {} wanted", r.outbound, r.target_outbound),
        ),
        ("dialled us", r.inbound.to_string()),
        ("dialling", r.dialling.to_string()),
        (
            "address book",
            format!(
                "{} of {} peers, {} of them tried; {} of {} of records",
                r.known,
                r.known_max,
                r.tried,
                bytes(r.record_bytes),
                bytes(r.record_bytes_max)
            ),
        ),
        (
            "hash table",
            format!(
                "{}, {} peers in the routing table",
                escaped(&r.dht_mode),
                r.routing_peers
            ),
        ),
    ];
    if r.announced.is_empty() {
        let none = "no address: peers can reach us only over connections we made";
        rows.push(("told others", none.to_owned()));
    }
    rows.extend(r.announced.iter().map(|a| ("told others", escaped(a))));
    rows.extend(r.observed.iter().map(|o| {
        let plural = if o.peers == 1 { "" } else { "s" };
        let enough = if o.confirmed { "" } else { ", not enough" };
        let said = format!(
            "{}, say {} peer{plural}{enough}",
            escaped(&o.address),
            o.peers
        );
        ("seen at", said)
    }));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ObservedReport;

    #[test]
    fn too_few_peers_and_unconfirmed_addresses_are_said() {
        let mut report = DiscoveryReport {
            inbound: 1,
            outbound: 2,
            min_peers: 5,
            max_peers: 50,
            target_outbound: 8,
            observed: vec![ObservedReport {
                address: "/ip4/1.1.1.1/tcp/1\u{1b}".to_owned(),
                peers: 1,
                confirmed: false,
            }],
            ..DiscoveryReport::default()
        };
        let text = facts(&totals(&report));
        assert!(
            text.contains("3 (at least 5, at most 50), too few"),
            "{text}"
        );
        assert!(text.contains("2 of 8 wanted"), "{text}");
        assert!(text.contains("say 1 peer, not enough"), "{text}");
        assert!(!text.contains('\u{1b}'));
        report.inbound = 9;
        assert!(!facts(&totals(&report)).contains("too few"));
    }
}
