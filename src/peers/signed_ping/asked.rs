//! The side that asks.

use std::time::Duration;

use bytes::Bytes;
use libp2p::PeerId;

use super::{Document, Kind, Nonce, PingError, Said};
use crate::{
    clock::Now,
    crypto::sign::SigAlg,
    identity::{Delegations, NodeIdentity, Policy, digest_from_peer_id},
    ids::{ChainId, Hash32},
    report::SignedPingReport,
};

/// A PING of ours that waits for its PONG. How long is for the exchange to say.
#[derive(Clone, Debug)]
pub struct Asked {
    own: Hash32,
    peer: Hash32,
    network: (ChainId, Hash32),
    nonce: Nonce,
    ping: Hash32,
    sent: Now,
}

/// What a PONG tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// From asking to the answer.
    pub rtt: Duration,
    /// How far the peer's clock is ahead of ours, milliseconds, give or take half the round trip.
    pub clock_offset_ms: i64,
    /// The algorithm of the key that signed.
    pub signature: SigAlg,
    /// Whether that key signs by delegation of the identity.
    pub delegated: bool,
    /// The nonce of both.
    pub nonce: Nonce,
}

impl Asked {
    /// Signs a PING for `peer`, and says what to send. The nonce must be fresh randomness of the
    /// operating system; the time is when it is sent.
    ///
    /// # Errors
    /// The peer has no identity that could answer, or our key cannot sign.
    pub fn new(
        identity: &NodeIdentity,
        network: (ChainId, Hash32),
        peer: &PeerId,
        nonce: Nonce,
        now: Now,
    ) -> Result<(Self, Bytes), PingError> {
        let own = identity.public().digest();
        let peer = digest_from_peer_id(peer).ok_or(PingError::Foreign)?;
        let said = Said {
            kind: Kind::Ping,
            sender: own,
            recipient: peer,
            chain_id: network.0,
            genesis: network.1,
            nonce,
            at_ms: now.wall_ms,
        };
        let document = Document::sign(identity, &said)?;
        let asked = Self {
            own,
            peer,
            network,
            nonce,
            ping: document.hash(),
            sent: now,
        };
        Ok((asked, document.as_bytes().clone()))
    }

    /// Checks the PONG that arrived at `now`. That nothing of it is old is certain by the nonce, of
    /// which the peer knew nothing before; the time it says must still be within a minute of ours,
    /// or one of the clocks is wrong, which the error tells.
    ///
    /// # Errors
    /// The first rule that fails, signatures last.
    pub fn answered(
        &self,
        pong: Bytes,
        delegations: &Delegations,
        policy: &Policy,
        now: Now,
    ) -> Result<Pong, PingError> {
        let document = Document::decode(pong)?;
        let said = document.said();
        let Kind::Pong { ping } = said.kind else {
            return Err(PingError::OtherKind);
        };
        if (said.nonce, ping) != (self.nonce, self.ping) {
            return Err(PingError::OtherPing);
        }
        document.check(self.peer, self.own, self.network, now.wall_ms)?;
        let signer = document.prove(delegations, policy, now.wall_ms)?;
        Ok(Pong {
            rtt: now.mono.saturating_duration_since(self.sent.mono),
            clock_offset_ms: offset(said.at_ms, self.sent.wall_ms, now.wall_ms),
            signature: signer.alg(),
            delegated: document.delegation().is_some(),
            nonce: self.nonce,
        })
    }
}

impl Pong {
    /// The report of `ping --signed`.
    #[must_use]
    pub fn report(&self, peer: &PeerId, address: String, fresh: bool) -> SignedPingReport {
        SignedPingReport {
            peer_id: peer.to_string(),
            address,
            fresh_connection: fresh,
            rtt_ms: self.rtt.as_secs_f64() * 1000.0,
            clock_offset_ms: self.clock_offset_ms,
            signature: self.signature.to_string(),
            delegated: self.delegated,
            nonce: hex::encode(self.nonce),
        }
    }
}

/// How far `theirs` is ahead of the middle between our two readings.
fn offset(theirs: u64, sent: u64, received: u64) -> i64 {
    let middle = i128::midpoint(sent.into(), received.into());
    let ahead = i128::from(theirs) - middle;
    i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX })
}
