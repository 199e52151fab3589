//! Copies of gossip messages as they come over the wire, before the router drops those it knows.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::registry::Topic;

/// Counters by topic, shared between the router, the event loop and whoever asks.
#[derive(Debug, Default)]
pub struct Copies([Counts; Topic::COUNT]);

#[derive(Debug, Default)]
struct Counts {
    messages: AtomicU64,
    bytes: AtomicU64,
    handed_up: AtomicU64,
    unqueued: AtomicU64,
}

/// Counters of one topic, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Copies that came, within the cap of their topic.
    pub messages: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Copies of messages that the router knew.
    pub duplicates: u64,
    /// Messages handed up for which there was no room in the queue of the gossip task.
    pub unqueued: u64,
}

impl Copies {
    /// A copy came in.
    pub(super) fn came(&self, topic: Topic, bytes: usize) {
        let counts = &self.0[topic.index()];
        counts.messages.fetch_add(1, Ordering::Relaxed);
        counts.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The router handed a message up; `queued` says whether there was room for it.
    pub fn handed_up(&self, topic: Topic, queued: bool) {
        let counts = &self.0[topic.index()];
        counts.handed_up.fetch_add(1, Ordering::Relaxed);
        if !queued {
            counts.unqueued.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counters of `topic`.
    #[must_use]
    pub fn of(&self, topic: Topic) -> Copied {
        let counts = &self.0[topic.index()];
        // In this order: what is handed up came before.
        let handed_up = counts.handed_up.load(Ordering::Acquire);
        let messages = counts.messages.load(Ordering::Relaxed);
        Copied {
            messages,
            bytes: counts.bytes.load(Ordering::Relaxed),
            duplicates: messages.saturating_sub(handed_up),
            unqueued: counts.unqueued.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_and_was_not_handed_up_was_known() {
        let copies = Copies::default();
        for _ in 0..5 {
            copies.came(Topic::Txs, 100);
        }
        copies.handed_up(Topic::Txs, true);
        copies.handed_up(Topic::Txs, false);
        let expected = Copied {
            messages: 5,
            bytes: 500,
            duplicates: 3,
            unqueued: 1,
        };
        assert_eq!(copies.of(Topic::Txs), expected);
        assert_eq!(copies.of(Topic::App), Copied::default());
    }
}
