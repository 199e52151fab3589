//! Envelopes that wait for their sender's key.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use libp2p::PeerId;

use super::job::Message;
use crate::ids::Hash32;

/// How long one waits: an exchange of keys takes at most 10 s, and two peers may be asked.
const PATIENCE: Duration = Duration::from_secs(20);

/// Most envelopes that wait, and their bytes. Strangers fill this with nothing but made-up
/// digests; 4 MiB are worth losing.
const MAX_PARKED: usize = 256;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Most of one peer, so that it takes eight of them to fill it.
const MAX_PER_PEER: usize = 32;

/// Most for one key.
const MAX_PER_KEY: usize = 16;

/// A key to ask for over `/animica/{chain}/keys/1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedKey {
    /// Its digest.
    pub digest: Hash32,
    /// Who has a message of its holder, and so has verified with it.
    pub peer: PeerId,
}

/// The parking lot.
#[derive(Debug, Default)]
pub(super) struct Parking {
    by_key: HashMap<Hash32, Waiting>,
    per_peer: HashMap<PeerId, usize>,
    parked: usize,
    bytes: usize,
    /// What waited in vain, until it is taken.
    dropped: Vec<(PeerId, Bytes)>,
}

#[derive(Debug)]
struct Waiting {
    asked: Vec<PeerId>,
    until: Instant,
    messages: Vec<(PeerId, Message)>,
}

impl Parking {
    /// Keeps a message, if there is room: `Some`, with whom to ask if nobody is asked yet. A
    /// second copy of a message is not kept, but its peer may be asked later.
    pub(super) fn park(
        &mut self,
        from: PeerId,
        message: Message,
        now: Instant,
    ) -> Option<Option<NeedKey>> {
        let (digest, len) = (message.sender()?, message.bytes().len());
        let of_peer = self.per_peer.get(&from).copied().unwrap_or_default();
        let of_key = self.by_key.get(&digest).map_or(0, |w| w.messages.len());
        let full = of_peer >= MAX_PER_PEER || of_key >= MAX_PER_KEY;
        if full || self.parked >= MAX_PARKED || self.bytes + len > MAX_BYTES {
            return None;
        }
        let first = !self.by_key.contains_key(&digest);
        let waiting = self.by_key.entry(digest).or_insert_with(|| Waiting {
            asked: vec![from],
            until: now + PATIENCE,
            messages: Vec::new(),
        });
        let (id, bytes) = (message.key().id, message.bytes());
        let known =
            |(peer, m): &(PeerId, Message)| *peer == from && m.key().id == id && m.bytes() == bytes;
        if !waiting.messages.iter().any(known) {
            waiting.messages.push((from, message));
            *self.per_peer.entry(from).or_default() += 1;
            self.parked += 1;
            self.bytes += len;
        }
        Some(first.then_some(NeedKey { digest, peer: from }))
    }

    /// Everything that waits for a key.
    pub(super) fn take(&mut self, digest: &Hash32) -> Vec<(PeerId, Message)> {
        let Some(waiting) = self.by_key.remove(digest) else {
            return Vec::new();
        };
        for (peer, message) in &waiting.messages {
            self.parked -= 1;
            self.bytes -= message.bytes().len();
            if let Some(n) = self.per_peer.get_mut(peer) {
                *n -= 1;
                if *n == 0 {
                    self.per_peer.remove(peer);
                }
            }
        }
        waiting.messages
    }

    /// Whom to ask after `peer`; nobody is asked twice.
    pub(super) fn failed(&mut self, digest: &Hash32, peer: &PeerId) -> Option<NeedKey> {
        let waiting = self.by_key.get_mut(digest)?;
        if waiting.asked.last() != Some(peer) {
            return None;
        }
        let mut others = waiting.messages.iter().map(|(p, _)| *p);
        match others.find(|p| !waiting.asked.contains(p)) {
            Some(peer) => {
                waiting.asked.push(peer);
                Some(NeedKey {
                    digest: *digest,
                    peer,
                })
            }
            None => {
                self.drop_all(digest);
                None
            }
        }
    }

    pub(super) fn expire(&mut self, now: Instant) {
        let over = self.by_key.iter().filter(|(_, w)| w.until <= now);
        let over: Vec<Hash32> = over.map(|(digest, _)| *digest).collect();
        for digest in over {
            self.drop_all(&digest);
        }
    }

    /// What waited in vain since the last call.
    pub(super) fn take_dropped(&mut self) -> Vec<(PeerId, Bytes)> {
        std::mem::take(&mut self.dropped)
    }

    fn drop_all(&mut self, digest: &Hash32) {
        let waited = self.take(digest).into_iter();
        let dropped = waited.map(|(peer, message)| (peer, message.bytes().clone()));
        self.dropped.extend(dropped);
    }

    pub(super) fn len(&self) -> usize {
        self.parked
    }
}
