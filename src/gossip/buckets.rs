//! Token buckets of gossip messages: how much a peer, an address and all together may send on a
//! topic before their messages are ignored.
//!
//! Asked once for each message that gossipsub hands up (so once for content, not for each copy),
//! before it is decoded. For each topic there are three buckets of messages and three of bytes:
//! of the peer, of its address and of everybody. All of them are asked before any is charged, so a
//! message that one of them refuses costs the others nothing. Topics share no bucket, and what one
//! peer may take is a fraction of what its address may, which is a fraction of the whole. So a
//! flood by one peer on one topic takes nothing from another topic, and leaves to the other peers
//! of the topic at least one minus [`Limits::peer_share`] of it.
//!
//! Refusal is no offence: a message may come in a burst that its sender only passes on. What is
//! refused is recovered like anything else that gossip lost, by INV, reconciliation and sync.
//!
//! `specs/gossip/limits.md` has the figures beside those of the original.

mod limits;
mod table;

pub use limits::{Allowance, Limits};

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Instant,
};

use libp2p::PeerId;

use crate::{bucket::Bucket, registry::Topic};

use self::table::Table;

/// Whose bucket refused a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// That of the peer.
    Peer,
    /// That of its address.
    Address,
    /// That of all peers.
    Global,
}

/// Which of its two buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// Messages.
    Messages,
    /// Bytes.
    Bytes,
}

/// A message is over a bucket. Nothing was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("over the bucket of {}", self.label())]
pub struct Refused {
    /// Whose bucket.
    pub scope: Scope,
    /// Which.
    pub dimension: Dimension,
}

/// The buckets of one node.
#[derive(Debug)]
pub struct Buckets {
    peers: Table<PeerId>,
    addresses: Table<IpAddr>,
    global: Row,
}

/// The buckets of one source, by [`Topic::index`].
#[derive(Clone, Debug)]
pub(super) struct Row([Pair; Topic::COUNT]);

/// The buckets of one source on one topic.
#[derive(Clone, Copy, Debug)]
struct Pair {
    messages: Bucket,
    weight: u32,
    bytes: Bucket,
    most: u32,
}

impl Buckets {
    /// Full buckets.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            peers: Table::new(limits.peers, Row::of(limits, 1)),
            addresses: Table::new(limits.addresses, Row::of(limits, limits.address_factor)),
            global: Row::of(limits, limits.global_factor),
        }
    }

    /// Charges a message of `bytes` that `peer` sent on `topic` from `address` (`None`: not over
    /// IP, so that no address is charged).
    ///
    /// # Errors
    /// The first bucket that has too little. Then none is charged.
    pub fn admit(
        &mut self,
        peer: PeerId,
        address: Option<IpAddr>,
        topic: Topic,
        bytes: usize,
        now: Instant,
    ) -> Result<(), Refused> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let peer = self.peers.row(peer, now).on(topic);
        let address = address.map(|ip| self.addresses.row(network_of(ip), now).on(topic));
        let global = self.global.on(topic);

        let mut asked = [
            Some((Scope::Peer, peer)),
            address.map(|pair| (Scope::Address, pair)),
            Some((Scope::Global, global)),
        ];
        for (scope, pair) in asked.iter_mut().flatten() {
            pair.has(bytes, now).map_err(|dimension| Refused {
                scope: *scope,
                dimension,
            })?;
        }
        for (_, pair) in asked.iter_mut().flatten() {
            pair.take(bytes);
        }
        Ok(())
    }

    /// Peers and addresses with buckets of their own.
    #[must_use]
    pub fn tracked(&self) -> (usize, usize) {
        (self.peers.len(), self.addresses.len())
    }
}

impl Refused {
    /// Every label.
    pub const LABELS: &'static [&'static str] = &[
        "peer_messages",
        "peer_bytes",
        "address_messages",
        "address_bytes",
        "global_messages",
        "global_bytes",
    ];

    /// The metric label.
    #[must_use]
    pub fn label(self) -> &'static str {
        Self::LABELS[self.scope as usize * 2 + self.dimension as usize]
    }
}

impl Row {
    /// Full buckets of `factor` times what a peer may send.
    fn of(limits: &Limits, factor: u32) -> Self {
        let pair = |topic: &Topic| {
            let allowance = limits.of(*topic);
            let bytes = allowance.bytes.times(factor);
            Pair {
                messages: Bucket::new(allowance.messages.times(factor)),
                weight: allowance.weight,
                bytes: Bucket::new(bytes),
                most: bytes.burst,
            }
        };
        Self(std::array::from_fn(|i| pair(&Topic::ALL[i])))
    }

    fn on(&mut self, topic: Topic) -> &mut Pair {
        &mut self.0[topic.index()]
    }

    /// Whether a fresh row would be the same.
    fn is_full(&mut self, now: Instant) -> bool {
        let full = |pair: &mut Pair| pair.messages.is_full(now) && pair.bytes.is_full(now);
        self.0.iter_mut().all(full)
    }
}

impl Pair {
    fn has(&mut self, bytes: u32, now: Instant) -> Result<(), Dimension> {
        if !self.messages.has(now, self.weight) {
            return Err(Dimension::Messages);
        }
        if !self.bytes.has(now, self.cost(bytes)) {
            return Err(Dimension::Bytes);
        }
        Ok(())
    }

    fn take(&mut self, bytes: u32) {
        self.messages.take(self.weight);
        self.bytes.take(self.cost(bytes));
    }

    /// A message larger than a full bucket costs all of it, or it could never pass: the original
    /// charged 10 for a block of a bucket of 4, and admitted none.
    fn cost(&self, bytes: u32) -> u32 {
        bytes.min(self.most)
    }
}

/// What an address is counted under: a subscriber has an IPv6 /64 at least, so one address of it
/// says no more than another.
fn network_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(a) => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests;
