//! What is known of a live session.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use libp2p::PeerId;

use crate::{
    report::Direction,
    secure::{Summary, handshake::Established, names},
};

/// The session's number in this process.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A live session, as observers hold it: facts of its handshake and running counters.
#[derive(Debug)]
pub struct SessionInfo {
    facts: Summary,
    confirmed: AtomicBool,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    rekeys: AtomicU64,
}

impl SessionInfo {
    pub(in crate::secure) fn new(
        established: &Established,
        direction: Direction,
        handshake_time: Duration,
        handshake_bytes: (u64, u64),
    ) -> Self {
        let peer = &established.peer;
        let confirmed = direction == Direction::Inbound;
        Self {
            facts: Summary {
                id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
                peer: peer.peer_id(),
                direction,
                kem: established.kem.hybrid_name(),
                signature: names::signature(peer.identity.alg()),
                signer: names::signature(peer.signer),
                aead: established.aead.name(),
                delegated: peer.delegated_until_ms.is_some(),
                confirmed,
                handshake_time,
                handshake_bytes,
                bytes_in: 0,
                bytes_out: 0,
                rekeys: 0,
            },
            confirmed: AtomicBool::new(confirmed),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            rekeys: AtomicU64::new(0),
        }
    }

    /// Unique in this process.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.facts.id
    }

    /// Who it is with.
    #[must_use]
    pub fn peer(&self) -> PeerId {
        self.facts.peer
    }

    /// Who dialled.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.facts.direction
    }

    /// Whether the peer is known to have accepted us.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.confirmed.load(Ordering::Acquire)
    }

    /// Facts and counters at this moment.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            confirmed: self.is_confirmed(),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            rekeys: self.rekeys.load(Ordering::Relaxed),
            ..self.facts.clone()
        }
    }

    /// Whether this call was the one that confirmed it.
    pub(super) fn confirm(&self) -> bool {
        !self.is_confirmed() && !self.confirmed.swap(true, Ordering::AcqRel)
    }

    pub(super) fn count_in(&self, n: usize) {
        self.bytes_in.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(super) fn count_out(&self, n: usize) {
        self.bytes_out.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(super) fn count_rekey(&self) {
        self.rekeys.fetch_add(1, Ordering::Relaxed);
    }
}
