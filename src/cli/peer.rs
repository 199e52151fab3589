//! `peer …`: those that are connected.

mod bans;
mod book;
mod explain;

use std::time::Duration;

use serde_json::json;

use super::{
    Outcome,
    args::{Peer, PeerTrust},
    context::Context,
    locate,
    resolve::Typed,
    screen::{Screen, duration, facts},
    status::PATIENCE,
};
use crate::{
    api::{
        code::{ErrorCode, Failure},
        control::Request,
    },
    node::config::Address,
    report::{Direction, PeerReport, TrustReport},
    telemetry::escaped,
};

/// The node's own deadline for a dial (21 s) and some.
pub(super) const DIAL_PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn run(context: &Context, command: &Peer, screen: &Screen) -> Outcome {
    match command {
        Peer::Connect(connect) => self::connect(context, connect.addr(), screen),
        Peer::List => list(context, screen),
        Peer::Disconnect(one) => disconnect(context, &one.peer, screen),
        Peer::Show(one) => book::show(context, &one.peer, screen),
        Peer::Explain(one) => explain::run(context, &one.peer, screen),
        Peer::Known { limit } => book::known(context, *limit, screen),
        Peer::Add { addr } => book::add(context, addr, screen),
        Peer::Remove(one) => book::remove(context, &one.peer, screen),
        Peer::Reserve { target, off } => book::reserve(context, target, *off, screen),
        Peer::Ban(ban) => bans::ban(context, ban, screen),
        Peer::Unban { subject } => bans::unban(context, subject, screen),
        Peer::Bans => bans::list(context, screen),
        Peer::Trust(command) => trust(context, command, screen),
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

/// An address that can be dialled and says whose it is.
fn whose(text: &str) -> Result<libp2p::Multiaddr, Failure> {
    let address = dialable(text)?;
    if Address::from(address.clone()).peer_id().is_some() {
        return Ok(address);
    }
    let message = format!("`{address}` does not say whose it is");
    Err(Failure::new(ErrorCode::Usage, message)
        .hint("end it in /p2p/PEER_ID; `animica-p2p status` of that node shows it whole"))
}

/// What is shown where there is nothing.
fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
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
            "trust",
            "agent",
            "since",
        ];
        let rows = peers.iter().map(|p| {
            vec![
                p.peer_id.clone(),
                p.address.clone(),
                direction(p.direction).to_owned(),
                p.kem.clone(),
                p.signature.clone(),
                p.aead.clone(),
                or_dash(p.rtt_ms.map(|ms| format!("{ms:.1} ms"))),
                or_dash(p.head_height.map(|h| h.to_string())),
                believed(p),
                or_dash(p.agent.as_deref().map(escaped)),
                duration(p.connected_s),
            ]
        });
        screen.table(&header, rows.collect())
    })
}

/// `0.51`, `0.51 reserved`, `trusted`, `-`.
fn believed(peer: &PeerReport) -> String {
    let score = peer.trust.map(|score| format!("{score:.2}"));
    let reserved = peer.reserved.then(|| "reserved".to_owned());
    let trusted = peer.trusted.then(|| "trusted".to_owned());
    let parts: Vec<String> = score.into_iter().chain(reserved).chain(trusted).collect();
    match parts.is_empty() {
        true => "-".to_owned(),
        false => parts.join(" "),
    }
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "in",
        Direction::Outbound => "out",
    }
}

fn disconnect(context: &Context, text: &str, screen: &Screen) -> Outcome {
    let typed = Typed::parse(text)?;
    let mut node = locate::node(context, screen)?;
    let peer = typed.find(&mut node)?;
    let request = Request::PeerDisconnect {
        peer: peer.to_string(),
    };
    let _: serde_json::Value = node.call(&request, PATIENCE, |_| {})?;
    screen.show(&json!({"disconnected": peer.to_string()}), || {
        format!("disconnected {peer}")
    })
}

/// Prefers a peer, or sets its score.
fn trust(context: &Context, command: &PeerTrust, screen: &Screen) -> Outcome {
    let typed = Typed::parse(&command.peer.peer)?;
    let mut node = locate::node(context, screen)?;
    let peer = typed.find(&mut node)?.to_string();
    let request = Request::PeerTrust {
        peer: peer.clone(),
        score: command.score,
        off: command.off,
    };
    if command.score.is_some() {
        let report: TrustReport = node.call(&request, PATIENCE, |_| {})?;
        return screen.show(&report, || {
            format!("the score of {peer} is {:.3}", report.score)
        });
    }
    let answer: serde_json::Value = node.call(&request, PATIENCE, |_| {})?;
    screen.show(&answer, || match command.off {
        true => format!("{peer} is preferred no longer"),
        false => format!("{peer} is preferred where there is a choice"),
    })
}

#[cfg(test)]
mod tests;
