//! `peer connect|list|disconnect`.

use std::time::Duration;

use libp2p::PeerId;
use serde_json::json;

use super::{
    Outcome,
    args::Peer,
    context::Context,
    locate,
    screen::{Screen, duration, facts},
    status::PATIENCE,
};
use crate::{
    api::{
        code::{ErrorCode, Failure},
        control::Request,
    },
    node::config::Address,
    report::{Direction, PeerReport},
    telemetry::escaped,
};

/// The node's own deadline for a dial (21 s) and some.
pub(super) const DIAL_PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn run(context: &Context, command: &Peer, screen: &Screen) -> Outcome {
    match command {
        Peer::Connect(connect) => self::connect(context, connect.addr(), screen),
        Peer::List => list(context, screen),
        Peer::Disconnect { peer } => disconnect(context, peer, screen),
    }
}

/// An address that can be dialled.
pub(super) fn dialable(text: &str) -> Result<libp2p::Multiaddr, Failure> {
    let address = Address::parse(text)?;
    address.multiaddr().cloned().ok_or_else(|| {
        let what = address.unsupported().unwrap_or("transport for it");
        Failure::new(
            ErrorCode::Usage,
            format!("`{address}`: this version has no {what}"),
        )
    })
}

fn connect(context: &Context, text: &str, screen: &Screen) -> Outcome {
    let addr = dialable(text)?;
    let mut node = locate::node_for(context, screen, Some(&addr))?;
    let request = Request::PeerConnect {
        addr: addr.to_string(),
    };
    let peer: PeerReport = node.call(&request, DIAL_PATIENCE, |_| {})?;
    screen.show(&peer, || {
        let mut rows = vec![
            ("connected", peer.peer_id.clone()),
            ("address", peer.address.clone()),
        ];
        rows.extend(channel(&peer));
        if let Some(height) = peer.head_height {
            rows.push(("head height", height.to_string()));
        }
        if !text.contains("/p2p/") {
            let whom = "the address names no peer, so whoever answered was accepted".to_owned();
            rows.push(("identity", whom));
        }
        facts(&rows)
    })
}

fn channel(peer: &PeerReport) -> Vec<(&'static str, String)> {
    let mut signature = peer.signature.clone();
    if peer.delegated {
        signature.push_str(" (delegated key)");
    }
    vec![
        ("key exchange", peer.kem.clone()),
        ("signature", signature),
        ("cipher", peer.aead.clone()),
    ]
}

fn list(context: &Context, screen: &Screen) -> Outcome {
    let peers: Vec<PeerReport> =
        locate::node(context, screen)?.call(&Request::PeerList, PATIENCE, |_| {})?;
    screen.show(&peers, || {
        if peers.is_empty() {
            return "no peers".to_owned();
        }
        let header = [
            "peer id",
            "address",
            "dir",
            "key exchange",
            "signature",
            "cipher",
            "rtt",
            "head",
            "agent",
            "since",
        ];
        let or_dash = |v: Option<String>| v.unwrap_or_else(|| "-".to_owned());
        let rows = peers.iter().map(|p| {
            vec![
                p.peer_id.clone(),
                p.address.clone(),
                match p.direction {
                    Direction::Inbound => "in".to_owned(),
                    Direction::Outbound => "out".to_owned(),
                },
                p.kem.clone(),
                p.signature.clone(),
                p.aead.clone(),
                or_dash(p.rtt_ms.map(|ms| format!("{ms:.1} ms"))),
                or_dash(p.head_height.map(|h| h.to_string())),
                or_dash(p.agent.as_deref().map(escaped)),
                duration(p.connected_s),
            ]
        });
        screen.table(&header, rows.collect())
    })
}

fn disconnect(context: &Context, peer: &str, screen: &Screen) -> Outcome {
    let peer: PeerId = peer.parse().map_err(|_| {
        Failure::new(ErrorCode::Usage, format!("`{peer}` is not a peer id"))
            .hint("`animica-p2p peer list` shows them")
    })?;
    let request = Request::PeerDisconnect {
        peer: peer.to_string(),
    };
    let _: serde_json::Value = locate::node(context, screen)?.call(&request, PATIENCE, |_| {})?;
    screen.show(&json!({"disconnected": peer.to_string()}), || {
        format!("disconnected {peer}")
    })
}
