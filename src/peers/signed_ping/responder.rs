//! The side that answers.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use libp2p::PeerId;

use super::{Document, Kind, Nonce, PingError, Said};
use crate::{
    bucket::{Bucket, Rate},
    clock::Now,
    identity::{Delegations, NodeIdentity, Policy, digest_from_peer_id},
    ids::{ChainId, Hash32},
    peers::rows::{Row, Rows},
    registry::{MAX_RETRY_AFTER_MS, SIGNED_PING_FRESH_MS},
};

/// PINGs of one peer. A person or a script looks once a second; a burst of five is `--count 5`.
/// Larger would let a peer have us sign for it all day.
const PER_PEER: Rate = Rate {
    per_second: 1,
    burst: 5,
};

/// PINGs of everybody: 0.2 ms for a verification and a signature each (ML-DSA-65, median; 0.5 ms at
/// worst), so 1 to 3 % of a core. Smaller, and a handful of peers would keep the others waiting.
const EVERYBODY: Rate = Rate {
    per_second: 50,
    burst: 100,
};

/// Peers that are remembered at a time; one comes to rest two minutes after its last PING. With all
/// their nonces they take 4 MiB. A peer beyond is told to wait, not another one forgotten.
const MAX_PEERS: usize = 1024;

/// How long a nonce is remembered: a PING dated a minute ahead is fresh for two.
const MEMORY: Duration = Duration::from_millis(2 * SIGNED_PING_FRESH_MS);

/// How long a peer is to wait for which there is no room: the longest that `BUSY` can say.
const LATER: Duration = Duration::from_millis(MAX_RETRY_AFTER_MS);

/// Most nonces of a peer: what its bucket lets through in that time, and some.
const MAX_NONCES: usize = 128;

/// Answers PINGs, and remembers which it has answered.
///
/// The memory runs by monotonic time. Where the wall clock steps back, a PING that was forgotten
/// may be fresh again; it is still of the very peer that sends it, and the PONG has its own time.
#[derive(Debug)]
pub struct Responder {
    own: Hash32,
    network: (ChainId, Hash32),
    everybody: Bucket,
    peers: Rows<Known>,
}

/// What is remembered of one peer.
#[derive(Debug)]
struct Known {
    bucket: Bucket,
    seen: VecDeque<(Instant, Nonce)>,
}

/// A PING that deserves a PONG if its signature verifies.
#[derive(Debug)]
pub struct Received(Document);

/// Why a PING gets no PONG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too many of late: `BUSY`. Nobody's offence.
    #[error("too many signed pings, again in {retry_after:?}")]
    Busy {
        /// When there is room again.
        retry_after: Duration,
    },
    /// It is not a PING for us from that peer, now: `ERROR` bad request.
    #[error(transparent)]
    Wrong(#[from] PingError),
}

impl Responder {
    /// For the node whose identity has the digest `own`.
    #[must_use]
    pub fn new(own: Hash32, network: (ChainId, Hash32)) -> Self {
        Self {
            own,
            network,
            everybody: Bucket::new(EVERYBODY),
            peers: Rows::new(MAX_PEERS),
        }
    }

    /// Takes the PING that `from`, authenticated by the channel, has sent. Everything but the
    /// signature is checked; its nonce counts as seen from here on, so that it cannot come twice
    /// while the first is being verified.
    ///
    /// # Errors
    /// Too many, or not a PING for us from that peer, now.
    pub fn receive(
        &mut self,
        from: &PeerId,
        document: Bytes,
        now: Now,
    ) -> Result<Received, Refused> {
        let Some(known) = self.peers.of(*from, now.mono) else {
            return Err(Refused::Busy { retry_after: LATER });
        };
        known.forget(now.mono);
        if !known.bucket.has(now.mono, 1) || !self.everybody.has(now.mono, 1) {
            let own = known.bucket.wait(now.mono, 1);
            let retry_after = own.max(self.everybody.wait(now.mono, 1));
            return Err(Refused::Busy { retry_after });
        }
        known.bucket.take(1);
        self.everybody.take(1);
        let document = Document::decode(document).map_err(Refused::Wrong)?;
        let said = document.said();
        if said.kind != Kind::Ping {
            return Err(PingError::OtherKind.into());
        }
        let sender = digest_from_peer_id(from).ok_or(PingError::Foreign)?;
        document.check(sender, self.own, self.network, now.wall_ms)?;
        if known.seen.iter().any(|(_, nonce)| *nonce == said.nonce) {
            return Err(PingError::Replayed.into());
        }
        if known.seen.len() >= MAX_NONCES {
            return Err(Refused::Busy { retry_after: LATER });
        }
        known.seen.push_back((now.mono, said.nonce));
        Ok(Received(document))
    }
}

#[cfg(test)]
impl Responder {
    /// How many peers and how many nonces of `peer` are remembered, and the most of both.
    pub(super) fn remembers(&mut self, peer: &PeerId, now: Instant) -> [(usize, usize); 2] {
        let peers = self.peers.len();
        let nonces = self.peers.of(*peer, now).map_or(0, |k| k.seen.len());
        [(peers, MAX_PEERS), (nonces, MAX_NONCES)]
    }
}

impl Received {
    /// Verifies the PING and signs the PONG: a fifth of a millisecond, for the blocking pool.
    ///
    /// # Errors
    /// The signature is not the peer's, or our key cannot sign.
    pub fn answer(
        &self,
        identity: &NodeIdentity,
        delegations: &Delegations,
        policy: &Policy,
        now_ms: u64,
    ) -> Result<Bytes, PingError> {
        self.0.prove(delegations, policy, now_ms)?;
        let ping = self.0.said();
        let said = Said {
            kind: Kind::Pong {
                ping: self.0.hash(),
            },
            sender: identity.public().digest(),
            recipient: ping.sender,
            at_ms: now_ms,
            ..*ping
        };
        Ok(Document::sign(identity, &said)?.as_bytes().clone())
    }
}

impl Known {
    fn forget(&mut self, now: Instant) {
        let old = |at: Instant| now.saturating_duration_since(at) > MEMORY;
        while self.seen.front().is_some_and(|(at, _)| old(*at)) {
            self.seen.pop_front();
        }
    }
}

impl Row for Known {
    fn fresh() -> Self {
        Self {
            bucket: Bucket::new(PER_PEER),
            seen: VecDeque::new(),
        }
    }

    fn at_rest(&mut self, now: Instant) -> bool {
        self.forget(now);
        self.seen.is_empty() && self.bucket.is_full(now)
    }
}
