//! `ping`: handshake and round trips, over the running node.

use libp2p::PeerId;

use super::{
    Outcome,
    args::Ping,
    context::Context,
    locate,
    peer::{DIAL_PATIENCE, dialable},
    screen::{Screen, facts},
};
use crate::{api::control::Request, report::PingReport};

pub(super) fn run(context: &Context, ping: &Ping, screen: &Screen) -> Outcome {
    // A peer id stays as it is; everything else must be an address.
    let (target, addr) = match ping.target.parse::<PeerId>() {
        Ok(peer) => (peer.to_string(), None),
        Err(_) => {
            let addr = dialable(&ping.target)?;
            (addr.to_string(), Some(addr))
        }
    };
    let mut node = locate::node_for(context, screen, addr.as_ref())?;
    for n in 0..ping.count.max(1) {
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
