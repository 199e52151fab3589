//! Whom the node knows, how far it believes them, and what the operator says about them.

use std::time::Duration;

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Dispatcher, multiaddr, peer_id, value};
use crate::{
    api::{
        code::{ErrorCode, Failure},
        control::MAX_ANSWER_BYTES,
        subject::subject,
    },
    network::gate::bans::Subject,
    node::{PeeringError, ShareWith},
};

/// Most rows of one answer. More would be a page nobody reads.
const MAX_ROWS: usize = 20_000;

/// Most bytes of rows in one answer, with room left for its end.
const MAX_ROW_BYTES: usize = MAX_ANSWER_BYTES - 64 * 1024;

impl Dispatcher {
    /// The connection to a peer or, if there is none, what the book knows.
    pub(super) async fn show_peer(&self, peer: &str) -> Result<Value, Failure> {
        let peer = peer_id(peer)?;
        let (peers, name) = (self.handle.peers().await?, peer.to_string());
        if let Some(connection) = peers.iter().find(|p| p.peer_id == name) {
            return Ok(json!({ "connection": connection }));
        }
        match self.handle.explain(peer).await?.known {
            Some(known) => Ok(json!({ "known": known })),
            None => Err(PeeringError::Unknown(peer).into()),
        }
    }

    pub(super) async fn known_peers(&self, limit: usize) -> Result<Value, Failure> {
        let known = self.handle.known_peers(limit.min(MAX_ROWS)).await?;
        rows(known)
    }

    pub(super) async fn add_peer(&self, addr: &str) -> Result<Value, Failure> {
        let peer = self.handle.add_peer(multiaddr(addr)?).await?;
        Ok(json!({ "peer_id": peer.to_string() }))
    }

    pub(super) async fn remove_peer(&self, peer: &str) -> Result<Value, Failure> {
        let peer = peer_id(peer)?;
        if self.handle.remove_peer(peer).await? {
            return Ok(json!({ "removed": peer.to_string() }));
        }
        Err(PeeringError::Unknown(peer).into())
    }

    pub(super) async fn ban(
        &self,
        text: &str,
        secs: u64,
        reason: String,
    ) -> Result<Value, Failure> {
        let who = subject(text)?;
        if who == Subject::Peer(self.handle.peer_id()) {
            return Err(PeeringError::Ourselves.into());
        }
        if secs == 0 {
            return Err(PeeringError::Duration.into());
        }
        let lasts = Duration::from_secs(secs);
        value(&self.handle.ban(who, lasts, reason).await?)
    }

    /// Prefers a peer, or sets its score.
    pub(super) async fn trust_peer(
        &self,
        peer: &str,
        score: Option<f64>,
        off: bool,
    ) -> Result<Value, Failure> {
        let peer = peer_id(peer)?;
        match (score, off) {
            (Some(_), true) => Err(Failure::new(
                ErrorCode::BadRequest,
                "`off` ends a preference and goes with no score",
            )),
            (Some(score), false) => {
                if !(0.0..=1.0).contains(&score) {
                    return Err(PeeringError::Score(score).into());
                }
                value(&self.handle.set_trust(peer, score).await?)
            }
            (None, off) => {
                self.handle.prefer_peer(peer, !off).await?;
                Ok(json!({ "peer_id": peer.to_string(), "trusted": !off }))
            }
        }
    }

    pub(super) async fn reserve(&self, target: &str, off: bool) -> Result<Value, Failure> {
        let (peer, address) = match target.parse::<PeerId>() {
            Ok(peer) => (peer, None),
            Err(_) => {
                let address = multiaddr(target)?;
                let peer =
                    named_peer(&address).ok_or_else(|| PeeringError::NoPeerId(address.clone()))?;
                (peer, Some(address))
            }
        };
        self.handle.reserve_peer(peer, address, !off).await?;
        Ok(json!({ "peer_id": peer.to_string(), "reserved": !off }))
    }

    pub(super) async fn show_trust(&self, peer: &str) -> Result<Value, Failure> {
        let peer = peer_id(peer)?;
        match self.handle.trust(peer).await? {
            Some(trust) => value(&trust),
            None => Err(Failure::new(
                ErrorCode::PeerUnknown,
                format!("{peer} never did anything here that was judged"),
            )
            .hint(format!(
                "`animica-p2p peer explain {peer}` shows what is known"
            ))),
        }
    }

    pub(super) async fn trust_events(
        &self,
        peer: Option<&str>,
        limit: usize,
    ) -> Result<Value, Failure> {
        let peer = peer.map(peer_id).transpose()?;
        let events = self.handle.trust_events(peer, limit.min(MAX_ROWS)).await?;
        rows(events)
    }

    pub(super) async fn most_trusted(&self, count: usize) -> Result<Value, Failure> {
        rows(self.handle.most_trusted(count.min(MAX_ROWS)).await?)
    }

    pub(super) async fn share_trust(
        &self,
        peer: Option<&str>,
        ask: bool,
    ) -> Result<Value, Failure> {
        let with = match (peer.map(peer_id).transpose()?, ask) {
            (None, true) => {
                return Err(Failure::new(
                    ErrorCode::BadRequest,
                    "the network as a whole cannot be asked: name a peer",
                ));
            }
            (None, false) => ShareWith::Network,
            (Some(peer), false) => ShareWith::Peer(peer),
            (Some(peer), true) => ShareWith::Ask(peer),
        };
        let peers = self.handle.share_trust(with).await?;
        Ok(json!({ "peers": peers }))
    }
}

/// The peer that an address names at its end.
fn named_peer(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last()? {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    }
}

/// As many rows as an answer may have, in their order.
fn rows<T: Serialize>(all: Vec<T>) -> Result<Value, Failure> {
    let (mut out, mut bytes) = (Vec::with_capacity(all.len()), 0);
    for row in &all {
        let row = value(row)?;
        bytes += row.to_string().len() + 1;
        if bytes > MAX_ROW_BYTES {
            break;
        }
        out.push(row);
    }
    Ok(Value::Array(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_as_many_rows_as_a_client_reads() {
        let long = "x".repeat(1024 * 1024);
        let answer = rows(vec![long; 20]).expect("serialises");
        let taken = answer.as_array().map(Vec::len);
        assert_eq!(taken, Some(15));
        assert!(answer.to_string().len() < MAX_ANSWER_BYTES);
    }
}
