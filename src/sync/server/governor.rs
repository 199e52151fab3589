//! Who may be served now: bounded work per request, per peer and in all.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;

use crate::{
    offence::Offence,
    registry::MAX_BLOCKS_BYTES,
    wire::{Busy, Credits, GetBlocks, Message},
};

/// What a serving node lets others take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most unanswered requests of one peer, and bytes they ask for. More per peer would not make
    /// it faster, only hold more of our memory and disk.
    pub per_peer: Credits,
    /// Most requests being answered at a time, of all peers. More would thrash the disk; those over
    /// it are told to come back.
    pub in_all: u32,
    /// Requests per second of one peer that are served in the long run.
    pub rate: u32,
    /// Requests of one peer that are served at once after a pause.
    pub burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_peer: Credits {
                requests: 8,
                bytes: 8 * MAX_BLOCKS_BYTES as u64,
            },
            in_all: 64,
            rate: 500,
            burst: 1000,
        }
    }
}

/// Told to wait this long when the node as a whole has enough to do.
const CROWDED: Duration = Duration::from_millis(100);

/// A peer may have this many times its credits open before it is at fault: the end of an answer,
/// or a request that it has given up, may be known to it before it is known to us.
const GRACE: u32 = 2;

/// Peers remembered at a time. Connection limits keep the real number far lower.
const MAX_PEERS: usize = 4096;

/// Admits requests and grants credits. A plain value: the caller brings the time.
#[derive(Debug)]
pub struct Governor {
    limits: Limits,
    peers: BTreeMap<PeerId, Client>,
    serving: u32,
}

/// What one peer has open.
#[derive(Debug)]
struct Client {
    open: u32,
    bytes: u64,
    /// Requests it may make at once.
    tokens: f64,
    filled: Instant,
}

/// A request that is being served. Returned with [`Governor::done`].
#[derive(Debug)]
#[must_use]
pub struct Ticket {
    peer: PeerId,
    bytes: u64,
    /// What the answer grants.
    pub credits: Credits,
}

/// What to do with a request.
#[derive(Debug)]
pub enum Admission {
    /// Answer it.
    Serve(Ticket),
    /// Say so.
    Busy(Busy),
    /// Drop it and report the peer.
    Refuse {
        /// What it did.
        offence: Offence,
        /// The particulars.
        detail: String,
    },
}

impl Governor {
    /// A governor that serves nobody yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            peers: BTreeMap::new(),
            serving: 0,
        }
    }

    /// Requests being served.
    #[must_use]
    pub fn serving(&self) -> u32 {
        self.serving
    }

    /// Decides about a request of `peer`.
    pub fn admit(&mut self, peer: PeerId, request: &Message, now: Instant) -> Admission {
        let bytes = match request {
            Message::GetHeaders(_) => 0,
            Message::GetBlocks(GetBlocks { max_bytes, .. }) => u64::from(*max_bytes),
            other => {
                return Admission::Refuse {
                    offence: Offence::UnsolicitedResponse,
                    detail: format!("{} is no request", other.id().name()),
                };
            }
        };
        let credits = self.grant();
        if !self.peers.contains_key(&peer) && self.peers.len() >= MAX_PEERS {
            return busy(CROWDED, credits);
        }
        let limits = self.limits;
        let client = self.peers.entry(peer).or_insert_with(|| Client {
            open: 0,
            bytes: 0,
            tokens: f64::from(limits.burst),
            filled: now,
        });
        client.fill(&limits, now);
        let (open, held) = (client.open + 1, client.bytes + bytes);
        let Credits {
            requests,
            bytes: most,
        } = limits.per_peer;
        if open > requests.saturating_mul(GRACE) || held > most.saturating_mul(GRACE.into()) {
            return Admission::Refuse {
                offence: Offence::CreditExceeded,
                detail: format!("{open} requests for {held} bytes are open"),
            };
        }
        if open > requests || held > most {
            return busy(CROWDED, credits);
        }
        if client.tokens < 1.0 {
            let wait = Duration::from_secs_f64((1.0 - client.tokens) / f64::from(limits.rate));
            return busy(wait, credits);
        }
        if self.serving >= limits.in_all {
            return busy(CROWDED, credits);
        }
        client.tokens -= 1.0;
        client.open = open;
        client.bytes = held;
        self.serving += 1;
        Admission::Serve(Ticket {
            peer,
            bytes,
            credits,
        })
    }

    /// Takes back the ticket of a request that was answered or failed.
    pub fn done(&mut self, ticket: Ticket) {
        self.serving = self.serving.saturating_sub(1);
        if let Some(client) = self.peers.get_mut(&ticket.peer) {
            client.open = client.open.saturating_sub(1);
            client.bytes = client.bytes.saturating_sub(ticket.bytes);
        }
    }

    /// Forgets a peer that is gone. Its open tickets still come back.
    pub fn forget(&mut self, peer: &PeerId) {
        self.peers.remove(peer);
    }

    /// What is granted now: less when there is much to do, never nothing.
    fn grant(&self) -> Credits {
        let full = self.limits.per_peer;
        if self.serving * 2 < self.limits.in_all {
            return full;
        }
        Credits {
            requests: full.requests.min(Credits::INITIAL.requests),
            bytes: full.bytes.min(Credits::INITIAL.bytes),
        }
    }
}

impl Client {
    fn fill(&mut self, limits: &Limits, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        let tokens = self.tokens + passed * f64::from(limits.rate);
        self.tokens = tokens.min(f64::from(limits.burst));
    }
}

fn busy(wait: Duration, credits: Credits) -> Admission {
    let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    Admission::Busy(Busy {
        retry_after_ms: millis.max(1),
        credits,
    })
}

#[cfg(test)]
#[path = "governor_tests.rs"]
mod tests;
