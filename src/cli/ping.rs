//! `ping`: handshake and round trips, over the running node.

use super::{
    Outcome,
    args::Ping,
    context::Context,
    locate,
    peer::{DIAL_PATIENCE, dialable},
    resolve::{Typed, is_prefix},
    screen::{Screen, facts},
};
use crate::{
    api::control::Request,
    report::{PingReport, SignedPingReport},
};

pub(super) fn run(context: &Context, ping: &Ping, screen: &Screen) -> Outcome {
    // The id of a peer stays as it is; everything else must be an address.
    let text = &ping.target;
    let is_peer = text.parse::<libp2p::PeerId>().is_ok() || is_prefix(text);
    let (typed, addr) = match is_peer {
        true => (Some(Typed::parse(text)?), None),
        false => (None, Some(dialable(text)?)),
    };
    let mut node = locate::node_for(context, screen, addr.as_ref())?;
    let target = match (typed, addr) {
        (Some(typed), _) => typed.find(&mut node)?.to_string(),
        (None, addr) => addr.map(|addr| addr.to_string()).unwrap_or_default(),
    };
    let mut target = target;
    for n in 0..ping.count.max(1) {
        if ping.signed {
            let request = Request::PingSigned {
                target: target.clone(),
            };
            let report: SignedPingReport = node.call(&request, DIAL_PATIENCE, |_| {})?;
            screen.show(&report, || match n {
                0 => facts(&signed(&report)),
                _ => format!("rtt           {:.2} ms, signed", report.rtt_ms),
            })?;
            // The connection is there now.
            target = report.peer_id;
            continue;
        }
        let request = Request::Ping {
            target: target.clone(),
        };
        let report: PingReport = node.call(&request, DIAL_PATIENCE, |_| {})?;
        screen.show(&report, || {
            if n > 0 {
                return format!("rtt           {:.2} ms", report.rtt_ms);
            }
            facts(&rows(&report))
        })?;
    }
    Ok(())
}

fn rows(report: &PingReport) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("peer id", report.peer_id.clone()),
        ("address", report.address.clone()),
        ("key exchange", report.kem.clone()),
        ("signature", report.signature.clone()),
        ("cipher", report.aead.clone()),
    ];
    if let Some(ms) = report.handshake_ms {
        let trips = report.round_trips;
        let plural = if trips == 1 { "" } else { "s" };
        let age = if report.fresh_connection {
            ""
        } else {
            ", when this connection was made"
        };
        rows.push((
            "handshake",
            format!("{ms:.2} ms, {trips} round trip{plural} before the first byte{age}"),
        ));
    }
    if let Some((sent, received)) = report.handshake_bytes {
        rows.push(("", format!("{sent} B sent, {received} B received")));
    }
    rows.push(("rtt", format!("{:.2} ms", report.rtt_ms)));
    rows
}

fn signed(report: &SignedPingReport) -> Vec<(&'static str, String)> {
    let mut by = report.signature.clone();
    if report.delegated {
        by.push_str(" (delegated key)");
    }
    let clock = match report.clock_offset_ms {
        0 => "with ours".to_owned(),
        ms if ms > 0 => format!("{ms} ms ahead of ours"),
        ms => format!("{} ms behind ours", ms.unsigned_abs()),
    };
    vec![
        ("peer id", report.peer_id.clone()),
        ("address", report.address.clone()),
        ("signed by", by),
        ("nonce", report.nonce.clone()),
        ("its clock", format!("{clock}, give or take half the rtt")),
        (
            "rtt",
            format!("{:.2} ms, both signatures included", report.rtt_ms),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_answer_says_who_signed_and_what_its_clock_shows() {
        let mut report = SignedPingReport {
            peer_id: "14QGSabc".to_owned(),
            address: "/ip4/203.0.113.7/tcp/1".to_owned(),
            fresh_connection: true,
            rtt_ms: 1.5,
            clock_offset_ms: -20,
            signature: "ml-dsa-65+ed25519".to_owned(),
            delegated: true,
            nonce: "00ff".to_owned(),
        };
        let text = facts(&signed(&report));
        assert!(text.contains("20 ms behind ours"), "{text}");
        assert!(text.contains("delegated key"), "{text}");
        report.clock_offset_ms = i64::MIN;
        assert!(facts(&signed(&report)).contains("9223372036854775808 ms behind"));
    }
}
