//! What was seen and still lives, so that nothing is delivered twice.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Config;
use crate::{gossip::Ignored, ids::Hash32, registry::MESSAGE_SKEW_MS};

/// Milliseconds that clocks of one network differ as a matter of course: a message dated less
/// ahead does not count as dated ahead.
const AHEAD_MS: u64 = 2_000;

/// What is remembered of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) id: Hash32,
    /// Its sender and the number among its sender's messages.
    pub(super) number: Option<(Hash32, u64)>,
    pub(super) created_ms: u64,
    pub(super) expires_ms: u64,
}

/// The memory. Each mark costs about 250 B in the five collections.
#[derive(Debug)]
pub(super) struct Seen {
    capacity: usize,
    per_sender: usize,
    ahead: usize,
    /// What was created then or before, and is not remembered, is stale: it may have been seen.
    floor_ms: Option<u64>,
    marks: HashMap<Hash32, Mark>,
    numbers: HashSet<(Hash32, u64)>,
    senders: HashMap<Hash32, usize>,
    by_creation: BTreeSet<(u64, Hash32)>,
    by_expiry: BTreeSet<(u64, Hash32)>,
}

impl Seen {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            capacity: config.seen.max(1),
            per_sender: config.seen_per_sender.max(1),
            ahead: config.seen_ahead,
            floor_ms: None,
            marks: HashMap::new(),
            numbers: HashSet::new(),
            senders: HashMap::new(),
            by_creation: BTreeSet::new(),
            by_expiry: BTreeSet::new(),
        }
    }

    /// Whether a message is new, as far as one can tell before it is verified.
    pub(super) fn check(&self, mark: &Mark, now_ms: u64) -> Result<(), Ignored> {
        if self.marks.contains_key(&mark.id) {
            return Err(Ignored::Duplicate);
        }
        if let Some(number) = mark.number {
            // Another message under the same number is its sender's doing, not the relay's.
            if self.numbers.contains(&number) {
                return Err(Ignored::Duplicate);
            }
            let of_sender = self.senders.get(&number.0).copied().unwrap_or_default();
            if of_sender >= self.per_sender {
                return Err(Ignored::Full);
            }
        }
        if self.floor_ms.is_some_and(|floor| mark.created_ms <= floor) {
            return Err(Ignored::Stale);
        }
        let present = now_ms.saturating_add(AHEAD_MS);
        if mark.created_ms > present {
            let from = (present + 1, Hash32::ZERO);
            let ahead = self.by_creation.range(from..).take(self.ahead).count();
            if ahead >= self.ahead {
                return Err(Ignored::Full);
            }
        }
        Ok(())
    }

    /// Remembers a valid message, once.
    pub(super) fn insert(&mut self, mark: &Mark, now_ms: u64) -> Result<(), Ignored> {
        self.check(mark, now_ms)?;
        self.marks.insert(mark.id, *mark);
        if let Some(number) = mark.number {
            self.numbers.insert(number);
            *self.senders.entry(number.0).or_default() += 1;
        }
        self.by_creation.insert((mark.created_ms, mark.id));
        let until = mark.expires_ms.saturating_add(MESSAGE_SKEW_MS);
        self.by_expiry.insert((until, mark.id));
        while self.marks.len() > self.capacity {
            let Some((created, id)) = self.by_creation.first().copied() else {
                break;
            };
            self.forget(&id);
            self.floor_ms = self.floor_ms.max(Some(created));
        }
        Ok(())
    }

    /// Forgets what can no longer be taken for new by a clock that steps back a little.
    pub(super) fn expire(&mut self, now_ms: u64) {
        while let Some((until, id)) = self.by_expiry.first().copied() {
            if until > now_ms {
                break;
            }
            self.forget(&id);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    fn forget(&mut self, id: &Hash32) {
        let Some(mark) = self.marks.remove(id) else {
            return;
        };
        self.by_creation.remove(&(mark.created_ms, mark.id));
        let until = mark.expires_ms.saturating_add(MESSAGE_SKEW_MS);
        self.by_expiry.remove(&(until, mark.id));
        let Some(number) = mark.number else {
            return;
        };
        self.numbers.remove(&number);
        if let Some(n) = self.senders.get_mut(&number.0) {
            *n -= 1;
            if *n == 0 {
                self.senders.remove(&number.0);
            }
        }
    }
}
