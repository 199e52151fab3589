//! Records that peers want stored, while somebody verifies them.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::{PeerId, swarm::ConnectionId};

use super::{
    event::InboundId,
    heard::{Tell, Told},
};
use crate::dht::Key;

/// Records that wait for a verdict: 8 MiB at most. What comes meanwhile is turned away.
const MAX_WAITING: usize = 512;

/// How long one waits. Kademlia at the other end waits half as long; the rest is for a slow loop.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// What is answered instead of a record to whoever may not store here: CBOR's null.
///
/// Kademlia could close the substream instead, but its handler does not wake up to do so, and the
/// other end would wait for its timeout.
pub(super) const REFUSED: &[u8] = &[0xf6];

/// A request that waits.
pub(super) struct Waiting {
    pub(super) peer: PeerId,
    pub(super) connection: ConnectionId,
    pub(super) key: Key,
    /// The answer, but for its value.
    pub(super) tell: Tell,
    pub(super) since: Instant,
}

impl Waiting {
    /// It is stored.
    pub(super) fn stored(self) -> Told {
        self.answer(&[])
    }

    /// It is not stored because this record counts more.
    pub(super) fn stale(self, held: &[u8]) -> Told {
        self.answer(held)
    }

    /// It is not stored.
    pub(super) fn refused(self) -> Told {
        self.answer(REFUSED)
    }

    fn answer(self, with: &[u8]) -> Told {
        (self.peer, self.connection, with_value(self.tell, with))
    }
}

/// The answer `tell` with the value `with`.
fn with_value(mut tell: Tell, with: &[u8]) -> Tell {
    if let Tell::PutRecordRes { value, .. } = &mut tell {
        value.clear();
        value.extend_from_slice(with);
    }
    tell
}

/// Requests by number, so the oldest first.
#[derive(Default)]
pub(super) struct Inbox {
    waiting: BTreeMap<InboundId, Waiting>,
    next: u64,
}

impl Inbox {
    pub(super) fn add(&mut self, waiting: Waiting) -> Result<InboundId, Box<Waiting>> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(Box::new(waiting));
        }
        let id = InboundId(self.next);
        self.next += 1;
        self.waiting.insert(id, waiting);
        Ok(id)
    }

    pub(super) fn take(&mut self, id: InboundId) -> Option<Waiting> {
        self.waiting.remove(&id)
    }

    /// The next one that has waited too long.
    pub(super) fn overdue(&mut self, now: Instant) -> Option<Waiting> {
        let (id, first) = self.waiting.first_key_value()?;
        let over = now.saturating_duration_since(first.since) >= MAX_WAIT;
        let id = *id;
        over.then(|| self.waiting.remove(&id)).flatten()
    }

    /// A connection is gone, and its requests with it.
    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.waiting.retain(|_, w| w.connection != connection);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
